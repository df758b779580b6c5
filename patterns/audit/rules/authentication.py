"""Who gets in: routes open to anyone, and authentication that does less than it seems to.

What authentication plugins add up to on a route is `konnect_agent.gateway.authentication`'s to say (fact
sheet 8.4, documented); how severe an open route is, is this project's judgement.
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.gateway import catalogue
from patterns.audit.exposure import Exposure
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_GUIDE = "https://developer.konghq.com/gateway/authentication/"
_AUTHENTICATION = "client-authentication"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

_SERVICE = {"id": "s", "name": "users", "host": "users.internal"}
_ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}
_KEY_AUTH = {"id": "p", "name": "key-auth", "config": {"key_names": ["apikey"]}}
_FALLS_BACK = {"id": "p", "name": "key-auth", "config": {"anonymous": "c"}}
_STOP = {"id": "t", "name": "request-termination", "config": {"status_code": 401}, "consumer": {"id": "c"}}
_ANYBODY = {"id": "c", "username": "anybody"}
_CONDITION = {"condition": "request.headers['x-internal'] != 'yes'"}
_ON_SERVICE = {"service": {"id": "s"}}


@rule(
    "KNA001",
    title="A route can be called by anyone",
    severity=Severity.HIGH,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Put an authentication plugin on the route, its service or the control plane; if the route "
    "is meant to be public, add the finding to the baseline.",
    source=_GUIDE,
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH]},
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH | _ON_SERVICE]},
        {"services": [_SERVICE], "routes": [_ROUTE], "fellow_plugins": [_KEY_AUTH]},
        {"services": [_SERVICE | {"enabled": False}], "routes": [_ROUTE]},
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [{"id": "t", "name": "request-termination"}]},
        {"routes": [{"id": "r", "name": "nowhere", "paths": ["/nowhere"], "service": None}]},
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE]},
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH | {"enabled": False}]},
        {
            "services": [_SERVICE],
            "routes": [_ROUTE],
            "fellow_plugins": [_KEY_AUTH | {"service": {"id": "theirs"}}],
        },
    ],
)
def route_without_authentication(at: Snapshot) -> Iterator[Problem]:
    """Without an authentication plugin the gateway forwards every request, whoever sends it. Routes that only
    read are taken less seriously; where something else may decide (an IP restriction, OPA, custom code or a
    plugin Kong does not document) the finding is low.
    """
    for exposure in at.exposures:
        if exposure.authentication.kind == "none" and exposure.reaches_service:
            if exposure.running("authorization") == ["acl"]:
                continue  # rejects everybody, see acl-without-authentication
            severity, besides = how_open(exposure)
            service = f" to service {exposure.service.label}" if exposure.service else ""
            message = f"Route {exposure.route.label}{service} can be called by anyone: no"
            message = f"{message} authentication plugin runs on it{exposure.where}.{besides}"
            yield Problem(exposure.route, message, severity)


@rule(
    "KNA002",
    title="An authentication plugin is disabled",
    severity=Severity.HIGH,
    judges="plugins",
    needs=("services", "routes", "plugins"),
    of_group=("plugins",),
    remediation="Enable the plugin again, or remove it if the routes are meant to be public.",
    source="https://developer.konghq.com/gateway/entities/plugin/",
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH]},
        {"plugins": [{"id": "p", "name": "rate-limiting", "enabled": False}]},
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH | {"enabled": False}]},
        {"plugins": [_KEY_AUTH | {"enabled": False}]},
    ],
)
def authentication_switched_off(at: Snapshot) -> Iterator[Problem]:
    """A disabled plugin protects nothing, although it looks as if it did in every list of plugins. High where
    a route is open because of it, informational where other plugins protect the routes.
    """
    opened: dict[str, list[str]] = {}
    for exposure in at.exposures:
        if exposure.authentication.kind == "none" and exposure.reaches_service:
            for idle in exposure.plugins.disabled:
                opened.setdefault(idle.id, []).append(exposure.route.label)
    for plugin in at.plugins:
        if plugin.enabled or _AUTHENTICATION not in catalogue().get(plugin.name).roles:
            continue
        what = f"{plugin.name} {at.scope_of(plugin)} is disabled"
        routes = opened.get(plugin.id or "", [])
        if routes:
            yield Problem(plugin, f"{what}, so anyone can call {_routes(routes)}.")
        else:
            yield Problem(plugin, f"{what}; no route is open because of it.", Severity.INFO)


@rule(
    "KNA003",
    title="Failed authentication lets requests through",
    severity=Severity.HIGH,
    judges="routes",
    needs=("services", "plugins", "consumers"),
    of_group=("plugins",),
    remediation="Scope a request-termination plugin to the anonymous consumer, or unset `anonymous` if every "
    "caller has to authenticate.",
    source=_GUIDE,
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH], "consumers": [_ANYBODY]},
        {
            "services": [_SERVICE],
            "routes": [_ROUTE],
            "plugins": [_FALLS_BACK, _STOP],
            "consumers": [_ANYBODY],
        },
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_FALLS_BACK], "consumers": [_ANYBODY]},
        {
            "services": [_SERVICE],
            "routes": [_ROUTE],
            "plugins": [_FALLS_BACK, _STOP | {"enabled": False}],
            "consumers": [_ANYBODY],
        },
    ],
)
def anonymous_gets_through(at: Snapshot) -> Iterator[Problem]:
    """With `anonymous` set, a request that fails to authenticate continues as the anonymous consumer. Unless
    something stops that consumer, the route is open to anyone although it shows an authentication plugin.
    """
    for exposure in at.exposures:
        if exposure.authentication.kind == "anonymous" and exposure.reaches_service:
            because = exposure.authentication.because
            yield Problem(exposure.route, f"Route {exposure.route.label}{exposure.where}: {because}.")


@rule(
    "KNA004",
    title="Some authentication plugins fall back to an anonymous consumer, others do not",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Set `anonymous` on all authentication plugins of the route (one of them suffices), or on "
    "none (all are required).",
    source=_GUIDE,
    passes=[
        {
            "services": [_SERVICE],
            "routes": [_ROUTE],
            "plugins": [_FALLS_BACK, {"id": "q", "name": "jwt", "config": {"anonymous": "c"}}],
        },
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH, {"id": "q", "name": "jwt"}]},
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_FALLS_BACK, {"id": "q", "name": "jwt"}]}
    ],
)
def anonymous_on_some_plugins_only(at: Snapshot) -> Iterator[Problem]:
    """Kong supports several authentication plugins as "all of them" or, with `anonymous` on each, as "one of
    them". A mixture is neither, and what it lets through depends on the order the plugins run in.
    """
    for exposure in at.exposures:
        if exposure.authentication.kind == "mixed" and exposure.reaches_service:
            because = exposure.authentication.because
            yield Problem(exposure.route, f"Route {exposure.route.label}{exposure.where}: {because}.")


@rule(
    "KNA007",
    title="An acl plugin runs without authentication",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Add an authentication plugin where the acl plugin runs, or remove the acl plugin.",
    source="https://developer.konghq.com/plugins/acl/",
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH, {"id": "a", "name": "acl"}]},
    ],
    fails=[{"services": [_SERVICE], "routes": [_ROUTE], "plugins": [{"id": "a", "name": "acl"}]}],
)
def acl_without_authentication(at: Snapshot) -> Iterator[Problem]:
    """An acl plugin decides by the groups of the authenticated consumer. Without authentication there is
    none, so it rejects every request.
    """
    for exposure in at.exposures:
        entry = exposure.authentication
        nobody_known = entry.kind == "none" and entry.protected is False
        if nobody_known and "acl" in exposure.running("authorization"):
            message = f"Route {exposure.route.label}{exposure.where} has an acl plugin, but no authentication"
            yield Problem(exposure.route, f"{message} plugin tells it who is calling.")


@rule(
    "KNA008",
    title="Authentication runs under a condition",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "plugins", "consumers"),
    of_group=("plugins",),
    remediation="Remove the condition, or make sure that another plugin stops the requests it leaves out.",
    source="https://developer.konghq.com/gateway/entities/plugin/",
    passes=[{"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH]}],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_KEY_AUTH | _CONDITION]},
        {
            "services": [_SERVICE],
            "routes": [_ROUTE],
            "plugins": [_FALLS_BACK, _STOP | _CONDITION],
            "consumers": [_ANYBODY],
        },
    ],
)
def authentication_with_a_condition(at: Snapshot) -> Iterator[Problem]:
    """A plugin with a condition is skipped for requests that do not meet it. What authentication skips gets
    through to the service, and callers may be able to choose.
    """
    for exposure in at.exposures:
        entry = exposure.authentication
        if entry.kind in ("required", "any") and entry.protected is None and exposure.reaches_service:
            yield Problem(exposure.route, f"Route {exposure.route.label}{exposure.where}: {entry.because}.")


def how_open(exposure: Exposure) -> tuple[Severity | None, str]:
    """The severity where it differs from the rule's, and what else has a say in who gets in."""
    guards = [name for name in exposure.running("authorization") if name != "acl"]
    if guards:
        return Severity.LOW, f" Only {listed(guards)} restricts who gets in."
    code = [p.name for p in exposure.plugins if not p.known or p.name in ("pre-function", "request-callout")]
    if code:
        return Severity.LOW, f" Whether {listed(code)} does that cannot be told."
    off = [
        idle.name for idle in exposure.plugins.disabled if _AUTHENTICATION in catalogue().get(idle.name).roles
    ]
    besides = f" {listed(off)} is configured for it, but disabled." if off else ""
    only_reads = bool(exposure.route.methods) and _READING.issuperset(exposure.route.methods)
    return (Severity.MEDIUM if only_reads else None), besides


def _routes(labels: list[str]) -> str:
    return f"{'route' if len(set(labels)) == 1 else 'routes'} {listed(labels)}"
