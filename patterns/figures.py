"""Reading one entry of a trace summary: its name and its durations.

No field name is documented. Names are compared word by word (`p95Ms`, `P95 (ms)` and `p95_ms` are one), and a
field is read only when all of its words are known: `total_requests` is no duration, `error_percentage` no
share. A duration's unit is the one its text ends with, else its key's, else that of a `unit` field beside or
around it, else milliseconds, in which all are told; a unit of something else makes it no duration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from konnect_agent.redaction import scrub

Entry = Mapping[str, Any]

FIGURES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "max_ms", "total_ms", "duration_ms")
"""What is read of durations. `duration_ms` is one that the server does not say the statistic of."""

NAMES = (
    "name", "span", "spanname", "operation", "operationname", "component", "plugin", "pluginname", "label",
    "title", "displayname", "phase",
)  # fmt: skip
_UNIT_NAMES = ("unit", "units", "timeunit", "durationunit", "latencyunit")
_MILLISECONDS: Mapping[float, tuple[str, ...]] = {
    6e4: ("mins", "minute", "minutes"),
    1e3: ("s", "sec", "secs", "second", "seconds"),
    1.0: ("ms", "msec", "milli", "millis", "millisecond", "milliseconds"),
    1e-3: ("us", "µs", "μs", "usec", "micro", "micros", "microsecond", "microseconds"),
    1e-6: ("ns", "nsec", "nano", "nanos", "nanosecond", "nanoseconds"),
}
_UNITS = {unit: scale for scale, units in _MILLISECONDS.items() for unit in units}
_WRITTEN_UNITS = {**_UNITS, "min": 6e4}  # in a key it is the minimum
_STATISTICS = {
    "median": "p50_ms", "mean": "mean_ms", "avg": "mean_ms", "average": "mean_ms", "max": "max_ms",
    "maximum": "max_ms", "total": "total_ms", "sum": "total_ms",
}  # fmt: skip
_TIME = frozenset(("duration", "durations", "latency", "latencies", "time", "elapsed", "self"))
_WHOSE = frozenset(("request", "response", "span"))
_FILLERS = frozenset(("of", "the", "in", "value", "percentile", "percentiles", "quantile", "quantiles"))
_HOLDERS = frozenset(("percentiles", "quantiles", "stats", "statistics", "distribution", "metrics"))
_PERCENTILE = re.compile(
    r"(?<![a-z0-9.])((?:p|percentile|quantile)_?)?(\d+(?:\.\d+)?)(?:th|st|nd|rd)?(?![a-z0-9.])"
)
_NUMBER = re.compile(r"(?:pt)?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*(%|[a-zµμ]*)")
_LONGEST_NAME = 200


def name_in(entry: Entry) -> tuple[str, str] | None:
    """The name of an entry and the word it stands under, without credentials; None when it has none."""
    fields = {folded(key): value for key, value in entry.items()}
    for word in NAMES:
        value = fields.get(word)
        value = (as_entry(value) or {}).get("name", value)
        if isinstance(value, str) and value.strip():
            return scrub(value.strip()[:_LONGEST_NAME]), word
    return None


def durations_in(entry: Entry, unit: float | None = 1.0) -> dict[str, float]:
    """The durations of an entry in milliseconds, by the names of `FIGURES`, its `latency`'s included.

    `unit` is the one around it, in milliseconds; None is a unit that is none of time.
    """
    found: dict[str, float] = {}
    inherited: dict[str, float] = {}
    unit = unit_in(entry, unit)
    for key, value in entry.items():
        inner = as_entry(value)
        if holds_durations(key):
            by_rank = _by_rank(value) if {"percentiles", "quantiles"} & set(words_of(key)) else inner
            if by_rank is not None:
                inherited = durations_in(by_rank, scale_of(key) or unit) | inherited
                continue
        figure = _figure(key)
        read = number_in(inner.get("value") if inner is not None else value)
        if figure is None or read is None:
            continue
        own = (
            _WRITTEN_UNITS.get(read[1])
            if read[1]
            else scale_of(key) or (unit_in(inner, unit) if inner else unit)
        )
        milliseconds = read[0] * own if own else math.inf
        if math.isfinite(milliseconds):
            found.setdefault(figure, round(milliseconds, 6))
    return inherited | found


@lru_cache(maxsize=4096)
def holds_durations(key: str) -> bool:
    """Whether an object under `key` is about the same thing as the one around it: `latency_ms`, `stats`."""
    words = words_of(key)
    return bool(words) and all(word in _TIME | _HOLDERS | _WHOSE or word in _UNITS for word in words)


def unit_in(entry: Entry, around: float | None) -> float | None:
    """The unit of an entry's durations in milliseconds: that of its `unit` field, else the one around it."""
    fields = {folded(key): value for key, value in entry.items()}
    named = next((fields[name] for name in _UNIT_NAMES if isinstance(fields.get(name), str)), None)
    return around if named is None else _WRITTEN_UNITS.get(named.strip().lower())


