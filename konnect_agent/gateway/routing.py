"""Which route of a Kong Gateway serves a request (fact sheet 7).

1. Routes and services are read once; routes of disabled services are left out, unusable ones reported.
2. The routes of each subsystem (HTTP, stream) become one table of the chosen flavor.
3. `match` looks a request up, then says what the gateway does with it: outcome and upstream path.
The flavor and the calculation are data plane settings that Konnect does not show: whoever asks states them.
`explain` and `shadowed` answer why, and who never wins.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, get_args

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.collector import collector_paused
from konnect_agent.gateway.compatible import Calculation
from konnect_agent.gateway.effective_plugin import listed
from konnect_agent.gateway.entities import RouteRecord, ServiceRecord, read_route, read_service
from konnect_agent.gateway.explaining import Explanation, LeftOut, explain
from konnect_agent.gateway.filling import Filling, fillings
from konnect_agent.gateway.matchers import Flavor, Refused, prepare, subsystems
from konnect_agent.gateway.outcome import Disposition, Outcome, dispose, dispose_trusted
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.shadowing import Shadows, shadows
from konnect_agent.gateway.table import TreeTable, Won
from konnect_agent.gateway.traditional import TraditionalTable
from konnect_agent.gateway.upstream import escape, upstream_path

Table: TypeAlias = TreeTable | TraditionalTable
Word = TypeVar("Word", bound=str)

FLAVORS: tuple[Flavor, ...] = get_args(Flavor)
CALCULATIONS: tuple[Calculation, ...] = get_args(Calculation)
_ALIASES: Mapping[str, Flavor] = {"traditional_compat": "traditional_compatible"}  # as Kong's pages write too


@dataclass(frozen=True, slots=True)
class Match:
    """The route that serves a request. `route` and `service` are the objects the router was given.

    `path` is the part of the request path the route matched (None if it names no path), `upstream_path` the
    path the router makes for the service (None without one), `upstream_url` the address as it goes over the
    wire, with that path escaped and the request's arguments (None if no host is known). `undecided` are
    better ranked routes that may have won instead, because a regex of theirs cannot be evaluated: unless it
    is empty, the answer is conditional. `if_trusted` is what becomes of the request where the gateway trusts
    its X-Forwarded-Proto, when that is another outcome.
    """

    route: object
    service: object | None
    path: str | None
    captures: Mapping[int | str, str]
    upstream_path: str | None
    upstream_url: str | None
    upstream_host: str | None
    outcome: Outcome
    status: int | None
    location: str | None
    because: str
    undecided: tuple[object, ...]
    if_trusted: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Undecidable:
    """A route with a regex that cannot be evaluated here, and why. The gateway itself may well take it."""

    route: object
    pattern: str
    reason: str


class Router:
    """Routes requests as a data plane of the given flavor would. Immutable after construction.

    `routes` and `services` are models or mappings as Konnect returns them. `calculation` is
    `route_match_calculation`: "original" as executed by the gateway, "strict" as documented. Raises
    ConfigError for any other flavor or calculation.
    """

    def __init__(
        self,
        routes: Iterable[object],
        services: Iterable[object] = (),
        flavor: Flavor = "traditional_compatible",
        calculation: Calculation = "original",
    ) -> None:
        self.flavor: Flavor = _known(_ALIASES.get(flavor, flavor), FLAVORS, "router flavor")
        self.calculation: Calculation = _known(calculation, CALCULATIONS, "route match calculation")
        with collector_paused():
            self._services = {service.id: service for service in map(read_service, services)}
            pairs = [(route, self._services.get(route.service_id or "")) for route in map(read_route, routes)]
            self.disabled: tuple[object, ...] = tuple(
                route.origin for route, s in pairs if s and not s.enabled
            )
            """Routes left out because their service is disabled."""
            live = [(route, service) for route, service in pairs if service is None or service.enabled]
            refused: list[Refused] = []
            self._tables: list[Table] = []
            for stream in (False, True):
                present = [pair for pair in live if stream in subsystems(pair[0])]
                self._tables.append(self._table(present, refused, stream=stream))
            self.refused: tuple[Refused, ...] = tuple({id(entry.route): entry for entry in refused}.values())
            """Routes the gateway's router would not load."""
            self.undecidable: tuple[Undecidable, ...] = tuple(
                Undecidable(route.origin, regex.pattern, regex.problem or "")
                for table in self._tables
                for route, regex in table.problems()
            )
            """Routes with a regex that cannot be evaluated here."""

    def match(self, request: Request) -> Match | None:
        """The route that serves `request`, or None: 404, unless `explain` names routes it cannot decide."""
        facts = Facts(request)
        won = self.table(request).find(facts)
        return None if won is None else self._match(won, facts)

    def explain(self, request: Request) -> Explanation:
        """Why `request` goes where it goes: every candidate, what failed, which rank decided."""
        left_out = self._left_out(stream=request.is_stream)
        table, facts = self.table(request), Facts(request)
        return explain(table, facts, calculation=self.calculation, left_out=left_out)

    def fillings(
        self, request: Request, left_open: Collection[str], among: Container[int] | None = None
    ) -> Iterator[Filling]:
        """Routes that may serve `request`, each with what it asks for where something was left open.

        `left_open` names criteria: `methods`, `hosts`, `headers`, `snis`, `queries`, `sources`,
        `destinations`. `among` are the routes to look at, by `id()`. Nothing under the flavor `traditional`.
        """
        table = self.table(request)
        return fillings(table, request, left_open, among) if isinstance(table, TreeTable) else iter(())

    def shadowed(self) -> Shadows:
        """Routes that never win, pairs of undefined order, and pairs the calculations order differently."""
        return shadows(self._tables)

    def table(self, request: Request) -> Table:
        """The table of the request's subsystem."""
        return self._tables[request.is_stream]

    @property
    def tables(self) -> tuple[Table, Table]:
        """The tables of the HTTP and of the stream subsystem."""
        return self._tables[0], self._tables[1]

    def _left_out(self, *, stream: bool) -> Iterator[LeftOut]:
        """The routes a table of this subsystem does not have, or not all of."""
        disabled = "its service is disabled, and the gateway leaves out all routes of such a service"
        absent = [(origin, "service", disabled) for origin in self.disabled]
        absent += [
            (entry.route, "route", f"the gateway does not load it: {entry.reason}") for entry in self.refused
        ]
        for origin, field, because in absent:
            route = read_route(origin)
            if stream in subsystems(route):
                yield LeftOut(origin, route.paths or (), field, because)

    def _table(
        self,
        pairs: list[tuple[RouteRecord, ServiceRecord | None]],
        refused: list[Refused],
        *,
        stream: bool,
    ) -> Table:
        if self.flavor == "traditional":
            table = TraditionalTable(pairs, stream=stream)
            refused.extend(table.refused)
            return table
        matchers, problems = prepare(pairs, flavor=self.flavor, calculation=self.calculation)
        refused.extend(problems)
        return TreeTable(matchers)

    def _match(self, won: Won, facts: Facts) -> Match:
        route, service = won.route, won.service
        # A service that was not handed in is unknown, not missing.
        has_service = route.service_id is not None
        disposition = dispose(route, facts, has_service=has_service)
        trusted = dispose_trusted(route, facts, has_service=has_service)
        upstream: str | None = None
        if service is not None and service.path is not None and not facts.request.is_stream:
            upstream = upstream_path(
                facts.path,
                base=service.path,
                strip_path=route.strip_path,
                matched=won.matched,
                path_handling=route.path_handling if self.flavor == "traditional" else "v0",
                remainder=won.remainder if route.strip_path else None,
            )
        return Match(
            route=route.origin,
            service=None if service is None else service.origin,
            path=won.matched,
            captures=won.captures,
            upstream_path=upstream,
            upstream_url=None if service is None else _url(service, upstream, facts),
            upstream_host=_host(route, service, facts),
            outcome=disposition.outcome,
            status=disposition.status,
            location=disposition.location,
            because=disposition.because,
            undecided=tuple(record.origin for record in won.undecided),
            if_trusted=None if trusted == disposition else trusted,
        )


def _known(word: Word, words: tuple[Word, ...], what: str) -> Word:
    if word not in words:
        raise ConfigError(f"{word!r} is no {what}.", hint=f"Use {listed(words, last='or')}.")
    return word


def _url(service: ServiceRecord, path: str | None, facts: Facts) -> str | None:
    """The address as it goes over the wire: the path escaped, the arguments as they were sent.

    None when it is not said where the service is.
    """
    if not service.host:
        return None
    host = f"[{service.host}]" if ":" in service.host else service.host
    port = "" if service.port is None else f":{service.port}"
    target = "" if path is None else escape(path) + facts.arguments
    return f"{service.protocol}://{host}{port}{target}"


def _host(route: RouteRecord, service: ServiceRecord | None, facts: Facts) -> str | None:
    """The Host header (or SNI) sent upstream."""
    if route.preserve_host:
        return facts.request.sni if facts.request.is_stream else facts.request.host
    return (service.host or None) if service else None
