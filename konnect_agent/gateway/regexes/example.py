"""Texts a regular expression matches, written down from its syntax (inferred; proposals, not a proof).

One descent over the common subset: literals, escapes, classes, groups, alternatives, quantifiers. The first
text takes the first alternatives, repetitions as often as they must be, classes by one of their members,
anchors as nothing; further ones take the second alternatives, the third, and so on, and what is optional.
Whoever uses a text checks that it matches.
"""

import re

_SHORTHAND = {"d": "0", "w": "a", "s": " ", "D": "x", "W": "-", "S": "x", "n": "\n", "t": "\t", "r": "\r"}
_NOTHING = "bBAzZ"
_QUANTIFIER = re.compile(r"(?:[*?]|(\+)|\{(\d+)(?:,\d*)?\})[?+]?")
_GROUP_HEAD = re.compile(r"\?(?:P?<\w+>|:|[a-z]+:)")
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_RANGE_OR_CHAR = re.compile(r"(\\?.)-(\\?[^\]])|(\\?.)", re.DOTALL)
_LIKELY = "x0a-_A"
_MOST_NESTED = 50
_LONGEST = 500
_MOST_EXAMPLES = 8


def regex_examples(pattern: str) -> list[str]:
    """Texts that probably match `pattern`, each once; none if it uses what this does not read."""
    found: dict[str, None] = {}
    varied = sum(map(pattern.count, "|?*")) + 1
    for choice in range(min(varied, _MOST_EXAMPLES)):
        try:
            text, end = _alternatives(pattern, 0, 0, choice)
        except (ValueError, IndexError, re.error):
            break
        if end != len(pattern):
            break
        found[text] = None
    return list(found)


def _alternatives(pattern: str, at: int, depth: int, choice: int) -> tuple[str, int]:
    """The example of the chosen alternative, and where the group (or the pattern) ends."""
    if depth > _MOST_NESTED:
        raise ValueError("nested too deeply")
    found: list[str] = []
    while True:
        text, at = _sequence(pattern, at, depth, choice)
        found.append(text)
        if at >= len(pattern) or pattern[at] == ")":
            return found[choice % len(found)], at
        at += 1  # a `|`


def _sequence(pattern: str, at: int, depth: int, choice: int) -> tuple[str, int]:
    found: list[str] = []
    while at < len(pattern) and pattern[at] not in "|)":
        flags = _FLAGS.match(pattern, at)
        if flags:
            at = flags.end()
            continue
        text, at = _atom(pattern, at, depth, choice)
        quantifier = _QUANTIFIER.match(pattern, at)
        if quantifier:
            at = quantifier.end()
            optional = int(quantifier[2]) if quantifier[2] else choice % 2
            least = 1 if quantifier[1] else optional
            if len(text) * least > _LONGEST:
                raise ValueError("too long")
            text *= least
        found.append(text)
    return "".join(found), at


def _atom(pattern: str, at: int, depth: int, choice: int) -> tuple[str, int]:
    char = pattern[at]
    if char in "^$":
        return "", at + 1
    if char == ".":
        return "x", at + 1
    if char == "\\":
        return _escape(pattern[at + 1]), at + 2
    if char == "[":
        return _member(pattern, at)
    if char != "(":
        return char, at + 1
    head = _GROUP_HEAD.match(pattern, at + 1)
    if head is None and pattern.startswith("?", at + 1):
        raise ValueError("a group this does not read")
    text, end = _alternatives(pattern, head.end() if head else at + 1, depth + 1, choice)
    if pattern[end] != ")":
        raise ValueError("unbalanced")
    return text, end + 1


def _escape(char: str) -> str:
    if char in _NOTHING:
        return ""
    if char.isalnum() and char not in _SHORTHAND:
        raise ValueError("an escape this does not read")
    return _SHORTHAND.get(char, char)


def _member(pattern: str, at: int) -> tuple[str, int]:
    """One character of a class: the first one listed, or a likely one that a negated class lets in."""
    end = pattern.index("]", at + 2)
    while pattern[end - 1] == "\\":
        end = pattern.index("]", end + 1)
    inside = pattern[at + 1 : end]
    if not inside.startswith("^"):
        first = _RANGE_OR_CHAR.match(inside)
        text = "" if first is None else first[1] or first[3]
        return (_escape(text[1]) if text.startswith("\\") else text), end + 1
    excluded = re.compile(f"[{inside[1:]}]")
    left = [char for char in _LIKELY if not excluded.match(char)]
    return left[0], end + 1
