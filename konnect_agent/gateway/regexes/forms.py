r"""A pattern of Rust's `regex` or of PCRE in the words of re2, where the same words would mean less.

re2's `\s` lacks the vertical tab, and it knows no `\_`: `re2_form` spells both out. Rust's `\d`, `\w`, `\s`
know all of Unicode, re2's only ASCII; only a text outside ASCII can tell, so `unicode_form` is for those.
Source: the syntax pages of re2, Rust's `regex` and PCRE2 (documented), compared on random patterns.
"""

import re
from collections.abc import Callable, Mapping

from konnect_agent.gateway.regexes.syntax import RegexDialect

_ESCAPE = r"\\(?:[xpP]\{[^}]*\}|x..|[pP].|.)"
_OUTSIDE = re.compile(rf"{_ESCAPE}|\[\^?\]?", re.DOTALL)
_INSIDE = re.compile(rf"{_ESCAPE}|\[:[^\]]*:\]|\]", re.DOTALL)
_TOLD_APART = re.compile(r"\\[sS_]")

# What Unicode counts as alphabetic beyond its letters: circled and squared ones; and the joiners.
_ALPHABETIC = r"\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}"
_UNICODE = {
    "d": r"\p{Nd}",
    "w": r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}" + _ALPHABETIC,
    "s": r"\s\v\x{85}\p{Z}",
}
_RE2 = {"s": r"\s\v"}
_NO_SPACE: Mapping[RegexDialect, str] = {  # `\S` inside a class, of characters and of bytes
    "rust": r"\x00-\x08\x0e-\x1f!-\x{10ffff}",
    "pcre": r"\x00-\x08\x0e-\x1f!-\xff",
}


class _Inexpressible(ValueError):
    """A class has a member re2 has no word for."""


def re2_form(pattern: str, *, dialect: RegexDialect) -> str:
    """The pattern as re2 must be given it."""
    if _TOLD_APART.search(pattern) is None:
        return pattern
    return _rewritten(pattern, lambda escape, inside: _plain(escape, inside=inside, dialect=dialect))


def unicode_form(pattern: str) -> str | None:
    """The pattern of Rust's `regex` for texts outside ASCII; None where re2 cannot say it."""
    try:
        return _rewritten(pattern, _wide)
    except _Inexpressible:
        return None


def _rewritten(pattern: str, reword: Callable[[str, bool], str]) -> str:
    """The pattern with every escape given to `reword`, which is told whether it stands inside a class."""
    found: list[str] = []
    at, inside = 0, False
    while token := (_INSIDE if inside else _OUTSIDE).search(pattern, at):
        found.append(pattern[at : token.start()])
        text = token[0]
        found.append(reword(text, inside) if text.startswith("\\") else text)
        at = token.end()
        inside = text != "]" if inside else text.startswith("[")
    found.append(pattern[at:])
    return "".join(found)


def _plain(escape: str, *, inside: bool, dialect: RegexDialect) -> str:
    if escape == r"\_":
        return "_"
    if escape == r"\S" and inside:
        return _NO_SPACE[dialect]
    return _class(escape, _RE2, inside=inside)


def _wide(escape: str, inside: bool) -> str:
    if escape in (r"\b", r"\B"):
        raise _Inexpressible  # re2's word boundary knows ASCII only
    if inside and escape in (r"\W", r"\S"):
        raise _Inexpressible
    if inside and escape == r"\D":
        return r"\P{Nd}"
    return "_" if escape == r"\_" else _class(escape, _UNICODE, inside=inside)


def _class(escape: str, members: Mapping[str, str], *, inside: bool) -> str:
    letter = escape[1]
    wanted = members.get(letter.lower())
    if wanted is None or len(escape) > 2:
        return escape
    if inside:
        return wanted
    return f"[{wanted}]" if letter.islower() else f"[^{wanted}]"
