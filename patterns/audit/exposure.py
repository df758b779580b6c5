"""What stands between a request and a service: every served HTTP route with the plugins that run on it.

Which plugins run, and what authentication they add up to, is `konnect_agent.gateway`'s to say. Routes of
disabled services are not served (documented), and stream routes have no HTTP authentication.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from konnect_agent.gateway import (
    Authentication,
    EffectivePlugins,
    PluginIndex,
    authentication,
    effective_plugins,
)
from konnect_agent.models import Consumer, Plugin, Route, Service
from patterns.coverage import Named

_STREAMS = frozenset({"tcp", "udp", "tls", "tls_passthrough"})
_ANSWERS_ITSELF = frozenset({"request-termination", "redirect"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """One served HTTP route where it is deployed: alone (`group` is None) or as part of a group."""

    route: Route
    service: Service | None
    group: Named | None
    plugins: EffectivePlugins
    authentication: Authentication

    @property
    def reaches_service(self) -> bool:
        """Whether requests get through to a service, as opposed to a plugin answering every one of them."""
        return self.route.service is not None and not self.answered_before

    @property
    def answered_before(self) -> bool:
        """Whether a plugin answers every request, so that nothing behind it is reached."""
        return any(
            plugin.name in _ANSWERS_ITSELF and not plugin.conditional and not _triggered(plugin.plugin)
            for plugin in self.plugins
        )

    @property
    def where(self) -> str:
        """` in the group NAME` for a sentence, empty for a control plane by itself."""
        return f" in the group {self.group.name or self.group.id}" if self.group else ""

    def running(self, role: str) -> list[str]:
        """Names of the plugins with that role (see `konnect_agent.gateway.catalogue`) that run here."""
        return [plugin.name for plugin in self.plugins if role in plugin.roles]


def expose(
    served: Iterable[tuple[Route, Service | None]],
    *,
    plugins: PluginIndex,
    consumers: Iterable[Consumer],
    group: Named | None,
) -> Iterator[Exposure]:
    """The exposures of routes, each with its service, in one deployment."""
    known = tuple(consumers)
    for route, service in served:
        if (service is not None and not service.enabled) or _STREAMS & set(route.protocols):
            continue
        running = effective_plugins(plugins, route=route)
        entry = authentication(plugins, route=route, consumers=known)
        yield Exposure(route, service, group, running, entry)


def _triggered(plugin: object) -> bool:
    """Whether a plugin acts only on requests that carry something (request-termination's `trigger`)."""
    return isinstance(plugin, Plugin) and bool(plugin.config.get("trigger"))
