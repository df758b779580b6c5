"""Routes that never win, and orders nobody should rely on.

1. A matcher can never win if a better ranked one of another route holds wherever it holds; a route never wins
   if none of its matchers can. Proven by implication, so a reported route is certain, a missing one is not.
2. For every matcher example requests are built from its own values. Where another matcher holds for the same
   example, the two compete: their order is undefined if the ranks are equal, and conditional if `original`
   and `strict` order them differently. Every such pair comes with its example.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.compatible import Calculation, criteria, pack
from konnect_agent.gateway.entities import RouteRecord
from konnect_agent.gateway.matchers import Matcher
from konnect_agent.gateway.predicates import evaluate
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.traditional import TraditionalTable
from konnect_agent.gateway.witnesses import witnesses

_MAX_PAIRS = 10_000
_MAX_CHECKS = 500_000  # pairs looked at in one table: some seconds


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A route that can never win; `by` are the routes that always go first."""

    route: object
    by: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """Two routes that both match `example`."""

    routes: tuple[object, object]
    example: Request


@dataclass(frozen=True, slots=True)
class Shadows:
    """`never` can never win, `undefined` pairs have equal rank, `disputed` pairs are ordered by calculation.

    A disputed pair names the winner under `original` first, the one under `strict` second. `complete` is
    false when there were too many pairs to look at all of them.
    """

    never: tuple[Shadowed, ...]
    undefined: tuple[Contest, ...]
    disputed: tuple[Contest, ...]
    complete: bool


def shadows(tables: Sequence[TreeTable | TraditionalTable]) -> Shadows:
    """Analyse whole tables."""
    never: list[Shadowed] = []
    undefined: dict[frozenset[int], Contest] = {}
    disputed: dict[frozenset[int], Contest] = {}
    complete = True
    for table in tables:
        never.extend(_never(table))
        for checks, (first, second, example) in enumerate(_contests(table)):
            if len(undefined) + len(disputed) >= _MAX_PAIRS or checks >= _MAX_CHECKS:
                complete = False
                break
            routes = table.route(first), table.route(second)
            pair = frozenset(map(id, routes))
            if table.tied(first, second):
                undefined.setdefault(pair, Contest((routes[0].origin, routes[1].origin), example))
            elif isinstance(table, TreeTable) and (order := _disputed(table, first, second, example)):
                disputed.setdefault(pair, Contest((order[0].origin, order[1].origin), example))
    return Shadows(tuple(never), tuple(undefined.values()), tuple(disputed.values()), complete)


def _never(table: TreeTable | TraditionalTable) -> Iterator[Shadowed]:
    dominators: dict[int, list[int | None]] = {}
    for position in range(len(table)):
        dominators.setdefault(id(table.route(position)), []).append(_dominator(table, position))
    for position in range(len(table)):
        route = table.route(position)
        found = dominators.pop(id(route), [None])
        certain = [better for better in found if better is not None]
        if len(certain) == len(found):
            by = {id(table.route(better)): table.route(better).origin for better in certain}
            yield Shadowed(route.origin, tuple(by.values()))


def _dominator(table: TreeTable | TraditionalTable, position: int) -> int | None:
    """The best ranked part of another route that holds wherever this one does, if that can be proven."""
    twin = table.twin(position)
    if twin is not None:
        return twin
    for better in table.betters(position, next(_examples(table, position), None)):
        if table.route(better) is not table.route(position) and table.covers(better, position):
            return better
    return None


def _examples(table: TreeTable | TraditionalTable, position: int) -> Iterator[Request]:
    if isinstance(table, TreeTable):
        matcher = table.matchers[position]
        return witnesses(matcher.route, matcher.paths, matcher.node)
    return witnesses(table.route(position), table.entries[position].paths, None)


def _contests(table: TreeTable | TraditionalTable) -> Iterator[tuple[int, int, Request]]:
    for position in range(len(table)):
        for example in _examples(table, position):
            holding = [other for other, answer in table.holding(Facts(example)) if answer]
            if position not in holding:
                continue
            for other in holding:
                if table.route(other) is not table.route(position):
                    yield min(position, other), max(position, other), example


def _disputed(
    table: TreeTable, first: int, second: int, example: Request
) -> tuple[RouteRecord, RouteRecord] | None:
    """The winners of `example` among two matchers, original's first, if the two calculations disagree."""
    pair = table.matchers[first], table.matchers[second]
    facts = Facts(example)
    original, strict = _winner(pair, "original", facts), _winner(pair, "strict", facts)
    if original is None or strict is None or original is strict:
        return None
    return original.route, strict.route


def _winner(pair: Sequence[Matcher], calculation: Calculation, facts: Facts) -> Matcher | None:
    holding = [matcher for matcher in pair if _holds(matcher, calculation, facts)]
    return max(holding, key=lambda matcher: _key(matcher, calculation), default=None)


def _holds(matcher: Matcher, calculation: Calculation, facts: Facts) -> bool:
    """Whether a matcher that holds would do so under `calculation`: the two differ in reading SNIs only."""
    if matcher.route.expression is not None or not matcher.route.snis:
        return True
    nodes = criteria(matcher.route, matcher.paths, calculation)
    return all(evaluate(criterion.node, facts) for criterion in nodes)


def _key(matcher: Matcher, calculation: Calculation) -> tuple[int, str]:
    if matcher.rank is None:
        return matcher.key
    return pack(matcher.rank, calculation), matcher.id.lower()
