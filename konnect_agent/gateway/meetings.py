"""Requests that probably satisfy two parts at once (`witnesses.Part`), and whether there may be others.

1. A field both name gets a value that suits both: a text that a test of either takes together with one of
   the other (`regexes.joint_text`), or a value either proposes. Every other field gets a value of the part
   that names it. Without a value for every field the two never meet.
2. Where no value was found and no walk shows that there is none, the pair is not told apart.
Routes of a table name the same values again and again, so what suits a field of two parts is remembered.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product

from konnect_agent.gateway.implication import signature
from konnect_agent.gateway.predicates import Predicate
from konnect_agent.gateway.regexes import Automaton, Regex, Untold, joint_text, read_automaton
from konnect_agent.gateway.request import Request
from konnect_agent.gateway.witnesses import Part, Value, assemble

_PER_PAIR = 24
_MOST_WALKS = 64  # of one field of two parts
_REQUEST = 10  # to make a request takes as long as so many predicates
_TELLING = frozenset({"snis", "protocols", "expression"})
_SHAPES = {"^=": "^{}", "=^": "{}$", "contains": "{}"}
_SHAPED = frozenset({"~", *_SHAPES})
_OPEN = frozenset({"~", "contains"})  # what takes texts that no example of the other may show
_NORMAL_PATH = "^(/[^/]+)*/?$"


class Work:
    """How many evaluations of predicates, and steps of walks, are left."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, evaluations: int) -> None:
        """Count what was evaluated."""
        self.left -= evaluations


class Meetings:
    """Where the parts of one table meet. `told` is whether the last two asked for are known to or not to."""

    def __init__(self, parts: Sequence[Part], work: Work) -> None:
        self._parts, self.work, self.told = parts, work, True
        self._names: dict[object, int] = {}
        self._named: dict[tuple[int, str], int] = {}
        self._suiting: dict[tuple[str, int, int, str], tuple[Sequence[Value], bool]] = {}
        self._texts: dict[tuple[str, str, str], tuple[str | None, bool]] = {}
        self._automata: dict[str, Automaton | None] = {}

    def between(self, first: int, second: int) -> Iterator[Request]:
        """Requests that probably satisfy both parts; none if a field of both has no value that suits both."""
        one, other = self._parts[first], self._parts[second]
        self.told = True
        telling = not _TELLING.isdisjoint((*one.conditions, *other.conditions))
        for scheme in one.schemes if telling else one.schemes[:1]:
            fields: dict[str, Sequence[Value]] = {}
            doubts = False
            for field in dict.fromkeys((*one.values, *other.values)):
                fields[field], told = self._values(field, first, second, scheme)
                if not fields[field] and told:
                    break
                doubts |= not told
            else:
                self.told &= not doubts
                if all(fields.values()):
                    for chosen in islice(product(*fields.values()), _PER_PAIR):
                        yield assemble(dict(zip(fields, chosen, strict=True)), scheme)

    def _values(self, field: str, first: int, second: int, scheme: str) -> tuple[Sequence[Value], bool]:
        """Values of a field that suit both parts, and whether it is known that there are some or none."""
        key = (field, self._name(first, field), self._name(second, field), scheme)
        found = self._suiting.get(key)
        if found is None:
            found = self._suiting[key] = self._look_for(
                field, self._parts[first], self._parts[second], scheme
            )
        return found

    def _look_for(self, field: str, one: Part, other: Part, scheme: str) -> tuple[Sequence[Value], bool]:
        joint, told, apart = self._joint(field, one, other)
        if apart and field in one.conditions and field in other.conditions:
            return (), True
        proposed = dict.fromkeys((*joint, *one.values.get(field, ()), *other.values.get(field, ())))
        if field == "paths":  # past the end, other parts of the same route may not hold
            longer = (f"{text.rstrip('/')}/-" for text in proposed if isinstance(text, str))
            proposed = dict.fromkeys((*proposed, *longer))
        found = [
            value
            for value in proposed
            if self._accepts(one, field, value, scheme) and self._accepts(other, field, value, scheme)
        ]
        if field in one.conditions and field in other.conditions:
            told = bool(found) or (told and not joint)
        return found, told

    def _accepts(self, part: Part, field: str, value: Value, scheme: str) -> bool:
        if field not in part.conditions:
            return True
        self.work.spend(_REQUEST + len(part.tests.get(field, ())))
        return part.accepts(field, value, scheme)

    def _joint(self, field: str, one: Part, other: Part) -> tuple[list[str], bool, bool]:
        """Texts that tests of both parts take.

        Then, whether every two tests a text may join were told apart or not, and whether all tests are apart.
        """
        found: dict[str, None] = {}
        told, walks = True, 0
        apart = bool(one.tests.get(field) and other.tests.get(field))
        for own, its in product(one.tests.get(field, ()), other.tests.get(field, ())):
            operators = own.operator, its.operator
            if not _SHAPED.issuperset(operators) or _OPEN.isdisjoint(operators):
                apart = False
                continue
            walks += 1
            if walks > _MOST_WALKS or own.lower is not its.lower:
                told = apart = False
                continue
            text, certain = self._text(field, _pattern(own), _pattern(its))
            told &= certain
            apart &= certain and text is None
            if text is not None:
                found[text] = None
        return list(found), told, apart

    def _text(self, field: str, own: str, its: str) -> tuple[str | None, bool]:
        key = (field, own, its) if own <= its else (field, its, own)
        found = self._texts.get(key)
        if found is None:
            found = self._walk(own, its)
            if field == "paths" and "//" in (found[0] or ""):  # no path the router sees
                found = self._walk(own, its, _NORMAL_PATH)
            self._texts[key] = found
        return found

    def _walk(self, *patterns: str) -> tuple[str | None, bool]:
        automata = [automaton for automaton in map(self._automaton, patterns) if automaton is not None]
        if len(automata) < len(patterns):
            return None, False
        try:
            text, steps = joint_text(automata)
        except Untold as untold:
            self.work.spend(untold.steps)
            return None, False
        self.work.spend(steps)
        return text, True

    def _automaton(self, pattern: str) -> Automaton | None:
        if pattern not in self._automata:
            self._automata[pattern] = read_automaton(pattern)
        return self._automata[pattern]

    def _name(self, place: int, field: str) -> int:
        """A number that parts share which are alike in a field."""
        if (place, field) not in self._named:
            part = self._parts[place]
            condition = part.conditions.get(field)
            tests = tuple(map(signature, part.tests.get(field, ())))
            like = part.values.get(field), None if condition is None else signature(condition), tests
            self._named[place, field] = self._names.setdefault(like, len(self._names))
        return self._named[place, field]


def _pattern(test: Predicate) -> str:
    """A pattern for the texts that pass a test."""
    if isinstance(test.constant, Regex):
        return test.constant.pattern
    return _SHAPES[test.operator].format(re.escape(str(test.constant)))
