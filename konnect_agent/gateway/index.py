"""Narrows 10,000 matchers down to the few that can match a request, without asking any of them.

From each condition tree the index derives, per family of fields (path, host, method, headers, ...), keys of
which at least one must be hit: an exact value, a prefix, a suffix, a text within, a regex, a network. A
request hits keys by hash lookups (one per distinct prefix length) and by one search over all regexes.
Matchers are numbered best first and sets of matchers are bits of one integer: a hit is an OR, a family an
AND, and the best candidate the lowest bit. The index only ever excludes what cannot match; the tree itself
has the last word. Expressions without a key (`!=`, alternatives of which no family is in all) it never
excludes: of these, each costs a request its own evaluation.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Protocol, TypeAlias

from konnect_agent.gateway.predicates import And, Node, Or, Predicate
from konnect_agent.gateway.regexes import Regex, RegexIndex, RequiredTexts
from konnect_agent.gateway.request import FieldValue

Key: TypeAlias = tuple[str, str, str | int | IPv4Network | IPv6Network | Regex]  # field, kind, value
Needs: TypeAlias = Mapping[str, frozenset[Key]]
# Matchers by value; most values have one, and a list for each would keep the garbage collector busy.
_Filed: TypeAlias = dict[object, "int | list[int]"]
_Keyed: TypeAlias = dict[str, dict[str, _Filed]]  # field, kind

_FAMILIES = (
    "http.headers.",
    "http.queries.",
    "http.path.segments.",
    "traditional.hosts.",
    "traditional.headers.",
    "traditional.sources.",
    "traditional.destinations.",
)
_NAMED = ("http.headers.", "http.queries.", "traditional.headers.")  # families a request can list
_INDEXED = frozenset({"==", "^=", "=^", "~", "contains", "in"})
_FEW_COLUMNS = 8  # more fields than that are found from the request's side
_FEW = 24  # up to so many matchers per key are kept as numbers, more as one bit set


class Fields(Protocol):
    """What a request offers to look up: values by field, and the fields under a prefix."""

    def get(self, name: str, /) -> Sequence[FieldValue]: ...
    def named(self, prefix: str, /) -> Iterable[str]: ...


def needs(node: Node) -> Needs:
    """Per family, the keys of which at least one must be hit for `node` to hold."""
    if isinstance(node, Predicate):
        key = _key(node)
        return {} if key is None else {_family(node.field): frozenset((key,))}
    if isinstance(node, And):
        best: dict[str, frozenset[Key]] = {}
        for child in node.nodes:
            for family, keys in needs(child).items():
                if family not in best or len(keys) < len(best[family]):
                    best[family] = keys
        return best
    if isinstance(node, Or):
        branches = [needs(child) for child in node.nodes]
        shared = set(branches[0]).intersection(*branches[1:])
        return {family: frozenset(key for branch in branches for key in branch[family]) for family in shared}
    return {}


def bits(numbers: Iterable[int]) -> int:
    """The set of `numbers` as an integer."""
    found = bytearray()
    for number in numbers:
        place = number >> 3
        if place >= len(found):
            found.extend(bytes(place - len(found) + 1))
        found[place] |= 1 << (number & 7)
    return int.from_bytes(found, "little")


def members(mask: int) -> Iterator[int]:
    """The numbers in a set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class CandidateIndex:
    """The index over a fixed sequence of matchers, given what each needs."""

    __slots__ = ("_families", "everything")

    def __init__(self, matchers: Iterable[Needs]) -> None:
        count = 0
        keyed: dict[str, _Keyed] = {}
        for number, wanted in enumerate(matchers):
            count = number + 1
            for family, keys in wanted.items():
                fields = keyed.setdefault(family, {})
                for field, kind, value in keys:
                    _file(fields.setdefault(field, {}).setdefault(kind, {}), value, number)
        self.everything = (1 << count) - 1
        self._families = [_Family(name, fields, self.everything) for name, fields in keyed.items()]

    def candidates(self, facts: Fields) -> int:
        """The set of matchers that can match, as bits."""
        mask = self.everything
        for family in self._families:
            mask &= family.possible(facts)
            if not mask:
                break
        return mask

    def agreeing(self, facts: Fields) -> list[int]:
        """Per family, the matchers that can match some request with these values: absent fields are free."""
        return [family.agreeing(facts) for family in self._families]

    def bound(self) -> list[tuple[int, Collection[str]]]:
        """Per family, the matchers that need something of it, and its fields."""
        return [(family.bound, family.fields) for family in self._families]


