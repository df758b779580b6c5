"""A regular expression as a nondeterministic automaton, read from its syntax (inferred).

Letters are the ASCII characters and one for all others; sets of them are bits of one integer. What the
automaton takes is never less than what the pattern matches: word boundaries count as met, and classes that
may hold letters beyond ASCII hold that one letter. Flags, Unicode classes, set operations and whatever is
not of the syntax Rust and PCRE share are not read: `read_automaton` gives None then.
"""

import re
from collections.abc import Mapping, Sequence

OTHER = 1 << 128
EVERYTHING = (OTHER << 1) - 1

_MOST_STATES = 1_000
_MOST_NESTED = 50
_QUANTIFIER = re.compile(r"(?:([*?+])|\{(\d{1,3})(?:(,)(\d{0,3}))?\})\??(?![*+?{])")
_GROUP_HEAD = re.compile(r"\?(?:P?<\w+>|:)")
_UNREAD_IN_CLASS = re.compile(r"\[|&&|--|~~")


def _mask(letters: str) -> int:
    mask = 0
    for letter in letters:
        mask |= 1 << ord(letter) if letter.isascii() else OTHER
    return mask


_DIGITS = _mask("0123456789") | OTHER
_WORD = _mask("".join(chr(code) for code in range(128) if chr(code).isalnum())) | _mask("_") | OTHER
_SPACE = _mask(" \t\n\r\f\v") | OTHER
_CLASSES: Mapping[str, int] = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "D": EVERYTHING & ~_DIGITS | OTHER,
    "W": EVERYTHING & ~_WORD | OTHER,
    "S": EVERYTHING & ~_SPACE | OTHER,
    **{escape: _mask(letter) for escape, letter in zip("ntrfv", "\n\t\r\f\v", strict=True)},
}
_EMPTY: Mapping[str, str] = {"b": "", "B": "", "A": "^", "z": "$"}


