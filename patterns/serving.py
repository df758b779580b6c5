"""Which route of a set serves a request that is only partly known.

Somebody who asks about `/api/users` rarely says which host, method or headers. What is left open is filled
in with what each route, or its expression, asks for; the bare request goes first. Routes for which no filling
was found although one may exist are `maybe`. Where no method was said and another one would be served by
another route, that is told (`by_method`). The answer names the calculation assumed
(`route_match_calculation` is a data plane setting that Konnect does not show): when `strict` would choose
another route than the default `original`, both are reported with that condition. A route with an
`expression` proves the expressions flavor (fact sheet 7.1, inferred); otherwise the default is assumed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from konnect_agent.errors import InvalidArguments
from konnect_agent.gateway import Explanation, Filling, Flavor, Match, Request, Router, name_indicated
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
        return Request(
            method=(self.method or "GET").upper(),
            path=self.target,
            host=self.host or "",
            scheme=self.scheme,
            headers=dict(self.headers or {}),
            sni=self.sni or name_indicated(self.host, self.scheme),
        )

    @property
    def left_open(self) -> frozenset[str]:
        """The criteria of routes that may be filled in; there is no SNI without TLS."""
        said = {
            "methods": self.method is not None,
            "hosts": self.host is not None,
            "headers": self.headers is not None,
            "snis": self.sni is not None or name_indicated("any", self.scheme) is None,
            "queries": "?" in self.target,
        }
        return frozenset(
            {"sources", "destinations", *(name for name, is_said in said.items() if not is_said)}
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, f"at {self.host}" if self.host else "")))


@dataclass(frozen=True)
class Serving:
    """Who serves, and who would: `others` also match the request, or another filling of what is open.

    `by_method` are the routes that other methods lead to, with those methods, when none was said. `filled_in`
    is what `request` was given so that anything serves it at all, in words: names, as values may be secrets.
    `maybe` are routes that may serve some requests to this path, none of which was found.
    """

    match: Match
    request: Request
    others: tuple[Route, ...]
    strict: Match | None
    flavor: Flavor
    by_method: tuple[tuple[Route, tuple[str, ...]], ...] = ()
    filled_in: tuple[str, ...] = ()
    maybe: tuple[Route, ...] = ()

    @property
    def route(self) -> Route:
        """The route that serves the request."""
        return cast("Route", self.match.route)

    @property
    def is_disputed(self) -> bool:
        """Whether `strict` calculation chooses another route."""
        return self.strict is None or self.strict.route is not self.match.route


def serving(asked: Asked, routes: Sequence[Route], services: Sequence[Service] = ()) -> Serving | None:
    """Who serves the request among `routes`; None when nothing was found that any of them serves.

    That is a 404 unless `may_serve` names routes.
    """
    flavor = _flavor(routes)
    router = Router(routes, services, flavor)
    bare, fillings = asked.bare(), _in_order(routes, router.fillings(asked.bare(), asked.left_open))
    requests = {repr(request): request for request in (bare, *(each.request for each in fillings)) if request}
    won = [(request, match) for request in requests.values() if (match := router.match(request))]
    if not won:
        return None
    request, match = won[0]
    matching = (entry.route for entry in router.explain(request).candidates if entry.matched)
    others = {id(route): cast("Route", route) for route in (*matching, *(other.route for _, other in won))}
    others.pop(id(match.route), None)
    strict = Router(routes, services, flavor, "strict").match(request)
    elsewhere: Iterable[tuple[Route, tuple[str, ...]]] = ()
    if asked.method is None:
        competing = [route for route in routes if route is match.route or id(route) in others]
        elsewhere = _by_method(asked, router, competing, match.route, [other.method for other, _ in won])
    return Serving(
        match,
        request,
        tuple(others.values()),
        strict,
        flavor,
        tuple(elsewhere),
        tuple(_filled_in(bare, request)),
        _doubtful(fillings, {id(match.route), *others, *map(id, match.undecided)}),
    )


def may_serve(asked: Asked, routes: Sequence[Route]) -> tuple[Route, ...]:
    """Routes that may serve some requests to the path, as none of their conditions says no for certain."""
    router = Router(routes, (), _flavor(routes))
    return _doubtful(_in_order(routes, router.fillings(asked.bare(), asked.left_open)), ())


def explanation(asked: Asked, routes: Sequence[Route], services: Sequence[Service] = ()) -> Explanation:
    """Every candidate for the request that `serving` decided on, in words."""
    found = serving(asked, routes, services)
    return Router(routes, services, _flavor(routes)).explain(found.request if found else asked.bare())


def _in_order(routes: Sequence[Route], fillings: Iterable[Filling]) -> list[Filling]:
    """In the order of the routes, so that the answer does not hang on what a rank is made of."""
    places = {id(route): place for place, route in enumerate(routes)}
    return sorted(fillings, key=lambda filling: places[id(filling.route)])


def _doubtful(fillings: Iterable[Filling], settled: Container[int]) -> tuple[Route, ...]:
    listed = list(fillings)
    held = {id(each.route) for each in listed if each.request}
    open_ = (each.route for each in listed if id(each.route) not in held and id(each.route) not in settled)
    return tuple({id(route): cast("Route", route) for route in open_}.values())


def _filled_in(bare: Request, request: Request) -> Iterator[str]:
    """What `request` has beside the bare one."""
    if request.method != bare.method:
        yield f"method {request.method}"
    if request.host != bare.host:
        yield f"host {request.host}"
    elif request.sni != bare.sni:
        yield f"SNI {request.sni}"
    yield from (f"header {name}" for name in request.headers if name not in bare.headers)
    yield from (f"query argument {name}" for name in request.queries or ())
    if (request.src_ip, request.src_port) != (bare.src_ip, bare.src_port):
        yield "a source address"
    if (request.dst_ip, request.dst_port) != (bare.dst_ip, bare.dst_port):
        yield "a destination address or port"


def _by_method(
    asked: Asked, router: Router, competing: Sequence[Route], chosen: object, methods: Iterable[str]
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """The routes other than the chosen one that serve the request when its method is said, with the methods.

    The documented methods are tried, those that a route names, and `methods`.
    """
    led: dict[int, tuple[Route, list[str]]] = {}
    among = set(map(id, competing))
    named = (name.upper() for route in competing for name in route.methods)
    for method in filter(str.isalpha, dict.fromkeys((*_METHODS, *named, *methods))):
        said = replace(asked, method=method)
        found = _in_order(competing, router.fillings(said.bare(), said.left_open, among))
        requests = (said.bare(), *(each.request for each in found if each.request))
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
