"""Whatever a server sent becomes text that a terminal, a page or a log may show.

Escape sequences, control characters, bidirectional overrides and invisible format characters become a
replacement character, so that their presence shows and their effect does not; lone surrogates, which no
stream can encode, too. Lengths are cut first, so that megabytes cost nothing. Joiners (U+200C, U+200D) stay:
scripts and emoji need them.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, screen
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\\\)?"  # OSC, DCS: titles, links
    "|\x1b[ -/]*[0-~]"
)
_SPACES = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_MARK = "\N{REPLACEMENT CHARACTER}"
_JOINERS = "\u200c\u200d"
_LINE_LIMIT, _TEXT_LIMIT, _LINES = 500, 20_000, 300


def one_line(text: str, *, limit: int = _LINE_LIMIT) -> str:
    """`text` as one harmless line of at most `limit` characters; `…` stands for the rest."""
    cleaned = _printable(_SPACES.sub(" ", text[: 2 * limit]))
    return cleaned if len(cleaned) <= limit and len(text) <= 2 * limit else cleaned[: limit - 1] + "…"


def many_lines(text: str, *, limit: int = _TEXT_LIMIT) -> str:
    """`text` with its line breaks, otherwise harmless, and the number of characters left out at its end."""
    shown = text[:limit].replace("\r\n", "\n").split("\n")[:_LINES]
    lines = [_printable(_SPACES.sub(" ", line.expandtabs(4))) for line in shown]
    left_out = len(text) - sum(map(len, shown)) - len(shown)
    if left_out > len(shown):
        lines.append(f"… about {left_out:,} more characters")
    return "\n".join(lines)


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_harmless, _ESCAPES.sub(_MARK, text)))


def _harmless(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if unicodedata.category(character) == "Zs" else _MARK