class Automaton:
    """States and the letters that lead on from them; a text may go on after what is matched."""

    __slots__ = ("_empty", "_live", "_seen", "_steps", "accept")

    def __init__(
        self,
        steps: Sequence[Sequence[tuple[int, int]]],
        empty: Sequence[Sequence[tuple[str, int]]],
        accept: int,
    ) -> None:
        self._steps, self._empty, self.accept = steps, empty, accept
        self._live = self._reaching()
        self._seen: dict[tuple[int, bool], tuple[Sequence[tuple[int, int]], bool]] = {}

    def moves(self, state: int, *, first: bool) -> tuple[Sequence[tuple[int, int]], bool]:
        """Letters and states that follow `state`, and whether the text may end there.

        `first` is whether no letter was taken yet.
        """
        found = self._seen.get((state, first))
        if found is None:
            before = self._closure(state, "^" if first else "")
            ending = self._closure(state, "^$" if first else "$")
            moves = {step: None for place in before for step in self._steps[place] if step[1] in self._live}
            found = self._seen[state, first] = tuple(moves), self.accept in ending
        return found

    def _closure(self, state: int, allowed: str) -> set[int]:
        found, waiting = {state}, [state]
        while waiting:
            for kind, target in self._empty[waiting.pop()]:
                if kind in allowed and target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def _reaching(self) -> set[int]:
        """The states that lead to acceptance once a letter was taken."""
        sources: dict[int, list[int]] = {}
        for state, (steps, empty) in enumerate(zip(self._steps, self._empty, strict=True)):
            for target in (*(target for _, target in steps), *(to for kind, to in empty if kind != "^")):
                sources.setdefault(target, []).append(state)
        found, waiting = {self.accept}, [self.accept]
        while waiting:
            for source in sources.get(waiting.pop(), ()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return found


def read_automaton(pattern: str) -> Automaton | None:
    """The automaton of a pattern that is searched for in a text; None if the pattern is not read here."""
    reading = _Reading(pattern)
    try:
        return reading.whole()
    except (ValueError, IndexError):
        return None


class _Reading:
    """One descent over the pattern: every part leads from the state it is given to the one it returns."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._steps: list[list[tuple[int, int]]] = []
        self._empty: list[list[tuple[str, int]]] = []

    def whole(self) -> Automaton:
        start = self._state()
        accept, end = self._alternatives(0, start, 0)
        if end != len(self._pattern):
            raise ValueError("unbalanced")
        for state in (start, accept):
            self._steps[state].append((EVERYTHING, state))
        return Automaton(self._steps, self._empty, accept)

    def _state(self) -> int:
        if len(self._steps) >= _MOST_STATES:
            raise ValueError("too long")
        self._steps.append([])
        self._empty.append([])
        return len(self._steps) - 1

    def _next(self, state: int, kind: str = "") -> int:
        """A new state, reached from `state` without a letter."""
        new = self._state()
        self._empty[state].append((kind, new))
        return new

    def _alternatives(self, at: int, state: int, depth: int) -> tuple[int, int]:
        if depth > _MOST_NESTED:
            raise ValueError("nested too deeply")
        out = self._state()
        while True:
            end, at = self._sequence(at, self._next(state), depth)
            self._empty[end].append(("", out))
            if at >= len(self._pattern) or self._pattern[at] == ")":
                return out, at
            at += 1  # a `|`

    def _sequence(self, at: int, state: int, depth: int) -> tuple[int, int]:
        while at < len(self._pattern) and self._pattern[at] not in "|)":
            copies = [self._copy(at, state, depth)]
            before, state, end = copies[0]
            quantifier = _QUANTIFIER.match(self._pattern, end)
            if quantifier:
                least, most = _bounds(quantifier)
                for _ in range(1, max(least, 1) if most is None else most):
                    copies.append(self._copy(at, copies[-1][1], depth))
                out = self._state()
                for number, (before, after, _) in enumerate(copies):
                    for count, place in ((number, before), (number + 1, after)):
                        if count >= least:
                            self._empty[place].append(("", out))
                if most is None:
                    self._empty[copies[-1][1]].append(("", before))
                state, end = out, quantifier.end()
            at = end
        return state, at

    def _copy(self, at: int, state: int, depth: int) -> tuple[int, int, int]:
        """The part at `at`, once more: the states before and after it, and where it ends."""
        before = self._next(state)
        return before, *self._part(at, before, depth)

    def _part(self, at: int, state: int, depth: int) -> tuple[int, int]:
        char = self._pattern[at]
        if char in "^$":
            return self._next(state, char), at + 1
        if char == "(":
            head = _GROUP_HEAD.match(self._pattern, at + 1)
            if head is None and self._pattern.startswith("?", at + 1):
                raise ValueError("a group this does not read")
            after, end = self._alternatives(head.end() if head else at + 1, state, depth + 1)
            if self._pattern[end] != ")":
                raise ValueError("unbalanced")
            return after, end + 1
        if char == "\\" and (kind := _EMPTY.get(self._pattern[at + 1])) is not None:
            return self._next(state, kind), at + 2
        if char in "*+?{":
            raise ValueError("a quantifier of nothing")
        letters, end = self._class(at + 1) if char == "[" else self._letter(at)
        if char == ".":
            letters = EVERYTHING & ~_mask("\n")
        after = self._state()
        self._steps[state].append((letters, after))
        return after, end

    def _letter(self, at: int) -> tuple[int, int]:
        """One character or escape: its letters, and where it ends."""
        char = self._pattern[at]
        if char != "\\":
            return _mask(char), at + 1
        char = self._pattern[at + 1]
        if char in "<>" or (char.isalnum() and char not in _CLASSES):
            raise ValueError("an escape this does not read")
        return _CLASSES.get(char, _mask(char)), at + 2

    def _class(self, at: int) -> tuple[int, int]:
        negated = self._pattern.startswith("^", at)
        first = at = at + negated
        letters = 0
        while self._pattern[at] != "]" or at == first:
            if _UNREAD_IN_CLASS.match(self._pattern, at):
                raise ValueError("a class this does not read")
            low, end = self._letter(at)
            if self._pattern[end] == "-" and self._pattern[end + 1] != "]":
                high, end = self._letter(end + 1)
                if not _single(low) or not _single(high) or high < low:
                    raise ValueError("a range this does not read")
                low = (high << 1) - low
            letters |= low
            at = end
        return (EVERYTHING & ~letters | OTHER) if negated else letters, at + 1


def _single(letters: int) -> bool:
    return letters & (letters - 1) == 0


def _bounds(quantifier: re.Match[str]) -> tuple[int, int | None]:
    """How often at least and at most; None is without end."""
    if quantifier[1]:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[quantifier[1]]
    least = int(quantifier[2])
    if not quantifier[3]:
        return least, least
    return least, int(quantifier[4]) if quantifier[4] else None
