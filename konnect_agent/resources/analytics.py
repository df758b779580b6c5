"""Request analytics (tool GetAnalytics and those it was taken apart into; fact sheet 2.1, 2.2 and 4).

The query is org-wide within the region: there is no control plane parameter. Ids of consumers, services
and routes are documented as composite pairs for the REST API and without a form for the tool, so a pair is
sent when it is known, and once again as a plain id when that was refused or found nothing; a server that
refuses so many rows is asked for as many as it names, or without a number. What worked is remembered for
each question. Nothing says that all rows came: a full list counts as cut, and so does one as long as servers
like to cut them. Servers since spring 2026 count themselves (`query`), and tell what they can count
(`datasources`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast, get_args

from konnect_agent.dialects import Intent
from konnect_agent.envelopes import rows
from konnect_agent.errors import InvalidArguments, ToolError
from konnect_agent.ids import join_composite, split_composite
from konnect_agent.models import ApiRequest, ApiRequests
from konnect_agent.models.aggregates import Aggregates, Datasource, TimeSpan
from konnect_agent.notes import page
from konnect_agent.resources.aggregates import read_aggregates, read_datasources, read_time_span
from konnect_agent.resources.resource import Ask, Resource, answering, readable, required
from konnect_agent.wording import is_about_number, most_allowed

TimeRange = Literal["15M", "1H", "6H", "12H", "24H", "7D"]
TIME_RANGES: tuple[str, ...] = get_args(TimeRange)
Span = str | tuple[datetime, datetime]
"""The time of an aggregate: 15M to 7D, 30d, `current_week` and its like, or two moments."""
DEFAULT_MAX_RESULTS = 100

_QUERY = Intent("analytics.query_api_requests", "any")
_CONSUMER = Intent("analytics.get_consumer_requests", "any")
_AGGREGATES = Intent("analytics.query", "any")
_DATASOURCES = Intent("analytics.datasources", "any")
_TIME_SPAN = Intent("analytics.explore_time_range", "any")
_ROW_KEYS = ("requests", "api_requests", "apiRequests", "rows", "logs", "results", "records", "events")
_ROW_LIKE = ("request_id", "requestId", "request_start", "response_http_status", "request_uri", "statusCode")
_ID_ARGUMENTS = ("consumer_id", "consumer_ids", "service_ids", "route_ids")


class Analytics(Resource):
    """`konnect.analytics`: what the gateways logged."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._id_forms: dict[str, str] = {}
        self._most: int | None = None
        self._planes = set[str]()

    async def query_api_requests(
        self,
        time_range: str,
        *,
        status_codes: int | Sequence[int] | None = None,
        excluded_status_codes: int | Sequence[int] | None = None,
        http_methods: str | Sequence[str] | None = None,
        consumer_ids: str | Sequence[str] | None = None,
        service_ids: str | Sequence[str] | None = None,
        route_ids: str | Sequence[str] | None = None,
        max_results: int | None = None,
    ) -> ApiRequests:
        """Rows of every control plane in the region, newest first, 100 unless `max_results` says otherwise.

        `time_range` is one of 15M, 1H, 6H, 12H, 24H, 7D; one value is a list of one wherever a list may be
        given. Raises `InvalidArguments` before anything is sent.
        """
        arguments = {
            "time_range": checked_time_range(time_range),
            "status_codes": checked_statuses(status_codes),
            "excluded_status_codes": checked_statuses(excluded_status_codes),
            "http_methods": _upper(checked_texts(http_methods, "HTTP method")),
            "consumer_ids": checked_texts(consumer_ids, "consumer id"),
            "service_ids": checked_texts(service_ids, "service id"),
            "route_ids": checked_texts(route_ids, "route id"),
            "max_results": at_least_one(max_results),
        }
        return await self._rows(_QUERY, arguments)

    async def get_consumer_requests(
        self,
        consumer_id: str,
        *,
        time_range: str,
        control_plane_id: str | None = None,
        success_only: bool | None = None,
        failure_only: bool | None = None,
        max_results: int | None = None,
    ) -> ApiRequests:
        """Rows and, in `summary`, aggregate statistics of one consumer.

        `success_only` keeps 200-299, `failure_only` 400 and above (sent as `successOnly`, `failureOnly`);
        both at once are refused. `control_plane_id` completes a plain consumer id to a pair.
        """
        if success_only and failure_only:
            raise InvalidArguments(
                "success_only and failure_only exclude each other.", hint="Set one of them."
            )
        consumer = required(consumer_id, "consumer id")
        arguments = {
            "time_range": checked_time_range(time_range),
            "consumer_id": self._pair(control_plane_id, consumer),
            "successOnly": success_only,
            "failureOnly": failure_only,
            "max_results": at_least_one(max_results),
        }
        return await self._rows(_CONSUMER, arguments)

    async def query(
        self,
        time_range: Span,
        *,
        metrics: Sequence[str] = ("request_count",),
        dimensions: Sequence[str] = (),
        filters: Sequence[Mapping[str, Any]] = (),
        granularity: str = "trend",
        limit: int | None = None,
    ) -> Aggregates:
        """Metrics of groups with the same values in at most two `dimensions`, the biggest group first.

        `filters` are `{field, operator, value}`; `granularity` is `hourly` and its like, a `trend` is one
        bucket; `limit` counts groups, of the 500 rows that some servers answer at most. Raises
        `ToolUnavailable` on a server that does not aggregate, as the classic one.
        """
        arguments: dict[str, Any] = {
            "time_range": _span(time_range),
            "metrics": checked_texts(metrics, "metric"),
            "dimensions": checked_texts(dimensions, "dimension"),
            "filters": [dict(each) for each in filters] or None,
            "granularity": required(granularity, "granularity"),
            "limit": at_least_one(limit, "limit"),
        }
        with answering(_AGGREGATES):
            data = await self._ask(_AGGREGATES, arguments)
            return read_aggregates(data, dimensions=tuple(dimensions), metrics=tuple(metrics))

    async def datasources(self, datasource: str | None = None) -> Mapping[str, Datasource]:
        """What can be aggregated, by the name of the data source. Raises `ToolUnavailable` as `query`."""
        with answering(_DATASOURCES):
            return read_datasources(await self._ask(_DATASOURCES, {"datasource": datasource}))

    async def explore_time_range(self, time_range: Span, *, datasource: str | None = None) -> TimeSpan:
        """The moments a time range means. Raises `ToolUnavailable` as `query`."""
        arguments = {"time_range": _span(time_range), "datasource": datasource}
        with answering(_TIME_SPAN):
            return read_time_span(await self._ask(_TIME_SPAN, arguments))

    async def _rows(self, intent: Intent, arguments: dict[str, Any]) -> ApiRequests:
        """Ask with the form of ids known to work here; else with both, the one that works elsewhere first."""
        ids = {name: self._plain(arguments[name]) for name in _ID_ARGUMENTS if arguments.get(name)}
        forms = {"pair": arguments, "plain": {**arguments, **ids}}
        if forms["pair"] == forms["plain"]:
            return await self._query(intent, arguments)
        if intent.name in self._id_forms:
            return await self._query(intent, forms[self._id_forms[intent.name]])
        refusal: ToolError | None = None
        empty: ApiRequests | None = None
        likely = next(reversed(self._id_forms.values()), None)
        for form in sorted(forms, key=lambda form: form != likely):
            try:
                found = await self._query(intent, forms[form])
            except ToolError as error:
                refusal = refusal or error
                continue
            if found.rows or refusal:
                self._id_forms[intent.name] = form
            if found.rows:
                return found
            empty = empty or found
        if empty is not None:
            return empty
        raise refusal or AssertionError("every form was asked for")

    def _pair(self, control_plane_id: str | None, entity_id: str) -> str:
        if not control_plane_id:
            return entity_id
        self._planes.add(control_plane_id)
        return join_composite(control_plane_id, entity_id)

    def _plain(self, value: str | list[str]) -> str | list[str]:
        if isinstance(value, str):
            return split_composite(value, self._planes).id
        return [split_composite(entry, self._planes).id for entry in value]

    async def _query(self, intent: Intent, arguments: Mapping[str, Any]) -> ApiRequests:
        """As many rows as are asked for, or as many as the server gives at once."""
        asked = arguments.get("max_results")
        limit = min(asked or DEFAULT_MAX_RESULTS, self._most or sys.maxsize)
        try:
            return await self._answer(intent, {**arguments, "max_results": asked and limit}, limit)
        except ToolError as refusal:
            most = most_allowed(refusal.message, limit)
            is_too_many = bool(asked) and limit >= DEFAULT_MAX_RESULTS
            if most is None and not (is_too_many and is_about_number(refusal.message, limit)):
                raise
        # Without a number the documented default counts, which is no more than was asked for.
        found = await self._answer(intent, {**arguments, "max_results": most}, most or DEFAULT_MAX_RESULTS)
        self._most = most or DEFAULT_MAX_RESULTS
        return found

    async def _answer(self, intent: Intent, arguments: Mapping[str, Any], limit: int) -> ApiRequests:
        with answering(intent):
            data = await self._ask(intent, arguments)
            found = rows(data, _ROW_KEYS, like=_ROW_LIKE)
            requests, whole = readable(ApiRequest, found.items)
        self._planes.update(row.control_plane for row in requests if row.control_plane)
        count = len(requests)
        return ApiRequests(
            rows=tuple(requests),
            truncated=not whole or count >= limit or _is_usual_cap(count) or page(found, seen=count).more,
            limit=limit,
            summary={key: value for key, value in found.around.items() if not isinstance(value, list)},
        )


