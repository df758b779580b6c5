"""Who can get in: what the authentication plugins of a route demand together (fact sheet 8.4, documented).

`config.anonymous` unset on all: every one must succeed. Set on all: one suffices, and on failure the request
goes through as the anonymous consumer, unless something stops that consumer, usually request-termination
scoped to it. Mixed: not a supported setup. A plugin with a condition, or one that Kong does not document,
leaves the answer open, and so does an authorization plugin met by the anonymous consumer: it may turn that
consumer away, by groups or policies that are not looked at here (inferred).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from konnect_agent.gateway.effective import AUTHENTICATION, PluginIndex, effective_plugins
from konnect_agent.gateway.effective_plugin import EffectivePlugin, EffectivePlugins, listed
from konnect_agent.gateway.entities import read_identity, read_plugin

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
    scoped to that consumer. `consumers` resolves an anonymous consumer given by name.
    """
    index = plugins if isinstance(plugins, PluginIndex) else PluginIndex(plugins)
    running = effective_plugins(index, route=route, service=service, stream=stream)
    demanding = tuple(plugin for plugin in running if AUTHENTICATION in plugin.roles)
    unknown = [plugin.name for plugin in running if not plugin.known]
    if not demanding:
        because = "no authentication plugin runs here: anyone gets in"
        if unknown:
            because += f", unless {', '.join(unknown)} (unknown to Kong's documentation) authenticates"
        return Authentication("none", None if unknown else False, (), (), (), because)
    fallbacks = [_anonymous(plugin) for plugin in demanding]
    anonymous = tuple(dict.fromkeys(name for name in fallbacks if name))
    names = [plugin.name for plugin in demanding]
    sometimes = [plugin.name for plugin in demanding if plugin.conditional]
    if not anonymous:
        because = f"{listed(names)} must succeed; otherwise the gateway answers 401"
        if len(names) > 1:
            because += ". The last one sets the identity"
        return _answer(Authentication("required", True, demanding, (), (), because), sometimes)
    if not all(fallbacks):
        because = (
            f"some of {listed(names)} fall back to an anonymous consumer and some do not, "
            "which Kong does not support"
        )
        return Authentication("mixed", None, demanding, anonymous, (), because)
    ids = _ids(consumers)
    stops: list[EffectivePlugin] = []
    for name in anonymous:
        met = effective_plugins(
            index, route=route, service=service, consumer=ids.get(name, name), stream=stream
        )
        stop = _stop(met)
        if stop is None:
            because = f"whoever fails at {listed(names)} goes through as the anonymous consumer {name}"
            doubts = [plugin.name for plugin in met if _may_stop(plugin)]
            because += f", unless {listed(doubts)} stops it" if doubts else ": nothing stops that consumer"
            protected = None if doubts else False
            return Authentication("anonymous", protected, demanding, anonymous, tuple(stops), because)
        stops.append(stop)
    because = f"one of {listed(names)} must succeed: the anonymous consumer is stopped by {stops[0].name}"
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
    stops = (plugin for plugin in met if plugin.name == _STOPS)
    return next((stop for stop in stops if not read_plugin(stop.plugin).config.get("trigger")), None)


def _may_stop(plugin: EffectivePlugin) -> bool:
    """Whether a plugin might turn the anonymous consumer away, for all that is known."""
    if not plugin.known:
        return True
    about_consumers = plugin.name != _BY_ADDRESS or "consumer" in plugin.scope
    return _AUTHORIZES in plugin.roles and about_consumers


def _ids(consumers: Iterable[object]) -> dict[str, str]:
    return {name: identity for identity, name in map(read_identity, consumers) if name}
