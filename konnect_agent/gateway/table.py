"""One routing table of the flavors that work on condition trees: `traditional_compatible` and `expressions`.

Matchers stand best first. A lookup takes the candidates of the index in that order and returns the first
whose tree holds. Matchers with a regex re2 cannot take are passed over, unless they fail for certain, and
reported with the result: the gateway refuses a whole matcher for one bad regex, or it might have won.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.entities import RouteRecord, ServiceRecord
from konnect_agent.gateway.implication import alternatives, implies, signature
from konnect_agent.gateway.index import CandidateIndex, members, needs
from konnect_agent.gateway.matchers import Matcher
from konnect_agent.gateway.predicates import Trace, evaluate
from konnect_agent.gateway.regexes import Regex, bound_memory
from konnect_agent.gateway.request import Facts, Request, is_broken


@dataclass(frozen=True, slots=True)
class Won:
    """The route a lookup found. `remainder` is what a regex left of the path, where the flavor says so."""

    route: RouteRecord
    service: ServiceRecord | None
    matched: str | None
    captures: Mapping[int | str, str]
    remainder: str | None
    undecided: tuple[RouteRecord, ...]
    position: int


class TreeTable:
    """Matchers, best first, and the index over them."""

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self.matchers = tuple(matchers)
        self._twins: dict[object, int] | None = None
        self._regexes = [(matcher.route, regex) for matcher in matchers for regex in matcher.regexes]
        self._fields = frozenset[str]().union(*{matcher.fields for matcher in matchers})
        bound_memory([regex for _, regex in self._regexes])
        self._doubtful = {
            position
            for position, matcher in enumerate(matchers)
            if any(regex.problem for regex in matcher.regexes)
        }
        self.index = CandidateIndex(needs(matcher.node) for matcher in matchers)

    def problems(self) -> Iterator[tuple[RouteRecord, Regex]]:
        """Routes with a regex that cannot be evaluated."""
        return ((route, regex) for route, regex in self._regexes if regex.problem is not None)

    def __len__(self) -> int:
        return len(self.matchers)

    def route(self, position: int) -> RouteRecord:
        """The route a matcher is part of."""
        return self.matchers[position].route

    def twin(self, position: int) -> int | None:
        """The best matcher with the very same condition, if it is a better one of another route."""
        if self._twins is None:
            self._twins = {}
            for place, matcher in enumerate(self.matchers):
                self._twins.setdefault(signature(matcher.node), place)
        first = self._twins[signature(self.matchers[position].node)]
        if first in self._doubtful or first >= position or self.route(first) is self.route(position):
            return None
        return first

    def covers(self, wide: int, narrow: int) -> bool:
        """Whether matcher `wide` provably holds wherever `narrow` does."""
        # The gateway refuses a whole matcher for one bad regex, so one in doubt may not be there at all.
        return wide not in self._doubtful and implies(self.matchers[narrow].node, self.matchers[wide].node)

    def cover(self, wide: Sequence[int], narrow: int) -> tuple[int, ...] | None:
        """Those of `wide` that together provably hold wherever matcher `narrow` does.

        The lists of a condition are finite, so it is taken apart into one for every choice of their values.
        """
        cases = alternatives(self.matchers[narrow].node)
        certain = [place for place in wide if place not in self._doubtful]
        found: dict[int, None] = {}
        for case in cases:
            better = next((place for place in certain if implies(case, self.matchers[place].node)), None)
            if better is None:
                return None
            found[better] = None
        return tuple(found)

    def tied(self, first: int, second: int) -> bool:
        """Whether the order of two matchers is undefined by Kong's documentation."""
        return self.matchers[first].packed == self.matchers[second].packed

    def betters(self, position: int, example: Request | None) -> Iterator[int]:
        """Better matchers that may hold wherever this one does: those that can match an example of it."""
        if example is None:
            return iter(())
        return members(self.index.candidates(Facts(example)) & ((1 << position) - 1))

    def find(self, facts: Facts) -> Won | None:
        """The best matcher that holds for certain, with those before it that might."""
        if self._unreadable(facts):
            return None
        undecided: list[RouteRecord] = []
        for position in members(self.index.candidates(facts)):
            matcher = self.matchers[position]
            result = self.holds(position, facts)
            if result:
                return _won(matcher, facts, tuple(undecided), position)
            if result is None:
                undecided.append(matcher.route)
        return None

    def holds(self, position: int, facts: Facts) -> bool | None:
        """Whether a matcher holds; None when that hangs on a regex that cannot be evaluated."""
        answer = evaluate(self.matchers[position].node, facts)
        return None if answer and position in self._doubtful else answer

    def holding(self, facts: Facts) -> Iterator[tuple[int, bool | None]]:
        """Positions of every matcher that holds (True) or might (None), best first."""
        if self._unreadable(facts):
            return
        for position in members(self.index.candidates(facts)):
            result = self.holds(position, facts)
            if result is not False:
                yield position, result

    def _unreadable(self, facts: Facts) -> bool:
        """Kong's router gives up on a request if a value it looks at is not UTF-8, or no address."""
        if not self._fields.isdisjoint(facts.refused):
            return True
        if facts.is_text:
            return False
        return any(isinstance(v, str) and is_broken(v) for field in self._fields for v in facts.get(field))


def _won(matcher: Matcher, facts: Facts, undecided: tuple[RouteRecord, ...], position: int) -> Won:
    trace = Trace()
    evaluate(matcher.node, facts, trace)
    # The gateway hands out captures only when there are any besides the whole match.
    captures = trace.captures if len(trace.captures) > 1 else {}
    matched = trace.matched.get("http.path") or None  # an empty text counts as no match of the path
    return Won(matcher.route, matcher.service, matched, captures, None, undecided, position)
