"""Where a request is served: which control plane, merged with which fellow members, and by which route.

1. Candidates: the named control plane, those `get_by_route` names, or every visible one.
2. The groups of each: routes of all members of a group compete in one router (fact sheet 3.2). In several
   groups, the first by name decides, and a note says so.
3. Every routes list is read once; the control plane that holds the winning route is the answer. When no
   candidate of `get_by_route` serves the request, every other visible control plane is looked through.
That nothing serves a request is only said when everything could be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import (
    Ambiguous,
    Candidate,
    Forbidden,
    KonnectError,
    NoMatch,
    NotFound,
    ServerError,
    TimedOut,
    ToolError,
    ToolUnavailable,
    Undecodable,
)
from konnect_agent.matching import rank
from konnect_agent.models import ControlPlane, Route
from konnect_agent.redaction import scrub
from patterns.coverage import ask_each
from patterns.groups import Membership, memberships, unique, visible_memberships
from patterns.selection import group_members, select_control_plane
from patterns.serving import Asked, Serving, may_serve, serving
from patterns.workflow import OpenStep, missed, step, truncated

_NAMED = 10
_UNANSWERED = (ToolError, ToolUnavailable, Undecodable, Forbidden, ServerError, TimedOut)
"""What get_by_route may say while the control planes can still be looked through."""


@dataclass(frozen=True)
class Candidates:
    """Control planes that may serve the request, and how they were found; `visible` when all were listed."""

    control_planes: tuple[ControlPlane, ...]
    how: str
    visible: Listing[ControlPlane] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A control plane and the `holders` of what acts there: itself, or all members of `group`.

    `whole` is False when it may act with others that could not be seen.
    """

    control_plane: ControlPlane
    holders: tuple[ControlPlane, ...]
    group: ControlPlane | None = None
    whole: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Located:
    """Who serves: the control plane, all routes of its router, the first answer, and notes for a person.

    `homes` are the control planes of services that routes name, by the service's id.
    """

    place: Place
    routes: list[Route]
    first: Serving
    how: str
    notes: tuple[str, ...]
    homes: Mapping[str, ControlPlane]


@dataclass
class _Looked:
    """What a look through control planes has read so far, by control plane id.

    `routers` are the routes of each place where none was found to serve the request.
    """

    routes: dict[str, Listing[Route]] = field(default_factory=dict[str, Listing[Route]])
    failed: dict[str, KonnectError] = field(default_factory=dict[str, KonnectError])
    names: dict[str, str] = field(default_factory=dict[str, str])
    routers: list[list[Route]] = field(default_factory=list[list[Route]])
    whole: bool = True

    def own(self, plane: ControlPlane) -> Listing[Route]:
        return self.routes.get(plane.id or "", Listing())

    def fail(self, plane: ControlPlane, error: KonnectError, what: str) -> None:
        key = plane.id or ""
        self.names[key], self.failed[key] = scrub(plane.label), error
        missed(what, error, control_plane=plane)


async def candidates(konnect: Konnect, asked: Asked, name: str | None, this: OpenStep) -> Candidates:
    """The named control plane, those the tool says serve the path, or (fallback) all of them."""
    if name is not None:
        plane, selected = await select_control_plane(konnect, name, this)
        return Candidates((plane,), selected.found_by or "name")
    problem = "found nothing"
    try:
        found = await konnect.control_planes.get_by_route(asked.target.partition("?")[0])
    except NotFound:
        found = ()
    except _UNANSWERED as error:
        found, problem = (), f"failed ({type(error).__name__}: {scrub(error.message)})"
    named = tuple(plane for plane in found if plane.id)
    if named:
        this.extract_each("control_plane_id", (plane.id for plane in named))
        return Candidates(named, "get_by_route")
    return await _every(konnect, f"get_by_route {problem}")


async def locate(konnect: Konnect, asked: Asked, given: Candidates) -> Located:
    """The control plane whose router serves the request.

    Raises `NoMatch`, `Ambiguous`, or, when no routes could be read at all, the first reason.
    """
    looked = _Looked()
    found = await _look(konnect, asked, given, looked)
    if found is None and given.how == "get_by_route":
        named = _names(scrub(plane.label) for plane in given.control_planes)
        seen = " that could be seen" if looked.failed else ""
        given = await _every(konnect, f"get_by_route named {named}, where no route{seen} serves the request")
        found = await _look(konnect, asked, given, looked)
    if found is not None and looked.failed:
        unread = _names(looked.names[key] for key in looked.failed)
        doubt = f"The routes of {unread} could not be read: one of them may serve the request as well."
        return replace(found, notes=(*found.notes, doubt))
    if found is not None:
        return found
    if looked.failed and not looked.routes:
        raise next(iter(looked.failed.values()))
    raise _no_route(asked, looked)


async def _every(konnect: Konnect, reason: str) -> Candidates:
    visible = await konnect.control_planes.list()
    if not visible.complete:
        truncated("control planes")
    note = f"{reason}, so the routes of every visible control plane were read."
    return Candidates(tuple(each for each in visible if each.id), "looking through all", visible, (note,))


