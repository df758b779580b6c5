"""What a row of analytics is about: whether it answers the question, and which control plane it is of.

1. A row answers when its status, its consumer and its time are those that were asked for: servers may ignore
   a filter. A row that does not say is believed, unless another shows that the filter was ignored.
2. A row is of a control plane when its own field, its group's, or the first half of its route or service
   says so; the consumer's half decides where nothing else does (in a group it may be that of a fellow). An
   id is a lower-case UUID and in a field of its own plain (documented); where there is none, a name will do.
3. Who sent it is an id, or where only that was logged, a name.
4. A row that comes twice is one request: the same id, time, status and consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from konnect_agent.ids import CompositeId, is_id, split_composite
from konnect_agent.models import ApiRequest, ControlPlane

Answers = Callable[[ApiRequest], bool | None]
"""Whether a row answers what was asked; None when it does not say."""

_UNITS = {"M": timedelta(minutes=1), "H": timedelta(hours=1), "D": timedelta(days=1)}
_SLACK = timedelta(minutes=5)  # ranges may be rounded, and the clocks of data planes differ


def folded(identifier: str) -> str:
    """An id in the documented case, so that two spellings of it are one; a name stays as it is."""
    return identifier.lower() if is_id(identifier) else identifier


def answering(
    rows: Sequence[ApiRequest], time_range: str, answers: Answers, *, now: datetime
) -> list[ApiRequest]:
    """The rows that answer what was asked: in the time range, and by `answers`.

    The newest row stands for the server's clock, unless it lies in the future, after `now`.
    """
    newest = min(now, max((row.request_start for row in rows if row.request_start), default=now))
    earliest = newest - int(time_range[:-1]) * _UNITS[time_range[-1]] - _SLACK
    verdicts = [False if row.request_start and row.request_start < earliest else answers(row) for row in rows]
    was_filtered = False not in verdicts
    return [
        row
        for row, verdict in zip(rows, verdicts, strict=True)
        if verdict or (verdict is None and was_filtered)
    ]


def once_each(rows: Iterable[ApiRequest]) -> list[ApiRequest]:
    """The rows without repetitions; one without a request id is always a request of its own."""
    seen: dict[Any, ApiRequest] = {}
    for place, row in enumerate(rows):
        same = (row.request_id, row.request_start, row.status, row.consumer)
        seen.setdefault(same if row.request_id else place, row)
    return list(seen.values())


def with_status(statuses: Container[int]) -> Answers:
    """Whether a row has one of these statuses."""
    return lambda row: None if row.status is None else row.status in statuses


@dataclass(frozen=True)
class Attributed:
    """A row and what it is about; route and service by their own ids, in the documented case.

    `control_plane_id` is that of a known control plane, None for one of another or of none it speaks of
    (`says_where`). `caller` is who sent it, by id or by name, and where to look that up; None for nobody.
    """

    request: ApiRequest
    control_plane_id: str | None
    says_where: bool
    caller: CompositeId | None
    route_id: str | None
    service_id: str | None


class ControlPlanes:
    """Control planes by everything a row may call them: the id in either case, the name."""

    def __init__(self, entities: Iterable[ControlPlane] = ()) -> None:
        self.entities = tuple(plane for plane in entities if plane.id)
        named = {plane.name: plane.id or "" for plane in self.entities if plane.name}
        self._ids = named | {folded(plane.id or ""): plane.id or "" for plane in self.entities}
        self._halves = tuple(self._ids.values())

    def attribute(self, row: ApiRequest) -> Attributed:
        """What the row is about."""
        route, service, consumer = map(self._split, (row.route, row.gateway_service, row.consumer))
        said = [
            row.control_plane,
            *(each.control_plane_id for each in (route, service)),
            row.control_plane_group,
        ]
        said = _identifiers(said) or _identifiers([consumer.control_plane_id])
        own = next((self._ids[each] for each in said if each in self._ids), None)
        half = consumer.control_plane_id
        where = self._ids.get(folded(half), half) if half else own or next(iter(said), None)
        caller = consumer.id or row.consumer_username
        return Attributed(
            request=row,
            control_plane_id=own,
            says_where=bool(said),
            caller=CompositeId(where, caller) if caller else None,
            route_id=folded(route.id) or None,
            service_id=folded(service.id) or None,
        )

    def failure_of(self, who: CompositeId, *names: str | None) -> Answers:
        """Whether a row is a failure, as `failureOnly` counts them, of the consumer also known by `names`."""
        own = {folded(name) for name in (who.id, *names) if name}
        where = (None, who.control_plane_id)

        def answers(row: ApiRequest) -> bool | None:
            caller = self.attribute(row).caller
            if caller and (folded(caller.id) not in own or caller.control_plane_id not in where):
                return False
            if row.status is None:
                return None
            return row.failed and (True if caller else None)

        return answers

    def _split(self, reference: str | None) -> CompositeId:
        """A pair taken apart; an empty id for no reference."""
        return split_composite(reference or "", self._halves)


def _identifiers(texts: Iterable[str | None]) -> list[str]:
    """The ids in texts that are ids, pairs of them, or names; the texts themselves when there is no id."""
    listed = [text for text in texts if text]
    return [folded(each) for text in listed for each in text.split(":") if is_id(each)] or listed
