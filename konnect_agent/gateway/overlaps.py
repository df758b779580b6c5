"""Which matchers of a table may be satisfied by one request, without trying every pair.

The index of the table answers, per family of fields, which matchers take the values another one proposes
(`CandidateIndex.agreeing`). Two may overlap in a family if either takes a value of the other, or if a regex
or a text to contain meets what need not be the whole of a text, unless both start with a text and neither
start is one of the other. They overlap altogether if they do so in every family. Sets of matchers are bits
of one integer.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from konnect_agent.gateway.index import CandidateIndex, bits, members
from konnect_agent.gateway.predicates import Node, predicates
from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.request import Facts, FieldValue, Request
from konnect_agent.gateway.witnesses import Part, witnesses

_MAX_LINKS = 2_000_000  # beyond that a family tells too little to be worth the walk


def overlaps(nodes: Sequence[Node], parts: Sequence[Part], index: CandidateIndex) -> list[int]:
    """For every matcher the set of those that may hold together with it, itself among them."""
    everything = (1 << len(nodes)) - 1
    found = [everything] * len(nodes)
    agreeing = [_agreeing(place, node, witnesses(parts[place]), index) for place, node in enumerate(nodes)]
    starts = _starts(nodes)
    for family, (bound, fields) in zip(zip(*agreeing, strict=True), index.bound(), strict=True):
        mutual = _mutual(family, bound)
        if mutual is not None:
            for field in fields:
                _add_meetings(mutual, starts.get(field.removesuffix("()"), []))
            found = [mask & both for mask, both in zip(found, mutual, strict=True)]
    return found


def _starts(nodes: Sequence[Node]) -> Mapping[str, list[tuple[str, bool, int]]]:
    """By field: how the texts of a predicate start, whether examples of it show little, and whose it is.

    In lower case, as some predicates read them.
    """
    found: dict[str, list[tuple[str, bool, int]]] = {}
    for place, node in enumerate(nodes):
        for predicate in predicates(node):
            constant, operator = predicate.constant, predicate.operator
            if isinstance(constant, Regex):
                start, is_open = constant.syntax.prefix, True
            elif operator in ("^=", "=^", "contains"):
                start, is_open = str(constant) if operator == "^=" else "", operator == "contains"
            else:
                continue
            found.setdefault(predicate.field, []).append((start.lower(), is_open, place))
    return found


def _add_meetings(masks: list[int], starts: Sequence[tuple[str, bool, int]]) -> None:
    """Add to every set the matchers that meet its own in a text that starts as both do."""
    grouped: dict[str, list[tuple[bool, int]]] = {}
    for start, is_open, place in starts:
        grouped.setdefault(start, []).append((is_open, place))
    order = sorted(grouped)
    everyone = {start: bits(place for _, place in grouped[start]) for start in order}
    opened = {start: bits(place for is_open, place in grouped[start] if is_open) for start in order}
    for at, start in enumerate(order):
        everyones = opens = 0
        longer = range(at, bisect_right(order, start + chr(0x10FFFF)))
        for other in (*(order[place] for place in longer), *(start[:end] for end in range(len(start)))):
            everyones |= everyone.get(other, 0)
            opens |= opened.get(other, 0)
        for is_open, place in grouped[start]:
            masks[place] |= everyones if is_open else opens


def _agreeing(position: int, node: Node, examples: Iterable[Request], index: CandidateIndex) -> list[int]:
    """Per family, the matchers that take one of the examples' values, as far as `node` is about them."""
    fields = {predicate.field for predicate in predicates(node)}
    found: list[int] = []
    for example in examples:
        masks = index.agreeing(_Own(Facts(example), fields))
        found = [a | b for a, b in zip(found, masks, strict=True)] if found else list(masks)
    # An example that does not suit its own matcher says nothing.
    return [mask if mask >> position & 1 else index.everything for mask in found]


def _mutual(masks: Sequence[int], bound: int) -> list[int] | None:
    """Every set with those added whose own set names it; None if that would take too long.

    Matchers the family does not bind are in every set already.
    """
    groups: dict[int, list[int]] = {}
    for position, mask in enumerate(masks):
        if bound >> position & 1:
            groups.setdefault(mask, []).append(position)
    if sum((mask & bound).bit_count() for mask in groups) > _MAX_LINKS:
        return None
    found = list(masks)
    for mask, positions in groups.items():
        group = bits(positions)
        for other in members(mask & bound):
            found[other] |= group
    return found


class _Own:
    """A request's facts, cut down to the fields a matcher names."""

    __slots__ = ("_facts", "_fields")

    def __init__(self, facts: Facts, fields: set[str]) -> None:
        self._facts, self._fields = facts, fields

    def get(self, name: str) -> Sequence[FieldValue]:
        """Values of a field, none for one that is not the matcher's."""
        return self._facts.get(name) if name in self._fields else ()

    def named(self, prefix: str) -> Iterator[str]:
        """Fields of a family that are present."""
        return self._facts.named(prefix)
