"""How bad the server itself says an entry of a trace summary is: its share of the time, severity, score.

What the number of a share means is decided by the whole list. With a `%`, in its text or key, it is a
percent. A key that says percent is believed, unless all of them are parts of one: none above 1, and those
below it together no more than a whole. Under any other key, one above 1 makes all of them percents, and one
above 100 makes none of them a share (a `contribution` may be milliseconds). More than 100 percent, as of
things done at once, is the whole. A severity is a word or a number, a score a number; more is worse.
None of it is documented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patterns.figures import (
    NAMES,
    Entry,
    as_entries,
    as_entry,
    durations_in,
    folded,
    name_in,
    number_in,
    words_of,
)

_SHARE = frozenset(("share", "percent", "percentage", "pct", "ratio", "fraction", "contribution"))
_OF_WHAT = frozenset(
    ("of", "the", "in", "to", "total", "overall", "whole", "relative", "request", "trace", "root", "duration",
     "durations", "latency", "latencies", "time", "elapsed", "self")
)  # fmt: skip
_SEVERITY = frozenset(("severity", "impact"))
_OF_SEVERITY = _SEVERITY | {"level", "rating", "bottleneck"}
_SEVERITIES = {
    "none": 0, "info": 0, "informational": 0, "negligible": 0, "low": 1, "minor": 1, "medium": 2,
    "moderate": 2, "warning": 2, "high": 3, "major": 3, "severe": 3, "critical": 4,
}  # fmt: skip
_ROUNDED = 1.05  # a whole, and what rounding its parts may add
_PHASES = frozenset(("phases", "byphase", "perphase"))


@dataclass(frozen=True, slots=True)
class _Share:
    """A share as written: with a percent sign, under a key that says percent, or neither."""

    number: float
    written: Literal["sign", "word", "plain"]


def shares_in(entries: Sequence[Entry]) -> list[float | None]:
    """The part of the time that each entry of one list claims, from 0 to 1; None where it claims none."""
    found = [_share(entry) for entry in entries]
    signs, words, plain = (
        [share.number for share in found if share and share.written == written]
        for written in ("sign", "word", "plain")
    )
    are_parts = not signs and _are_parts(words)
    scales = {
        "sign": 0.01,
        "word": 1.0 if are_parts else 0.01,
        "plain": 0.01 if max(plain, default=0) > 1 else 1,
    }
    if max(plain, default=0) > 100 * _ROUNDED:
        del scales["plain"]
    return [
        round(min(share.number * scales[share.written], 1.0), 4)
        if share and share.written in scales
        else None
        for share in found
    ]


def has_figures(value: Any, unit: float | None = 1.0) -> bool:
    """Whether `value` is an object with a share or a duration; `unit` is that of a duration without one."""
    entry = as_entry(value)
    return entry is not None and (_share(entry) is not None or bool(durations_in(entry, unit)))


def by_phase(entry: Entry, unit: float | None = 1.0) -> list[Entry]:
    """The entries that a named one without figures of its own is, phase by phase: often one of its name."""
    named = name_in(entry)
    inner = next((value for key, value in entry.items() if folded(key) in _PHASES), None)
    runs = [(found[0], row) for row in map(as_entry, as_entries(inner)) if row and (found := name_in(row))]
    runs += [(name, row) for name, value in (as_entry(inner) or {}).items() if (row := as_entry(value))]
    runs = [(phase, row) for phase, row in runs if has_figures(row, unit)]
    if named is None or not runs or has_figures(entry, unit):
        return []
    name, named_by = named
    rest = {key: value for key, value in entry.items() if folded(key) not in {*_PHASES, *NAMES}}
    return [
        {named_by: name if len(runs) == 1 else f"{name} ({phase})", **rest,
         **{key: value for key, value in row.items() if folded(key) not in NAMES}}
        for phase, row in runs
    ]  # fmt: skip


def severity_in(entry: Entry) -> str | None:
    """The server's own word, or number, for how bad an entry is; None without one that is understood."""
    for key, value in entry.items():
        words = set(words_of(key))
        if words & _SEVERITY and words <= _OF_SEVERITY:
            number = _plain(value)
            text = value.strip() if isinstance(value, str) else "" if number is None else f"{number:g}"
            if graveness(text) is not None:
                return text
    return None


def score_in(entry: Entry) -> float | None:
    """The score the server gives an entry."""
    scores = (_plain(value) for key, value in entry.items() if _is_score(set(words_of(key))))
    return next((score for score in scores if score is not None), None)


def graveness(severity: str) -> float | None:
    """A severity as a number, more is worse; None for a word that says nothing."""
    known = _SEVERITIES.get(severity.lower())
    return _plain(severity) if known is None else known


def _share(entry: Entry) -> _Share | None:
    for key, value in entry.items():
        words = set(words_of(key))
        if words & _SHARE and words <= _SHARE | _OF_WHAT and (read := number_in(value)) is not None:
            number, unit = read
            if unit == "%" or (unit == "" and "%" in key):
                return _Share(number, "sign")
            if unit == "":
                says_percent = any(word.startswith(("percent", "pct")) for word in words)
                return _Share(number, "word" if says_percent else "plain")
    return None


def _are_parts(shares: Sequence[float]) -> bool:
    inner = [share for share in shares if share < 1]
    return max(shares, default=0) <= 1 and 0 < sum(inner) <= _ROUNDED


def _is_score(words: set[str]) -> bool:
    return "score" in words and words <= _OF_SEVERITY | {"score"}


def _plain(value: Any) -> float | None:
    read = number_in(value)
    return read[0] if read is not None and read[1] == "" else None
