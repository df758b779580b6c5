"""The service, the route and the plugin of a description, as the Admin API and the Konnect API take them.

Kong's defaults are left out of the plugin's config, except for the two fields every documented example has;
the route's are written down, because they differ between versions (fact sheet 10.2 to 10.4, documented).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from konnect_agent.gateway.passthrough.description import PLUGIN, Access, Passthrough

Kind = Literal["service", "route", "plugin"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entity there should be: what it is called, its fields, and what it is made in.

    `within` is the service or route that holds it, as kind and name; None stands for the control plane.
    """

    kind: Kind
    name: str
    body: Mapping[str, Any]
    within: tuple[Kind, str] | None = None


def wanted(description: Passthrough) -> tuple[Wanted, ...]:
    """The entities of a description, each after the one it is made in."""
    service: tuple[Kind, str] = ("service", description.service)
    scopes: Mapping[str, tuple[Kind, str] | None] = {
        "global": None, "service": service, "route": ("route", description.route),
    }  # fmt: skip
    plugin = Wanted("plugin", PLUGIN, plugin_body(description), scopes[description.scope])
    if description.alone:
        return (plugin,)
    return (
        Wanted("service", description.service, service_body(description)),
        Wanted("route", description.route, route_body(description), service),
        plugin,
    )


def service_body(description: Passthrough) -> dict[str, Any]:
    """The service, its upstream as a URL."""
    return {"name": description.service, "url": description.upstream, **_tags(description)}


def route_body(description: Passthrough) -> dict[str, Any]:
    """The route, without the service it belongs to."""
    return {
        "name": description.route,
        **({"paths": list(description.paths)} if description.paths else {}),
        **({"hosts": list(description.hosts)} if description.hosts else {}),
        "protocols": list(description.protocols),
        "strip_path": description.strip_path,
        "request_buffering": description.buffering,
        "response_buffering": description.buffering,
        **_tags(description),
    }


def plugin_body(description: Passthrough) -> dict[str, Any]:
    """The plugin, without the entity it is scoped to; `tags` always, as in Kong's examples."""
    return {"name": PLUGIN, "config": plugin_config(description), "tags": list(description.tags)}


def plugin_config(description: Passthrough) -> dict[str, Any]:
    """The plugin's `config`."""
    logging = {
        "log_statistics": description.log_statistics,
        "log_payloads": description.log_payloads,
        "log_audits": description.log_audits,
    }
    server = {
        "timeout": None if description.timeout is None else round(description.timeout * 1000),
        "forward_client_headers": None if description.forward_client_headers else False,
    }
    claim = description.access_token_claim_field
    default, tools = description.default_access, description.tools
    config: dict[str, Any] = {
        "mode": description.mode,
        "max_request_body_size": description.max_request_body_size,
        "logging": {name: True for name, on in logging.items() if on},
        "server": {name: value for name, value in server.items() if value is not None},
        "consumer_identifier": _unless("username", description.consumer_identifier),
        "include_consumer_groups": description.include_consumer_groups or None,
        "acl_attribute_type": _unless("consumer", description.acl_attribute_type),
        "access_token_claim_field": claim,
        "default_acl": [{"scope": "tools", **_rule(default)}] if default else None,
        "tools": [
            {"name": tool.name, "description": tool.description or tool.name, "acl": _rule(tool)}
            for tool in tools
        ],
    }
    return {name: value for name, value in config.items() if value not in (None, {}, [])}


def _unless(default: str, value: str) -> str | None:
    return None if value == default else value


def _rule(access: Access) -> dict[str, list[str]]:
    lists = {"allow": list(access.allow), "deny": list(access.deny)}
    return {name: subjects for name, subjects in lists.items() if subjects}


def _tags(description: Passthrough) -> dict[str, list[str]]:
    return {"tags": list(description.tags)} if description.tags else {}
