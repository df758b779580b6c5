"""What a trace summary says, though nobody documents its field names.

Kong's pages promise span metrics, a latency analysis and bottlenecks, and document only the span names
(debugger-spans). So, wherever they stand:
1. Bottlenecks are the server's own list if it has one.
2. Else its span metrics, or the spans of its traces, with their shares of the root span or the total.
3. Else what its prose says beyond doubt.
4. The latency is what is called so and is not a span's; else the summary's own percentiles, else the root's.
Pieces of a summary are the matter of `pieces`, of `bottleneck`, `claims` and `figures` what one holds, of
`narration` prose. Nothing is guessed, and `summary` still has everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from patterns.bottleneck import Bottleneck, once, read_entries
from patterns.claims import graveness, has_figures
from patterns.figures import (
    FIGURES,
    Entry,
    as_entries,
    as_entry,
    durations_in,
    holds_durations,
    name_in,
    scale_of,
    unit_in,
    words_of,
)
from patterns.narration import entries_in, entry_in, span_named
from patterns.pieces import Piece, pieces

__all__ = ["Bottleneck", "read_bottlenecks", "read_latency", "read_samples"]

_BOTTLENECKS = re.compile(r"bottleneck|hot_?(?:spot|path)|slowest|top_?span")
_SPANS = re.compile(r"span|metric|phase|plugin|component|operation|children|^root$")
_NO_SPANS = re.compile(r"trace|request")
_LATENCY = re.compile(r"latenc|percentile|response_?time|overall")
_SAMPLES = frozenset(("sample", "samples", "trace", "traces"))
_COUNTING = frozenset(
    ("count", "total", "number", "num", "of", "collected", "captured", "analyzed", "recorded")
)
_SAMPLES_TOLD = re.compile(
    r"\b([1-9]\d{0,8}) (?:samples?|traces?)\b|\b(?:samples|traces)\b\W{1,4}([1-9]\d{0,8})\b", re.IGNORECASE
)
_ROOTS = ("kong", "root", "request", "total", "overall")


def read_bottlenecks(summary: Any) -> tuple[Bottleneck, ...]:
    """The bottlenecks a summary names, worst first, else in its own order; empty when nothing can be read."""
    parts = pieces(summary)
    found = _given(parts)
    if not found:
        spans = _spans(parts) or _narrated(parts)
        found = _with_shares(spans, _root(spans) or _whole(_latency(parts)))
    return tuple(sorted(found, key=_badness, reverse=True))


def read_latency(summary: Any) -> dict[str, Any]:
    """The latency distribution a summary holds: `{part: {p50_ms, p95_ms, ...}}`, or figures at the top.

    Part names (`total`, `upstream`, `internal`, ...) are the server's own.
    """
    parts = pieces(summary)
    found = _latency(parts)
    root = None if found else _root(_spans(parts) or _narrated(parts))
    return {"total": root.model_dump(include=set(FIGURES), exclude_none=True)} if root else found


def read_samples(summary: Any) -> int | None:
    """How many requests were traced; None when the summary does not say."""
    for part in pieces(summary):
        fields = as_entry(part.value) if part.is_whole else None
        for key, value in (fields or {}).items():
            words = set(words_of(key))
            if words & _SAMPLES and words <= _SAMPLES | _COUNTING:
                number = len(as_entries(value)) if isinstance(value, list) else value
                if isinstance(number, int) and not isinstance(number, bool):
                    return number
        told = _SAMPLES_TOLD.search(part.value) if isinstance(part.value, str) else None
        if told is not None:
            return int(told[1] or told[2])
    return None


def _given(parts: Iterable[Piece]) -> list[Bottleneck]:
    """The server's own list of bottlenecks."""
    for part in parts:
        if _BOTTLENECKS.search(part.key) and not _NO_SPANS.search(part.key):
            found = read_entries(_entries(part, are_given=True), part.unit, are_given=True)
            if found:
                return found
    return []


def _spans(parts: Sequence[Piece]) -> list[Bottleneck]:
    """Every span that has figures: out of the lists that are called so, else out of nameless ones."""
    called = [part for part in parts if _SPANS.search(part.key) and not _NO_SPANS.search(part.key)]
    nameless = [part for part in parts if part.key == "" and isinstance(part.value, list)]
    for lists in (called, nameless):
        found = once(span for part in lists for span in read_entries(_entries(part), part.unit))
        if found:
            return found
    return []


