"""How much a caller may ask for.

Which plugins limit rates is Kong's hub tag (fact sheet 8.3, documented). Limits scoped to single consumers or
groups do not bound the others, so only those that run for everyone count.
"""

from __future__ import annotations

from collections.abc import Iterator

from patterns.audit.exposure import Exposure
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_SERVICE = {"id": "s", "name": "users", "host": "users.internal"}
_ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}
_OTHER = {"id": "r2", "name": "users-me", "paths": ["/users/me"], "service": {"id": "s"}}
_LIMIT = {"id": "p", "name": "rate-limiting", "config": {"minute": 60}}


@rule(
    "KNA040",
    title="Nothing limits the rate of requests",
    severity=Severity.LOW,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Put rate-limiting or rate-limiting-advanced on the service, or globally with exceptions.",
    source="https://developer.konghq.com/gateway/rate-limiting/",
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_LIMIT]},
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_LIMIT | {"service": {"id": "s"}}]},
        {"services": [_SERVICE], "routes": [_ROUTE], "fellow_plugins": [_LIMIT]},
        {"services": [_SERVICE | {"enabled": False}], "routes": [_ROUTE]},
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE, _OTHER]},
        {"services": [_SERVICE], "routes": [_ROUTE], "plugins": [_LIMIT | {"enabled": False}]},
        {"services": [_SERVICE], "routes": [_ROUTE, _OTHER], "plugins": [_LIMIT | {"route": {"id": "r"}}]},
    ],
)
def route_without_rate_limit(at: Snapshot) -> Iterator[Problem]:
    """One caller, by mistake or on purpose, can take all the capacity of an upstream, and guess credentials
    as fast as the network allows. A service is reported once when none of its routes is limited.
    """
    unlimited: dict[str, list[Exposure]] = {}
    limited: set[str] = set()
    for exposure in at.exposures:
        if exposure.reaches_service and exposure.service is not None:
            if exposure.running("rate-limiting"):
                limited.add(exposure.service.id or "")
            else:
                unlimited.setdefault(exposure.service.id or "", []).append(exposure)
    for service_id, exposures in unlimited.items():
        service = exposures[0].service
        if service_id not in limited and service is not None:
            routes = listed(exposure.route.label for exposure in exposures)
            message = f"Service {service.label} has no rate limit that holds for everyone (routes: {routes})."
            yield Problem(service, message)
        else:
            for exposure in exposures:
                label = exposure.route.label
                yield Problem(exposure.route, f"Route {label} has no rate limit that holds for everyone.")
