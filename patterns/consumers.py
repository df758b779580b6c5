"""Pattern 3, consumer analysis, in Kong's documented steps.

1. The control plane. 2. Its failing requests (the query is org-wide: rows of others are left out and
counted). 3. Failures ranked per consumer; requests nobody authenticated are counted apart. 4. Each top
consumer's entity and all its failures, in parallel. 5. The plugins it meets: those scoped to it, and the
authentication plugins on the routes where it fails (authentication is rarely scoped to a consumer);
those of fellow members of its control plane's groups act as well.
There is no total anywhere: a list as long as its limit was cut, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import InvalidArguments, KonnectError, NotFound, Undecodable
from konnect_agent.gateway import PluginIndex, effective_plugins
from konnect_agent.ids import CompositeId
from konnect_agent.models import ApiRequest, ApiRequests, Consumer, Plugin, Route
from konnect_agent.redaction import redact, scrub
from konnect_agent.resources.analytics import at_least_one, checked_statuses, checked_time_range
from konnect_agent.resources.resource import required
from patterns.coverage import Named, fan_out
from patterns.failures import ConsumerFailures, Counted, Failures, RouteFailures, Tally, failed_request
from patterns.groups import Membership, fellows, visible_memberships
from patterns.selection import Selected, group_members, select_control_plane
from patterns.views import PluginView
from patterns.workflow import OpenStep, Result, keep, missed, step, truncated, workflow

E = TypeVar("E")

_AUTHENTICATION = "client-authentication"
_SHOWN_REQUESTS = 20


class ConsumersResult(Result):
    """Who fails, how, and behind which plugins. `unattributed` are requests without a consumer.

    `rows` is how many failing requests were counted, None when they could not be seen; `elsewhere` how many
    belong to other control planes, and `unplaced` how many do not say to which (neither is counted in).
    """

    control_plane: Selected = Selected()
    time_range: str = ""
    status_codes: tuple[int, ...] = ()
    rows: int | None = None
    elsewhere: int = 0
    unplaced: int = 0
    truncated: bool = False
    consumers: tuple[ConsumerFailures, ...] = ()
    unattributed: Failures = Failures()
    notes: tuple[str, ...] = ()


@workflow("analyze_consumers", ConsumersResult)
async def analyze_consumers(
    konnect: Konnect,
    control_plane: str | None = None,
    *,
    time_range: str = "24H",
    status_codes: int | Sequence[int] = (500, 502, 503),
    top: int = 5,
    max_results: int = 1000,
) -> ConsumersResult:
    """Which consumers fail most, on which routes, and which plugins stand in their way.

    `control_plane` is a name or id; without it every control plane of the region counts. `time_range` is
    15M, 1H, 6H, 12H, 24H or 7D. `max_results` rows are asked for at most; a cut list is said to be one.
    Raises `InvalidArguments` before anything is sent, `NoMatch` or `Ambiguous` for the control plane.
    """
    time_range, statuses = checked_time_range(time_range), tuple(checked_statuses(status_codes) or ())
    if not statuses:
        raise InvalidArguments("No status was given.", hint="Say what counts as failing: 500, 502, 503.")
    top = at_least_one(top, "top") or 5
    at_least_one(max_results)
    if control_plane is not None:
        required(control_plane, "control plane")

    async with step("select control plane") as this:
        chosen, planes = await _planes(konnect, control_plane, this)
    result = keep(ConsumersResult(control_plane=chosen, time_range=time_range, status_codes=statuses))

    async with step("failing requests"):
        failing = await konnect.analytics.query_api_requests(
            time_range, status_codes=statuses, max_results=max_results
        )
        if failing.truncated:
            truncated(f"failing requests (the newest {len(failing.rows)} were counted)")
    rows = [row for row in failing.rows if chosen.id is None or _belongs(row, planes)]
    unplaced = 0 if chosen.id is None else sum(1 for row in failing.rows if _is_unplaced(row))
    if unplaced:
        said = f"{unplaced} of {len(failing.rows)} rows do not say which one they belong to"
        missed("failing requests without a control plane", Undecodable(said, path="control_plane"))

    async with step("rank consumers") as this:
        tally = Tally.of(rows)
        ranking = tally.ranking()
        this.extract(**{f"consumer_id_{i}": str(key) for i, (key, _) in enumerate(ranking[:top], start=1)})
    result = keep(
        result.model_copy(
            update={
                "rows": len(rows),
                "elsewhere": len(failing.rows) - len(rows) - unplaced,
                "unplaced": unplaced,
                "truncated": failing.truncated,
                "unattributed": Failures(**tally.anonymous.counts()),
                "notes": tuple(_notes(failing, len(rows), unplaced, ranking, top)),
            }
        )
    )

    keys = [key for key, _ in ranking[:top]]
    width = konnect.config.max_in_flight
    async with step("top consumers"):
        seen = await fan_out(
            "consumers", keys, lambda key: _look(konnect, key, time_range, max_results), width=width
        )
    async with step("plugins"):
        configurations = await _configurations(konnect, keys)
    consumers = [
        _view(key, counted, look, configurations.get(key.control_plane_id or "", _Configuration()))
        for (key, counted), look in zip(ranking, seen, strict=False)
        if isinstance(look, _Seen)
    ]
    return result.model_copy(update={"consumers": tuple(consumers)})


@dataclass(frozen=True)
class _Seen:
    """What could be seen of a consumer: its entity, whether it exists (None: unknown), its own failures."""

    entity: Consumer | None = None
    exists: bool | None = None
    requests: ApiRequests | None = None


@dataclass(frozen=True)
class _Configuration:
    """What a control plane has that failing consumers meet."""

    plugins: PluginIndex = field(default_factory=lambda: PluginIndex(()))
    scoped: tuple[Plugin, ...] = ()
    routes: Mapping[str, Route] = field(default_factory=dict[str, Route])


async def _planes(
    konnect: Konnect, control_plane: str | None, this: OpenStep
) -> tuple[Selected, frozenset[str]]:
    """The chosen control plane and the ids its rows may carry; when none is named, every row counts."""
    if control_plane is None:
        return Selected(found_by="all visible"), frozenset()
    plane, chosen = await select_control_plane(konnect, control_plane, this)
    members = await group_members(konnect, plane)
    return chosen, frozenset(filter(None, (plane.id, *(member.id for member in members))))


def _belongs(row: ApiRequest, planes: frozenset[str]) -> bool:
    return row.control_plane_id in planes or row.control_plane_group in planes


def _is_unplaced(row: ApiRequest) -> bool:
    return row.control_plane_id is None and row.control_plane_group is None


def _notes(failing: ApiRequests, rows: int, unplaced: int, ranking: Sequence[Any], top: int) -> Iterable[str]:
    if failing.truncated:
        yield (
            f"The server stopped at {len(failing.rows)} rows: these are the newest, not all. "
            "A shorter time range sees all of it."
        )
    if not failing.rows:
        yield "No failing request was seen: also check the region, the statuses and the time range."
    elif not rows and not unplaced:
        yield f"All {len(failing.rows)} failing requests belong to other control planes."
    if unplaced:
        yield (
            f"{unplaced} failing requests do not say which control plane they belong to: they are left out, "
            "and may belong here."
        )
    if len(ranking) > top:
        yield f"{len(ranking)} consumers failed; these are the first {top}."


async def _look(konnect: Konnect, key: CompositeId, time_range: str, max_results: int) -> _Seen:
    """One consumer's entity and its own failures; what cannot be seen of it is noted."""
    entity, exists, requests = None, None, None
    try:
        entity = await konnect.consumers.get(key.id, control_plane_id=key.control_plane_id or "")
        exists = True
    except NotFound:
        exists = False
    except KonnectError as error:
        missed(f"the consumer {key.id}", error)
    try:
        requests = await konnect.analytics.get_consumer_requests(
            str(key), time_range=time_range, failure_only=True, max_results=max_results
        )
    except KonnectError as error:
        missed(f"the requests of consumer {key.id}", error)
    return _Seen(entity, exists, requests)


