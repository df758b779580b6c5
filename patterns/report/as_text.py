"""Text for a terminal, drawn by rich: colours and width as the medium has them, nothing else.

Rich's markup, emoji codes and highlighting never see a server's words: everything becomes a `Text`, cleaned
first. Ids and names are folded when they are too long for their column, never cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
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

if TYPE_CHECKING:
    from patterns.report import AnyReport, Medium

_PARAGRAPH = 2000
_SENTENCE = 50
"""Columns in which a sentence is easy to read."""


def write(report: AnyReport, medium: Medium) -> str:
    """A report for a person at a terminal."""
    return write_document(document_of(report), medium)


def write_document(document: Document, medium: Medium) -> str:
    """Any document for a person at a terminal."""
    return _printed(_page(document), medium)


def write_prose(text: str, medium: Medium) -> str:
    """Text of a server, broken between words."""
    return _printed([Text(many_lines(text))], medium)


def _printed(parts: Iterable[RenderableType], medium: Medium) -> str:
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
    for part in parts:
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
    return Group(head, Padding(Group(_Places(block), advice), (0, 0, 0, 2)))


@dataclass(frozen=True)
class _Places:
    """Where a finding holds: in columns where a sentence has room beside the names, else below them."""

    block: Finding

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Drawn for the room the options leave."""
        rows = [tuple(Text(one_line(text, limit=_PARAGRAPH)) for text in row) for row in self.block.rows]
        names = sum(max((row[at].cell_len for row in rows), default=0) for at in (0, 1))
        if options.max_width - names >= _SENTENCE:
            cells = tuple((Toned(where, "dim"), what, why) for where, what, why in self.block.rows)
            yield FittingTable(Table((Column(""), Column(""), Column("")), cells, self.block.more))
            return
        for where, what, why in rows:
            where.stylize("dim")
            yield Text("  ").join((where, what))
            yield Padding(why, (0, 0, 0, 4))
        if self.block.more:
            yield more(self.block.more)
