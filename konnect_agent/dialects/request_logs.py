"""The classic analytics arguments as request-log queries: filters, times and pages (fact sheet 2.2, 4.3).

Kong's REST API and the reworked tools share filters of `{field, operator, value}` and a time range that is an
object; how the arguments map is documented for the retired server and inferred for the hosted one. Both give
at most 1000 rows at once and no total, so rows are read part by part, smaller ones where that is too much,
until as many are there as were asked for, or a part is not full. The first part says which moments its
relative time range was; the others ask for those, because rows would shift otherwise (inferred).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from konnect_agent.decoding import Object, as_object
from konnect_agent.dialects.paging import shorter
from konnect_agent.envelopes import rows
from konnect_agent.errors import KonnectError
from konnect_agent.notes import page

MOST_ROWS = 1000
_ROWS = 100
_ROW_KEYS = ("results", "requests", "rows")
_ROW_LIKE = ("request_id", "request_start", "response_http_status", "request_uri")
_FILTERS = {
    "status_codes": "status_code", "excluded_status_codes": "status_code", "http_methods": "http_method",
    "consumer_ids": "consumer", "consumer_id": "consumer", "service_ids": "gateway_service",
    "route_ids": "route",
}  # fmt: skip
_GROUPS = {"successOnly": ["2XX"], "failureOnly": ["4XX", "5XX"]}

Ask = Callable[[Object], Awaitable[Any]]


def filters(arguments: Mapping[str, Any]) -> list[Object]:
    """What the classic arguments ask for, as filters; all of them hold at once."""
    found: list[Object] = []
    for name, field in _FILTERS.items():
        if value := arguments.get(name):
            operator = "not_in" if name.startswith("excluded") else "in"
            values = [value] if isinstance(value, str) else list(value)
            found.append({"field": field, "operator": operator, "value": values})
    for name, groups in _GROUPS.items():
        if arguments.get(name):
            found.append({"field": "status_code_grouped", "operator": "in", "value": groups})
    return found


async def request_rows(
    ask: Ask, arguments: Mapping[str, Any], *, by: Literal["cursor", "offset"] | None
) -> Object:
    """The rows the classic `arguments` ask for; `ask` takes a query and answers one part.

    `by` is how a query asks for what follows, None if it cannot. The answer is
    `{"results": [rows], "truncated": bool}` with what the last part said beside its rows.
    """
    wanted: int = arguments.get("max_results") or _ROWS
    query: dict[str, Any] = {"time_range": {"type": "relative", "time_range": arguments["time_range"]}}
    if kept := filters(arguments):
        query["filters"] = kept
    found: list[Object] = []
    known: set[Any] = set()
    before: tuple[Object, ...] = ()
    seen, most = 0, MOST_ROWS
    while True:
        size = min(wanted - len(found), most)
        try:
            part = rows(await ask({**query, "size": size}), _ROW_KEYS, like=_ROW_LIKE)
        except KonnectError as error:
            if (less := shorter(error, size)) is None:
                raise
            most = less
            continue
        is_again = part.items == before  # whoever sends the same part twice does not look where to go on
        found += [] if is_again else [row for row in part.items if row.get("request_id") not in known]
        known |= {row["request_id"] for row in part.items if isinstance(row.get("request_id"), str)}
        seen += len(part.items)
        rest = page(part, seen=seen)
        more = rest.more or len(part.items) >= size
        query.update({"cursor": rest.token} if by == "cursor" else {"offset": seen, **_fixed(part.around)})
        stuck = is_again or by is None or (by == "cursor" and rest.token is None)
        if len(found) >= wanted or not part.items or not more or stuck:
            return {**part.around, "results": found[:wanted], "truncated": more}
        before = part.items


def _fixed(around: Object) -> Object:
    """The time range an answer was for, as an absolute one; nothing when it does not say."""
    meta = as_object(around.get("meta")) or around
    moments = as_object(meta.get("time_range")) or {}
    start, end = moments.get("start"), moments.get("end")
    return {"time_range": {"type": "absolute", "start": start, "end": end}} if start and end else {}
