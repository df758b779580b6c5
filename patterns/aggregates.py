"""Failures as the server counts them: a list of rows is cut at some length, its aggregates are not.

1. By control plane and status: how many there are, and which moments the time range means; everything else is
about the same moments. 2. By consumer, the worst first. 3. By status, by route and by hour, for each of the
first consumers and for nobody; which requests those are, only rows can tell.
A server may ignore a filter or mean something else by a name. So what does not add up, or is less than the
rows that came, is nothing to count on: `Undecodable`, and the rows count. Requests go on arriving meanwhile,
so two counts agree when they are less than a twentieth apart (inferred).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, Undecodable
from konnect_agent.ids import CompositeId, is_id, split_composite
from konnect_agent.models import Aggregate, Aggregates
from konnect_agent.resources.analytics import Span
from patterns.attribution import ControlPlanes, folded
from patterns.coverage import ask_each
from patterns.failures import NO_ROUTE, Counted, Failures, Tally, caller_key

_MOST = 500  # rows of one answer (documented)
_APART = 20

Way = Literal["status_code", "route", "hour"]
_WAYS: tuple[Way, ...] = ("status_code", "route", "hour")


@dataclass(frozen=True)
class Recount:
    """What the server counted: `ranking` is of those who failed, the first of them in every way.

    `total` are the failures asked for, `elsewhere` those of other control planes, `unplaced` those of none.
    `whole` is False when there are more consumers than one answer holds.
    """

    total: int
    elsewhere: int
    unplaced: int
    ranking: list[tuple[CompositeId, Counted]]
    anonymous: Counted
    whole: bool


async def recount(
    konnect: Konnect,
    tally: Tally,
    known: ControlPlanes,
    *,
    everywhere: bool,
    time_range: str,
    status_codes: Sequence[int],
    top: int,
) -> Recount:
    """The failures of the `known` control planes, or of `everywhere`; `tally` are the rows that came of them.

    Raises `ToolUnavailable` where the server does not count, `Undecodable` for counts that contradict each
    other or the rows, and whatever asking raises.
    """
    statuses = _is_in("status_code", status_codes)
    ids = sorted(plane.id or "" for plane in known.entities)
    planes = await _Question(konnect, time_range, (statuses,)).ask("control_plane", "status_code")
    _must_be_of(planes, status_codes)
    by_plane = Counter[str]()
    for group in planes.groups:
        by_plane[folded(group.values["control_plane"] or "")] += group.count
    total = planes.sum() if everywhere else sum(by_plane[each] for each in {*map(folded, ids)})
    unplaced = 0 if everywhere else by_plane[""]

    time = (planes.start, planes.end) if planes.start and planes.end else time_range
    asked = _Question(konnect, time, (statuses,) if everywhere else (statuses, _is_in("control_plane", ids)))
    found = await asked.ask("consumer")
    whole = not found.truncated and not any(group.is_rest for group in found.groups)
    callers = list(_callers(found, ids))
    unlisted = total - found.sum()
    if unlisted > 0 and all(caller.who for caller in callers):
        callers.append(_Caller(None, unlisted))  # not every server may have a group for nobody
    else:
        _must_agree("consumer", found.sum(), total)
    seen = _rows_by_caller(tally)
    _must_hold(callers, seen, whole=whole)

    named = [caller for caller in callers if caller.who]
    first = [*named[:top], *(caller for caller in callers if not caller.who)]
    questions: list[tuple[_Caller, Way]] = [(caller, way) for caller in first for way in _WAYS]
    answers = await ask_each(konnect, "counts", questions, lambda each: asked.count(*each))
    counts: dict[tuple[_Caller, Way], dict[str, int]] = {}
    for question, answer in zip(questions, answers, strict=True):
        if isinstance(answer, KonnectError):
            raise answer
        counts[question] = answer

    def counted(caller: _Caller) -> Counted:
        by_status, by_route, by_hour = (counts.get((caller, way), {}) for way in _WAYS)
        failures = Failures(failures=caller.failures, by_status=by_status, by_route=by_route, by_hour=by_hour)
        return Counted(seen.get(caller.key, Counted()).rows, failures, caller.name)

    return Recount(
        total=total,
        elsewhere=planes.sum() - total - unplaced,
        unplaced=unplaced,
        ranking=[(caller.who, counted(caller)) for caller in named if caller.who],
        anonymous=next((counted(caller) for caller in first if not caller.who), Counted()),
        whole=whole,
    )


@dataclass(frozen=True)
class _Caller:
    """Who failed how often: a consumer, called `value` by the server, or nobody."""

    who: CompositeId | None
    failures: int
    value: str | None = None
    name: str | None = None

    @property
    def key(self) -> tuple[str, str] | None:
        return caller_key(self.who) if self.who else None

    @property
    def filter(self) -> Mapping[str, Any]:
        return _is_in("consumer", [self.value]) if self.value else {"field": "consumer", "operator": "empty"}


@dataclass(frozen=True)
class _Question:
    """Failures in this time that these filters let through."""

    konnect: Konnect
    time: Span
    filters: tuple[Mapping[str, Any], ...]

    async def ask(self, *dimensions: str, more: Sequence[Mapping[str, Any]] = ()) -> Aggregates:
        """The counts of the groups with the same values; without dimensions, of each hour."""
        return await self.konnect.analytics.query(
            self.time,
            dimensions=dimensions,
            filters=(*self.filters, *more),
            granularity="trend" if dimensions else "hourly",
            limit=_MOST if dimensions else None,
        )

    async def count(self, caller: _Caller, way: Way) -> dict[str, int]:
        """The failures of one caller, counted one way, most first (hours in order)."""
        found = await self.ask(*(() if way == "hour" else (way,)), more=[caller.filter])
        if found.truncated or any(group.is_rest for group in found.groups):
            raise Undecodable(f"The server's counts by {way} are cut", path="data")
        _must_agree(way, found.sum(), caller.failures)
        counts = Counter[str]()
        for group in found.groups:
            counts[_name(group, way)] += group.count
        return dict(sorted(counts.items(), key=lambda entry: (way != "hour" and -entry[1], entry[0])))


def _is_in(field: str, values: Sequence[Any]) -> dict[str, Any]:
    return {"field": field, "operator": "in", "value": list(values)}


def _name(group: Aggregate, way: Way) -> str:
    """What a report calls the group."""
    if way == "hour":
        return f"{group.start:%Y-%m-%dT%H:00Z}" if group.start else "unknown"
    value = group.values[way]
    if way == "status_code":
        return value or "unknown"
    return folded(split_composite(value).id) if value else NO_ROUTE


def _callers(found: Aggregates, plane_ids: Collection[str]) -> Iterator[_Caller]:
    """Most failures first; equal ones in the order of their ids, so that it is stable."""
    names = found.names.get("consumer", {})
    only = next(iter(plane_ids), None) if len(plane_ids) == 1 else None
    for group in sorted(found.groups, key=lambda group: (-group.count, group.values["consumer"] or "")):
        value = group.values["consumer"]
        if value is None:
            yield _Caller(None, group.count)
        elif not group.is_rest:
            who = split_composite(value, plane_ids)
            yield _Caller(
                CompositeId(who.control_plane_id or only, who.id), group.count, value, names.get(value)
            )


def _rows_by_caller(tally: Tally) -> dict[tuple[str, str] | None, Counted]:
    return {**{key: counted for key, (_, counted) in tally.callers.items()}, None: tally.anonymous}


def _must_be_of(found: Aggregates, statuses: Sequence[int]) -> None:
    """Raises `Undecodable` for counts of other statuses, and for some that are not all."""
    asked = {str(status) for status in statuses}
    if found.truncated or any(group.values["status_code"] not in asked for group in found.groups):
        raise Undecodable("The server's counts are of other statuses as well, or cut", path="data")


def _must_agree(what: str, counted: int, expected: int) -> None:
    """Raises `Undecodable` for two counts of the same that are too far apart."""
    if abs(counted - expected) * _APART > max(counted, expected):
        raise Undecodable(
            f"The server's counts contradict each other: {counted} by {what}, {expected} in all", path="data"
        )


def _must_hold(
    callers: Sequence[_Caller], seen: Mapping[tuple[str, str] | None, Counted], *, whole: bool
) -> None:
    """Raises `Undecodable` when more rows of a caller came than the server counts."""
    counts = {caller.key: caller.failures for caller in callers}
    for key, rows in seen.items():
        came = sum(1 for row in rows.rows if "consumer" not in row.request.unread)
        if key is not None and not is_id(key[1]):  # a name: the server counts ids
            continue
        if came > counts.get(key, 0) and (whole or key in counts):
            _must_agree("consumer", counts.get(key, 0), came)
