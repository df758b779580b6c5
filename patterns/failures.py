"""Failing requests, counted: per consumer, by status, by route, by hour; nobody's apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from konnect_agent.ids import CompositeId
from konnect_agent.models import ApiRequest
from konnect_agent.redaction import scrub
from patterns.attribution import Attributed, folded
from patterns.views import MetPlugin, PluginView
from patterns.workflow import Frozen

NO_ROUTE = "none"
"""What stands for the route where none had matched."""


class RouteFailures(Frozen):
    """How often one route was part of it; `id` is None where no route had matched."""

    id: str | None = None
    name: str | None = None
    failures: int = 0


class FailedRequest(Frozen):
    """One failing request. `latency_ms` is from start to end of the response; `at` is UTC."""

    id: str | None = None
    at: datetime | None = None
    method: str | None = None
    uri: str | None = None
    status: int | None = None
    upstream_status: int | None = None
    latency_ms: float | None = None


class Failures(Frozen):
    """Failures counted by status, by route id (`none` without one) and by hour (UTC, ISO 8601)."""

    failures: int = 0
    by_status: Mapping[str, int] = {}
    by_route: Mapping[str, int] = {}
    by_hour: Mapping[str, int] = {}


class ConsumerFailures(Failures):
    """One consumer. `exists` is False when analytics knows it and the control plane no longer does.

    `requests` are its latest failures (400 and above, whatever statuses were asked for), at most 20 of
    `request_count`; `request_count_is_minimum` says that there may be more. `statistics` are the server's.
    `plugins` are those scoped to it (also ones that do not run where it fails) and the authentication it
    meets; `plugins_in_order` is all that runs on the routes where it fails, in execution order.
    """

    id: str | None = None
    username: str | None = None
    custom_id: str | None = None
    control_plane_id: str | None = None
    exists: bool | None = None
    routes: tuple[RouteFailures, ...] = ()
    requests: tuple[FailedRequest, ...] = ()
    request_count: int | None = None
    request_count_is_minimum: bool = False
    statistics: Mapping[str, Any] = {}
    plugins: tuple[PluginView, ...] = ()
    plugins_in_order: tuple[MetPlugin, ...] = ()


@dataclass
class Counted:
    """Failures of one consumer, or of nobody: the rows, and what the server `recounted` if they are few."""

    rows: list[Attributed] = field(default_factory=list[Attributed])
    recounted: Failures | None = None
    name: str | None = None

    def counts(self) -> dict[str, Any]:
        """The three ways of counting, most first (hours in order)."""
        if self.recounted is not None:
            return dict(self.recounted)
        starts = (row.request.request_start for row in self.rows)
        return {
            "failures": len(self.rows),
            "by_status": _most_first(str(row.request.status or "unknown") for row in self.rows),
            "by_route": _most_first(row.route_id or NO_ROUTE for row in self.rows),
            "by_hour": dict(sorted(Counter(f"{at:%Y-%m-%dT%H:00Z}" for at in starts if at).items())),
        }

    @property
    def username(self) -> str | None:
        """What the rows or the server's counts call the consumer, if they do."""
        names = (row.request.consumer_username for row in self.rows if row.request.consumer_username)
        return next(names, self.name)

    @property
    def failed(self) -> bool:
        """Whether any of these is a failure as `failureOnly` means it: 400 and above."""
        statuses = (self.recounted or Failures()).by_status
        return any(row.request.failed for row in self.rows) or any(
            status >= "400" for status in statuses if status.isdecimal()
        )


@dataclass
class Tally:
    """Rows by who sent them; two spellings of an id are one consumer, called as it was first."""

    callers: dict[tuple[str, str], tuple[CompositeId, Counted]] = field(
        default_factory=dict[tuple[str, str], tuple[CompositeId, Counted]]
    )
    anonymous: Counted = field(default_factory=Counted)

    @classmethod
    def of(cls, rows: Iterable[Attributed]) -> Tally:
        tally = cls()
        for row in rows:
            who = row.caller
            if who is None:
                tally.anonymous.rows.append(row)
                continue
            tally.callers.setdefault(caller_key(who), (who, Counted()))[1].rows.append(row)
        return tally

    def ranking(self) -> list[tuple[CompositeId, Counted]]:
        """Most failures first; equal ones in the order of their ids, so that it is stable."""
        ranked = sorted(self.callers.items(), key=lambda item: (-len(item[1][1].rows), *reversed(item[0])))
        return [entry for _, entry in ranked]


def caller_key(who: CompositeId) -> tuple[str, str]:
    """What two spellings of one consumer have in common."""
    return folded(who.control_plane_id or ""), folded(who.id)


def _most_first(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


def latest(rows: Iterable[ApiRequest], count: int) -> tuple[FailedRequest, ...]:
    """The newest of these rows as a report shows them, in whatever order they came; undated ones last."""
    by_age = sorted(
        rows, key=lambda row: row.request_start.timestamp() if row.request_start else 0, reverse=True
    )
    return tuple(failed_request(row) for row in by_age[:count])


def failed_request(row: ApiRequest) -> FailedRequest:
    """A row as a report shows it; a URI may carry a token."""
    return FailedRequest(
        id=row.request_id,
        at=row.request_start,
        method=row.http_method,
        uri=scrub(row.request_uri) if row.request_uri else None,
        status=row.status,
        upstream_status=row.upstream_status,
        latency_ms=row.latencies_response_ms,
    )
