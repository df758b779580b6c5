"""Encryption on the way: from callers to the gateway, from the gateway to upstreams and to plugins' servers.

Which hosts count as internal is this project's judgement: loopback and private addresses, names without a
dot (Kubernetes services, upstream entities) and names under a suffix that no public DNS serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, cast
from urllib.parse import urlsplit

from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_SERVICE_PAGE = "https://developer.konghq.com/gateway/entities/service/"
_PLAIN_UPSTREAM = frozenset({"http", "ws", "grpc"})
_PLAIN_ROUTE = frozenset({"http", "ws", "grpc"})
_TLS_UPSTREAM = frozenset({"https", "wss", "grpcs", "tls"})
_INTERNAL = (".svc", ".local", ".localhost", ".internal", ".intranet", ".lan", ".home.arpa", ".consul")
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_ENDPOINTS = frozenset({"introspection_url", "jwks_uri", "endpoint"})

_SERVICE = {"id": "s", "name": "users", "protocol": "http", "host": "users.example.com", "port": 80}
_SECURE = {"id": "s", "name": "users", "protocol": "https", "host": "users.example.com", "port": 443}
_ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}, "protocols": ["https"]}
_KEY_AUTH = {"id": "p", "name": "key-auth"}
_HTTP_LOG = {"id": "p", "name": "http-log"}


@rule(
    "KNA020",
    title="The upstream is called over plain http",
    severity=Severity.MEDIUM,
    judges="services",
    remediation="Set the service's protocol to https (grpcs, wss) and its port to the encrypted one.",
    source=_SERVICE_PAGE,
    passes=[
        {"services": [_SECURE]},
        {"services": [_SERVICE | {"host": "users.shop.svc"}]},
        {"services": [_SERVICE | {"host": "10.0.3.7"}]},
        {"services": [_SERVICE | {"host": "users-upstream"}]},
        {"services": [_SERVICE | {"enabled": False}]},
    ],
    fails=[{"services": [_SERVICE]}, {"services": [_SERVICE | {"protocol": "grpc", "host": "203.0.113.9"}]}],
)
def plain_http_to_upstream(at: Snapshot) -> Iterator[Problem]:
    """What the gateway received encrypted, credentials included, travels on readable and changeable by anyone
    on the way. Hosts that can only be on the same network are not reported.
    """
    for service in at.services:
        if service.enabled and service.protocol in _PLAIN_UPSTREAM and not _is_internal(service.host):
            to = f"{service.protocol}://{service.host}:{service.port}"
            yield Problem(service, f"Service {service.label} sends its requests unencrypted to {to}.")


@rule(
    "KNA021",
    title="The upstream's certificate is not verified",
    severity=Severity.MEDIUM,
    judges="services",
    remediation="Unset `tls_verify` or set it to true, and list the issuing authority in `ca_certificates`.",
    source=_SERVICE_PAGE,
    passes=[{"services": [_SECURE]}, {"services": [_SECURE | {"tls_verify": True}]}],
    fails=[{"services": [_SECURE | {"tls_verify": False}]}],
)
def upstream_certificate_not_verified(at: Snapshot) -> Iterator[Problem]:
    """Encryption to a server nobody verified protects against listening, not against whoever answers in the
    upstream's place. Low for hosts on the same network.
    """
    for service in at.services:
        if service.enabled and service.protocol in _TLS_UPSTREAM and service.tls_verify is False:
            severity = Severity.LOW if _is_internal(service.host) else None
            message = f"Service {service.label} does not verify the certificate of {service.host}."
            yield Problem(service, message, severity)


@rule(
    "KNA022",
    title="A route accepts plain http",
    severity=Severity.LOW,
    judges="routes",
    needs=("services", "plugins"),
    remediation="Leave only https (grpcs, wss) in `protocols`; with `https_redirect_status_code` 301 or 308, "
    "callers of the http address are sent to the https one.",
    source="https://developer.konghq.com/gateway/entities/route/",
    passes=[
        {"services": [_SECURE], "routes": [_ROUTE]},
        {"services": [_SECURE | {"enabled": False}], "routes": [_ROUTE | {"protocols": ["http"]}]},
    ],
    fails=[
        {"services": [_SECURE], "routes": [_ROUTE | {"protocols": ["http", "https"]}]},
        {"services": [_SECURE], "routes": [_ROUTE | {"protocols": ["http"]}], "plugins": [_KEY_AUTH]},
    ],
)
def route_accepts_plain_http(at: Snapshot) -> Iterator[Problem]:
    """Requests and answers can be read and changed on their way to the gateway. Medium where callers send
    credentials. Harmless only if a load balancer in front of the gateway takes nothing but https.
    """
    for exposure in at.exposures:
        plain = sorted(_PLAIN_ROUTE & set(exposure.route.protocols))
        if plain and exposure.reaches_service:
            message = f"Route {exposure.route.label} takes requests over plain {listed(plain)}."
            names = [plugin.name for plugin in exposure.authentication.plugins]
            if names:
                message += f" Credentials for {listed(names)} can be read on the way."
            yield Problem(exposure.route, message, Severity.MEDIUM if names else None)


@rule(
    "KNA023",
    title="A plugin talks to a server over plain http",
    severity=Severity.MEDIUM,
    judges="plugins",
    remediation="Use the server's https address.",
    source="https://developer.konghq.com/gateway/entities/plugin/",
    passes=[
        {"plugins": [_HTTP_LOG | {"config": {"http_endpoint": "https://logs.example.com/in"}}]},
        {"plugins": [_HTTP_LOG | {"config": {"http_endpoint": "http://collector.logging.svc:8080"}}]},
        {"plugins": [{"id": "p", "name": "cors", "config": {"origins": ["http://localhost:3000"]}}]},
    ],
    fails=[
        {"plugins": [_HTTP_LOG | {"config": {"http_endpoint": "http://logs.example.com/in"}}]},
        {
            "plugins": [
                {"id": "p", "name": "openid-connect", "config": {"issuer": "http://login.example.com"}}
            ]
        },
    ],
)
def plugin_talks_plain_http(at: Snapshot) -> Iterator[Problem]:
    """Log records, traces and token introspections carry what callers sent. An identity provider reached over
    plain http can be impersonated, and with it every caller.
    """
    for plugin in at.plugins:
        if plugin.enabled:
            found = [key for key, url in _endpoints(plugin.config, plugin.name) if _is_plain_url(url)]
            if found:
                fields = listed(f"config.{key}" for key in found)
                message = f"{plugin.name} {at.scope_of(plugin)} uses a plain http address in {fields}."
                yield Problem(plugin, message)


@rule(
    "KNA024",
    title="A plugin does not verify the certificate of a server it uses",
    severity=Severity.LOW,
    judges="plugins",
    remediation="Set `ssl_verify` to true and make the issuing authority known to the data plane "
    "(`lua_ssl_trusted_certificate`).",
    source="https://developer.konghq.com/gateway/entities/plugin/",
    passes=[
        {"plugins": [{"id": "p", "name": "rate-limiting-advanced",
                      "config": {"redis": {"ssl": True, "ssl_verify": True}}}]},
        {"plugins": [{"id": "p", "name": "rate-limiting-advanced",
                      "config": {"redis": {"ssl": False, "ssl_verify": False}}}]},
    ],
    fails=[
        {"plugins": [{"id": "p", "name": "rate-limiting-advanced",
                      "config": {"redis": {"ssl": True, "ssl_verify": False}}}]},
        {"plugins": [{"id": "p", "name": "openid-connect", "config": {"ssl_verify": False}}]},
    ],
)  # fmt: skip
def plugin_certificate_not_verified(at: Snapshot) -> Iterator[Problem]:
    """Whoever answers in the server's place gets the password of the Redis, or decides who is authenticated:
    for openid-connect the finding is medium.
    """
    for plugin in at.plugins:
        if not plugin.enabled:
            continue
        trusting = [path for path, block in _blocks(plugin.config) if _trusts_anyone(block)]
        decides = plugin.name == "openid-connect" and plugin.config.get("ssl_verify") is False
        if trusting or decides:
            where = f" of config.{listed(trusting)}" if trusting else ""
            message = f"{plugin.name} {at.scope_of(plugin)} does not verify the certificate{where}."
            yield Problem(plugin, message, Severity.MEDIUM if decides else None)


def _is_internal(host: str) -> bool:
    """Whether a host can only be on the gateway's own network."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_INTERNAL)
    # Not `is_private`: that one also counts ranges set aside for documentation.
    return address.is_loopback or address.is_link_local or any(address in network for network in _PRIVATE)


def _is_plain_url(text: object) -> bool:
    if not isinstance(text, str) or not text.lower().startswith("http://"):
        return False
    try:
        return not _is_internal(urlsplit(text).hostname or "")
    except ValueError:
        return False


def _endpoints(config: Mapping[str, Any], plugin_name: str) -> Iterator[tuple[str, object]]:
    """Addresses a plugin sends to: fields named as endpoints, and the issuer of openid-connect."""
    for path, block in (("", config), *_blocks(config)):
        for key, value in block.items():
            issuer = plugin_name == "openid-connect" and key == "issuer"
            if key.endswith("_endpoint") or key in _ENDPOINTS or issuer:
                yield f"{path}.{key}".lstrip("."), value


def _blocks(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects directly below a configuration, such as `redis`."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield key, cast("Mapping[str, Any]", value)


def _trusts_anyone(block: Mapping[str, Any]) -> bool:
    return block.get("ssl") is True and block.get("ssl_verify") is False