async def _configurations(konnect: Konnect, keys: Sequence[CompositeId]) -> dict[str, _Configuration]:
    """Plugins and routes of the control planes the top consumers belong to, and of their group fellows.

    Each list is read once and fails alone: without plugins, routes still have names.
    """
    plane_ids = list(dict.fromkeys(key.control_plane_id for key in keys if key.control_plane_id))
    if not plane_ids:
        return {}
    async with step("group"):
        groups = await visible_memberships(konnect) or ()
    members = {plane_id: (plane_id, *_fellow_ids(groups, plane_id)) for plane_id in plane_ids}
    holders = list(dict.fromkeys(holder for each in members.values() for holder in each))
    names = {member.id: member.name for each in groups for member in each.members or ()}
    width = konnect.config.max_in_flight
    plugins: dict[str, Listing[Plugin]] = {}
    routes: dict[str, Listing[Route]] = {}

    async def read(wanted: tuple[str, str]) -> None:
        what, holder = wanted
        if what == "plugins":
            plugins[holder] = await konnect.plugins.list(holder)
        else:
            routes[holder] = await konnect.routes.list(holder)

    queue = [(what, holder) for holder in holders for what in ("plugins", "routes")]
    for (what, holder), failed in zip(queue, await fan_out("lists", queue, read, width=width), strict=True):
        if isinstance(failed, KonnectError):
            missed(what, failed, control_plane=Named(id=holder, name=names.get(holder)))
        elif not (plugins if what == "plugins" else routes)[holder].complete:
            truncated(what)
    return {
        plane_id: _configuration([*_all(plugins, own)], [*_all(routes, own)])
        for plane_id, own in members.items()
    }


