"""Resources of Kong's Terraform provider for Konnect (fact sheet 10.4, documented).

The provider takes its token from the environment variable KONNECT_TOKEN; nothing here holds one. What the
configuration does not create is a variable: the control plane, and the service or route of a plugin alone.
Resources are called after the entities, the plugin after the one it is scoped to: several MCP servers fit
into a module, where `terraform`, `provider` and a variable stand once (which Terraform says itself).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from konnect_agent.gateway.passthrough.bodies import plugin_body, route_body
from konnect_agent.gateway.passthrough.description import Passthrough, split_upstream, upstream_port
from konnect_agent.gateway.passthrough.notation import Expression, to_hcl

_PROVIDERS = """\
terraform {
  required_providers {
    konnect = {
      source = "kong/konnect"
    }
  }
}"""


def file(description: Passthrough, *, region: str, control_plane_id: str | None) -> str:
    """The configuration for a control plane of a region, by its id or by a variable."""
    variables: list[str] = [] if control_plane_id else ["control_plane_id"]
    plane = control_plane_id or Expression("var.control_plane_id")
    plugin = plugin_body(description)
    scope: dict[str, Any] = {}
    label = "mcp_proxy"
    if description.scope != "global":
        name = {"service": description.service, "route": description.route}[description.scope]
        label = f"{description.scope}_{name}"
        variable = f"{description.scope}_id"
        reference = f"konnect_gateway_{description.scope}.{_label(name)}.id"
        scope = {description.scope: {"id": Expression(f"var.{variable}" if description.alone else reference)}}
        variables += [variable] if description.alone else []
    blocks = [
        _PROVIDERS,
        f'provider "konnect" {to_hcl({"server_url": f"https://{region}.api.konghq.com/"})}',
        *(f'variable "{name}" {{\n  type = string\n}}' for name in variables),
    ]
    if not description.alone:
        blocks += [
            _resource("service", description.service, {"control_plane_id": plane, **_service(description)}),
            _resource("route", description.route, {"control_plane_id": plane, **_route(description)}),
        ]
    held = {
        "control_plane_id": plane,
        "enabled": True,
        **scope,
        "config": plugin["config"],
        "tags": plugin["tags"],
    }
    blocks.append(_resource("plugin_ai_mcp_proxy", label, held))
    return "\n\n".join(blocks) + "\n"


def _service(description: Passthrough) -> dict[str, Any]:
    """The upstream in parts: the resource has no `url`."""
    parts = split_upstream(description.upstream)
    return {
        "name": description.service,
        "protocol": parts.scheme,
        "host": parts.hostname,
        "port": upstream_port(parts),
        **({"path": parts.path} if parts.path else {}),
        **({"tags": list(description.tags)} if description.tags else {}),
    }


def _route(description: Passthrough) -> dict[str, Any]:
    service = Expression(f"konnect_gateway_service.{_label(description.service)}.id")
    return {**route_body(description), "service": {"id": service}}


def _resource(kind: str, name: str, attributes: dict[str, Any]) -> str:
    return f'resource "konnect_gateway_{kind}" "{_label(name)}" {to_hcl(attributes)}'


def _label(name: str) -> str:
    """A name as Terraform's label of a resource: letters, digits, `_` and `-`, not beginning with a digit.
    One that has to be written otherwise ends in a hash of the name, lest two names become one label."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        return name
    return f"_{re.sub(r'[^A-Za-z0-9_-]', '_', name)}_{sha256(name.encode()).hexdigest()[:8]}"