def checked_time_range(value: str) -> str:
    """`value` as the tool spells it. Raises `InvalidArguments` for one it does not document."""
    wanted = required(value, "time range").upper()
    if wanted not in TIME_RANGES:
        raise InvalidArguments(f"{value!r} is no time range.", hint=f"Use one of {', '.join(TIME_RANGES)}.")
    return wanted


def _span(time_range: Span) -> dict[str, str]:
    """A time range as the aggregating tools take it: an object, relative values in lower case."""
    if isinstance(time_range, tuple):
        start, end = (moment.isoformat() for moment in time_range)
        return {"type": "absolute", "start": start, "end": end}
    return {"type": "relative", "time_range": required(time_range, "time range").lower()}


def checked_statuses(values: int | Sequence[int] | None) -> list[int] | None:
    """HTTP statuses as a list, None for none. Raises `InvalidArguments` for what is no status."""
    given = _listed(values, "HTTP status")
    for value in given:
        if isinstance(value, bool) or not str(value).isdecimal() or not 100 <= int(value) <= 599:
            raise InvalidArguments(f"{value!r} is no HTTP status.", hint="Use numbers from 100 to 599.")
    return [int(value) for value in given] or None


def checked_texts(values: str | Sequence[str] | None, what: str) -> list[str] | None:
    """Texts as a list, None for none. Raises `InvalidArguments` for what is empty or no text."""
    return [required(value, what) for value in _listed(values, what)] or None


def at_least_one(value: int | None, what: str = "max_results") -> int | None:
    """`value`. Raises `InvalidArguments` below 1, and for what is no whole number."""
    if value is not None and (not _is_whole(value) or value < 1):
        raise InvalidArguments(f"{what} is {value!r}.", hint=f"Use a whole number for {what}, 1 or more.")
    return value


def _is_usual_cap(count: int) -> bool:
    """Whether servers like to stop at that many rows: 100, 200, 250, 500 and their tenfolds."""
    return re.fullmatch(r"(?:1|2|5)00+|250+", str(count)) is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(values: Any, what: str) -> list[Any]:
    """One value as a list of one: a string is one value, not its letters."""
    if values is None:
        return []
    if isinstance(values, (str, int)):
        return [values]
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise InvalidArguments(f"{values!r} is no {what} and no list.", hint=f"Give one {what}, or several.")
    return list(cast("Iterable[Any]", values))


def _upper(texts: list[str] | None) -> list[str] | None:
    return [text.upper() for text in texts] if texts else None