@dataclass(slots=True)
class _Column:
    """The keys of one field: lookups by kind."""

    exact: dict[object, int | tuple[int, ...]]
    prefixes: dict[object, int | tuple[int, ...]]
    prefix_lengths: tuple[int, ...]
    suffixes: dict[object, int | tuple[int, ...]]
    suffix_lengths: tuple[int, ...]
    networks: dict[object, int | tuple[int, ...]]
    network_lengths: tuple[tuple[int, int], ...]
    contained: RequiredTexts | None
    by_contained: tuple[int | tuple[int, ...], ...]
    regexes: RegexIndex | None
    by_regex: tuple[int | tuple[int, ...], ...]

    def bound(self) -> int:
        """All matchers with a key here."""
        tables = self.exact, self.prefixes, self.suffixes, self.networks
        found = [hit for table in tables for hit in table.values()]
        return _union((*found, *self.by_contained, *self.by_regex))


class _Family:
    """Fields of which a matcher names one: all headers are one family, the path is one of its own."""

    __slots__ = ("_alone", "_columns", "_everything", "_free", "_listed", "_spellings")

    def __init__(self, name: str, fields: _Keyed, everything: int) -> None:
        tables = (table for kinds in fields.values() for table in kinds.values())
        bound = bits(number for table in tables for filed in table.values() for number in _numbers(filed))
        self._everything, self._free = everything, everything & ~bound
        self._alone: dict[str, int] | None = None
        self._columns = {name: _column(kinds) for name, kinds in fields.items()}
        self._listed = name if name in _NAMED and len(self._columns) > _FEW_COLUMNS else None
        self._spellings: dict[str, list[str]] = {}
        for field in self._columns:
            self._spellings.setdefault(_folded(field.removesuffix("()")), []).append(field)

    @property
    def bound(self) -> int:
        return self._everything & ~self._free

    @property
    def fields(self) -> Collection[str]:
        return self._columns.keys()

    def possible(self, facts: Fields) -> int:
        mask = self._free
        for name, column, values in self._present(facts):
            mask |= _hit(name, column, values)
        return mask

    def agreeing(self, facts: Fields) -> int:
        mask, hit = self._everything, 0
        for name, column, values in self._present(facts):
            mask &= ~self._bound_alone()[name]
            hit |= _hit(name, column, values)
        return mask | hit

    def _bound_alone(self) -> Mapping[str, int]:
        """Per column the matchers that no other column of the family can satisfy."""
        if self._alone is None:
            bound = {name: column.bound() for name, column in self._columns.items()}
            once = several = 0
            for mask in bound.values():
                several |= once & mask
                once |= mask
            self._alone = {name: mask & ~several for name, mask in bound.items()}
        return self._alone

    def _present(self, facts: Fields) -> Iterator[tuple[str, _Column, Sequence[object]]]:
        names: Iterable[str] = self._columns
        if self._listed is not None:
            present = {_folded(field) for field in facts.named(self._listed)}
            names = (name for field in present for name in self._spellings.get(field, ()))
        for name in names:
            values = facts.get(name.removesuffix("()"))
            if values:
                yield name, self._columns[name], values


def _folded(field: str) -> str:
    """One form of all the spellings under which a header can be looked up."""
    return field.lower().replace("-", "_")


def _family(field: str) -> str:
    return next((family for family in _FAMILIES if field.startswith(family)), field)


