"""What a consumer meets on the routes where it fails: the plugins of the control planes involved.

1. The plugins and routes of each control plane and of the fellow members of its groups: they act as well.
2. What runs on those routes, in one order that is that of every route, and whether it can refuse. Of that:
   everything scoped to the consumer, and the authentication (which is rarely scoped to a consumer, fact
   sheet 11). 3. What is scoped to it and does not run there.
A route that cannot be seen, or no longer exists, is known by the ids in the row. Who is a member of a
consumer group cannot be asked for (fact sheet 2.1), so plugins of groups are only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import KonnectError
from konnect_agent.gateway import EffectivePlugin, EffectivePlugins, PluginIndex, effective_plugins
from konnect_agent.models import Plugin, Route
from konnect_agent.redaction import scrub
from patterns.attribution import ControlPlanes, folded
from patterns.coverage import Named, ask_each
from patterns.failures import NO_ROUTE, Counted
from patterns.groups import fellows, memberships, visible_memberships
from patterns.views import MetPlugin, PluginView
from patterns.workflow import missed, step, truncated

E = TypeVar("E")

_AUTHENTICATION = "client-authentication"
_REFUSING = frozenset(
    (_AUTHENTICATION, "authorization", "rate-limiting", "payload-size-limiting", "threat-protection")
)
_WATCHING = frozenset(("logging", "observability"))


@dataclass(frozen=True)
class Passage:
    """The ids of a route and of its service, as far as they are known."""

    route_id: str
    service_id: str | None = None

    @classmethod
    def of(cls, route: Route) -> Passage:
        """The way through a route."""
        return cls(folded(route.id or ""), folded(route.service.id) if route.service else None)


@dataclass(frozen=True)
class Surroundings:
    """What acts on requests to a control plane; `routes` by their id."""

    plugins: tuple[Plugin, ...] = ()
    routes: Mapping[str, Route] = field(default_factory=dict[str, Route])
    index: PluginIndex = field(default_factory=lambda: PluginIndex(()))

    def route(self, route_id: str) -> Route | None:
        """The route with that id, in either case."""
        return self.routes.get(folded(route_id))

    def met(self, consumer_id: str, passages: Iterable[Passage]) -> tuple[PluginView, ...]:
        """The consumer's own plugins and the authentication on those routes; then its plugins elsewhere."""
        met: dict[str, PluginView] = {}
        for _, ran in self._running(consumer_id, passages):
            for entry in ran:
                if _AUTHENTICATION in entry.roles or "consumer" in entry.scope.split("+"):
                    met.setdefault(entry.id, PluginView.running(entry))
        for plugin in self.plugins:
            if plugin.consumer and folded(plugin.consumer.id) == folded(consumer_id):
                met.setdefault(plugin.id or plugin.name, _unmet(plugin))
        return tuple(met.values())

    def in_order(self, consumer_id: str, passages: Iterable[Passage]) -> tuple[MetPlugin, ...]:
        """All that runs for the consumer on those routes, in execution order."""
        ways = list(self._running(consumer_id, passages))
        routes: dict[str, dict[str, None]] = {}
        for way, ran in ways:
            for entry in ran:
                routes.setdefault(_key(entry), {})[way.route_id] = None
        return tuple(
            MetPlugin(
                **dict(PluginView.running(entry)), refuses=_refuses(entry), routes=tuple(routes[_key(entry)])
            )
            for entry in _merged([ran for _, ran in ways])
        )

    def _running(
        self, consumer_id: str, passages: Iterable[Passage]
    ) -> Iterator[tuple[Passage, EffectivePlugins]]:
        for each in passages:
            route = self.route(each.route_id)
            service = None if route else each.service_id  # a route says itself
            yield (
                each,
                effective_plugins(
                    self.index, route=route or each.route_id, service=service, consumer=consumer_id
                ),
            )


