"""What a trace summary says, though nobody documents its field names.

Kong's pages promise span metrics, a latency analysis and bottlenecks, and document only the span names
(debugger-spans). So, wherever they stand:
1. Bottlenecks are the server's own list if it has one, with what its spans of the same names tell; behind
   them its span metrics, or the spans of its traces, with their shares of the root span or the total.
2. Else the parts of a breakdown of the latency.
3. Else what its prose says beyond doubt.
4. The latency is what is called so and is not a span's; else the summary's own percentiles, else the root's.
Pieces of a summary are the matter of `pieces`, of `bottleneck`, `claims` and `figures` what one holds, of
`narration` prose. Nothing is guessed, and `summary` still has everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from patterns.bottleneck import Bottleneck, completed, is_same, once, read_entries
from patterns.breakdown import parts_in
from patterns.claims import by_phase, graveness, has_figures
from patterns.figures import (
    FIGURES,
    Entry,
    as_entries,
    as_entry,
    durations_in,
    folded,
    holds_durations,
    name_in,
    scale_of,
    unit_in,
    words_of,
)
from patterns.narration import entries_in, entry_in, span_named
from patterns.pieces import Piece, pieces

__all__ = ["Bottleneck", "read_bottlenecks", "read_latency", "read_samples", "speaks_of_bottlenecks"]

_BOTTLENECKS = re.compile(r"bottleneck|hot_?(?:spot|path)|slowest|top_?span")
_SPANS = re.compile(r"span|metric|phase|plugin|component|operation|children|^root$")
_NO_SPANS = re.compile(r"trace|request")
_LATENCY = re.compile(r"latenc|percentile|response_?time|overall")
_NONE = re.compile(r"\W*(?:no|none|nothing|n/a)\b", re.IGNORECASE)
_SAMPLES = frozenset(("sample", "samples", "trace", "traces"))
_COUNTING = frozenset(
    ("count", "total", "number", "num", "of", "collected", "captured", "analyzed", "recorded")
)
_SAMPLES_TOLD = re.compile(
    r"\b([1-9]\d{0,8}) (?:samples?|traces?)\b|\b(?:samples|traces)\b\W{1,4}([1-9]\d{0,8})\b", re.IGNORECASE
)
_BREAKDOWN = re.compile(r"break_?down")
_PLACES = re.compile(r"(?:upstream|client|dns|tls|router|balancer|redis)(?:time|latency)?")
_TOTALS = ("total", "overall", "request", "requests")
_SUMS = ("total_ms", "duration_ms")
_ROOTS = ("kong", "root", "request", "total", "overall", "proxy.kong.latency.total")


def read_bottlenecks(summary: Any) -> tuple[Bottleneck, ...]:
    """The bottlenecks a summary names, worst first, else in its own order; empty when nothing can be read."""
    parts = pieces(summary)
    given, spans = _given(parts), _spans(parts)
    latency = _whole(_latency(parts))
    whole = _root(spans) or latency
    if given:
        others = [span for span in _inner(spans) if not any(is_same(span, own) for own in given)]
        own = _with_shares([completed(each, spans) for each in given], whole)
        return (*_ranked(own), *_ranked(_with_shares(others, whole)))
    if spans:
        return tuple(_ranked(_with_shares(_inner(spans), whole)))
    pieced = _broken_down(parts, latency)
    if pieced:  # where `kong` is a part, and not the root
        inner = _inner(pieced, roots=_TOTALS)
        return tuple(_ranked(_with_shares(inner, _root(pieced, roots=_TOTALS) or latency)))
    told = _narrated(parts)
    return tuple(_ranked(_with_shares(_inner(told), _root(told) or latency)))


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


def speaks_of_bottlenecks(summary: Any) -> bool:
    """Whether a summary lists bottlenecks, or parts of the latency, be they readable or not."""
    for part in pieces(summary):
        if _BOTTLENECKS.search(part.key) or _BREAKDOWN.search(part.key):
            listed = [*as_entries(part.value), *(as_entry(part.value) or {}).values()]
            if any(value and not (isinstance(value, str) and _NONE.match(value)) for value in listed):
                return True
    return False


def _given(parts: Iterable[Piece]) -> list[Bottleneck]:
    """The server's own list of bottlenecks."""
    for part in parts:
        if _BOTTLENECKS.search(part.key) and not _NO_SPANS.search(part.key):
            entries = _entries(part, are_given=True)
            found = read_entries(entries, part.unit, within=part.key, are_given=True)
            if found:
                return found
    return []


