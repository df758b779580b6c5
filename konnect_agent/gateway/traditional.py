"""The deprecated flavor `traditional` (fact sheet 7.6, last paragraph; documented by source).

1. A route with several paths becomes one entry per path; entries are sorted once: submatch weight, headers,
   regex priority, path length, older first. The set of fields an entry has is its category.
2. A request is placed in the highest category it might reach by looking at indexes of plain values.
3. From there downwards, categories by number of fields and then by field: first the entries filed under the
   request's most selective value, then all entries of the category, in sorted order.
Steps 2 and 3 are shortcuts of Kong's own that change results in corner cases, so they are followed to the
letter. Regexes are PCRE there, anchored at the start; what only PCRE can evaluate is undecidable here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.entities import RouteRecord, ServiceRecord
from konnect_agent.gateway.index import CandidateIndex, bits, members
from konnect_agent.gateway.matchers import Refused
from konnect_agent.gateway.regexes import Regex, RegexIndex, bound_memory
from konnect_agent.gateway.request import Facts
from konnect_agent.gateway.table import Won
from konnect_agent.gateway.traditional_connection import (
    DST,
    HEADER,
    HOST,
    METHOD,
    SNI,
    SRC,
    URI,
    Connection,
    EndIndex,
    IndexedFields,
    RuleSet,
    read_connection,
)
from konnect_agent.gateway.traditional_entries import Entry, entries, entry_needs, sort_key, takes_all, tie

_FEW = 64
_RULES = {False: (HOST, HEADER, URI, METHOD, SNI), True: (SNI, SRC, DST)}


@dataclass(slots=True)
class _Filed:
    """The entries filed under one value, in the order they are tried."""

    positions: list[int]
    mask: int | None = None

    def among(self, candidates: int) -> Iterator[int]:
        """Those of them that are candidates."""
        if self.mask is not None:  # in table order
            return members(self.mask & candidates)
        left = set(members(candidates))
        return (position for position in self.positions if position in left)


@dataclass(slots=True)
class _Category:
    """Entries with exactly the same set of fields, and files of them by plain value."""

    rules: int
    weight: int
    mask: int
    files: dict[tuple[int, object], _Filed]


class TraditionalTable:
    """The entries of one subsystem, sorted, with the indexes Kong builds over them."""

    def __init__(
        self, pairs: Sequence[tuple[RouteRecord, ServiceRecord | None]], *, stream: bool = False
    ) -> None:
        self._rules = _RULES[stream]
        self.refused: list[Refused] = []
        found: list[Entry] = []
        for route, service in pairs:
            parts = list(entries(route, service))
            found.extend(parts)
            if not parts:
                self.refused.append(Refused(route.origin, "it has no field to match on"))
        found.sort(key=sort_key)
        self.entries = tuple(found)
        bound_memory([regex for entry in found for regex in entry.regexes()])
        self._index = CandidateIndex([entry_needs(entry) for entry in found])
        self._categories = self._categorize()
        self._place = {category.rules: place for place, category in enumerate(self._categories)}
        self._plain = _PlainIndexes(self.entries)
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

    def __len__(self) -> int:
        return len(self.entries)

    def route(self, position: int) -> RouteRecord:
        """The route of an entry."""
        return self.entries[position].route

    def twin(self, _position: int) -> int | None:
        """No shortcut here: equal entries are found by `covers`."""
        return None

    def covers(self, wide: int, narrow: int) -> bool:
        """Whether entry `wide`, sorted before `narrow`, provably takes every request from it."""
        return takes_all(self.entries[wide], self.entries[narrow])

    def tied(self, first: int, second: int) -> bool:
        """Whether the order of two entries is left to the sort."""
        return tie(self.entries[first], self.entries[second])

    def candidates(self, facts: Facts) -> int:
        """The set of entries that can match, as bits (see `index`)."""
        connection = read_connection(facts)
        return self._possible(connection, self.reached(connection), facts)

    def _possible(self, connection: Connection, reached: RuleSet, facts: Facts) -> int:
        return self._index.candidates(IndexedFields(connection, facts, wildcard=reached.host))

    def reached(self, connection: Connection) -> RuleSet:
        """The rules the request might satisfy, by the plain indexes."""
        return self._plain.reached(connection)

    def _walk(self, facts: Facts) -> Iterator[tuple[int, bool | None]]:
        connection = read_connection(facts)
        reached = self.reached(connection)
        if not reached.rules:
            return
        possible = self._possible(connection, reached, facts)
        for category in self._categories[self._place.get(reached.rules, 0) :]:
            for position in self._order(category, connection, reached, possible):
                yield position, self.entries[position].holds(connection, reached.host)

    def _order(
        self, category: _Category, connection: Connection, reached: RuleSet, possible: int
    ) -> Iterator[int]:
        candidates = category.mask & possible
        if not candidates:
            return
        chosen = self._most_selective(category, connection, reached)
        if chosen is not None:
            yield from chosen.among(candidates)
        yield from members(candidates)

    def _most_selective(self, category: _Category, connection: Connection, reached: RuleSet) -> _Filed | None:
        smallest: _Filed | None = None
        for rule in self._rules:
            if not category.rules & rule:
                continue
            filed = next(
                (
                    category.files[rule, value]
                    for value in connection.filed_under(rule, reached)
                    if (rule, value) in category.files
                ),
                None,
            )
            if filed is None:
                continue
            if rule == HEADER:
                return filed
            if smallest is None or len(filed.positions) < len(smallest.positions):
                smallest = filed
        return smallest

    def _categorize(self) -> list[_Category]:
        grouped: dict[int, list[int]] = {}
        for position, entry in enumerate(self.entries):
            grouped.setdefault(entry.rules, []).append(position)
        categories: list[_Category] = []
        for rules, positions in grouped.items():
            files: dict[tuple[int, object], _Filed] = {}
            for position in positions:
                for key in self.entries[position].filed():
                    files.setdefault(key, _Filed([])).positions.append(position)
            for (rule, _), filed in files.items():
                if rule in (SRC, DST):  # an address with a port goes before one without
                    filed.positions.sort(key=lambda p, rule=rule: not self.entries[p].pairs(rule))
                elif len(filed.positions) > _FEW:
                    filed.mask = bits(filed.positions)
            categories.append(_Category(rules, rules.bit_count(), bits(positions), files))
        categories.sort(key=lambda category: (category.weight, category.rules), reverse=True)
        return categories

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
        host = self.reached(connection).host
        for entry in self._doubtful:
            lower = (entry.rules.bit_count(), entry.rules) < (winner.rules.bit_count(), winner.rules)
            if not lower and entry.route is not winner.route and entry.holds(connection, host) is None:
                yield entry.route


class _PlainIndexes:
    """The plain values of all entries: what tells which fields a request might match at all."""

    def __init__(self, found: Iterable[Entry]) -> None:
        ordered = tuple(found)
        self._hosts = {host for entry in ordered for host in entry.plain_hosts}
        wildcards = [host for entry in ordered for host in entry.wildcard_hosts]
        self._wildcards = wildcards
        self._wildcard_index = RegexIndex([host.regex for host in wildcards])
        self._headers = list(dict.fromkeys(name for entry in ordered for name in entry.headers))
        self._uris = {entry.path for entry in ordered if entry.path is not None and entry.uri is None}
        self._lengths = sorted({len(path) for path in self._uris}, reverse=True)
        self._regex_uris = [entry for entry in ordered if entry.uri is not None]
        self._regex_index = RegexIndex([entry.uri for entry in self._regex_uris if entry.uri is not None])
        self._methods = {method for entry in ordered for method in entry.methods}
        self._snis = {sni for entry in ordered for sni in entry.snis}
        self._ends = {
            rule: EndIndex((end.ip, end.port) for entry in ordered for end in entry.ends(rule))
            for rule in (SRC, DST)
        }

    def reached(self, connection: Connection) -> RuleSet:
        rules = 0
        header = next((name for name in self._headers if connection.headers.get(name)), None)
        if header is not None:
            rules |= HEADER
        host: str | None = None
        if connection.host is not None:
            if connection.host_with_port in self._hosts or connection.host_no_port in self._hosts:
                rules |= HOST
            else:
                hits = self._wildcard_index.matching(connection.host_with_port)
                if hits:
                    rules, host = rules | HOST, self._wildcards[min(hits)].value
        uri = self._uri(connection.path)
        if uri is not None:
            rules |= URI
        if connection.method in self._methods:
            rules |= METHOD
        if connection.sni in self._snis:
            rules |= SNI
        for rule in (SRC, DST):
            if self._ends[rule].touched(*connection.end(rule)):
                rules |= rule
        return RuleSet(rules, host, uri, header)

    def _uri(self, path: str) -> str | None:
        hits = self._regex_index.matching(path)
        if hits:
            return self._regex_uris[min(hits)].path
        for length in self._lengths:
            if path[:length] in self._uris and length <= len(path):
                return path[:length]
        return None
