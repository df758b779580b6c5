"""Categories: the entries with exactly the same rules, and the files Kong keeps of them by plain value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.index import bits, members
from konnect_agent.gateway.traditional.connection import (
    DST,
    HEADER,
    HOST,
    METHOD,
    SNI,
    SRC,
    URI,
    Connection,
    Reached,
    category_order,
)
from konnect_agent.gateway.traditional.entry import Entry
from konnect_agent.gateway.traditional.lua_sort import lua_sort

_FEW = 64
_SELECTIVE = {False: (HOST, HEADER, URI, METHOD, SNI), True: (SNI, SRC, DST)}


@dataclass(slots=True)
class Filed:
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
class Category:
    """Entries with exactly the same set of fields, and files of them by rule and plain value."""

    rules: int
    mask: int
    files: dict[tuple[int, object], Filed]
    stream: bool

    def order(self, connection: Connection, reached: Reached, possible: int) -> Iterator[int]:
        """The entries to try: those filed under the request's most selective value, then all, as sorted."""
        candidates = self.mask & possible
        if not candidates:
            return
        chosen = self._most_selective(connection, reached)
        if chosen is not None:
            yield from chosen.among(candidates)
        yield from members(candidates)

    def _most_selective(self, connection: Connection, reached: Reached) -> Filed | None:
        """The file of the header hit first, or else the smallest of those the request's values name."""
        smallest: Filed | None = None
        for rule in _SELECTIVE[self.stream]:
            if not self.rules & rule:
                continue
            keys = ((rule, value) for value in reached.filed_under(rule, connection))
            filed = next((self.files[key] for key in keys if key in self.files), None)
            if filed is None:
                continue
            if rule == HEADER:
                return filed
            if smallest is None or len(filed.positions) < len(smallest.positions):
                smallest = filed
        return smallest


def categorize(entries: Sequence[Entry], *, stream: bool) -> list[Category]:
    """The categories of sorted entries: more rules first, then the more important ones."""
    grouped: dict[int, list[int]] = {}
    for position, entry in enumerate(entries):
        grouped.setdefault(entry.rules, []).append(position)
    found: list[Category] = []
    for rules, positions in grouped.items():
        files: dict[tuple[int, object], Filed] = {}
        for position in positions:
            for key in entries[position].filed():
                files.setdefault(key, Filed([])).positions.append(position)
        for (rule, _), filed in files.items():
            if rule in (SRC, DST):
                filed.positions = _pairs_first(entries, filed.positions, rule)
            elif len(filed.positions) > _FEW:
                filed.mask = bits(filed.positions)
        found.append(Category(rules, bits(positions), files, stream))
    found.sort(key=lambda category: category_order(category.rules), reverse=True)
    return found


def _pairs_first(entries: Sequence[Entry], positions: Sequence[int], rule: int) -> list[int]:
    """An address with a port goes before one without.

    So Kong orders them since 3.3; before, its comparison looked at one of the two only, swapped equals, and
    often failed ("invalid order function for sorting", Kong's pull request 10514).
    """
    paired = {position: entries[position].pairs(rule) for position in positions}
    return lua_sort(positions, before=lambda one, other: paired[one] > paired[other])
