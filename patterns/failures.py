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
from patterns.views import PluginView
from patterns.workflow import Frozen


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


@dataclass
class Counted:
    """Failures of one consumer, or of nobody."""

    rows: list[ApiRequest] = field(default_factory=list[ApiRequest])

    def counts(self) -> dict[str, Any]:
        """The three ways of counting, most first (hours in order)."""
        statuses = Counter(str(row.status or "unknown") for row in self.rows)
        routes = Counter(row.route_id.id if row.route_id else "none" for row in self.rows)
        hours = Counter(f"{row.request_start:%Y-%m-%dT%H:00Z}" for row in self.rows if row.request_start)
        return {
            "failures": len(self.rows),
            "by_status": dict(statuses.most_common()),
            "by_route": dict(routes.most_common()),
            "by_hour": dict(sorted(hours.items())),
        }


@dataclass
class Tally:
    """Rows by who sent them."""

    consumers: dict[CompositeId, Counted] = field(default_factory=dict[CompositeId, Counted])
    anonymous: Counted = field(default_factory=Counted)

    @classmethod
    def of(cls, rows: Iterable[ApiRequest]) -> Tally:
        tally = cls()
        for row in rows:
            who = row.consumer_id
            if who is None:
                tally.anonymous.rows.append(row)
                continue
            key = CompositeId(who.control_plane_id or row.control_plane_id, who.id)
            tally.consumers.setdefault(key, Counted()).rows.append(row)
        return tally

    def ranking(self) -> list[tuple[CompositeId, Counted]]:
        """Most failures first; equal ones in the order of their ids, so that it is stable."""
        return sorted(self.consumers.items(), key=lambda item: (-len(item[1].rows), item[0].id))


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