def _fellow_ids(groups: Sequence[Membership], plane_id: str) -> list[str]:
    return [each.id for each in fellows(groups, plane_id) if each.id]


def _all(lists: Mapping[str, Listing[E]], holders: Iterable[str]) -> Iterator[E]:
    return (entity for holder in holders for entity in lists.get(holder, ()))


def _configuration(plugins: Sequence[Plugin], routes: Sequence[Route]) -> _Configuration:
    scoped = tuple(plugin for plugin in plugins if plugin.consumer)
    return _Configuration(PluginIndex(plugins), scoped, {route.id: route for route in routes if route.id})


def _view(key: CompositeId, counted: Counted, seen: _Seen, known: _Configuration) -> ConsumerFailures:
    counts = counted.counts()
    requests = seen.requests.rows if seen.requests else ()
    return ConsumerFailures(
        **counts,
        id=key.id,
        control_plane_id=key.control_plane_id,
        username=scrub(seen.entity.username) if seen.entity and seen.entity.username else None,
        custom_id=scrub(seen.entity.custom_id) if seen.entity and seen.entity.custom_id else None,
        exists=seen.exists,
        routes=tuple(_route_failures(route_id, n, known) for route_id, n in counts["by_route"].items()),
        requests=tuple(failed_request(row) for row in requests[:_SHOWN_REQUESTS]),
        request_count=len(requests) if seen.requests else None,
        request_count_is_minimum=bool(seen.requests and seen.requests.truncated),
        statistics=redact(seen.requests.summary) if seen.requests else {},
        plugins=_met(key, counted, known),
    )


def _route_failures(route_id: str, failures: int, known: _Configuration) -> RouteFailures:
    if route_id == "none":
        return RouteFailures(failures=failures)
    route = known.routes.get(route_id)
    return RouteFailures(id=route_id, name=scrub(route.label) if route else None, failures=failures)


def _met(key: CompositeId, counted: Counted, known: _Configuration) -> tuple[PluginView, ...]:
    """The consumer's own plugins and the authentication it meets on the routes where it fails."""
    met: dict[str, PluginView] = {}
    for route_id in dict.fromkeys(row.route_id.id for row in counted.rows if row.route_id):
        route = known.routes.get(route_id)
        if route is None:
            continue
        for entry in effective_plugins(known.plugins, route=route, consumer=key.id):
            if _AUTHENTICATION in entry.roles or "consumer" in entry.scope.split("+"):
                met.setdefault(entry.id, PluginView.running(entry))
    for plugin in known.scoped:
        if plugin.consumer and plugin.consumer.id == key.id and plugin.id not in met:
            because = "It is scoped to this consumer, and does not run on the routes where it fails."
            view = PluginView(
                id=plugin.id,
                name=scrub(plugin.name),
                enabled=plugin.enabled,
                scope="consumer",
                because=because,
            )
            met[plugin.id or plugin.name] = view
    return tuple(met.values())