async def _look(konnect: Konnect, asked: Asked, given: Candidates, looked: _Looked) -> Located | None:
    """The one place among the candidates where a route serves the request; None when there is none."""
    places = await _places(konnect, given, looked)
    holders = unique(holder for place in places for holder in place.holders)
    await _read_routes(konnect, holders, looked)
    looked.whole &= all(place.whole for place in places)
    looked.whole &= given.visible is None or given.visible.complete
    hits: dict[str, Located] = {}
    for candidate in places:
        place = candidate
        routes = [route for holder in place.holders for route in looked.own(holder)]
        first = serving(asked, routes)
        if first is None:
            looked.routers.append(routes)
            continue
        owner = next((h for h in place.holders if any(r is first.route for r in looked.own(h))), None)
        notes = [*given.notes, *place.notes]
        if owner is not None:
            ordered = (owner, *(holder for holder in place.holders if holder is not owner))
            place = replace(place, holders=ordered)
            if not place.control_plane.is_group and owner.id != place.control_plane.id:
                notes.append(f"The route belongs to its fellow member {scrub(owner.label)}.")
        key = first.route.id or str(id(first.route))
        if key not in hits or (owner is not None and owner.id == place.control_plane.id):
            homes = {
                route.service.id: holder
                for holder in place.holders
                for route in looked.own(holder)
                if route.service
            }
            hits[key] = Located(place, routes, first, given.how, tuple(notes), homes)
    if len(hits) > 1:
        chosen = [hit.place.control_plane for hit in hits.values()]
        raise Ambiguous(
            f"{len(hits)} control planes serve {asked.path}; say which one.",
            candidates=[Candidate(plane.id, plane.label, 100.0, "serves the path") for plane in chosen],
        )
    return next(iter(hits.values()), None)


async def _places(konnect: Konnect, given: Candidates, looked: _Looked) -> list[Place]:
    """Where each candidate's configuration acts; a group whose members cannot be read is noted."""
    known: tuple[Membership, ...] | None = ()
    if not all(plane.is_group for plane in given.control_planes):
        async with step("group"):
            if given.visible is None:
                known = await visible_memberships(konnect)
            else:
                known = await memberships(konnect, unique(given.visible))
    places: list[Place] = []
    for plane in given.control_planes:
        if not plane.is_group:
            places.append(_placed(plane, known))
            continue
        membership = next((each for each in known or () if each.group.id == plane.id), None)
        if membership is None:
            places.append(await _group(konnect, plane, looked))
        else:
            whole = membership.members is not None and membership.whole
            places.append(Place(plane, membership.members or (), plane, whole))
    return places


async def _group(konnect: Konnect, plane: ControlPlane, looked: _Looked) -> Place:
    try:
        members = await group_members(konnect, plane)
    except KonnectError as error:
        looked.fail(plane, error, "members")
        return Place(plane, (), plane, whole=False)
    return Place(plane, members, plane, whole=members.complete)


def _placed(plane: ControlPlane, known: tuple[Membership, ...] | None) -> Place:
    """A control plane with the fellow members of its group, if it has one."""
    name = scrub(plane.label)
    groups = [each for each in known or () if each.has(plane.id)]
    if not groups:
        whole = known is not None and all(each.members is not None and each.whole for each in known)
        unclear = f"Whether {name} is a member of a control plane group could not be seen."
        return Place(plane, (plane,), whole=whole, notes=() if whole else (unclear,))
    first = groups[0]
    notes = [
        f"{name} is a member of the control plane group {scrub(first.group.label)}: "
        "routes of all members compete, and global plugins of all members act."
    ]
    if len(groups) > 1:
        others = _names(scrub(each.group.label) for each in groups[1:])
        notes.append(f"It is also a member of {others}: name that group to see what happens there.")
    fellows = (member for member in first.members or () if member.id != plane.id)
    return Place(plane, (plane, *fellows), first.group, first.whole, tuple(notes))


async def _read_routes(konnect: Konnect, holders: Sequence[ControlPlane], looked: _Looked) -> None:
    """Read what was not read yet; a list that fails is noted."""
    wanted = [each for each in holders if each.id not in looked.names]
    answers = await ask_each(
        konnect, "control planes", wanted, lambda each: konnect.routes.list(each.id or "")
    )
    for holder, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, KonnectError):
            looked.fail(holder, answer, "routes")
            continue
        key = holder.id or ""
        looked.names[key], looked.routes[key] = scrub(holder.label), answer
        if not answer.complete:
            truncated("routes")
            looked.whole = False


def _no_route(asked: Asked, looked: _Looked) -> NoMatch:
    spelled = [(path, route) for each in looked.routes.values() for route in each for path in route.paths]
    near = rank(asked.path, [path for path, _ in spelled], limit=5)
    ranked = [Candidate(spelled[m.index][1].id, scrub(spelled[m.index][0]), m.score, m.how) for m in near]
    where = _names(looked.names[key] for key in looked.routes) or "no control plane"
    if looked.failed:
        where += f"; not readable: {_names(looked.names[key] for key in looked.failed)}"
    maybe = {id(route): route for routes in looked.routers for route in may_serve(asked, routes)}
    if maybe:
        named = [Candidate(route.id, scrub(route.label), 0.0, "may serve it") for route in maybe.values()]
        said = f"{_names(each.name for each in named)} may serve some requests for {asked}, and others not"
        said = f"{said} (looked in {where}): what they ask for could not be made up here."
        hint = "Say more of the request: its method, host and headers."
        return NoMatch(said, candidates=[*named, *ranked], hint=hint)
    if looked.failed:
        said = f"No route that could be seen serves {asked} (looked in {where})."
    elif not looked.whole:
        said = f"No route that could be seen serves {asked} (looked in {where}); there are more."
    else:
        said = f"No route serves {asked} (looked in {where}): the gateway answers 404."
    for scheme, label in dict.fromkeys(_over_others(asked, looked)):
        said += f" Over {scheme}, {label} would serve it."
    return NoMatch(said, candidates=ranked)


def _over_others(asked: Asked, looked: _Looked) -> Iterator[tuple[str, str]]:
    """The other of http and https, and who would serve the request over it."""
    for scheme in {"https", "http"} - {asked.scheme}:
        for routes in looked.routers:
            found = serving(replace(asked, scheme=scheme), routes)
            if found is not None:
                yield scheme, scrub(found.route.label)


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
