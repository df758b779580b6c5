"""A trace summary taken apart: every object, list and text in it, and what each stands under.

No shape is documented, so a reader asks for "a list under a key that speaks of spans" wherever it may be.
Wrappers say nothing: what is in `data` or `summary` stands under the key around them. An entry of a list
keeps what it holds to itself, but for lists (a span's children). A unit holds for all that is inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from konnect_agent.envelopes import ENVELOPES
from patterns.claims import by_phase, has_figures
from patterns.figures import as_entries, as_entry, folded, name_in, scale_of, unit_in, words_of
from patterns.narration import data_in

_WRAPPERS = frozenset(
    (*(key.lower() for key in ENVELOPES), "entries", "list", "summary", "analysis", "session", "meta")
)
_PARTS = re.compile(
    r"bottleneck|hot_?(?:spot|path)|slowest|span|phase|plugin|component|operation|children|(?:^|_)trace$"
)
_DEEPEST, _MOST = 12, 100_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a summary, under the key nearest to it that says something, its words joined by `_`.

    `unit` is that of its durations in milliseconds, None for one that is none of time. `alone` is False for
    one of several in a list, `is_entry` True for what has figures of its own there, `of_part` for what is
    about spans, plugins or traces and not about all requests.
    """

    key: str
    value: Any
    unit: float | None = 1.0
    depth: int = 0
    alone: bool = True
    is_entry: bool = False
    of_part: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether this is the summary itself, out of its wrappers."""
        return self.key == "" and self.alone and not self.of_part


def pieces(summary: Any) -> list[Piece]:
    """All pieces of a summary, outermost first, up to a depth and a number that no summary needs."""
    found = [Piece("", _joined(summary))]
    for piece in found:  # grows while it is read
        if piece.depth < _DEEPEST and len(found) < _MOST:
            found.extend(inner for inner in _inside(piece) if isinstance(inner.value, (Mapping, list, str)))
    return found


def _inside(piece: Piece) -> Iterator[Piece]:
    """What is directly inside a piece. An entry of a list, or of an object of them, gives only its lists."""
    inner = replace(piece, depth=piece.depth + 1, is_entry=False)
    entries, fields = as_entries(piece.value), as_entry(piece.value) or {}
    if isinstance(piece.value, str):
        yield from (replace(inner, value=data) for data in data_in(piece.value))
    for entry in entries:
        key = piece.key if isinstance(entry, list) else ""
        alone = piece.alone and len(entries) == 1
        is_entry = has_figures(entry, piece.unit) or bool(by_phase(as_entry(entry) or {}, piece.unit))
        yield replace(inner, key=key, value=entry, alone=alone, is_entry=is_entry)
    unit = unit_in(fields, piece.unit)
    for name, value in fields.items():
        if piece.is_entry and not isinstance(value, list):
            continue
        key = piece.key if folded(name) in _WRAPPERS else "_".join(words_of(name))
        of_part = piece.of_part or bool(_PARTS.search(key))
        is_entry = of_part and has_figures(value, unit)
        if piece.of_part and not is_entry and (inside := as_entry(value)) is not None:
            is_entry = bool(by_phase({"name": name, **inside}, unit))
        key = "" if piece.of_part and is_entry else key
        yield replace(
            inner, key=key, value=value, unit=scale_of(name) or unit, of_part=of_part, is_entry=is_entry
        )


def _joined(summary: Any) -> Any:
    """The objects of a list as one if no two have a key in common: they are the blocks of one answer."""
    objects = [as_entry(entry) or {} for entry in as_entries(summary)]
    keys = [key for item in objects for key in item]
    if not objects or not all(objects) or len(set(keys)) < len(keys) or any(map(name_in, objects)):
        return summary
    return {key: value for item in objects for key, value in item.items()}