def _key(predicate: Predicate) -> Key | None:
    constant = predicate.constant
    if predicate.operator not in _INDEXED or (isinstance(constant, Regex) and constant.problem):
        return None
    if isinstance(constant, IPv4Address | IPv6Address):
        constant = ip_network(constant)
    if predicate.field == "http.path.segments.len":
        return None
    # "()" marks the column of lower-cased values; no field of the language can end so.
    field = predicate.field + "()" if predicate.lower else predicate.field
    kind = "in" if isinstance(constant, IPv4Network | IPv6Network) else predicate.operator
    return field, kind, constant


def _union(hits: Iterable[int | tuple[int, ...]]) -> int:
    mask = 0
    for hit in hits:
        mask |= hit if isinstance(hit, int) else bits(hit)
    return mask


def _hit(name: str, column: _Column, values: Sequence[object]) -> int:
    """The matchers of a column that one of the values hits."""
    return _union(hit for value in values for hit in _hits(column, value, lower=name.endswith(")")))


def _file(table: _Filed, value: object, number: int) -> None:
    filed = table.get(value)
    if filed is None:
        table[value] = number
    elif isinstance(filed, int):
        table[value] = [filed, number]
    else:
        filed.append(number)


def _numbers(filed: int | list[int]) -> Sequence[int]:
    return (filed,) if isinstance(filed, int) else filed


def _packed(numbers: Sequence[int]) -> int | tuple[int, ...]:
    return bits(numbers) if len(numbers) > _FEW else tuple(numbers)


def _column(kinds: Mapping[str, _Filed]) -> _Column:
    packed = {
        kind: {value: _packed(_numbers(filed)) for value, filed in kinds.get(kind, {}).items()}
        for kind in ("==", "^=", "=^", "in")
    }
    merged: dict[tuple[str, bool], tuple[Regex, list[int]]] = {}
    for regex, filed in kinds.get("~", {}).items():
        assert isinstance(regex, Regex)
        merged.setdefault((regex.pattern, regex.anchored), (regex, []))[1].extend(_numbers(filed))
    networks = {(n.version, n.prefixlen) for n in packed["in"] if isinstance(n, IPv4Network | IPv6Network)}
    contained = {text: _numbers(filed) for text, filed in kinds.get("contains", {}).items()}
    return _Column(
        exact=packed["=="],
        prefixes=packed["^="],
        prefix_lengths=_lengths(packed["^="]),
        suffixes=packed["=^"],
        suffix_lengths=_lengths(packed["=^"]),
        networks=packed["in"],
        network_lengths=tuple(sorted(networks)),
        contained=RequiredTexts([(str(text),) for text in contained]) if contained else None,
        by_contained=tuple(map(_packed, contained.values())),
        regexes=RegexIndex([regex for regex, _ in merged.values()]) if merged else None,
        by_regex=tuple(_packed(numbers) for _, numbers in merged.values()),
    )


def _lengths(texts: Iterable[object]) -> tuple[int, ...]:
    return tuple(sorted({len(text) for text in texts if isinstance(text, str)}))


def _hits(column: _Column, value: object, *, lower: bool) -> Iterator[int | tuple[int, ...]]:
    if isinstance(value, str):
        text = value.lower() if lower else value
        yield from _text_hits(column, text)
    elif isinstance(value, IPv4Address | IPv6Address):
        for version, length in column.network_lengths:
            if version == value.version:
                hit = column.networks.get(ip_network((value, length), strict=False))
                if hit is not None:
                    yield hit
    else:
        hit = column.exact.get(value)
        if hit is not None:
            yield hit


def _text_hits(column: _Column, text: str) -> Iterator[int | tuple[int, ...]]:
    hit = column.exact.get(text)
    if hit is not None:
        yield hit
    for length in column.prefix_lengths:
        if length > len(text):
            break
        hit = column.prefixes.get(text[:length])
        if hit is not None:
            yield hit
    for length in column.suffix_lengths:
        if length > len(text):
            break
        hit = column.suffixes.get(text[len(text) - length :])
        if hit is not None:
            yield hit
    if column.contained is not None:
        for numbers in column.contained.possible(text):
            yield from map(column.by_contained.__getitem__, numbers)
    if column.regexes is not None:
        for number in column.regexes.matching(text):
            yield column.by_regex[number]
