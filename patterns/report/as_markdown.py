"""Markdown (GitHub's) for tickets and pull requests.

Server text is one line of literal characters: punctuation that means something where it stands is escaped by
a backslash, `<`, `>` and `&` as entities, and an `@` gets an invisible word joiner, so that nobody is
mentioned. The rest stays as it is, because tickets are also read in an editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from patterns.report.cleaning import many_lines, one_line
from patterns.report.document import (
    Aside,
    Bar,
    Block,
    Cell,
    Document,
    Finding,
    Items,
    KeyValues,
    Paragraph,
    Section,
    Table,
    Toned,
    Verbatim,
)
from patterns.report.documents import document_of

if TYPE_CHECKING:
    from patterns.report import AnyReport, Medium

_MEANINGFUL = re.compile(
    r"[\\`*\[\]#|~$]"  # anywhere: code, emphasis, links, issues, tables, strikethrough, formulas
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, unless it is inside a word
    r"|^[-+=]|(?<=www)\.|:(?=[^\s\d])",  # lists and lines, addresses, emoji
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(\d+)([.)])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u2060"}
_PARAGRAPH = 2000


def write(report: AnyReport, medium: Medium) -> str:
    """A report as Markdown."""
    return write_document(document_of(report), medium)


def write_document(document: Document, medium: Medium) -> str:
    """Any document as Markdown."""
    status = f" ({literal(document.status)})" if document.status else ""
    lines = [f"## {literal(document.title)}{status}", ""]
    if document.headline:
        lines += [f"**{literal(document.headline, limit=_PARAGRAPH)}**", ""]
    lines += _draw(document.facts, 3)
    lines += _drawn(document.blocks, 3)
    return "\n".join(lines).rstrip() + "\n"


def literal(text: str, *, limit: int = 500) -> str:
    """`text` as Markdown that shows exactly these characters."""
    escaped = _MEANINGFUL.sub(r"\\\g<0>", one_line(text, limit=limit).strip())
    escaped = _NUMBERED.sub(r"\1\\\2", escaped)
    for character, entity in _ENTITIES.items():
        escaped = escaped.replace(character, entity)
    return escaped


def _drawn(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for block in blocks:
        yield from _draw(block, level)


def _draw(block: Block, level: int) -> Iterator[str]:
    match block:
        case Table():
            yield "| " + " | ".join(literal(column.title) or " " for column in block.columns) + " |"
            yield "|" + "|".join("--:" if c.align == "right" else "---" for c in block.columns) + "|"
            yield from ("| " + " | ".join(map(_cell, row)) + " |" for row in block.rows)
            yield from _more(block.more)
        case KeyValues():
            yield from (f"- {literal(name)}: {_cell(value)}" for name, value in block.rows)
        case Paragraph(text):
            yield literal(text, limit=_PARAGRAPH)
        case Items():
            yield from (f"- {literal(text, limit=_PARAGRAPH)}" for text in block.texts)
            yield from _more(block.more)
        case Verbatim(text):
            yield from _fenced(many_lines(text))
        case Finding():
            yield f"- **{literal(block.badge)}** {literal(block.title)}"
            yield from (
                f"  - {literal(where)}: {literal(what)}: {literal(why, limit=_PARAGRAPH)}"
                for where, what, why in block.rows
            )
            yield from (f"  - {line}" for line in _more(block.more) if line)
            yield f"  - *{literal(block.advice, limit=_PARAGRAPH)}*"
        case Section():
            yield f"{'#' * min(level, 6)} {literal(block.title)}"
            yield ""
            yield from _drawn(block.blocks, level + 1)
        case Aside():
            yield "<details>"
            yield f"<summary>{literal(block.title)}</summary>"
            yield ""
            yield from _drawn(block.blocks, level + 1)
            yield "</details>"
    yield ""


def _cell(cell: Cell) -> str:
    match cell:
        case Bar(_, text) | Toned(text, _):
            return literal(text) or " "
        case str():
            return literal(cell) or " "


def _fenced(text: str) -> Iterator[str]:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence, text, fence)


def _more(count: int) -> Iterator[str]:
    if count:
        yield ""
        yield f"… and {count:,} more; the report as JSON has all of them"