async def surroundings(
    konnect: Konnect, plane_ids: Sequence[str], known: ControlPlanes, *, listed: bool
) -> dict[str, Surroundings]:
    """Plugins and routes of these control planes and of their group fellows, by control plane id.

    Each list is read once and fails alone: without plugins, routes still have names. `listed` says that the
    `known` control planes are all that are visible.
    """
    if not plane_ids:
        return {}
    async with step("group"):
        if listed:
            groups = await memberships(konnect, known.entities)
        else:
            groups = await visible_memberships(konnect) or ()
    members = {
        plane_id: (plane_id, *(each.id for each in fellows(groups, plane_id) if each.id))
        for plane_id in plane_ids
    }
    together = (*known.entities, *(member for each in groups for member in each.members or ()))
    names = {plane.id: plane.name for plane in together}
    plugins: dict[str, Listing[Plugin]] = {}
    routes: dict[str, Listing[Route]] = {}

    async def read(wanted: tuple[str, str]) -> None:
        what, holder = wanted
        if what == "plugins":
            plugins[holder] = await konnect.plugins.list(holder)
        else:
            routes[holder] = await konnect.routes.list(holder)

    holders = dict.fromkeys(holder for each in members.values() for holder in each)
    queue = [(what, holder) for holder in holders for what in ("plugins", "routes")]
    answers = await ask_each(konnect, "lists", queue, read)
    for (what, holder), failed in zip(queue, answers, strict=True):
        if isinstance(failed, KonnectError):
            missed(what, failed, control_plane=Named(id=holder, name=names.get(holder)))
        elif not (plugins if what == "plugins" else routes)[holder].complete:
            truncated(what)
    return {
        plane_id: _surroundings(tuple(_all(plugins, own)), _all(routes, own))
        for plane_id, own in members.items()
    }


def passages(failures: Iterable[Counted]) -> tuple[Passage, ...]:
    """The ways that requests took, each once; of those that only the server counted, the routes are known."""
    listed = tuple(failures)
    rows = (row for counted in listed for row in counted.rows)
    seen = dict.fromkeys(Passage(row.route_id, row.service_id) for row in rows if row.route_id)
    known = {way.route_id for way in seen}
    counted = dict.fromkeys(route_id for each in listed for route_id in each.counts()["by_route"])
    return (*seen, *(Passage(each) for each in counted if each not in known and each != NO_ROUTE))


def doubts_about_groups(plugins: Iterable[Plugin], ways: Iterable[Passage]) -> Iterator[str]:
    """A sentence about the plugins of consumer groups on those ways, when there are any."""
    listed = tuple(ways)
    of_groups = (plugin for plugin in plugins if plugin.enabled and plugin.consumer_group)
    names = {scrub(each.name) for each in of_groups if any(_acts_on(each, way) for way in listed)}
    if names:
        yield (
            f"Consumer groups have their own {', '.join(sorted(names))} here: who is a member cannot be "
            "asked for, so what runs for members alone is left out."
        )


def _merged(ways: Iterable[Iterable[EffectivePlugin]]) -> Iterator[EffectivePlugin]:
    """Every plugin once, in the order of every way; of those that never meet, larger priorities first.

    Where an `ordering` makes two ways disagree, the one that came first decides.
    """
    entries: dict[str, EffectivePlugin] = {}
    before: dict[str, set[str]] = {}
    for way in ways:
        earlier: str | None = None
        for entry in way:
            key = _key(entry)
            entries.setdefault(key, entry)
            before.setdefault(key, set()).update({earlier} if earlier is not None else ())
            earlier = key
    while entries:
        free = [entry for key, entry in entries.items() if not before[key] & entries.keys()]
        chosen = max(free or list(entries.values())[:1], key=lambda entry: entry.priority or 0)
        yield entries.pop(_key(chosen))


def _key(entry: EffectivePlugin) -> str:
    return entry.id or f"{entry.name} of {entry.scope}"


def _refuses(entry: EffectivePlugin) -> bool | None:
    if entry.name == "request-termination" or entry.roles & _REFUSING:
        return True
    return False if entry.roles and entry.roles <= _WATCHING else None


def _acts_on(plugin: Plugin, way: Passage) -> bool:
    on_route = plugin.route is None or folded(plugin.route.id) == way.route_id
    return on_route and (plugin.service is None or folded(plugin.service.id) == way.service_id)


def _all(lists: Mapping[str, Listing[E]], holders: Iterable[str]) -> Iterator[E]:
    return (entity for holder in holders for entity in lists.get(holder, ()))


def _surroundings(plugins: tuple[Plugin, ...], routes: Iterable[Route]) -> Surroundings:
    by_id = {folded(route.id): route for route in routes if route.id}
    return Surroundings(plugins, by_id, PluginIndex(plugins))


def _unmet(plugin: Plugin) -> PluginView:
    """A plugin of the consumer that does not run where it fails."""
    reason = "does not run on the routes where it fails" if plugin.enabled else "is disabled"
    parts = [part for part in ("consumer", "route", "service") if getattr(plugin, part)]
    return PluginView(
        id=plugin.id,
        name=scrub(plugin.name),
        enabled=plugin.enabled,
        scope="+".join(parts),
        because=f"It is scoped to this consumer, and {reason}.",
    )
