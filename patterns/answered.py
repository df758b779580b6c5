"""What runs on a request that the gateway answers itself as soon as its route is known.

The check of a route's `protocols` comes before the access phase (fact sheet 7.4, documented by source): in it
no plugin acts, so nobody authenticates and nothing is limited. Global configurations take part in the phases
before it (certificate, rewrite: fact sheet 8.1), and in those after it, as for a request without a route
(inferred). In which phases a plugin takes part is not known of all; what logs or observes does so after it.
"""

from __future__ import annotations

from konnect_agent.gateway import EffectivePlugin, EffectivePlugins, Match, effective_plugins
from konnect_agent.gateway.effective import PluginIndex
from patterns.views import PluginView

_AFTERWARDS = frozenset({"logging", "observability"})


def is_answered(match: Match) -> bool:
    """Whether the gateway answers before any plugin of the route could."""
    return match.outcome not in ("proxied", "no_service")


def runs_anyway(
    index: PluginIndex, usual: EffectivePlugins
) -> tuple[tuple[PluginView, ...], tuple[PluginView, ...]]:
    """What runs on an answered request, and what of the `usual` plugins does not."""
    everywhere = effective_plugins(index)
    anyway = {entry.id: phases for entry in everywhere if (phases := _phases(entry))}
    running = (
        _with(entry, f"The gateway answers by itself: it takes part in {anyway[entry.id]} only.")
        for entry in everywhere
        if entry.id in anyway
    )
    idle = (_with(entry, _idle(entry)) for entry in usual if entry.id not in anyway)
    return tuple(running), tuple(idle)


def _phases(entry: EffectivePlugin) -> str:
    """The phases outside of access; empty for none that is known."""
    if entry.phases is None:
        return "the log phase, as far as is known," if entry.roles & _AFTERWARDS else ""
    return ", ".join(phase for phase in entry.phases if phase != "access")


def _idle(entry: EffectivePlugin) -> str:
    said = "The gateway answers by itself, before the access phase."
    unknown = entry.scope == "global" and entry.phases is None
    return f"{said} Whether it takes part in another phase is not known." if unknown else said


def _with(entry: EffectivePlugin, because: str) -> PluginView:
    return PluginView.running(entry).model_copy(update={"because": because})
