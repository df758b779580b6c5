"""Which plugin configurations run for a request, in which order, and why (fact sheet 8.1 and 8.2).

1. Configurations of the other subsystem and disabled ones are put aside: a disabled one protects nothing and
   shadows nothing, the next less specific one runs.
2. For each plugin name the first of twelve scope levels that has a configuration wins, whole: configurations
   are not merged. The losers are reported with the winner.
3. Winners are put in the order of the access phase.
Consumer and group levels count only when the caller names a consumer or groups, that is, after
authentication; a plugin that runs before every authentication plugin cannot see them [documented].
In the phases `certificate` and `rewrite` the global configuration runs, whichever won [documented].
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from konnect_agent.gateway.catalogue import catalogue
from konnect_agent.gateway.effective_plugin import (
    SCOPES,
    EffectivePlugin,
    EffectivePlugins,
    IdlePlugin,
    listed,
    said,
)
from konnect_agent.gateway.entities import (
    STREAM_PROTOCOLS,
    PluginRecord,
    read_identity,
    read_plugin,
    read_route_scope,
)
from konnect_agent.gateway.ordering import access_order, static_key

AUTHENTICATION = "client-authentication"

_GLOBAL_PHASES = ("certificate", "rewrite")  # before a route is known, so only global plugins run there

_Key: TypeAlias = tuple[str | None, ...]  # ids of route, service, consumer, consumer group


class PluginIndex:
    """Plugins filed by scope: built once, asked for many routes."""

    def __init__(self, plugins: Iterable[object]) -> None:
        self._by_scope: dict[_Key, list[PluginRecord]] = {}
        self._answers: dict[object, EffectivePlugin] = {}
        self._reordered = False
        for record in map(read_plugin, plugins):
            self._reordered |= record.enabled and bool(record.ordering)
            key = (record.route_id, record.service_id, record.consumer_id, record.consumer_group_id)
            self._by_scope.setdefault(key, []).append(record)
        for records in self._by_scope.values():
            records.sort(key=lambda record: record.id)

    def applicable(
        self,
        *,
        route: str | None,
        service: str | None,
        consumer: str | None,
        consumer_groups: Sequence[str],
    ) -> Iterator[tuple[str, PluginRecord]]:
        """Every configuration whose scope fits, most specific first, with the name of its level."""
        for scope in SCOPES:
            parts = scope.split("+")
            for group in consumer_groups if "consumer_group" in parts else (None,):
                ids = {"route": route, "service": service, "consumer": consumer, "consumer_group": group}
                key = tuple(ids[part] if part in parts else None for part in ids)
                if scope == "global" or all(ids[part] for part in parts):
                    for record in self._by_scope.get(key, ()):
                        yield scope, record

    def effective(
        self, pairs: Sequence[tuple[str, PluginRecord]], *, moved: bool, unauthenticated: bool
    ) -> EffectivePlugin:
        """The first of `pairs` as the winner over the others. Equal answers are one object."""
        key = (tuple((scope, id(record)) for scope, record in pairs), moved, unauthenticated)
        found = self._answers.get(key)
        if found is None:
            caveats = _caveats(pairs, moved=moved, unauthenticated=unauthenticated, reordered=self._reordered)
            found = self._answers[key] = _effective(pairs, moved=moved, caveats=tuple(caveats))
        return found


def effective_plugins(
    plugins: Iterable[object] | PluginIndex,
    *,
    route: object | None = None,
    service: object | None = None,
    consumer: object | None = None,
    consumer_groups: Iterable[object] = (),
    stream: bool | None = None,
) -> EffectivePlugins:
    """The plugins that run for requests of this route, service, consumer and groups, in execution order.

    Entities are models, mappings or ids; without `service`, the one the route refers to is taken. Name a
    consumer for requests it has authenticated for. `stream` is taken from the route if not given. Pass a
    `PluginIndex` when asking for many routes.
    """
    index = plugins if isinstance(plugins, PluginIndex) else PluginIndex(plugins)
    route_id = None if route is None else read_identity(route)[0]
    service_id = None if service is None else read_identity(service)[0]
    if route is not None and not isinstance(route, str):
        referred, streams = read_route_scope(route)
        service_id = service_id or referred
        stream = streams if stream is None else stream
    groups = sorted(map(read_identity, consumer_groups), key=lambda identity: identity[1] or identity[0])
    found = list(
        index.applicable(
            route=route_id,
            service=service_id,
            consumer=None if consumer is None else read_identity(consumer)[0],
            consumer_groups=[identity for identity, _ in groups],
        )
    )
    return _select(index, [pair for pair in found if _speaks(pair[1], stream=bool(stream))])


def _speaks(record: PluginRecord, *, stream: bool) -> bool:
    """Whether the configuration is for this subsystem; without `protocols` it is for HTTP."""
    if not record.protocols:
        return not stream
    return any((protocol in STREAM_PROTOCOLS) == stream for protocol in record.protocols)


def _select(index: PluginIndex, found: Sequence[tuple[str, PluginRecord]]) -> EffectivePlugins:
    enabled: dict[str, list[tuple[str, PluginRecord]]] = {}
    disabled: list[IdlePlugin] = []
    for scope, record in found:
        if record.enabled:
            enabled.setdefault(record.name, []).append((scope, record))
        else:
            disabled.append(_idle(scope, record, "it is disabled, so the next less specific one runs"))
    shadowed: list[IdlePlugin] = []
    if any("consumer" in scope for scope, _ in found):
        shadowed.extend(_without_early_consumers(enabled))
    chosen = {name: pairs for name, pairs in enabled.items() if pairs}
    for pairs in chosen.values():
        scope = pairs[0][0]
        shadowed.extend(_loser(scope, loser_scope, record) for loser_scope, record in pairs[1:])
    static = _static_order(chosen)
    ordered = access_order(static)
    before = {record.name: place for place, record in enumerate(static)}
    unauthenticated = not any(_authenticates(name) for name in chosen)
    winners = tuple(
        index.effective(
            chosen[record.name],
            moved=before[record.name] != place,
            unauthenticated=unauthenticated,
        )
        for place, record in enumerate(ordered)
    )
    return EffectivePlugins(winners, tuple(shadowed), tuple(disabled))


def _authenticates(name: str) -> bool:
    return AUTHENTICATION in catalogue().get(name).roles


def _without_early_consumers(enabled: dict[str, list[tuple[str, PluginRecord]]]) -> Iterator[IdlePlugin]:
    """Take out configurations scoped to consumers or groups that would run before a consumer is known.

    Without such a configuration a plugin may have another ordering, or none, so the order is looked at again.
    """
    while True:
        blind = [
            name
            for name in _blind_to_consumers(enabled)
            if any("consumer" in scope for scope, _ in enabled[name])
        ]
        if not blind:
            return
        for name in blind:
            because = f"{name} runs before every authentication plugin, when no consumer is known yet"
            for scope, record in enabled[name]:
                if "consumer" in scope:
                    yield _idle(scope, record, because)
            enabled[name] = [pair for pair in enabled[name] if "consumer" not in pair[0]]


def _blind_to_consumers(enabled: Mapping[str, Sequence[tuple[str, PluginRecord]]]) -> list[str]:
    """Known plugins that run before the first authentication plugin, if there is one and nothing custom."""
    order = [record.name for record in access_order(_static_order(enabled))]
    first = next((place for place, name in enumerate(order) if _authenticates(name)), None)
    if first is None or any(catalogue().get(name).priority is None for name in order):
        return []
    return order[:first]


def _static_order(enabled: Mapping[str, Sequence[tuple[str, PluginRecord]]]) -> list[PluginRecord]:
    """The winner of every name that has one, by static priority."""
    return [enabled[name][0][1] for name in sorted(enabled, key=static_key) if enabled[name]]


def _caveats(
    pairs: Sequence[tuple[str, PluginRecord]], *, moved: bool, unauthenticated: bool, reordered: bool
) -> Iterator[str]:
    scope, record = pairs[0]
    if not catalogue().get(record.name).known:
        yield "The plugin is not one Kong documents: custom or a clone, its effect is unknown"
    if record.condition is not None:
        yield "It has a condition and is skipped for requests that do not meet it"
    if moved:
        yield "Its place in the access phase was changed by an ordering"
    if "consumer" in scope and unauthenticated:
        yield "No authentication plugin runs here, so the gateway would not learn the consumer"
    if "consumer" in scope and reordered:
        yield "A plugin has an ordering, and gateways before 3.14 then run no plugin scoped to consumers"
    if [other for other, _ in pairs].count(scope) > 1:
        yield "Another configuration has the same scope, so which one runs is not guaranteed"


def _effective(
    pairs: Sequence[tuple[str, PluginRecord]], *, moved: bool, caveats: tuple[str, ...]
) -> EffectivePlugin:
    scope, record = pairs[0]
    facts = catalogue().get(record.name)
    phases = facts.phases
    if phases is not None and scope != "global":
        phases = tuple(phase for phase in phases if phase not in _GLOBAL_PHASES)
    return EffectivePlugin(
        plugin=record.origin,
        id=record.id,
        name=record.name,
        scope=scope,
        known=facts.known,
        priority=facts.priority,
        roles=facts.roles,
        phases=phases,
        condition=record.condition,
        moved=moved,
        beat=tuple(loser.origin for _, loser in pairs[1:]),
        beaten_scopes=tuple(loser_scope for loser_scope, _ in pairs[1:]),
        caveats=caveats,
    )


def _idle(scope: str, record: PluginRecord, because: str, phases: tuple[str, ...] | None = ()) -> IdlePlugin:
    return IdlePlugin(record.origin, record.id, record.name, scope, because, phases)


def _loser(winner: str, scope: str, record: PluginRecord) -> IdlePlugin:
    """A configuration that lost to one scoped to `winner`."""
    because, phases = _lost(winner, scope, record.name)
    return _idle(scope, record, because, phases)


@lru_cache(maxsize=1024)  # names are a customer's: not kept without end
def _lost(winner: str, scope: str, name: str) -> tuple[str, tuple[str, ...] | None]:
    """Why a configuration of plugin `name` lost, and the phases in which it runs all the same."""
    if scope == winner:
        return f"another configuration is scoped to {said(scope)} as well", ()
    because = f"a configuration scoped to {said(winner)} runs instead of this one for {said(scope)}"
    if scope != "global":
        return because, ()
    known = catalogue().get(name).phases
    if known is None:
        return f"{because}; should the plugin have a certificate or rewrite phase, that runs this one", None
    phases = tuple(phase for phase in known if phase in _GLOBAL_PHASES)
    if phases:
        because += f", except in the phase {listed(phases)}, which runs global configurations"
    return because, phases
