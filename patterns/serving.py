"""Which route of a set serves a request that is only partly known.

Somebody who asks about `/api/users` rarely says which host, method or headers. What is left open is filled
in with what each route asks for; the bare request goes first. Where no method was said and another one would
be served by another route, that is told (`by_method`). The answer names the calculation assumed
(`route_match_calculation` is a data plane setting that Konnect does not show): when `strict` would choose
another route than the default `original`, both are reported with that condition. A route with an
`expression` proves the expressions flavor (fact sheet 7.1, inferred); otherwise the default is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from konnect_agent.errors import InvalidArguments
from konnect_agent.gateway import Explanation, Flavor, Match, Request, Router
from konnect_agent.models import Route, Service

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SCHEMES = ("http", "https", "grpc", "grpcs", "ws", "wss")


@dataclass(frozen=True)
class Asked:
    """The request in question; what is None or empty may be anything a route asks for."""

    path: str
    method: str | None = None
    host: str | None = None
    headers: Mapping[str, str | Sequence[str]] | None = None
    scheme: str = "https"
    sni: str | None = None

    def __post_init__(self) -> None:
        for name in ("path", "method", "host", "scheme", "sni"):
            value: object = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name in ("path", "scheme")):
                raise InvalidArguments(f"{value!r} is no {name}.", hint=f"Give the {name} as text.")
        if not _are_headers(self.headers):
            raise InvalidArguments(
                "Those are no headers.", hint="Give a mapping of names to one text or a list of texts."
            )
        if not self.path.startswith("/") or any(ord(char) < 33 for char in self.path):
            raise InvalidArguments(
                f"{self.path!r} is no path.", hint="A path starts with / and has no spaces: /api/users."
            )
        if self.method is not None and not self.method.isalpha():
            raise InvalidArguments(f"{self.method!r} is no HTTP method.", hint="Use GET, POST, ...")
        if self.scheme not in _SCHEMES:
            raise InvalidArguments(
                f"{self.scheme!r} is no scheme a route can serve.", hint=f"Use one of {', '.join(_SCHEMES)}."
            )

    @property
    def target(self) -> str:
        """What the gateway is asked for: a fragment stays with the client that follows it."""
        return self.path.partition("#")[0]

    def bare(self) -> Request:
        """The request with nothing filled in."""
        return self._request("GET", "", {}, None)

    def as_wanted_by(self, route: Route) -> Request:
        """The request with whatever is open filled in as `route` asks for it."""
        host = next((entry.replace("*", "any") for entry in route.hosts), "")
        sni = next((entry.replace("*", "any") for entry in route.snis), None)
        headers = {name: _first(values) for name, values in route.headers.items()}
        return self._request(next(iter(route.methods), "GET"), host, headers, sni)

    def _request(self, method: str, host: str, headers: Mapping[str, str], sni: str | None) -> Request:
        chosen = self.host if self.host is not None else host
        return Request(
            method=(self.method or method).upper(),
            path=self.target,
            host=chosen,
            scheme=self.scheme,
            headers=dict(self.headers) if self.headers is not None else dict(headers),
            sni=self.sni or sni or chosen.partition(":")[0] or None,
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, f"at {self.host}" if self.host else "")))


@dataclass(frozen=True)
class Serving:
    """Who serves, and who would: `others` also match the request, or another filling of what is open.

    `by_method` are the routes that other methods lead to, with those methods, when none was said.
    """

    match: Match
    request: Request
    others: tuple[Route, ...]
    strict: Match | None
    flavor: Flavor
    by_method: tuple[tuple[Route, tuple[str, ...]], ...] = ()

    @property
    def route(self) -> Route:
        """The route that serves the request."""
        return cast("Route", self.match.route)

    @property
    def is_disputed(self) -> bool:
        """Whether `strict` calculation chooses another route."""
        return self.strict is None or self.strict.route is not self.match.route


def serving(asked: Asked, routes: Sequence[Route], services: Sequence[Service] = ()) -> Serving | None:
    """Who serves the request among `routes`; None when the gateway answers 404."""
    flavor = _flavor(routes)
    router = Router(routes, services, flavor)
    requests = {repr(request): request for request in (asked.bare(), *map(asked.as_wanted_by, routes))}
    won = [(request, match) for request in requests.values() if (match := router.match(request))]
    if not won:
        return None
    request, match = won[0]
    matching = (entry.route for entry in router.explain(request).candidates if entry.matched)
    others = {id(route): cast("Route", route) for route in (*matching, *(other.route for _, other in won))}
    others.pop(id(match.route), None)
    strict = Router(routes, services, flavor, "strict").match(request)
    competing = [route for route in routes if route is match.route or id(route) in others]
    elsewhere = _by_method(asked, router, competing, match.route) if asked.method is None else ()
    return Serving(match, request, tuple(others.values()), strict, flavor, tuple(elsewhere))


def explanation(asked: Asked, routes: Sequence[Route], services: Sequence[Service] = ()) -> Explanation:
    """Every candidate for the request that `serving` decided on, in words."""
    found = serving(asked, routes, services)
    return Router(routes, services, _flavor(routes)).explain(found.request if found else asked.bare())


def _by_method(
    asked: Asked, router: Router, competing: Sequence[Route], chosen: object
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """The routes other than the chosen one that serve the request when its method is said, with the methods.

    The documented methods are tried (an expression may ask for any), and those that a route names.
    """
    led: dict[int, tuple[Route, list[str]]] = {}
    for method in dict.fromkeys(
        (*_METHODS, *(name.upper() for route in competing for name in route.methods))
    ):
        said = replace(asked, method=method)
        requests = (said.bare(), *map(said.as_wanted_by, competing))
        match = next((match for request in requests if (match := router.match(request))), None)
        if match is not None and match.route is not chosen:
            led.setdefault(id(match.route), (cast("Route", match.route), []))[1].append(method)
    return ((route, tuple(methods)) for route, methods in led.values())


def _flavor(routes: Sequence[Route]) -> Flavor:
    return "expressions" if any(route.expression for route in routes) else "traditional_compatible"


def _are_headers(headers: Any) -> bool:
    if headers is None:
        return True
    if not isinstance(headers, Mapping):
        return False
    given = cast("Mapping[Any, Any]", headers).items()
    return all(isinstance(name, str) and _are_texts(value) for name, value in given)


def _are_texts(value: Any) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in cast("Sequence[Any]", value))


def _first(values: Any) -> str:
    listed = cast("Sequence[Any]", values) if isinstance(values, (list, tuple)) else [values]
    return next((value for value in listed if isinstance(value, str)), "")
