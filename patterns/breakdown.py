"""The parts of a breakdown that are bare numbers: `{"latency_breakdown": {"kong": 5, "upstream": 94}}`.

A number is what its text, its key or the breakdown's key says it is. Without a word, those that add up to the
whole latency are milliseconds, those that add up to 1 or to 100 are shares, and those that add up to more are
milliseconds; any others have a name and no figure. None of it is documented.
"""

from __future__ import annotations

from typing import Any

from patterns.bottleneck import Bottleneck
from patterns.figures import Entry, as_entry, number_in, scale_of, words_of

_PERCENT = frozenset(("percent", "percentage", "percentages", "pct"))
_SHARE = frozenset(("share", "shares", "fraction", "fractions", "ratio", "ratios"))
_SAID = frozenset(("latency", "duration", "time")) | _PERCENT | _SHARE
_ROUNDING = 0.05


def parts_in(key: str, value: Any, whole: Bottleneck | None) -> list[Entry]:
    """The entries that the parts are, the longest first. `whole` has the latency of all, if that is known."""
    read = {name: number for name, part in (as_entry(value) or {}).items() if (number := number_in(part))}
    around = _says(key) or _kind([number for number, unit in read.values() if not unit], whole)
    entries: list[Entry] = []
    for name, (number, unit) in sorted(read.items(), key=lambda item: item[1][0], reverse=True):
        figure = _says(name) or around
        if unit:
            told: Entry = {"percent" if unit == "%" else "duration": f"{number:.12g}{unit}"}
        elif figure == "duration":
            told = {"duration": f"{number * (scale_of(name) or scale_of(key) or 1.0):.12g}ms"}
        else:
            told = {figure: number} if figure else {}
        entries.append({"name": _name(name), **told})
    return entries


def _says(key: str) -> str:
    """What a key says its number is: a `percent`, a `share`, a `duration`, or nothing."""
    words = set(words_of(key))
    if words & _PERCENT:
        return "percent"
    return "share" if words & _SHARE else "duration" if scale_of(key) is not None else ""


def _kind(numbers: list[float], whole: Bottleneck | None) -> str:
    """What numbers are of which no word says it."""
    total = sum(numbers)
    known = (whole.mean_ms, whole.p50_ms) if whole is not None else ()
    if len(numbers) > 1 and any(_is_about(total, figure) for figure in known if figure):
        return "duration"
    if len(numbers) > 1 and (_is_about(total, 1) or _is_about(total, 100)):
        return "share"
    return "duration" if total > 100 * (1 + _ROUNDING) else ""


def _is_about(total: float, figure: float) -> bool:
    return abs(total - figure) <= _ROUNDING * figure


def _name(key: str) -> str:
    """The name of a part, without what its key says of the number: `upstream_ms`."""
    if not _says(key):
        return key
    words = [word for word in words_of(key) if word not in _SAID and scale_of(f"x_{word}") is None]
    return "_".join(words) or key
