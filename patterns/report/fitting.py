"""Tables for a terminal of any width, drawn by rich.

The first way that fits is taken: with long bars, with short ones, with none, with ids and sentences
folded and extra columns left out. When none fits, every row becomes a small list. Room that is left goes to
the columns that could use it. (Rich's own shrinking cuts cells when it is asked for least widths.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from patterns.report.cleaning import one_line
from patterns.report.document import Bar, Cell, Column, Table, Toned

STYLES = {"plain": "", "dim": "dim", "strong": "bold", "good": "green", "warn": "yellow", "bad": "bold red"}


class _Fit(NamedTuple):
    """A way to draw: cells a bar takes, room for ids and for sentences, with or without extra columns."""

    bar: int
    ids: int
    words: int
    extras: bool


_FITS = (
    _Fit(20, 44, 16, extras=True),
    _Fit(10, 44, 16, extras=True),
    _Fit(20, 44, 16, extras=False),
    _Fit(10, 24, 16, extras=False),
    _Fit(0, 20, 14, extras=False),
)


@dataclass(frozen=True)
class FittingTable:
    """A table of a document, as something rich can print."""

    block: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Drawn for the room the options leave."""
        columns = self.block.columns
        for fit in _FITS:
            shown = [place for place, column in enumerate(columns) if fit.extras or not column.extra]
            cells = [[text_of(row[place], bar=fit.bar) for place in shown] for row in self.block.rows]
            chosen = [columns[place] for place in shown]
            needs = [_need(column, [row[at] for row in cells], fit) for at, column in enumerate(chosen)]
            spare = options.max_width - sum(need.least for need in needs) - _gap(chosen) * (len(needs) - 1)
            if spare >= 0:
                yield _grid(chosen, cells, _widths(needs, spare))
                break
        else:
            yield from map(self._listed, self.block.rows)
        if self.block.more:
            yield more(self.block.more)

    def _listed(self, row: Sequence[Cell]) -> RenderableType:
        """A row as its first name, and below it whatever else it has."""
        head, rest = Text(overflow="fold"), Text(overflow="fold")
        for column, cell in zip(self.block.columns, row, strict=True):
            value = text_of(cell, bar=0)
            if not head and column.align == "left":
                head = value
            elif value:
                rest.append("  " if rest else "").append(f"{column.title} " if column.title else "", "dim")
                rest.append_text(value)
        return Group(head, Padding(rest, (0, 0, 0, 4)))


def text_of(cell: Cell, *, bar: int = 20) -> Text:
    """A cell as text that is safe to print; a bar takes `bar` columns, none if that is 0."""
    match cell:
        case Bar(share, figure, tone) if bar:
            filled = round(min(max(share, 0.0), 1.0) * bar)
            drawn = (("■" * filled, STYLES[tone]), ("·" * (bar - filled), "dim"))
            return Text.assemble(*drawn, f" {one_line(figure):>6}")
        case Bar(_, text, tone) | Toned(text, tone):
            return Text(one_line(text), STYLES[tone])
        case str():
            return Text(one_line(cell))


def more(count: int) -> Text:
    """What to say of rows that were left out."""
    return Text(f"… and {count:,} more; --format json has all of them", style="dim")


class _Need(NamedTuple):
    """The room a column must have, and the room it would like."""

    least: int
    most: int


def _need(column: Column, cells: Sequence[Text], fit: _Fit) -> _Need:
    """Figures and bars need all they are, ids and sentences what the fit gives them.

    So does what may be left out: an extra column is not worth names in pieces.
    """
    most = max([len(column.title), *(cell.cell_len for cell in cells)])
    is_whole = column.align == "right" or column.bars or (column.extra and column.exact)
    return _Need(most if is_whole else min(most, fit.ids if column.exact else fit.words), most)


def _widths(needs: Sequence[_Need], spare: int) -> list[int]:
    """`spare` shared out equally among the columns that can use it, the modest ones first."""
    widths = [need.least for need in needs]
    wanting = sorted(range(len(needs)), key=lambda at: needs[at].most - needs[at].least)
    for done, at in enumerate(wanting):
        given = min(needs[at].most - needs[at].least, spare // (len(wanting) - done))
        widths[at] += given
        spare -= given
    return widths


def _gap(columns: Sequence[Column]) -> int:
    return 3 if any(column.title for column in columns) else 2


def _grid(columns: Sequence[Column], cells: Sequence[Sequence[Text]], widths: Sequence[int]) -> Grid:
    titled = any(column.title for column in columns)
    grid = Grid(
        box=box.SIMPLE_HEAD if titled else None,
        show_header=titled,
        padding=(0, 1) if titled else (0, 2, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )
    for column, width in zip(columns, widths, strict=True):
        grid.add_column(Text(one_line(column.title)), justify=column.align, overflow="fold", width=width)
    for row in cells:
        grid.add_row(*row)
    return grid
