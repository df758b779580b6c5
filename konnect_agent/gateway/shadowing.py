"""Routes that never win, and orders nobody should rely on.

1. A route that wins an example request of its own can win. Of the others, a matcher can never win if better
   ranked ones of other routes together hold wherever it holds; a route never wins if none of its matchers
   can. That is proven by implication, so a reported route is certain; where it can be neither shown nor
   proven (a regex within another, mostly), the answer is not complete.
2. Two routes compete if one request satisfies both. Such a request is sought for every two matchers whose
   ranks are equal, or are ordered differently by `original` and `strict`, and which may overlap (`overlaps`):
   from the values of both, field by field (`meetings`). On it, the order is undefined if the best matchers
   of the two routes have equal ranks, and disputed if the two calculations name different winners.
Every such pair comes with its request. Where none can be told, nor that there is none, the answer is not
complete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from konnect_agent.gateway.competition import Competition, TraditionalCompetition, TreeCompetition
from konnect_agent.gateway.meetings import Meetings, Work
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.traditional import TraditionalTable
from konnect_agent.gateway.witnesses import attempts

_PER_PART = 96  # examples of one part
_MAX_ATTEMPTS = 50_000  # further examples tried in one table: some seconds
_MAX_PAIRS = 10_000
_MAX_EVALUATIONS = 2_000_000  # of predicates, to look at the pairs of one table: some seconds


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A route that can never win; `by` are the routes of which one always goes first."""

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
    false when a route that `never` wins may be missing, when a pair has regexes of which it cannot be told
    whether one text matches both, or when looking at all pairs would take too long.
    """

    never: tuple[Shadowed, ...]
    undefined: tuple[Contest, ...]
    disputed: tuple[Contest, ...]
    complete: bool


def shadows(tables: Sequence[TreeTable | TraditionalTable]) -> Shadows:
    """Analyse whole tables."""
    never: list[Shadowed] = []
    contests = _Contests()
    complete = True
    for table in tables:
        competition = (
            TreeCompetition(table) if isinstance(table, TreeTable) else TraditionalCompetition(table)
        )
        unreachable = _Unreachable(table, competition)
        never.extend(unreachable.never)
        complete &= unreachable.complete
        contests.look_at(table, competition)
    return Shadows(
        tuple(never),
        tuple(contests.undefined.values()),
        tuple(contests.disputed.values()),
        complete and contests.complete,
    )


class _Unreachable:
    """The routes of a table that cannot win; `complete` is whether all others were seen winning a request."""

    def __init__(self, table: TreeTable | TraditionalTable, competition: Competition) -> None:
        self._table, self._competition = table, competition
        self._attempts_left = _MAX_ATTEMPTS
        self.never: list[Shadowed] = []
        self.complete = True
        positions: dict[int, list[int]] = {}
        for position in range(len(table)):
            positions.setdefault(id(table.route(position)), []).append(position)
        for own in positions.values():
            self._look_at(own)

    def _look_at(self, positions: Sequence[int]) -> None:
        """Judge a route by its parts, the cheap ways first."""
        if any(self._wins(position, self._examples(position, 1)) for position in positions):
            return
        found = {position: self._dominator(position) for position in positions}
        if None in found.values():
            if any(self._wins(position, self._examples(position)) for position in positions):
                return
            found = {position: by or self._dominators(position) for position, by in found.items()}
        by: dict[int, object] = {}
        for dominators in found.values():
            if dominators is None:
                self.complete = False
                return
            for better in map(self._table.route, dominators):
                by.setdefault(id(better), better.origin)
        self.never.append(Shadowed(self._table.route(positions[0]).origin, tuple(by.values())))

    def _wins(self, position: int, examples: Iterable[Request]) -> bool:
        """Whether the part's route wins one of the examples, or might for all that is known."""
        route = self._table.route(position)
        for example in examples:
            for place, holds in self._table.holding(Facts(example)):
                if self._table.route(place) is route:
                    return True
                if holds:
                    break
        return False

    def _dominator(self, position: int) -> tuple[int] | None:
        """A better ranked part of another route that holds wherever this one does, if that can be proven."""
        twin = self._table.twin(position)
        if twin is not None:
            return (twin,)
        betters = self._betters(position, self._examples(position, 1))
        found = (better for better in betters if self._table.covers(better, position))
        return next(((better,) for better in found), None)

    def _dominators(self, position: int) -> tuple[int, ...] | None:
        """Several such parts, of which one holds wherever this one does."""
        return self._table.cover(self._betters(position, self._examples(position)), position)

    def _betters(self, position: int, examples: Iterable[Request]) -> list[int]:
        """Better parts of other routes that match one of the examples."""
        table, route = self._table, self._table.route(position)
        found = {better for example in examples for better in table.betters(position, example)}
        return [better for better in sorted(found) if table.route(better) is not route]

    def _examples(self, position: int, most: int = _PER_PART) -> Iterable[Request]:
        if most > 1:
            most = min(most, self._attempts_left)
            self._attempts_left -= most
        return islice(attempts(self._competition.parts[position]), most)


class _Contests:
    def __init__(self) -> None:
        self.undefined: dict[frozenset[int], Contest] = {}
        self.disputed: dict[frozenset[int], Contest] = {}
        self.complete = True

    def look_at(self, table: TreeTable | TraditionalTable, competition: Competition) -> None:
        work = Work(_MAX_EVALUATIONS)
        meetings = Meetings(competition.parts, work)
        for first, second in competition.pairs():
            if work.left <= 0 or len(self.undefined) + len(self.disputed) >= _MAX_PAIRS:
                self.complete = False
                return
            self._judge(table, competition, meetings, first, second)

    def _judge(
        self,
        table: TreeTable | TraditionalTable,
        competition: Competition,
        meetings: Meetings,
        first: int,
        second: int,
    ) -> None:
        """Look for requests that show what is in question between two parts, one of each kind."""
        routes = table.route(first), table.route(second)
        pair = frozenset(map(id, routes))
        question = competition.in_question(first, second)
        cost = competition.cost(routes)

        def answered() -> bool:
            tie, dispute = pair in self.undefined, pair in self.disputed
            return (tie or not question.tie) and (dispute or not question.dispute)

        meetings.work.spend(1)
        if answered():
            return
        for example in meetings.between(first, second):
            meetings.work.spend(cost)
            verdict = competition.judge(routes, example)
            if verdict.tied:
                self.undefined.setdefault(pair, Contest((routes[0].origin, routes[1].origin), example))
            if verdict.winners is not None:
                original, strict = verdict.winners
                self.disputed.setdefault(pair, Contest((original.origin, strict.origin), example))
            if answered():
                return
        self.complete &= meetings.told
