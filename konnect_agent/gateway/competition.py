"""Who competes with whom in a table, and who wins under either calculation.

Of all pairs of matchers only those matter that may overlap and whose order is in question: equal ranks, or
ranks that `original` and `strict` order differently. Both are found with sets of matchers as bits of one
integer: the matchers above a given one, under each calculation. A route for TLS only that names
SNIs differs between the calculations in what it matches (fact sheet 7.6): its order is always in question.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from konnect_agent.gateway.compatible import (
    Calculation,
    NotRoutable,
    criteria,
    pack,
    sni_condition,
    takes_tls_only,
)
from konnect_agent.gateway.entities import RouteRecord
from konnect_agent.gateway.index import CandidateIndex, bits, members, needs
from konnect_agent.gateway.matchers import Matcher
from konnect_agent.gateway.overlaps import overlaps
from konnect_agent.gateway.predicates import And, Node, evaluate
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.traditional import TraditionalTable
from konnect_agent.gateway.witnesses import Part, crossed, part


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two routes stand on one request; `winners` under original and strict, where they differ."""

    tied: bool
    winners: tuple[RouteRecord, RouteRecord] | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a request that two parts share may show: that they are tied, or have two winners."""

    tie: bool
    dispute: bool


class Competition(Protocol):
    """The matchers of a table as parts, the pairs in question, and the judge of one pair.

    `cost` is how many predicates `judge` evaluates at most.
    """

    parts: Sequence[Part]

    def pairs(self) -> Iterator[tuple[int, int]]: ...
    def in_question(self, first: int, second: int, /) -> Question: ...
    def cost(self, routes: tuple[RouteRecord, RouteRecord], /) -> int: ...
    def judge(self, routes: tuple[RouteRecord, RouteRecord], example: Request, /) -> Verdict: ...


class TreeCompetition:
    """Competition in a table of condition trees."""

    def __init__(self, table: TreeTable) -> None:
        self._table = table
        self._by_route = _by_route(matcher.route for matcher in table.matchers)
        self._ranks = [(_rank(one, "original"), _rank(one, "strict")) for one in table.matchers]
        self.parts: Sequence[Part] = crossed(
            [part(matcher.route, matcher.paths, _widest_conditions(matcher)) for matcher in table.matchers]
        )

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of matchers of different routes that may overlap and whose order is in question."""
        table = self._table
        overlapping = overlaps([matcher.node for matcher in table.matchers], self.parts, table.index)
        in_question = _in_question(table.matchers)
        for position, matcher in enumerate(table.matchers):
            own = self._by_route[id(matcher.route)]
            for other in members(overlapping[position] & in_question[position] & ~bits(own)):
                # A pair that is in question both ways comes once.
                if position < other or not in_question[other] >> position & 1:
                    yield position, other

    def in_question(self, first: int, second: int, /) -> Question:
        """Whether these two matchers can be tied or disputed."""
        ranks = zip(self._ranks[first], self._ranks[second], strict=True)
        orders = {(one > other) - (one < other) for one, other in ranks}
        rereads = any(_rereads_snis(self._table.matchers[place]) for place in (first, second))
        return Question(tie=self._table.tied(first, second), dispute=len(orders) > 1 or rereads)

    def cost(self, routes: tuple[RouteRecord, RouteRecord], /) -> int:
        """Every matcher of both routes is asked by the table and under each calculation."""
        return 3 * _size(routes, self._by_route, self.parts)

    def judge(self, routes: tuple[RouteRecord, RouteRecord], example: Request, /) -> Verdict:
        """Who wins among the matchers of two routes that hold for `example`."""
        facts = Facts(example)
        table = self._table
        parts = [[table.matchers[place] for place in self._by_route[id(route)]] for route in routes]
        held = [
            [place for place in self._by_route[id(route)] if table.holds(place, facts)] for route in routes
        ]
        tied = all(held) and table.tied(held[0][0], held[1][0])
        winners = [
            _winner((*parts[0], *parts[1]), calculation, facts) for calculation in ("original", "strict")
        ]
        original, strict = winners
        if original is None or strict is None or original.route is strict.route:
            return Verdict(tied, None)
        return Verdict(tied, (original.route, strict.route))


