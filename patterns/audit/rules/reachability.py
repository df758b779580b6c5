"""What can be reached and what cannot: services behind no route, routes to nowhere, routes for everything.

A disabled service takes its routes out of the router, and a route without service needs a plugin that answers
(fact sheet 3 and 7, documented).
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.gateway import catalogue
from konnect_agent.models import Route
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_ROUTE_PAGE = "https://developer.konghq.com/gateway/entities/route/"
_CATCH_ALL = frozenset({"/", "~/", "~/.*", "~/.*$", "~/(.*)", "~/(?:.*)"})

_SERVICE = {"id": "s", "name": "users", "host": "users.internal"}
_ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}
_LAMBDA = {"id": "p", "name": "aws-lambda", "config": {}, "route": {"id": "r"}}


@rule(
    "KNA062",
    title="A route matches every request",
    severity=Severity.LOW,
    judges="routes",
    needs=("services",),
    remediation="Give the route a host or a longer path; if it is a deliberate fallback, add the finding to "
    "the baseline.",
    source=_ROUTE_PAGE,
    passes=[{"routes": [_ROUTE]}, {"routes": [_ROUTE | {"paths": ["/"], "hosts": ["users.example.com"]}]}],
    fails=[{"routes": [_ROUTE | {"paths": ["/"]}]}, {"routes": [_ROUTE | {"paths": ["~/.*"]}]}],
)
def catch_all_route(at: Snapshot) -> Iterator[Problem]:
    """Whatever no other route takes ends up at its service: mistyped paths, scanners, and requests for routes
    that were removed or renamed.
    """
    for route in at.routes:
        matchers = (route.hosts, route.methods, route.headers, route.snis, route.sources, route.destinations)
        everything = not route.paths or _CATCH_ALL & set(route.paths)
        if (
            everything
            and not any(matchers)
            and not route.expression
            and route.service
            and _is_live(at, route)
        ):
            yield Problem(route, f"Route {route.label} takes every request that no other route takes.")


@rule(
    "KNA063",
    title="A disabled service still has routes",
    severity=Severity.LOW,
    judges="services",
    needs=("routes",),
    remediation="Remove the routes and the service, or enable the service again.",
    source="https://developer.konghq.com/gateway/entities/service/",
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE]},
        {"services": [_SERVICE | {"enabled": False}], "routes": []},
    ],
    fails=[{"services": [_SERVICE | {"enabled": False}], "routes": [_ROUTE]}],
)
def disabled_service_with_routes(at: Snapshot) -> Iterator[Problem]:
    """The routes of a disabled service vanish from the router: requests get 404, or end up at a less specific
    route, without anything in the routes themselves showing it.
    """
    routes: dict[str, list[str]] = {}
    for route in at.routes:
        if route.service:
            routes.setdefault(route.service.id, []).append(route.label)
    for service in at.services:
        if not service.enabled and service.id in routes:
            message = (
                f"Service {service.label} is disabled, so {listed(routes[service.id])} will not be served."
            )
            yield Problem(service, message)


@rule(
    "KNA064",
    title="No route leads to a service",
    severity=Severity.INFO,
    judges="services",
    needs=("routes",),
    remediation="Remove the service, or add the route that is missing.",
    source="https://developer.konghq.com/gateway/entities/service/",
    passes=[{"services": [_SERVICE], "routes": [_ROUTE]}],
    fails=[{"services": [_SERVICE], "routes": []}],
)
def service_without_routes(at: Snapshot) -> Iterator[Problem]:
    """Nothing can reach the service. It is left over, or a route is missing."""
    reached = {route.service.id for route in at.routes if route.service}
    for service in at.services:
        if service.id and service.id not in reached:
            yield Problem(service, f"No route leads to service {service.label}.")


@rule(
    "KNA066",
    title="A route leads nowhere",
    severity=Severity.LOW,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Give the route a service, or a plugin that answers (request-termination, redirect, "
    "aws-lambda, ...).",
    source=_ROUTE_PAGE,
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE]},
        {"routes": [_ROUTE | {"service": None}], "plugins": [_LAMBDA]},
        {"routes": [_ROUTE | {"service": None}], "plugins": [_LAMBDA | {"name": "my-own-plugin"}]},
    ],
    fails=[
        {"routes": [_ROUTE | {"service": None}]},
        {"routes": [_ROUTE | {"service": None}], "plugins": [_LAMBDA | {"enabled": False}]},
    ],
)
def route_leads_nowhere(at: Snapshot) -> Iterator[Problem]:
    """A route without a service needs a plugin that answers. Without one, the gateway answers 503."""
    answering = ("short-circuit", "serverless-code", "ai", "mcp")
    for exposure in at.exposures:
        if exposure.route.service is None:
            may_answer = any(exposure.running(role) for role in answering)
            if not may_answer and all(catalogue().get(plugin.name).known for plugin in exposure.plugins):
                label = f"{exposure.route.label}{exposure.where}"
                yield Problem(exposure.route, f"Route {label} has no service, and no plugin answers for it.")


@rule(
    "KNA068",
    title="A route answers for every host of a domain",
    severity=Severity.INFO,
    judges="routes",
    remediation="List the hosts that are meant.",
    source=_ROUTE_PAGE,
    passes=[{"routes": [_ROUTE | {"hosts": ["users.example.com"]}]}],
    fails=[{"routes": [_ROUTE | {"hosts": ["*.example.com"]}]}],
)
def wildcard_host(at: Snapshot) -> Iterator[Problem]:
    """Host names nobody thought of, such as those of tests or retired products, reach the service."""
    for route in at.routes:
        wild = [host for host in route.hosts if "*" in host]
        if wild:
            yield Problem(route, f"Route {route.label} answers for {listed(wild)}.")


def _is_live(at: Snapshot, route: Route) -> bool:
    service = at.service_of(route)
    return service is None or service.enabled