def _spans(parts: Sequence[Piece]) -> list[Bottleneck]:
    """Every span that has figures: out of the lists that are called so, else out of nameless ones."""
    called = [part for part in parts if _SPANS.search(part.key) and not _NO_SPANS.search(part.key)]
    nameless = [part for part in parts if part.key == "" and isinstance(part.value, list)]
    for lists in (called, nameless):
        found = [span for part in lists for span in read_entries(_entries(part), part.unit, within=part.key)]
        if found:
            return once((*found, *_places(parts)))
    return []


def _places(parts: Iterable[Piece]) -> list[Bottleneck]:
    """The places with figures that stand in the summary itself, beside its lists: `upstream`."""
    found: list[Bottleneck] = []
    for part in parts:
        fields = as_entry(part.value) if part.is_whole else None
        places = [(name, value) for name, value in (fields or {}).items() if _PLACES.fullmatch(folded(name))]
        entries = [{"name": name, **entry} for name, value in places if (entry := as_entry(value))]
        found += read_entries(entries, part.unit)
    return found


def _broken_down(parts: Iterable[Piece], whole: Bottleneck | None) -> list[Bottleneck]:
    """The parts of the first breakdown of the latency that has any."""
    for part in parts:
        if _BREAKDOWN.search(part.key) and not _NO_SPANS.search(part.key):
            entries = _entries(part) or parts_in(part.key, part.value, whole)
            found = once(read_entries(entries, part.unit, are_given=True))
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
        read = (entry for value in as_entries(part.value) if (entry := _entry(value)) is not None)
        return [run for entry in read for run in by_phase(entry, part.unit) or [entry]]
    inner = {name: entry for name, value in fields.items() if (entry := as_entry(value)) is not None}
    if name_in(fields) is not None and (has_figures(fields, part.unit) or (are_given and not inner)):
        return [fields]
    named = ({"name": name, **entry} for name, entry in inner.items())
    return [
        run
        for entry in named
        for run in by_phase(entry, part.unit) or ([entry] if has_figures(entry, part.unit) else [])
    ]


def _entry(value: Any) -> Entry | None:
    """An element of a list as an entry; a text says what a line of prose would, or is a name."""
    if not isinstance(value, str):
        return as_entry(value)
    is_name = len(value.split()) == 1 and not _NONE.fullmatch(value.strip(" .!"))
    name = span_named(value) or (value.strip() if is_name else None)
    return entry_in(value) or ({"name": name} if name else None)


def _root(spans: Iterable[Bottleneck], *, roots: Sequence[str] = _ROOTS) -> Bottleneck | None:
    """The span that is the whole request."""
    return next((span for span in spans if span.name.lower() in roots), None)


def _whole(latency: Any) -> Bottleneck | None:
    """All requests as a span, by their latency."""
    total = next((found for name in ("total", "overall") if (found := as_entry(latency.get(name)))), latency)
    figures = {name: value for name, value in total.items() if name in ("mean_ms", "p50_ms")}
    return Bottleneck(name="total", kind="other", **figures) if figures else None


def _inner(spans: Iterable[Bottleneck], *, roots: Sequence[str] = _ROOTS) -> list[Bottleneck]:
    """Spans without the whole, and without phases if there is anything else."""
    inner = [span for span in spans if span.name.lower() not in roots]
    return [span for span in inner if span.kind != "phase"] or inner


def _with_shares(spans: Iterable[Bottleneck], whole: Bottleneck | None) -> list[Bottleneck]:
    """Spans with their shares of the whole, where the server tells none."""
    return [
        span if span.share is not None or whole is None
        else span.model_copy(update={"share": span.part_of(whole)})
        for span in spans
    ]  # fmt: skip


def _ranked(spans: Iterable[Bottleneck]) -> list[Bottleneck]:
    return sorted(spans, key=_badness, reverse=True)


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
    for part in sorted(of_all, key=lambda part: bool(_BREAKDOWN.search(part.key))):
        if _LATENCY.search(part.key) and (found := _distribution(part.key, part.value, part.unit)):
            return found
    for part in of_all:
        fields = (as_entry(part.value) or {}) if part.is_whole else {}
        totals = (as_entry(value) for key, value in fields.items() if folded(key) in _TOTALS)
        for told in (fields, *filter(None, totals)):
            figures = durations_in(told, part.unit)
            if figures := {name: value for name, value in figures.items() if name not in _SUMS}:
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
