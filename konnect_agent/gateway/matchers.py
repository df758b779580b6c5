"""Routes prepared for one router: condition, rank and identity of every part that can win on its own.

A `Matcher` is one part of a route (see `compatible.split`) or one expression. Routes whose service is
disabled are left out, as the gateway does; routes the gateway would refuse are listed with the reason. A
malformed regex makes it refuse the one matcher it stands in, and with a single one the route.
HTTP and stream routes never compete: each subsystem has its own table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from konnect_agent.gateway.compatible import (
    EXPRESSION_RANK,
    Calculation,
    Criterion,
    NotRoutable,
    Rank,
    criteria,
    pack,
    pack_stream,
    rank,
    split,
)
from konnect_agent.gateway.entities import STREAM_PROTOCOLS, RouteRecord, ServiceRecord
from konnect_agent.gateway.expressions import ExpressionError, parse_expression
from konnect_agent.gateway.predicates import And, Node, Or, Predicate, predicates
from konnect_agent.gateway.regexes import Regex

Flavor: TypeAlias = Literal["traditional_compatible", "traditional", "expressions"]

# WebSocket connections begin as HTTP requests; that Kong maps their protocols as it maps gRPC's is inferred.
_EXPRESSION_PROTOCOLS = {
    "tls_passthrough": "tcp",
    "grpc": "http",
    "grpcs": "https",
    "ws": "http",
    "wss": "https",
}
_ALONE = {"https", "tls", "tls_passthrough"}  # alone in `protocols`, these are left to the redirect


@dataclass(frozen=True, slots=True)
class Refused:
    """A route the gateway's router would not load, or not all of, and why."""

    route: object
    reason: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """One part of a route. `key` orders matchers, larger first; equal keys are undefined by Kong's docs.

    `fields` and `regexes` are those of `node`. What can be said again from the route is not kept: the fewer
    objects a table holds, the less the garbage collector has to do while it is built.
    """

    route: RouteRecord
    service: ServiceRecord | None
    id: str
    paths: tuple[str, ...] | None
    criteria: tuple[Criterion, ...]
    node: Node
    fields: frozenset[str]
    regexes: tuple[Regex, ...]
    packed: int

    @property
    def rank(self) -> Rank | None:
        """What the rank is made of; None where it is a number of the route (expressions) or of its kind."""
        return None if self.route.expression or self.route.is_stream else rank(self.route, self.paths)

    @property
    def key(self) -> tuple[int, str]:
        """Rank first, then the larger id."""
        return self.packed, self.id.lower()


def subsystems(route: RouteRecord) -> tuple[bool, ...]:
    """Tables a route is in: False for HTTP, True for stream. Without protocols, what its fields allow."""
    if route.protocols:
        return tuple(sorted({protocol in STREAM_PROTOCOLS for protocol in route.protocols}))
    http_fields = (route.methods, route.hosts, route.paths, route.headers)
    connection_fields = (route.snis, route.sources, route.destinations)
    return (False, True) if any(connection_fields) and not any(http_fields) else (False,)


def prepare(
    routes: Iterable[tuple[RouteRecord, ServiceRecord | None]], *, flavor: Flavor, calculation: Calculation
) -> tuple[list[Matcher], list[Refused]]:
    """Matchers of all routes, best first, and the routes that give none."""
    matchers: list[Matcher] = []
    refused: list[Refused] = []
    for route, service in routes:
        try:
            matchers.extend(_matchers(route, service, flavor, calculation, refused))
        except (NotRoutable, ExpressionError) as reason:
            refused.append(Refused(route.origin, str(reason)))
    matchers.sort(key=lambda matcher: matcher.key, reverse=True)
    return matchers, refused


def _matchers(
    route: RouteRecord,
    service: ServiceRecord | None,
    flavor: Flavor,
    calculation: Calculation,
    refused: list[Refused],
) -> list[Matcher]:
    if route.expression is not None:
        node = parse_expression(route.expression, stream=route.is_stream, aliases=flavor == "expressions")
        found = [(route.id, None, (Criterion("expression", node),), EXPRESSION_RANK | route.priority)]
    else:
        found = [_part(route, id_, paths, calculation) for id_, paths in split(route)]
    protocols = _protocols(route) if flavor == "expressions" else None
    matchers: list[Matcher] = []
    for id_, paths, parts, packed in found:
        conditions = parts if protocols is None else (*parts, Criterion("protocols", protocols))
        nodes = tuple(criterion.node for criterion in conditions)
        node = nodes[0] if len(nodes) == 1 else And(nodes)
        tests = predicates(node)
        fields = frozenset([test.field for test in tests])
        regexes = tuple([test.constant for test in tests if isinstance(test.constant, Regex)])
        broken = next((regex for regex in regexes if regex.malformed), None)
        if broken is not None:
            reason = f"its regex {broken.pattern} is malformed: {broken.problem}"
            refused.append(Refused(route.origin, reason))
            continue
        matchers.append(Matcher(route, service, id_, paths, conditions, node, fields, regexes, packed))
    return matchers


def _part(
    route: RouteRecord, id_: str, paths: tuple[str, ...] | None, calculation: Calculation
) -> tuple[str, tuple[str, ...] | None, tuple[Criterion, ...], int]:
    conditions = criteria(route, paths, calculation)
    packed = pack_stream(route) if route.is_stream else pack(rank(route, paths), calculation)
    return id_, paths, conditions, packed


def _protocols(route: RouteRecord) -> Node | None:
    """The clause Kong appends to every route in the expressions flavor."""
    protocols = route.protocols
    if not protocols or (len(protocols) == 1 and protocols[0] in _ALONE):
        return None
    names = [_EXPRESSION_PROTOCOLS.get(protocol, protocol) for protocol in protocols]
    return Or(tuple(Predicate("net.protocol", "==", name) for name in names))