@lru_cache(maxsize=4096)
def scale_of(key: str) -> float | None:
    """The unit a key names, in milliseconds (`latency_s`, `durationNano`); a first `us` may be a place."""
    first, *others = words_of(key) or ("",)
    words = [*reversed(others), *([first] if others and len(first) > 2 else [])]
    return next((_UNITS[word] for word in words if word in _UNITS), None)


@lru_cache(maxsize=4096)
def words_of(key: str) -> tuple[str, ...]:
    """The words of a key in lower case, whichever way they are put together."""
    return tuple(word for word in re.split(r"[^a-z0-9µμ]+", _spelled_out(key)) if word)


def folded(key: str) -> str:
    """A key as every spelling of it reads."""
    return "".join(words_of(key))


def number_in(value: Any) -> tuple[float, str] | None:
    """A number that may be a duration or a share, and the unit its text ends with."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip().lower()) if len(value) < 40 else None
        if match is None or (match[3] not in ("", "%") and match[3] not in _WRITTEN_UNITS):
            return None
        return float(match[1].replace(",", "") + (match[2] or "")), match[3]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    number = float(value) if abs(value) < 1e300 else math.inf
    return (number, "") if math.isfinite(number) and number >= 0 else None


def as_entry(value: Any) -> Entry | None:
    """`value` if it is an object, else None."""
    return cast("Entry", value) if isinstance(value, Mapping) else None


def as_entries(value: Any) -> list[Any]:
    """What is in a list; nothing in anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


@lru_cache(maxsize=4096)
def _figure(key: str) -> str | None:
    """Which of `FIGURES` a key names; None when one of its words is about something else."""
    spelled = _spelled_out(key)
    percentile = _PERCENTILE.search(spelled)
    words = set(words_of(_PERCENTILE.sub(" ", spelled)))
    figures = {_STATISTICS[word] for word in words if word in _STATISTICS}
    if percentile is not None:
        if not percentile[1] and not words & {"percentile", "quantile"}:
            return None
        figures.add(f"p{float(percentile[2]):g}_ms")
    scaled = scale_of(key) is not None
    timed = scaled or bool(words & _TIME)
    rest = words - _STATISTICS.keys() - _FILLERS - _TIME - (_UNITS.keys() if scaled else set())
    if len(figures) > 1 or rest - _WHOSE or (rest and not timed) or words == {"time"}:
        return None
    figure = next(iter(figures), "duration_ms" if timed else "")
    return figure if figure in FIGURES else None


def _by_rank(value: Any) -> Entry:
    """Percentiles under their usual names: `{"50": 3}`, `{"0.95": 9}`, `[{"percentile": 50, "value": 3}]`."""
    rows = [row for entry in as_entries(value) if (row := as_entry(entry)) is not None]
    ranked = [(row.get("percentile", row.get("quantile", row.get("p"))), row.get("value")) for row in rows]
    found: dict[str, Any] = {}
    for rank, figure in (*ranked, *(as_entry(value) or {}).items()):
        read = number_in(rank)
        number = read[0] if read and not read[1] else None
        found[str(rank) if number is None else f"p{number * 100 if number < 1 else number:g}"] = figure
    return found


def _spelled_out(key: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key[:100]).replace("%", " percent ").lower()
