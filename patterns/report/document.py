"""What a report says, free of any format: a title, a status, facts, and blocks.

One function per pattern makes a document of a report (`documents/`), one file per format writes documents
(`as_*.py`). Text in a document is as it came, untrusted: a format passes every piece of it through
`cleaning`, and escapes what it needs to. Figures are already text here, with their units.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["plain", "dim", "strong", "good", "warn", "bad"]

ROWS = 200
"""How many rows of a table, or entities of a finding, a person is shown; JSON has all of them."""


@dataclass(frozen=True, slots=True)
class Toned:
    """Text that stands out, or steps back."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a whole, from 0 to 1, and its figure."""

    share: float
    text: str
    tone: Tone = "plain"


Cell = str | Toned | Bar


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. An `exact` one holds ids and names, worth the room to stay in one line; an `extra`
    one may be left out where there is little room. `bars` says that its cells are bars.
    """

    title: str
    align: Literal["left", "right"] = "left"
    exact: bool = False
    extra: bool = False
    bars: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `more` rows were left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Facts: a name and a value each."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or several."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    texts: tuple[str, ...]
    tone: Tone = "plain"
    more: int = 0


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Somebody else's words, line by line."""

    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of objection, everything it concerns (where, which entity, why), and what to do about it."""

    badge: str
    tone: Tone
    title: str
    rows: tuple[tuple[str, str, str], ...]
    advice: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Aside:
    """What only some readers want: folded away where a format can, otherwise left out."""

    title: str
    blocks: tuple[Block, ...]


Block = Table | KeyValues | Paragraph | Items | Verbatim | Finding | Section | Aside


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. `headline` is its point in one sentence."""

    title: str
    status: str
    tone: Tone
    headline: str = ""
    facts: KeyValues = field(default_factory=lambda: KeyValues(()))
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a pattern itself has to say about its result."""

    title: str
    headline: str = ""
    facts: tuple[tuple[str, Cell | None], ...] = ()
    blocks: tuple[Block, ...] = ()


def table(columns: Sequence[Column], rows: Iterable[tuple[Cell, ...]], *, at_most: int = ROWS) -> Table:
    """A table of the first rows, knowing how many were left out."""
    listed = tuple(rows)
    return Table(tuple(columns), listed[:at_most], max(len(listed) - at_most, 0))


def facts(*rows: tuple[str, Cell | None]) -> KeyValues:
    """Facts, without those that are not known."""
    return KeyValues(tuple((name, value) for name, value in rows if value is not None and value != ""))


def number(value: float | None) -> str:
    """A count with thousands separated; `-` when it is not known."""
    return "-" if value is None else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    """A duration given in milliseconds."""
    if value is None:
        return "-"
    return f"{value:,.1f} ms" if value < 10 else f"{value:,.0f} ms"


def seconds(value: float) -> str:
    """A duration given in seconds."""
    if value < 10:
        return f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{value:.1f} s"


def percent(share: float) -> str:
    """A share from 0 to 1."""
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.01 else "< 1 %"


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """`1 finding`, `2 findings`."""
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def share_of(part: float, whole: float) -> float:
    """`part` as a share of `whole`, 0 when there is no whole."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


def as_data(value: Any) -> str:
    """Plain data, readable."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
