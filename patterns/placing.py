"""Rows of analytics that do not say which control plane they are of, told by what else is known of it.

1. When only one control plane is visible and no row names another, they are of that one.
2. Otherwise of the only one that has their route, or else their consumer. Ids are unique inside a control
   plane only (documented), so all visible ones are looked through, those in question first, ten at most.
A row stays as it is when two of them have that, when none has, and when the ones in question could not be
read. That a server leaves the control plane out is inferred; the REST API has a field for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import KonnectError, NotFound
from konnect_agent.models import ControlPlane
from patterns.attribution import Attributed, ControlPlanes, folded
from patterns.coverage import ask_each

_CONTROL_PLANES, _CONSUMERS = 10, 20

Thing = tuple[str, str]
"""A route or a consumer: which of the two, and its id."""


@dataclass
class _Holders:
    """The control planes looked through, what each has, and those that did not show all they have."""

    planes: Sequence[str]
    held: set[tuple[str, Thing]] = field(default_factory=set[tuple[str, Thing]])
    unclear: set[str] = field(default_factory=set[str])

    def only(self, things: Sequence[Thing], known: set[str]) -> str | None:
        """The one control plane that has the first of the things that any has."""
        having = ([plane for plane in self.planes if (plane, thing) in self.held] for thing in things)
        found = next(filter(None, having), list[str]())
        if len(found) != 1 or (found[0] not in known and known & self.unclear):
            return None
        return found[0]


async def place(konnect: Konnect, rows: Sequence[Attributed], known: ControlPlanes) -> list[Attributed]:
    """The rows in order, those that say nothing attributed as far as possible. Raises no `KonnectError`."""
    silent = [row for row in rows if not row.says_where]
    if not silent:
        return list(rows)
    try:
        visible = await konnect.control_planes.list()
    except KonnectError:
        visible = Listing[ControlPlane](complete=False)
    own = {plane.id for plane in known.entities if plane.id and not plane.is_group}
    others = {plane.id for plane in visible if plane.id} - {plane.id for plane in known.entities}
    has_others = others or any(row.says_where and not row.control_plane_id for row in rows)
    if len(own) == 1 and visible.complete and not has_others:
        where = dict.fromkeys(map(id, silent), next(iter(own)))
    else:
        groups = {plane.id for plane in visible if plane.id and plane.is_group}
        planes = [*sorted(own), *sorted(others - groups)][:_CONTROL_PLANES]
        looked = await _looked_through(konnect, planes, silent)
        where = {id(row): looked.only(list(_things(row)), own) for row in silent}
    return [_moved(row, where.get(id(row)), known) for row in rows]


async def _looked_through(konnect: Konnect, planes: Sequence[str], rows: Sequence[Attributed]) -> _Holders:
    """Who has the routes of these rows, and the consumers of those whose route nobody has."""
    looked = _Holders(planes)

    async def routes(plane: str) -> None:
        listed = await konnect.routes.list(plane)
        looked.held.update((plane, ("route", folded(route.id))) for route in listed if route.id)
        if not listed.complete:
            looked.unclear.add(plane)

    async def consumer(wanted: tuple[str, str]) -> None:
        plane, consumer_id = wanted
        try:
            found = await konnect.consumers.get(consumer_id, control_plane_id=plane)
        except NotFound:
            return
        if folded(found.id or "") == consumer_id:  # a name would do for some servers
            looked.held.add((plane, ("consumer", consumer_id)))

    answers = await ask_each(konnect, "routes", planes, routes)
    looked.unclear |= {plane for plane, error in zip(planes, answers, strict=True) if error}
    taken = {thing for _, thing in looked.held}
    left = (list(_things(row)) for row in rows)
    callers = dict.fromkeys(
        name for things in left if not taken & set(things) for what, name in things if what == "consumer"
    )
    queue = [(plane, name) for name in list(callers)[:_CONSUMERS] for plane in planes]
    answers = await ask_each(konnect, "consumers", queue, consumer)
    looked.unclear |= {plane for (plane, _), error in zip(queue, answers, strict=True) if error}
    return looked


def _things(row: Attributed) -> Iterator[Thing]:
    """What may tell where a row is of, the surest first."""
    if row.route_id:
        yield "route", row.route_id
    if row.caller and row.request.consumer:
        yield "consumer", folded(row.caller.id)


def _moved(row: Attributed, plane: str | None, known: ControlPlanes) -> Attributed:
    if plane is None:
        return row
    return known.attribute(row.request.model_copy(update={"control_plane": plane}))