def _narrated(parts: Iterable[Piece]) -> list[Bottleneck]:
    """The spans whose figures prose tells."""
    entries = [entry for part in parts if isinstance(part.value, str) for entry in entries_in(part.value)]
    return once(read_entries(entries, 1.0))


def _entries(part: Piece, *, are_given: bool = False) -> list[Entry]:
    """The entries of a list; an object that is one itself; those in an object, whose keys are their names."""
    fields = as_entry(part.value)
    if fields is None:
        return [entry for value in as_entries(part.value) if (entry := _entry(value)) is not None]
    inner = {name: entry for name, value in fields.items() if (entry := as_entry(value)) is not None}
    if name_in(fields) is not None and (has_figures(fields, part.unit) or (are_given and not inner)):
        return [fields]
    return [{"name": name, **entry} for name, entry in inner.items() if has_figures(entry, part.unit)]


def _entry(value: Any) -> Entry | None:
    """An element of a list as an entry; a text says what a line of prose would, or is a name."""
    if not isinstance(value, str):
        return as_entry(value)
    name = span_named(value) or (value.strip() if len(value.split()) == 1 else None)
    return entry_in(value) or ({"name": name} if name else None)


def _root(spans: Iterable[Bottleneck]) -> Bottleneck | None:
    """The span that is the whole request."""
    return next((span for span in spans if span.name.lower() in _ROOTS), None)


def _whole(latency: Any) -> Bottleneck | None:
    """All requests as a span, by their latency."""
    total = next((found for name in ("total", "overall") if (found := as_entry(latency.get(name)))), latency)
    figures = {name: value for name, value in total.items() if name in ("mean_ms", "p50_ms")}
    return Bottleneck(name="total", kind="other", **figures) if figures else None


def _with_shares(spans: Iterable[Bottleneck], whole: Bottleneck | None) -> list[Bottleneck]:
    """Spans with their shares of the whole, which is left out, as phases are if there is anything else."""
    inner = [span for span in spans if span.name.lower() not in _ROOTS]
    return [
        span if span.share is not None or whole is None
        else span.model_copy(update={"share": span.part_of(whole)})
        for span in [span for span in inner if span.kind != "phase"] or inner
    ]  # fmt: skip


def _badness(span: Bottleneck) -> tuple[float, ...]:
    """By share, then by what the server says of it, then by durations; what is not known comes last."""
    figures = (span.total_ms, span.mean_ms, span.p50_ms, span.duration_ms)
    weight = next((figure for figure in figures if figure is not None), 0.0)
    grave = graveness(span.severity) if span.severity is not None else None
    claims = (-1.0 if claim is None else claim for claim in (span.share, grave, span.score))
    return (*claims, span.p95_ms or 0.0, weight)


def _latency(parts: Iterable[Piece]) -> dict[str, Any]:
    """What is called latency, else the summary's own figures: a sum there is the session's."""
    of_all = [part for part in parts if part.alone and not part.of_part]
    for part in of_all:
        if _LATENCY.search(part.key) and (found := _distribution(part.key, part.value, part.unit)):
            return found
    for part in of_all:
        figures = durations_in(as_entry(part.value) or {}, part.unit) if part.is_whole else {}
        figures = {name: value for name, value in figures.items() if name not in ("total_ms", "duration_ms")}
        if figures:
            return {"total": figures}
    return {}


def _distribution(key: str, value: Any, unit: float | None, *, depth: int = 3) -> dict[str, Any]:
    """Figures of a latency, and those of its parts by name."""
    fields = as_entry(value) or {}
    unit = unit_in(fields, unit)
    found: dict[str, Any] = {**durations_in({key: value} if holds_durations(key) else fields, unit)}
    rows = [(name_in(row), row) for entry in as_entries(value) if (row := as_entry(entry)) is not None]
    inner = [(name[0], row) for name, row in rows if name is not None]
    inner += [(name, part) for name, entry in fields.items() if (part := as_entry(entry)) is not None]
    for name, part in inner:
        if depth and not holds_durations(name):
            around = scale_of(name) or unit
            figures = durations_in(part, around)
            found |= {name: figures} if figures else _distribution(name, part, around, depth=depth - 1)
    return found
