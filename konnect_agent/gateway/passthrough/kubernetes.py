"""Manifests for the Kong Ingress Controller (fact sheet 10.4, documented).

A global plugin is a KongClusterPlugin with a label; otherwise a KongPlugin that the Service, HTTPRoute or
Ingress names in an annotation. The server outside the cluster becomes a Service of type ExternalName, whose
path, protocol and Host header are annotations, as strip_path and buffering are the route's. The controller
keeps the client's Host by default (its host reference, documented), which an outside server would refuse.
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
_ADDRESS = re.compile(r"\[.*\]|\d+(?:\.\d+){3}")


def manifests(description: Passthrough, *, namespace: str, route_kind: str) -> str:
    """The manifests. Raises `ConfigError` for names Kubernetes does not take, and hosts it cannot name."""
    names = (description.service, description.route, namespace)
    for name in names:
        if not _LABEL.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name in Kubernetes.",
                hint="Use lower-case letters, digits and -, at most 63 of them.",
            )
    plugin = _plugin(description, namespace)
    if description.alone:
        return _how_to_attach(description, namespace, route_kind) + to_yaml([plugin])
    route = _ingress(description) if route_kind == "ingress" else _http_route(description)
    for document in (service := _service(description), route):
        document["metadata"]["namespace"] = namespace
    holder = {"service": service, "route": route}.get(description.scope)
    if holder is not None:
        holder["metadata"]["annotations"]["konghq.com/plugins"] = PLUGIN
    return to_yaml([plugin, service, route])


def _plugin(description: Passthrough, namespace: str) -> dict[str, Any]:
    is_global = description.scope == "global"
    tags = {"konghq.com/tags": ",".join(description.tags)} if description.tags else {}
    metadata: dict[str, Any] = {
        "name": PLUGIN,
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
    if _ADDRESS.fullmatch(parts.netloc.rpartition(":")[0] or parts.netloc) or ":" in host:
        raise ConfigError(
            f"{host} is an address, and a Service of type ExternalName needs a name.",
            hint="Give the upstream a DNS name.",
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
    return {"type": "PathPrefix", "value": path}


def _hosts(description: Passthrough) -> list[str]:
    """The route's hosts; Kubernetes knows a `*` in front only, and no ports."""
    for host in description.hosts:
        if host.endswith(".*") or ":" in host:
            raise ConfigError(f"{host!r} is no host of a route in Kubernetes.", hint="Use *.example.com.")
    return list(description.hosts)


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
    command = f"kubectl annotate -n {namespace} {named[0]} {named[1]} konghq.com/plugins={PLUGIN}"
    return f"# Then name it, beside the plugins that are named there already:\n#   {command}\n"
