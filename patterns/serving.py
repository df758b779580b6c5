"""Which route of a set serves a request that is only partly known.

Somebody who asks about `/api/users` rarely says which host, method or headers. What is left open is filled
in with what each route, or its expression, asks for; the bare request goes first. Routes for which no filling
was found although one may exist are `maybe`. Where another method, host, ... than the one assumed leads to
another route, that is told (`by_method`, `elsewhere`). The answer names the calculation assumed
(`route_match_calculation` is a data plane setting that Konnect does not show): when `strict` would choose
another route than the default `original`, both are reported with that condition (`strict`, `disputes`, the
latter as far as a few combinations of fillings show them). A route with an
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
_UNNAMED = "OTHER"
_COMBINED = 16
"""Fillings that are combined with those of other routes."""
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
class Dispute:
    """Requests that `original` and `strict` send to different routes; `strict` is None where it finds none.

    `asking` is what these requests have, in words.
    """

    asking: tuple[str, ...]
    original: Route
    strict: Route | None


@dataclass(frozen=True)
class Serving:
    """Who serves, and who would: `others` also match the request, or another filling of what is open.

    `by_method` are the routes that other methods lead to, with those methods, when none was said.
    `elsewhere` are those that serve another filling, with what it has. `filled_in` is what `request` has to
    have so that anything serves it at all. Both in words: names, as values may be secrets. `disputes` are
    those of other fillings; `is_compared` is False when there were too many to combine. `maybe` are routes
    that may serve some requests to this path, none of which was found.
    """

    match: Match
    request: Request
    others: tuple[Route, ...]
    strict: Match | None
    flavor: Flavor
    by_method: tuple[tuple[Route, tuple[str, ...]], ...] = ()
    elsewhere: tuple[tuple[Route, tuple[str, ...]], ...] = ()
    disputes: tuple[Dispute, ...] = ()
    is_compared: bool = True
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
    strictly = Router(routes, services, flavor, "strict")
    competing = [route for route in routes if route is match.route or id(route) in others]
    led: Mapping[str, Route | None] = {}
    if asked.method is None:
        led = _led(asked, router, competing, [other.method for other, _ in won])
        others |= {id(route): route for route in led.values() if route and route is not match.route}
    among = {id(each.route) for each in fillings}
    strict = strictly.match(request)
    disputes = (
        Dispute(tuple(_filled_in(bare, each, request.method)), original, other)
        for each, original, other in _disputes(asked, [each for each, _ in won], router, strictly, among)
        if original is not match.route or other is not (strict and strict.route)
    )
    return Serving(
        match,
        request,
        tuple(others.values()),
        strict,
        flavor,
        tuple(_by_method(led, match.route)),
        tuple(_elsewhere(asked, bare, won)),
        tuple({(id(each.original), id(each.strict)): each for each in disputes}.values()),
        len(won) <= _COMBINED,
        (*(_only(led, match.route) if request.method == bare.method else ()), *_filled_in(bare, request)),
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


def _filled_in(bare: Request, request: Request, method: str | None = None) -> Iterator[str]:
    """What `request` has beside the bare one, and its method where that is not `method` either."""
    if {bare.method, method or bare.method} != {request.method}:
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


def _led(
    asked: Asked, router: Router, competing: Sequence[Route], methods: Iterable[str]
) -> dict[str, Route | None]:
    """The route that serves the request when its method is said, by method; None where nothing is found.

    The documented methods are tried, those that a route names, `methods`, and one that nobody names.
    """
    led: dict[str, Route | None] = {}
    among = set(map(id, competing))
    named = (name.upper() for route in competing for name in route.methods)
    for method in filter(str.isalpha, dict.fromkeys((*_METHODS, *named, *methods, _UNNAMED))):
        said = replace(asked, method=method)
        found = _in_order(competing, router.fillings(said.bare(), said.left_open, among))
        requests = (said.bare(), *(each.request for each in found if each.request))
        match = next((match for request in requests if (match := router.match(request))), None)
        led[method] = cast("Route", match.route) if match else None
    return led


def _by_method(led: Mapping[str, Route | None], chosen: object) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """The routes other than the chosen one, with the methods that lead there."""
    for route in {id(route): route for route in led.values() if route and route is not chosen}.values():
        methods = tuple(method for method, other in led.items() if other is route and method != _UNNAMED)
        yield route, methods or ("any other method",)


def _only(led: Mapping[str, Route | None], chosen: object) -> Iterator[str]:
    """The methods the answer is for, where none was said and nothing serves some others."""
    unserved = [method for method, route in led.items() if route is None]
    if _UNNAMED in unserved:
        yield f"method {' or '.join(method for method, route in led.items() if route is chosen) or 'GET'}"
    elif unserved:
        yield f"a method other than {' and '.join(unserved)}"


def _elsewhere(
    asked: Asked, bare: Request, won: Sequence[tuple[Request, Match]]
) -> Iterator[tuple[Route, tuple[str, ...]]]:
    """The routes that serve another filling, with what it has; those that only a method leads to left out."""
    (request, chosen), *rest = won
    told = {id(chosen.route)}
    for other, match in rest:
        is_by_method = asked.method is None and replace(other, method=bare.method) == bare
        if id(match.route) not in told and not is_by_method:
            told.add(id(match.route))
            yield cast("Route", match.route), tuple(_filled_in(bare, other, request.method))


def _disputes(
    asked: Asked, requests: Sequence[Request], router: Router, strictly: Router, among: Container[int]
) -> Iterator[tuple[Request, Route, Route | None]]:
    """Requests, filled in and some filled in further, that the two calculations send to different routes."""
    further = (
        each.request
        for request in requests[:_COMBINED]
        for each in strictly.fillings(request, _still_open(asked, request), among)
        if each.request
    )
    for each in (*requests, *further):
        match, other = router.match(each), strictly.match(each)
        if match and not (other and other.route is match.route):
            yield each, cast("Route", match.route), cast("Route", other.route) if other else None


def _still_open(asked: Asked, request: Request) -> frozenset[str]:
    """What is left open once a host was filled in."""
    return asked.left_open - ({"hosts", "snis"} if request.host != asked.bare().host else set())


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
