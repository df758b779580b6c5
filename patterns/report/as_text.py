"""Text for a terminal, drawn by rich: colours and width as the medium has them, nothing else.

Rich's markup, emoji codes and highlighting never see a server's words: everything becomes a `Text`, cleaned
first. Ids and names are folded when they are too long for their column, never cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from patterns.report.cleaning import many_lines, one_line
from patterns.report.document import (
    Aside,
    Block,
    Column,
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
from patterns.report.fitting import STYLES, FittingTable, more, text_of
from patterns.workflow import Report

if TYPE_CHECKING:
    from patterns.report import Medium

_PARAGRAPH = 2000


def write(report: Report[Any], medium: Medium) -> str:
    """A report for a person at a terminal."""
    return write_document(document_of(report), medium)


def write_document(document: Document, medium: Medium) -> str:
    """Any document for a person at a terminal."""
    page = StringIO()
    console = Console(
        file=page,
        width=medium.width,
        force_terminal=medium.colour,
        no_color=not medium.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in _page(document):
        console.print(part)
    lines = (line.rstrip() for line in page.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _page(document: Document) -> Iterator[RenderableType]:
    title = Text(one_line(document.title), style="bold")
    if document.status:
        title.append(" · ", style="dim").append(one_line(document.status), style=STYLES[document.tone])
    yield title
    if document.headline:
        yield Text(one_line(document.headline, limit=_PARAGRAPH))
    if document.facts.rows:
        yield ""
        yield _facts(document.facts)
    yield from _drawn(document.blocks)


def _drawn(blocks: Iterable[Block]) -> Iterator[RenderableType]:
    for block in blocks:
        if not isinstance(block, Aside):
            yield ""
            yield _draw(block)


def _draw(block: Block) -> RenderableType:
    match block:
        case Table():
            return FittingTable(block)
        case KeyValues():
            return _facts(block)
        case Paragraph(text, tone):
            return Text(one_line(text, limit=_PARAGRAPH), style=STYLES[tone])
        case Items():
            return _items(block)
        case Verbatim(text):
            return Padding(Text(many_lines(text)), (0, 0, 0, 2))
        case Finding():
            return _finding(block)
        case Section():
            return _section(block)
        case Aside():
            return ""


def _section(section: Section) -> RenderableType:
    style = STYLES[section.tone]
    heading = Text(one_line(section.title), style=f"bold {style}".strip())
    first, *rest = section.blocks or (Paragraph("None.", "dim"),)
    return Group(heading, Padding(Group(_draw(first), *_drawn(rest)), (0, 0, 0, 2)))


def _facts(block: KeyValues) -> RenderableType:
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in block.rows:
        grid.add_row(Text(one_line(name), style="dim"), text_of(value))
    return grid


def _items(block: Items) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for text in block.texts:
        grid.add_row(Text("•", style="dim"), Text(one_line(text, limit=_PARAGRAPH), style=STYLES[block.tone]))
    return Group(grid, more(block.more)) if block.more else grid


def _finding(block: Finding) -> RenderableType:
    head = Text.assemble((one_line(block.badge), STYLES[block.tone]), " ", (one_line(block.title), "bold"))
    advice = Text.assemble(("→ ", "dim"), one_line(block.advice, limit=_PARAGRAPH))
    rows = tuple((Toned(where, "dim"), what, why) for where, what, why in block.rows)
    places = FittingTable(Table((Column(""), Column(""), Column("")), rows, block.more))
    return Group(head, Padding(Group(places, advice), (0, 0, 0, 2)))
