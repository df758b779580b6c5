"""Aggregates of the request records: metrics of groups, in buckets of time (fact sheet 2.2, documented).

`POST /metrics` and `QueryAnalytics` answer rows of `{timestamp, event: {<dimension>: <id>, <metric>:
number}}`, with the names for the ids in `meta.display`; groups beyond the limit are put together as
`____OTHER____`. Inferred: a group without a value is called `empty`, an empty bucket has no row, `trend` is
one bucket, and groups are ranked by the first metric over the whole time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from konnect_agent.sandbox import filters
from konnect_agent.sandbox.organisation import Entity, derive_id
from konnect_agent.sandbox.request_logs import between, moments, written
from konnect_agent.sandbox.world import World

DIMENSIONS = (
    "consumer", "gateway_service", "route", "control_plane", "status_code", "status_code_grouped",
    "http_method",
)  # fmt: skip
_KINDS = {"consumer": "consumers", "gateway_service": "services", "route": "routes"}
OTHER, EMPTY = "____OTHER____", "empty"
GRANULARITIES: Mapping[str, int | None] = {
    "tenSecondly": 10_000, "thirtySecondly": 30_000, "minutely": 60_000, "fiveMinutely": 300_000,
    "tenMinutely": 600_000, "thirtyMinutely": 1_800_000, "hourly": 3_600_000, "twoHourly": 7_200_000,
    "twelveHourly": 43_200_000, "daily": 86_400_000, "weekly": 604_800_000, "trend": None,
}  # fmt: skip
"""The documented buckets in milliseconds; a trend is all of the time."""

Rows = Sequence[Entity]


@dataclass(frozen=True)
class Metric:
    """A figure for some records of a bucket of so many seconds."""

    unit: str
    of: Callable[[Rows, float], float | None]


def _share(rows: Rows, wanted: Callable[[Entity], bool]) -> float | None:
    return round(100 * sum(map(wanted, rows)) / len(rows), 4) if rows else None


def _statistics(name: str, column: str, unit: str, *, sums: bool = False) -> dict[str, Metric]:
    def values(rows: Rows) -> list[float]:
        return sorted(float(row[column]) for row in rows if row.get(column) is not None)

    def average(rows: Rows, seconds: float) -> float | None:
        return round(fmean(found), 3) if (found := values(rows)) else None

    def percentile(share: float) -> Callable[[Rows, float], float | None]:
        def of(rows: Rows, seconds: float) -> float | None:
            found = values(rows)
            return found[math.ceil(share * len(found)) - 1] if found else None

        return of

    found = {f"{name}_average": Metric(unit, average)}
    found |= {f"{name}_p{share}": Metric(unit, percentile(share / 100)) for share in (50, 95, 99)}
    return found | ({f"{name}_sum": Metric(unit, lambda rows, seconds: sum(values(rows)))} if sums else {})


METRICS: Mapping[str, Metric] = {
    "request_count": Metric("count", lambda rows, seconds: len(rows)),
    "request_per_minute": Metric("count/minute", lambda rows, seconds: round(60 * len(rows) / seconds, 4)),
    "error_rate": Metric("%", lambda rows, _: _share(rows, lambda row: row["response_http_status"] >= "400")),
    "cache_hit_rate": Metric("%", lambda rows, _: _share(rows, lambda row: row["cache_status"] == "Hit")),
    **_statistics("response_latency", "latencies_response_ms", "ms"),
    **_statistics("upstream_latency", "latencies_upstream_ms", "ms"),
    **_statistics("kong_latency", "latencies_kong_gateway_ms", "ms"),
    **_statistics("kong_internal_latency", "latencies_kong_internal_ms", "ms"),
    **_statistics("request_size", "request_body_size", "bytes", sums=True),
    **_statistics("response_size", "response_body_size", "bytes", sums=True),
}
"""The documented metrics of `api_usage`."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to aggregate; `bucket_ms` None is all of the time, `limit` counts groups."""

    start: datetime
    end: datetime
    metrics: Sequence[str]
    dimensions: Sequence[str] = ()
    wanted: Sequence[Entity] = ()
    bucket_ms: int | None = None
    limit: int | None = None
    descending: bool = True

    @property
    def bucket(self) -> float:
        """The length of a bucket in seconds."""
        return (self.bucket_ms or 0) / 1000 or (self.end - self.start).total_seconds()