class TraditionalCompetition:
    """Competition in a table of the flavor `traditional`, which knows one calculation only."""

    def __init__(self, table: TraditionalTable) -> None:
        self._table = table
        self._by_route = _by_route(entry.route for entry in table.entries)
        conditions = [_conditions(entry.route, entry.paths) for entry in table.entries]
        self._nodes = [And(tuple(found.values())) for found in conditions]
        self.parts: Sequence[Part] = crossed(
            [
                part(entry.route, entry.paths, found)
                for entry, found in zip(table.entries, conditions, strict=True)
            ]
        )

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of entries of different routes that may overlap and that only the sort orders."""
        table = self._table
        index = CandidateIndex(needs(node) for node in self._nodes)
        overlapping = overlaps(self._nodes, self.parts, index)
        alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for position, entry in enumerate(table.entries):
            alike.setdefault((entry.rules, entry.sort_key), []).append(position)
        for positions in alike.values():
            group = bits(positions)
            for position in positions:
                for other in members(overlapping[position] & group & ~((2 << position) - 1)):
                    if table.route(position) is not table.route(other) and table.tied(position, other):
                        yield position, other

    def in_question(self, _first: int, _second: int, /) -> Question:
        """One calculation leaves nothing to dispute."""
        return Question(tie=True, dispute=False)

    def cost(self, routes: tuple[RouteRecord, RouteRecord], /) -> int:
        """Every entry of both routes is asked once."""
        return _size(routes, self._by_route, self.parts)

    def judge(self, routes: tuple[RouteRecord, RouteRecord], example: Request, /) -> Verdict:
        """Whether the best entries of two routes that hold for `example` are left to the sort."""
        facts = Facts(example)
        table = self._table
        best: list[int] = []
        for route in routes:
            held = [place for place in self._by_route[id(route)] if table.holds(place, facts)]
            best.extend(sorted(held, key=table.order)[:1])
        return Verdict(len(best) == 2 and table.tied(*best), None)


def _by_route(routes: Iterable[RouteRecord]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for position, route in enumerate(routes):
        found.setdefault(id(route), []).append(position)
    return found


def _size(routes: Iterable[RouteRecord], by_route: Mapping[int, Sequence[int]], parts: Sequence[Part]) -> int:
    return sum(parts[place].size for route in routes for place in by_route[id(route)])


def _widest_conditions(matcher: Matcher) -> dict[str, Node]:
    """The criteria of a matcher, SNIs read as `original` does: whatever `strict` takes, it takes too."""
    found = {criterion.name: criterion.node for criterion in matcher.criteria}
    return {**found, "snis": sni_condition(matcher.route, "original")} if _rereads_snis(matcher) else found


def _conditions(route: RouteRecord, paths: Sequence[str]) -> dict[str, Node]:
    """The fields of an entry as conditions, to find values both of two entries take."""
    try:
        return {criterion.name: criterion.node for criterion in criteria(route, paths, "original")}
    except NotRoutable:
        return {}


def _in_question(matchers: Sequence[Matcher]) -> list[int]:
    """For every matcher those whose order to it is undefined or differs between the calculations."""
    original = [_rank(matcher, "original") for matcher in matchers]
    strict = [_rank(matcher, "strict") for matcher in matchers]
    alike: dict[int, list[int]] = {}
    for position, matcher in enumerate(matchers):
        alike.setdefault(matcher.packed, []).append(position)
    same = {packed: bits(positions) for packed, positions in alike.items()}
    rereads = bits(place for place, matcher in enumerate(matchers) if _rereads_snis(matcher))
    above = zip(_above(original), _above(strict), strict=True)
    everything = (1 << len(matchers)) - 1
    return [
        everything
        if rereads >> position & 1
        else (higher[0] ^ higher[1]) | same[matchers[position].packed] | rereads
        for position, higher in enumerate(above)
    ]


def _above(ranks: Sequence[int]) -> list[int]:
    """For every matcher the set of those with a higher rank."""
    found = [0] * len(ranks)
    higher = 0
    order = sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)
    for _, group in groupby(order, key=ranks.__getitem__):
        equals = list(group)
        for position in equals:
            found[position] = higher
        higher |= bits(equals)
    return found


def _winner(matchers: Sequence[Matcher], calculation: Calculation, facts: Facts) -> Matcher | None:
    holding = [matcher for matcher in matchers if _holds(matcher, calculation, facts)]
    return max(holding, key=lambda matcher: (_rank(matcher, calculation), matcher.id.lower()), default=None)


def _holds(matcher: Matcher, calculation: Calculation, facts: Facts) -> bool:
    """Whether a matcher holds under `calculation`: the two differ in reading SNIs only."""
    reread = _rereads_snis(matcher)
    return all(
        evaluate(
            sni_condition(matcher.route, calculation)
            if reread and criterion.name == "snis"
            else criterion.node,
            facts,
        )
        for criterion in matcher.criteria
    )


def _rereads_snis(matcher: Matcher) -> bool:
    route = matcher.route
    return route.expression is None and bool(route.snis) and takes_tls_only(route)


def _rank(matcher: Matcher, calculation: Calculation) -> int:
    return matcher.packed if matcher.rank is None else pack(matcher.rank, calculation)
