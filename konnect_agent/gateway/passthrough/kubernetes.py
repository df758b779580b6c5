"""Manifests for the Kong Ingress Controller (fact sheet 10.4, documented).

A global plugin is a KongClusterPlugin with a label; otherwise a KongPlugin that the Service, HTTPRoute or
Ingress names in an annotation, called after it, so that several MCP servers fit into a namespace. The server
outside the cluster becomes a Service of type ExternalName, whose path, protocol and Host header are
annotations, as strip_path and buffering are the route's. The controller keeps the client's Host by default
(its host reference, documented), which an outside server would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough.bodies import plugin_config
from konnect_agent.gateway.passthrough.description import PLUGIN, Passthrough, split_upstream, upstream_port
from konnect_agent.gateway.passthrough.notation import to_yaml

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL.pattern}(?:\.{_LABEL.pattern})*")
_ADDRESS = re.compile(r"\d+(?:\.\d+){3}")
_PREFIX = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+")
_NO_PREFIX = re.compile(r"/\.\.?(?:/|$)|%2f", re.IGNORECASE)
"""What Gateway API refuses in the prefix of a path (its reference, documented)."""


def manifests(description: Passthrough, *, namespace: str, route_kind: str) -> str:
    """The manifests. Raises `ConfigError` for names Kubernetes does not take, and hosts it cannot name."""
    for kind, name in (("", description.route), ("", namespace), ("Service", description.service)):
        if not _LABEL.fullmatch(name) or (kind and name[0].isdigit()):
            raise ConfigError(
                f"{name!r} is no name of a {kind or 'resource'} in Kubernetes.",
                hint="Use lower-case letters, digits and -, at most 63, and a letter first for a service.",
            )
    plugin = _plugin(description, namespace)
    if description.alone:
        return _how_to_attach(description, namespace, route_kind) + to_yaml([plugin])
    route = _ingress(description) if route_kind == "ingress" else _http_route(description)
    for document in (service := _service(description), route):
        document["metadata"]["namespace"] = namespace
    holder = {"service": service, "route": route}.get(description.scope)
    if holder is not None:
        holder["metadata"]["annotations"]["konghq.com/plugins"] = plugin_name(description)
    return to_yaml([plugin, service, route])


def plugin_name(description: Passthrough) -> str:
    """What the plugin's resource is called: after what it is scoped to, and the global one, of which there is
    one, after the plugin. The name of a custom resource may be longer than a label (253 characters)."""
    names = {"service": description.service, "route": description.route}
    name = names.get(description.scope)
    return PLUGIN if name is None else f"{PLUGIN}-{description.scope}-{name}"


def _plugin(description: Passthrough, namespace: str) -> dict[str, Any]:
    is_global = description.scope == "global"
    tags = {"konghq.com/tags": ",".join(description.tags)} if description.tags else {}
    metadata: dict[str, Any] = {
        "name": plugin_name(description),
        **({} if is_global else {"namespace": namespace}),
        "annotations": {"kubernetes.io/ingress.class": "kong", **tags},
        **({"labels": {"global": "true"}} if is_global else {}),
    }
    return {
        "apiVersion": "configuration.konghq.com/v1",
        "kind": "KongClusterPlugin" if is_global else "KongPlugin",
        "metadata": metadata,
        "plugin": PLUGIN,
        "config": plugin_config(description),
    }


def _service(description: Passthrough) -> dict[str, Any]:
    parts = split_upstream(description.upstream)
    host = parts.hostname or ""
    if _ADDRESS.fullmatch(host) or not _DNS_NAME.fullmatch(host):
        raise ConfigError(
            f"{host} is no DNS name, and a Service of type ExternalName needs one.",
            hint="Give the upstream a DNS name: letters, digits, - and dots.",
        )
    path = {"konghq.com/path": parts.path} if parts.path.strip("/") else {}
    annotations = {"konghq.com/protocol": parts.scheme, **path, "konghq.com/host-header": host}
    port = {"name": "mcp", "port": upstream_port(parts), "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": description.service, "annotations": annotations | _tagged(description)},
        "spec": {"type": "ExternalName", "externalName": host, "ports": [port]},
    }


def _http_route(description: Passthrough) -> dict[str, Any]:
    matches = [{"path": _match(path)} for path in description.paths]
    rule = {
        **({"matches": matches} if matches else {}),
        "backendRefs": [{"name": description.service, "port": _port(description)}],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": description.route, "annotations": _of_route(description)},
        "spec": {
            "parentRefs": [{"name": "kong"}],
            **({"hostnames": _hosts(description)} if description.hosts else {}),
            "rules": [rule],
        },
    }


def _ingress(description: Passthrough) -> dict[str, Any]:
    backend = {"service": {"name": description.service, "port": {"number": _port(description)}}}
    paths = [
        {
            "path": "/" + path if path.startswith("~") else path,
            "pathType": "ImplementationSpecific",
            "backend": backend,
        }
        for path in description.paths or ("/",)
    ]
    hosts: list[Mapping[str, Any]] = [{"host": host} for host in _hosts(description)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": description.route, "annotations": _of_route(description)},
        "spec": {
            "ingressClassName": "kong",
            "rules": [{**host, "http": {"paths": paths}} for host in hosts or [{}]],
        },
    }


def _match(path: str) -> dict[str, str]:
    if path.startswith("~"):
        return {"type": "RegularExpression", "value": path[1:]}
    if not _PREFIX.fullmatch(path) or _NO_PREFIX.search(path):
        raise ConfigError(
            f"{path!r} is no path of an HTTPRoute.",
            hint="Leave out /./, /../ and %2F, and write %XX in full.",
        )
    return {"type": "PathPrefix", "value": path}


def _hosts(description: Passthrough) -> list[str]:
    """The route's hosts in lower case; Kubernetes knows a `*` in front only, no addresses and no ports."""
    for host in description.hosts:
        if _ADDRESS.fullmatch(host) or not _DNS_NAME.fullmatch(host.lower().removeprefix("*.")):
            raise ConfigError(f"{host!r} is no host of a route in Kubernetes.", hint="Use *.example.com.")
    return [host.lower() for host in description.hosts]


def _port(description: Passthrough) -> int:
    return upstream_port(split_upstream(description.upstream))


def _of_route(description: Passthrough) -> dict[str, str]:
    flags = {
        "strip-path": description.strip_path,
        "preserve-host": False,
        "request-buffering": description.buffering,
        "response-buffering": description.buffering,
    }
    said = {f"konghq.com/{name}": "true" if on else "false" for name, on in flags.items()}
    return {"konghq.com/protocols": ",".join(description.protocols), **said, **_tagged(description)}


def _tagged(description: Passthrough) -> dict[str, str]:
    return {"konghq.com/tags": ",".join(description.tags)} if description.tags else {}


def _how_to_attach(description: Passthrough, namespace: str, route_kind: str) -> str:
    """How an entity that exists already gets the plugin, as a comment."""
    targets: Iterator[tuple[str, str, str]] = iter((
        ("service", "service", description.service),
        ("route", route_kind, description.route),
    ))  # fmt: skip
    named = next(((kind, name) for scope, kind, name in targets if scope == description.scope), None)
    if named is None:
        return ""
    name = plugin_name(description)
    command = f"kubectl annotate -n {namespace} {named[0]} {named[1]} konghq.com/plugins={name}"
    return f"# Then name it, beside the plugins that are named there already:\n#   {command}\n"
