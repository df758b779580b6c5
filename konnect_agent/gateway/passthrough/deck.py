"""decK's file: services with their routes, and the plugin beside them, scoped by name (fact sheet 10.4).

With tags the file says `select_tags`, so that a sync touches nothing else.
"""

from __future__ import annotations

from typing import Any

from konnect_agent.gateway.passthrough.bodies import plugin_body, route_body, service_body
from konnect_agent.gateway.passthrough.description import Passthrough
from konnect_agent.gateway.passthrough.notation import to_yaml


def file(description: Passthrough, *, control_plane: str | None = None) -> str:
    """The file, for the control plane of that name if one is given."""
    plugin = plugin_body(description)
    scope = {"service": description.service, "route": description.route}.get(description.scope)
    held: dict[str, Any] = {"name": plugin["name"]}
    if scope is not None:
        held[description.scope] = scope
    held["config"] = plugin["config"]
    if description.tags:
        held["tags"] = plugin["tags"]
    document: dict[str, Any] = {"_format_version": "3.0"}
    if control_plane is not None:
        document["_konnect"] = {"control_plane_name": control_plane}
    if description.tags:
        document["_info"] = {"select_tags": list(description.tags)}
    if not description.alone:
        document["services"] = [{**service_body(description), "routes": [route_body(description)]}]
    document["plugins"] = [held]
    return to_yaml([document])
