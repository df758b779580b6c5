"""One routing table of the flavor `traditional`: Kong's walk over the categories of its entries.

Entries that hang on a regex re2 cannot take are passed over and reported with the result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from konnect_agent.gateway.entities import RouteRecord, ServiceRecord
from konnect_agent.gateway.index import CandidateIndex, members
from konnect_agent.gateway.matchers import Refused
from konnect_agent.gateway.regexes import Regex, bound_memory
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.table import Won
from konnect_agent.gateway.traditional.categories import categorize
from konnect_agent.gateway.traditional.connection import (
    DST,
    SRC,
    Connection,
    Reached,
    category_order,
    read_connection,
)
from konnect_agent.gateway.traditional.entries import entries, in_order, tie
from konnect_agent.gateway.traditional.entry import Entry
from konnect_agent.gateway.traditional.reach import IndexedFields, PlainIndexes
from konnect_agent.gateway.traditional.scope import entry_needs, takes_all


class TraditionalTable:
    """The entries of one subsystem, sorted, with the indexes Kong builds over them."""

    def __init__(
        self, pairs: Sequence[tuple[RouteRecord, ServiceRecord | None]], *, stream: bool = False
    ) -> None:
        self.refused: list[Refused] = []
        found: list[Entry] = []
        for route, service in pairs:
            parts = list(entries(route, service))
            found.extend(parts)
            if not parts:
                self.refused.append(Refused(route.origin, "it has no field to match on"))
        found = in_order(found)
        self.entries = tuple(found)
        bound_memory([regex for entry in found for regex in entry.regexes()])
        self._index = CandidateIndex(entry_needs(entry) for entry in found)
        self._categories = categorize(self.entries, stream=stream)
        self._place = {category.rules: place for place, category in enumerate(self._categories)}
        self._plain = PlainIndexes(self.entries)
        self._doubtful = [entry for entry in found if any(regex.problem for regex in entry.regexes())]

    def problems(self) -> Iterator[tuple[RouteRecord, Regex]]:
        """Routes with a regex that cannot be evaluated."""
        for entry in self.entries:
            for regex in entry.regexes():
                if regex.problem is not None:
                    yield entry.route, regex

    def find(self, facts: Facts) -> Won | None:
        """The entry Kong's walk over the categories arrives at."""
        won = next((position for position, answer in self._walk(facts) if answer), None)
        return None if won is None else self._won(won, facts)

    def holding(self, facts: Facts) -> Iterator[tuple[int, bool | None]]:
        """Positions of entries that hold (True) or might (None), in the order Kong would try them."""
        seen: set[int] = set()
        for position, answer in self._walk(facts):
            if position not in seen and answer is not False:
                seen.add(position)
                yield position, answer

    def holds(self, position: int, facts: Facts) -> bool | None:
        """Whether an entry holds; None when that hangs on a regex that cannot be evaluated."""
        connection = read_connection(facts)
        return self.entries[position].holds(connection, self.reached(connection))

    def order(self, position: int) -> tuple[int, int]:
        """Sorts positions as the walk takes them, but for its shortcuts."""
        return self._place[self.entries[position].rules], position

    def __len__(self) -> int:
        return len(self.entries)

    def route(self, position: int) -> RouteRecord:
        """The route of an entry."""
        return self.entries[position].route

    def twin(self, _position: int) -> int | None:
        """No shortcut here: equal entries are found by `covers`."""
        return None

    def covers(self, wide: int, narrow: int) -> bool:
        """Whether entry `wide` provably takes every request from `narrow`."""
        return self._takes(wide, narrow, self.entries[narrow])

    def _takes(self, wide: int, narrow: int, case: Entry) -> bool:
        """Whether entry `wide` takes all of a `case` of entry `narrow`, which has one of its methods."""
        one = self.entries[wide]
        if not takes_all(one, case):
            return False
        return one.rules != case.rules or (wide < narrow and self._tried_first(wide, narrow))

    def cover(self, wide: Sequence[int], narrow: int) -> tuple[int, ...] | None:
        """Those of `wide` that together provably take every request from entry `narrow`, method by method."""
        entry = self.entries[narrow]
        found: dict[int, None] = {}
        for method in entry.methods:
            case = replace(entry, methods=frozenset((method,)))
            better = next((place for place in wide if self._takes(place, narrow, case)), None)
            if better is None:
                return None
            found[better] = None
        return tuple(found) or None

    def _tried_first(self, wide: int, narrow: int) -> bool:
        """Whether no file turns the order of two entries of a category around.

        Endpoints have an order of their own, and a regex with the text of a prefix leads to that one's file.
        """
        entry = self.entries[narrow]
        if self.entries[wide].paths != entry.paths and entry.path in self._plain.regex_texts:
            return False
        files = self._categories[self._place[entry.rules]].files
        shared = (files[rule, value].positions for rule, value in entry.filed() if rule in (SRC, DST))
        return all(positions.index(wide) < positions.index(narrow) for positions in shared)

    def betters(self, position: int, example: Request | None) -> Iterator[int]:
        """Entries that may take all of this one's requests: those that can match an example of it."""
        if example is None:
            return iter(())
        connection = read_connection(Facts(example))
        fields = IndexedFields(connection, self.reached(connection))
        return members(self._index.candidates(fields) & ~(1 << position))

    def tied(self, first: int, second: int) -> bool:
        """Whether the order of two entries is left to the sort."""
        return tie(self.entries[first], self.entries[second])

    def reached(self, connection: Connection) -> Reached:
        """The rules the request might satisfy, by the plain indexes."""
        return self._plain.reached(connection)

    def _walk(self, facts: Facts) -> Iterator[tuple[int, bool | None]]:
        connection = read_connection(facts)
        reached = self.reached(connection)
        if not reached.rules:
            return
        possible = self._index.candidates(IndexedFields(connection, reached))
        for category in self._categories[self._place.get(reached.rules, 0) :]:
            for position in category.order(connection, reached, possible):
                yield position, self.entries[position].holds(connection, reached)

    def _won(self, position: int, facts: Facts) -> Won:
        entry = self.entries[position]
        path = entry.matched_path(facts.path)
        undecided = tuple(self._rivals(entry, facts))
        return Won(
            entry.route, entry.service, path.matched, path.captures, path.remainder, undecided, position
        )

    def _rivals(self, winner: Entry, facts: Facts) -> Iterator[RouteRecord]:
        """Routes that might match and are of no lower category: a hit of theirs may change every shortcut."""
        connection = read_connection(facts)
        reached = self.reached(connection)
        for entry in self._doubtful:
            lower = category_order(entry.rules) < category_order(winner.rules)
            if not lower and entry.route is not winner.route and entry.holds(connection, reached) is None:
                yield entry.route
