"""The MCP endpoints of a control plane: what its rules judge, and what the audit's result names.

A route is one where `ai-mcp-proxy` runs in a mode that listens, and something behind it is reached; in a mode
that cannot be told it may be one. A `listener` answers by itself: it needs no service (documented).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from konnect_agent.gateway import MCP_PROXY, McpProxy, mcp_proxy
from patterns.audit.exposure import Exposure
from patterns.audit.finding import EntityName
from patterns.audit.snapshot import ListName, Snapshot
from patterns.coverage import Named
from patterns.mcp_endpoint import McpEndpoint

_NEEDED: tuple[ListName, ...] = ("services", "routes", "plugins")
_NEED_A_SERVICE = frozenset({"passthrough-listener", "conversion-listener"})


@dataclass(frozen=True, slots=True)
class AuditedMcpEndpoint:
    """A route that is, or may be, an MCP endpoint; `group` is the one it is deployed in, if any."""

    control_plane: Named
    group: Named | None
    route: EntityName
    endpoint: McpEndpoint


def mcp_routes(at: Snapshot) -> Iterator[tuple[Exposure, McpProxy]]:
    """The served routes that MCP clients can talk to, or may be able to."""
    for exposure in at.exposures:
        proxy = mcp_proxy(exposure.plugins)
        if proxy is None or proxy.is_endpoint is False or exposure.answered_before:
            continue
        if exposure.reaches_service or proxy.mode not in _NEED_A_SERVICE:
            yield exposure, proxy


def inventory(at: Snapshot) -> tuple[AuditedMcpEndpoint, ...]:
    """The MCP endpoints of a control plane; none where a list that tells of them was not seen."""
    if not all(map(at.saw, _NEEDED)) or not _is_anywhere(at):
        return ()
    whole = at.saw_whole("plugins") and at.saw_fellows("plugins") and not at.unclear
    alike: dict[object, McpEndpoint] = {}  # of a global one there are as many as routes
    found: list[AuditedMcpEndpoint] = []
    for exposure, proxy in mcp_routes(at):
        made = McpEndpoint.of(proxy, exposure.authentication if whole else None)
        route = EntityName.of(exposure.route)
        found.append(AuditedMcpEndpoint(at.name, exposure.group, route, alike.setdefault(made, made)))
    return tuple(found)


def _is_anywhere(at: Snapshot) -> bool:
    fellows = (plugin for group in at.groups for each in group.plugins.values() for plugin in each)
    return any(plugin.name == MCP_PROXY for plugins in (at.plugins, fellows) for plugin in plugins)
