"""Who can get in: what the authentication plugins of a route demand together (fact sheet 8.4, documented).

`config.anonymous` unset on all: every one must succeed. Set on all: one suffices, and on failure the request
goes through as the anonymous consumer, unless something stops that consumer, usually request-termination
scoped to it. Mixed: not a supported setup. Conditions on all the plugins that keep callers out leave the
answer open, one without is enough; so does a plugin that Kong does not document. What may stop the anonymous
consumer leaves it open as well (inferred): an authorization plugin, whose groups or policies are not looked
at here; a configuration for a consumer group, since nothing tells who is a member; and whatever is scoped to
a consumer, while the name of the anonymous one cannot be resolved.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from konnect_agent.gateway.catalogue import catalogue
from konnect_agent.gateway.effective import AUTHENTICATION, PluginIndex, effective_plugins
from konnect_agent.gateway.effective_plugin import EffectivePlugin, EffectivePlugins, listed
from konnect_agent.gateway.entities import read_identity, read_plugin
from konnect_agent.ids import is_id

AuthenticationKind: TypeAlias = Literal["required", "any", "anonymous", "mixed", "none"]

_STOPS = "request-termination"
_AUTHORIZES = "authorization"
_BY_ADDRESS = "ip-restriction"  # treats the anonymous consumer like every other


@dataclass(frozen=True, slots=True)
class Authentication:
    """The answer. `protected` is None where the configuration leaves it open; `because` says why.

    "required": all `plugins` must succeed. "any": one of them, and the anonymous consumer is stopped.
    "anonymous": whoever fails goes through. "mixed": some fall back and some do not. "none": no plugin.
    """

    kind: AuthenticationKind
    protected: bool | None
    plugins: tuple[EffectivePlugin, ...]
    anonymous: tuple[str, ...]
    stopped_by: tuple[EffectivePlugin, ...]
    because: str


def authentication(
    plugins: Iterable[object] | PluginIndex,
    *,
    route: object | None = None,
    service: object | None = None,
    consumers: Iterable[object] = (),
    stream: bool | None = None,
) -> Authentication:
    """What it takes to get through to `service` by `route`.

    `plugins` are all configurations of the control plane, since the one that stops the anonymous consumer is
    scoped to that consumer. `consumers` resolves an anonymous consumer given by name; without, what stops
    some consumer may stop that one.
    """
    index = plugins if isinstance(plugins, PluginIndex) else PluginIndex(plugins)
    running = effective_plugins(index, route=route, service=service, stream=stream)
    demanding = tuple(plugin for plugin in running if AUTHENTICATION in plugin.roles)
    unknown = [plugin.name for plugin in running if not plugin.known]
    stops_all = _stop_for_all(running, index)
    if not demanding:
        because = "no authentication plugin runs here: anyone gets in"
        if stops_all is not None:
            because = f"no authentication plugin runs here, but {_stopping(stops_all)}"
        elif unknown:
            because += f", unless {', '.join(unknown)} (unknown to Kong's documentation) authenticates"
        return Authentication("none", None if unknown else False, (), (), (), because)
    fallbacks = [_anonymous(plugin) for plugin in demanding]
    anonymous = tuple(dict.fromkeys(name for name in fallbacks if name))
    names = [plugin.name for plugin in demanding]
    sometimes = [plugin.name for plugin in demanding if plugin.conditional]
    if len(sometimes) < len(names):
        sometimes = []  # one that no condition skips stops every request that cannot pass it
    if not anonymous:
        because = f"{listed(names)} must succeed; otherwise the gateway answers 401"
        if len(names) > 1:
            because += ". The last one sets the identity"
        if stops_all is not None:
            because += f". Even then {_stopping(stops_all)}"
        return _answer(Authentication("required", True, demanding, (), (), because), sometimes)
    if not all(fallbacks):
        because = (
            f"some of {listed(names)} fall back to an anonymous consumer and some do not, "
            "which Kong does not support"
        )
        return Authentication("mixed", None, demanding, anonymous, (), because)
    stops: list[EffectivePlugin] = []
    resolved = dict(map(read_identity, consumers))
    for name in anonymous:
        id_ = next((id_ for id_, known in resolved.items() if known == name), name)

        def met(*groups: str, consumer: str = id_) -> EffectivePlugins:
            return effective_plugins(
                index, route=route, service=service, consumer=consumer, consumer_groups=groups, stream=stream
            )

        stop = _stop(met())
        doubts = sorted({*_by_authorization(stop, met()), *_by_groups(stop, index, met)})
        if not (id_ in resolved or is_id(id_) or id_ in index.by_consumer):
            doubts += sorted(set(_by_name(index, resolved, lambda each: met(consumer=each))))
        if stop is None or doubts:
            because = f"whoever fails at {listed(names)} goes through as the anonymous consumer {name}"
            because += f", unless {listed(doubts)} stops it" if doubts else ": nothing stops that consumer"
            protected = None if doubts else False
            return Authentication("anonymous", protected, demanding, anonymous, tuple(stops), because)
        stops.append(stop)
    because = f"one of {listed(names)} must succeed: the anonymous consumer is stopped by {stops[0].name}"
    if stops_all is not None:
        because = f"one of {listed(names)} must succeed, and even then {_stopping(stops_all)}"
    conditional = sometimes + [stop.name for stop in stops if stop.conditional]
    firm = Authentication("any", True, demanding, anonymous, tuple(stops), because)
    return _answer(firm, conditional)


def _answer(firm: Authentication, conditional: list[str]) -> Authentication:
    """`firm`, or the same left open when plugins it rests on are skipped for some requests."""
    if not conditional:
        return firm
    because = f"{firm.because}. {listed(conditional)} has a condition, so this holds for some requests only"
    return replace(firm, protected=None, because=because)


def _anonymous(plugin: EffectivePlugin) -> str:
    found = read_plugin(plugin.plugin).config.get("anonymous")
    return "" if found is None else str(found)


def _stop(met: EffectivePlugins) -> EffectivePlugin | None:
    """What ends every request of these plugins; with a `trigger` it ends only those that carry it."""
    return next(
        (p for p in met if p.name == _STOPS and not read_plugin(p.plugin).config.get("trigger")), None
    )


def _stop_for_all(running: EffectivePlugins, index: PluginIndex) -> EffectivePlugin | None:
    """What ends every request for certain, whoever sends it: no consumer and no group has one of its own."""
    stop = _stop(running)
    own = (*index.by_consumer.values(), *index.by_group.values())
    return None if stop is None or stop.conditional or any(_STOPS in names for names in own) else stop


def _stopping(stop: EffectivePlugin) -> str:
    """What a stop that asks for no consumer does to whoever comes."""
    return f"{stop.name} answers every request: nobody gets through to the service"


def _may_stop(plugin: EffectivePlugin) -> bool:
    """Whether a plugin might turn the anonymous consumer away, for all that is known."""
    if not plugin.known:
        return True
    about_consumers = plugin.name != _BY_ADDRESS or "consumer" in plugin.scope
    return _AUTHORIZES in plugin.roles and about_consumers


def _concerns(name: str) -> bool:
    """Whether a configuration of plugin `name`, scoped to a consumer or group, may stop the anonymous one."""
    facts = catalogue().get(name)
    return name == _STOPS or not facts.known or _AUTHORIZES in facts.roles


def _by_authorization(stop: EffectivePlugin | None, met: EffectivePlugins) -> Iterator[str]:
    """What may turn a consumer away that nothing stops for certain."""
    return (plugin.name for plugin in met if stop is None and _may_stop(plugin))


def _by_groups(
    stop: EffectivePlugin | None, index: PluginIndex, met: Callable[[str], EffectivePlugins]
) -> Iterator[str]:
    """What makes it matter whether the anonymous consumer is in a group: nothing tells who is a member."""
    for group, names in index.by_group.items():
        if not any(map(_concerns, names)):
            continue
        as_member = met(group)
        if (_stop(as_member) is None) != (stop is None):
            yield f"{_STOPS} for a consumer group"
        elif stop is None:
            own = (plugin for plugin in as_member if "consumer_group" in plugin.scope)
            yield from (f"{plugin.name} for a consumer group" for plugin in own if _may_stop(plugin))


def _by_name(
    index: PluginIndex, known: Container[str], met: Callable[[str], EffectivePlugins]
) -> Iterator[str]:
    """What is scoped to a consumer nobody has named: the anonymous one, of whom only a name is known, may be
    that consumer.
    """
    for consumer, names in index.by_consumer.items():
        if consumer not in known and any(map(_concerns, names)):
            own = (plugin.name for plugin in met(consumer) if "consumer" in plugin.scope.split("+"))
            yield from (f"{name} (scoped to a consumer that may be it)" for name in own if _concerns(name))
