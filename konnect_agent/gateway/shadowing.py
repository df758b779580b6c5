"""Routes that never win, and orders nobody should rely on.

1. A matcher can never win if a better ranked one of another route holds wherever it holds; a route never wins
   if none of its matchers can. Proven by implication, so a reported route is certain, a missing one is not.
2. Two routes compete if one request satisfies both. Such a request is sought for every two matchers whose
   ranks are equal, or are ordered differently by `original` and `strict`, and which may overlap (`overlaps`):
   from the values of both, field by field (`witnesses`). On it, the order is undefined if the best matchers
   of the two routes have equal ranks, and disputed if the two calculations name different winners.
Every such pair comes with its request. Two regexes are known to meet only where an example of one suits both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.competition import Competition, TraditionalCompetition, TreeCompetition
from konnect_agent.gateway.request import Request
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.traditional import TraditionalTable
from konnect_agent.gateway.witnesses import joint_witnesses, witnesses

_MAX_PAIRS = 10_000
_MAX_CHECKS = 50_000  # pairs looked at in one table: some seconds


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A route that can never win; `by` are the routes that always go first."""

    route: object
    by: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """Two routes that compete for `example`."""

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
    contests = _Contests()
    for table in tables:
        competition = (
            TreeCompetition(table) if isinstance(table, TreeTable) else TraditionalCompetition(table)
        )
        never.extend(_never(table, competition))
        contests.look_at(table, competition)
    return Shadows(
        tuple(never),
        tuple(contests.undefined.values()),
        tuple(contests.disputed.values()),
        contests.complete,
    )


def _never(table: TreeTable | TraditionalTable, competition: Competition) -> Iterator[Shadowed]:
    dominators: dict[int, list[int | None]] = {}
    for position in range(len(table)):
        found = _dominator(table, competition, position)
        dominators.setdefault(id(table.route(position)), []).append(found)
    for position in range(len(table)):
        route = table.route(position)
        found = dominators.pop(id(route), [None])
        certain = [better for better in found if better is not None]
        if len(certain) == len(found):
            by = {id(table.route(better)): table.route(better).origin for better in certain}
            yield Shadowed(route.origin, tuple(by.values()))


def _dominator(table: TreeTable | TraditionalTable, competition: Competition, position: int) -> int | None:
    """The best ranked part of another route that holds wherever this one does, if that can be proven."""
    twin = table.twin(position)
    if twin is not None:
        return twin
    for better in table.betters(position, next(witnesses(competition.parts[position]), None)):
        if table.route(better) is not table.route(position) and table.covers(better, position):
            return better
    return None


class _Contests:
    def __init__(self) -> None:
        self.undefined: dict[frozenset[int], Contest] = {}
        self.disputed: dict[frozenset[int], Contest] = {}
        self.complete = True

    def look_at(self, table: TreeTable | TraditionalTable, competition: Competition) -> None:
        for checks, (first, second) in enumerate(competition.pairs()):
            if checks >= _MAX_CHECKS or len(self.undefined) + len(self.disputed) >= _MAX_PAIRS:
                self.complete = False
                return
            self._judge(table, competition, first, second)

    def _judge(
        self, table: TreeTable | TraditionalTable, competition: Competition, first: int, second: int
    ) -> None:
        """Look for requests that show the two routes competing, until there is one of each kind."""
        routes = table.route(first), table.route(second)
        pair = frozenset(map(id, routes))
        for example in joint_witnesses(competition.parts[first], competition.parts[second]):
            verdict = competition.judge(routes, example)
            if verdict.tied:
                self.undefined.setdefault(pair, Contest((routes[0].origin, routes[1].origin), example))
            if verdict.winners is not None:
                original, strict = verdict.winners
                self.disputed.setdefault(pair, Contest((original.origin, strict.origin), example))
            if pair in self.undefined and pair in self.disputed:
                return