def aggregate(world: World, asked: Question) -> tuple[list[Entity], Entity]:
    """The rows, oldest bucket first and best group first in it, and their `meta`. Raises `Invalid`."""
    filters.check(asked.wanted)
    rows = [
        row for row in between(world.requests, asked.start, asked.end) if filters.meets(row, asked.wanted)
    ]
    by_group: dict[tuple[str, ...], list[Entity]] = defaultdict(list)
    for row in rows:
        by_group[tuple(_named(name, row) for name in asked.dimensions)].append(row)
    ranked = _ranked(by_group, asked)
    rest = [row for group in ranked[asked.limit :] for row in by_group[group]] if asked.limit else []
    groups = {group: by_group[group] for group in ranked[: asked.limit]}
    if rest:
        groups[(OTHER,) * len(asked.dimensions)] = rest
    found: list[tuple[str, Entity]] = []
    for group, members in groups.items():
        named = dict(zip(asked.dimensions, group, strict=True))
        for start, part in _buckets(members, asked).items():
            figures = {name: METRICS[name].of(part, asked.bucket) for name in asked.metrics}
            found.append((start, {"timestamp": start, "event": named | figures}))
    found.sort(key=lambda entry: entry[0])
    return [row for _, row in found], _meta(world, asked, groups)


def _named(dimension: str, row: Entity) -> str:
    value = filters.FIELDS[dimension].of(row)
    return EMPTY if value is None else str(value)


def _ranked(by_group: Mapping[tuple[str, ...], Rows], asked: Question) -> list[tuple[str, ...]]:
    seconds = (asked.end - asked.start).total_seconds()
    first = METRICS[asked.metrics[0]]

    def key(group: tuple[str, ...]) -> float:
        return first.of(by_group[group], seconds) or 0.0

    return sorted(sorted(by_group), key=key, reverse=asked.descending)


def _buckets(rows: Rows, asked: Question) -> dict[str, list[Entity]]:
    """The records by the start of their bucket."""
    if asked.bucket_ms is None:
        return {written(asked.start): list(rows)}
    found: dict[str, list[Entity]] = defaultdict(list)
    for row in rows:
        moment = datetime.fromisoformat(row["request_start"]).timestamp()
        start = datetime.fromtimestamp(moment // asked.bucket * asked.bucket, UTC)
        found[written(start)].append(row)
    return found


def _meta(world: World, asked: Question, groups: Mapping[tuple[str, ...], Any]) -> Entity:
    display: Entity = {}
    for place, dimension in enumerate(asked.dimensions):
        values = {group[place] for group in groups} - {OTHER, EMPTY}
        display[dimension] = {value: _display(world, dimension, value) for value in sorted(values)}
    return {
        "time_range": moments(asked.start, asked.end),
        "granularity_ms": round(asked.bucket * 1000),
        "metric_names": list(asked.metrics),
        "metric_units": {name: METRICS[name].unit for name in asked.metrics},
        "display": display,
        "query_id": derive_id(world.seed, "metrics", repr(asked)),
    }


def _display(world: World, dimension: str, value: str) -> Entity:
    """The name of what has that id, which may be gone; what is no id is its own name."""
    plane = world.get(value.partition(":")[0])
    if dimension == "control_plane":
        return {"name": plane.name if plane else value, "deleted": plane is None}
    if dimension not in _KINDS:
        return {"name": value}
    entity_id = value.partition(":")[2]
    listed = plane.listing(_KINDS[dimension]) if plane else ()
    entity = next((each for each in listed if each["id"] == entity_id), None)
    if entity is None:
        return {"name": entity_id, "deleted": True}
    return {"name": entity.get("username") or entity.get("name") or entity.get("custom_id"), "deleted": False}
