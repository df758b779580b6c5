"""Reading a trace summary whose field names nobody documents.

Kong's pages promise span metrics, a latency analysis and bottlenecks, and document only the span names
(debugger-spans). So: bottlenecks are the server's own list if it has one, else its span metrics, both found
by what their entries hold (a name and a figure), wherever they stand. Durations may be named `p95_ms`,
`p95`, `p95Ms`, `p95_us`, `p95_ns`, `duration_p95`, or stand in a nested object, whose key may hold the unit
(`latency_s`); all become milliseconds.
Text without figures yields no bottlenecks: nothing is guessed, and `summary` still has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from konnect_agent.redaction import scrub
from patterns.workflow import Frozen

_NAME_KEYS = (
    "name",
    "span",
    "span_name",
    "spanName",
    "operation",
    "component",
    "plugin",
    "plugin_name",
    "phase",
)
_LIST_WORDS = ("bottleneck", "hotspot", "slowest", "top_spans")
_SPAN_WORDS = ("span", "metric", "phase", "plugin", "component")
_ROOTS = ("kong", "root", "request", "total")
_UNITS = {"ms": 1.0, "millis": 1.0, "milliseconds": 1.0, "us": 1e-3, "micros": 1e-3, "microseconds": 1e-3,
          "ns": 1e-6, "nanos": 1e-6, "nanoseconds": 1e-6, "s": 1e3, "sec": 1e3, "seconds": 1e3}  # fmt: skip
_FIGURES = {
    "p50_ms": ("p50", "median"), "p90_ms": ("p90",), "p95_ms": ("p95",), "p99_ms": ("p99",),
    "mean_ms": ("mean", "avg", "average"), "max_ms": ("max", "maximum"), "total_ms": ("total", "sum", "self"),
}  # fmt: skip
_SHARE_WORDS = {"share", "percent", "percentage", "pct", "ratio", "fraction", "contribution"}
_KINDS = (
    (r"kong\.[a-z_]+\.plugin\.|^plugin", "plugin"),
    (r"kong\.io\.|redis|3p", "third-party I/O"),
    (r"kong\.dns|\bdns\b", "dns"),
    (r"tls|handshake", "tls"),
    (r"upstream|find_upstream|balanc", "upstream"),
    (r"client", "client"),
    (r"kong\.router|\brouter\b", "router"),
    (r"kong\.phase\.|^phase", "phase"),
    (r"datakit", "datakit"),
)  # fmt: skip


class Bottleneck(Frozen):
    """One place where time goes. `share` is its part of the request's time, 0 to 1; durations are ms."""

    name: str
    kind: str
    share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    mean_ms: float | None = None
    total_ms: float | None = None
    count: int | None = None
    plugin_id: str | None = None


def read_bottlenecks(summary: Any) -> tuple[Bottleneck, ...]:
    """The bottlenecks a summary names, worst first; empty when it has no figures."""
    for words, is_given in ((_LIST_WORDS, True), (_SPAN_WORDS, False)):
        for entries, unit in _lists(summary, words):
            found = [read for entry in entries if (read := _bottleneck(entry, unit)) is not None]
            if not found:
                continue
            if not is_given:
                found = _shares(found)
            return tuple(sorted(found, key=_badness, reverse=True))
    return ()


def read_latency(summary: Any) -> dict[str, Any]:
    """The latency distribution a summary holds: `{part: {p50_ms, p95_ms, ...}}`, or figures at the top.

    Part names (`total`, `upstream`, `internal`, ...) are the server's own.
    """
    for name, value, unit in _mappings(summary):
        if "latenc" not in name.lower():
            continue
        own = _figures(value, unit)
        inner = (found for found in _mappings(value, unit, depth=2) if found[1] is not value)
        parts = {key: figures for key, entry, part in inner if (figures := _figures(entry, part))}
        if own or parts:
            return {**own, **parts}
    top = _figures(cast("Mapping[str, Any]", summary)) if isinstance(summary, Mapping) else {}
    if top:
        return {"total": top}
    root = next((b for b in _spans(summary) if b.name in _ROOTS), None)
    return {"total": root.model_dump(include=set(_FIGURES), exclude_none=True)} if root else {}


def _bottleneck(entry: Mapping[str, Any], unit: str) -> Bottleneck | None:
    name = next((entry[key] for key in _NAME_KEYS if isinstance(entry.get(key), str) and entry[key]), None)
    figures = _figures(entry, unit)
    share = _share(entry)
    if name is None or (not figures and share is None):
        return None
    plugin_id = entry.get("plugin_id", entry.get("proxy.kong.plugin.id"))
    count = entry.get("count", entry.get("samples", entry.get("calls")))
    given = entry.get("kind", entry.get("type", entry.get("category")))
    return Bottleneck(
        name=scrub(name),
        kind=scrub(given) if isinstance(given, str) and given else _kind(name),
        share=share,
        count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        plugin_id=plugin_id if isinstance(plugin_id, str) else None,
        **{key: value for key, value in figures.items() if key in Bottleneck.model_fields},
    )


def _spans(summary: Any) -> list[Bottleneck]:
    entries = ((entry, unit) for listed, unit in _lists(summary, _SPAN_WORDS) for entry in listed)
    return [read for entry, unit in entries if (read := _bottleneck(entry, unit)) is not None]


def _shares(spans: Sequence[Bottleneck]) -> list[Bottleneck]:
    """Span metrics as bottlenecks: each one's part of the root span; the root and phases are left out."""
    root = next((span for span in spans if span.name in _ROOTS), None)
    whole = _weight(root) if root else max((_weight(span) for span in spans), default=0.0)
    leaves = [span for span in spans if span is not root and span.kind != "phase"] or list(spans)
    return [
        span if span.share is not None or not whole
        else span.model_copy(update={"share": round(min(_weight(span) / whole, 1.0), 4)})
        for span in leaves
    ]  # fmt: skip


def _weight(span: Bottleneck) -> float:
    return span.total_ms or span.mean_ms or span.p50_ms or span.p95_ms or 0.0


def _badness(span: Bottleneck) -> tuple[float, float, float]:
    return (span.share if span.share is not None else -1.0, span.p95_ms or 0.0, _weight(span))


def _kind(name: str) -> str:
    folded = name.lower()
    return next((kind for pattern, kind in _KINDS if re.search(pattern, folded)), "other")


def _share(entry: Mapping[str, Any]) -> float | None:
    for key, value in entry.items():
        number = _number(value)
        folded = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()
        words = set(re.split(r"[^a-z]+", folded))
        if number is None or not words & _SHARE_WORDS:
            continue
        is_percent = (
            "percent" in folded or "pct" in folded or number > 1 or (isinstance(value, str) and "%" in value)
        )
        return round(min(max(number / 100 if is_percent else number, 0.0), 1.0), 4)
    return None


def _figures(entry: Mapping[str, Any], unit: str = "") -> dict[str, float]:
    """The durations of an entry in milliseconds, under our names; also those in `duration`-like objects.

    `unit` is the one an enclosing key names; a figure that names its own keeps it.
    """
    found: dict[str, float] = {}
    for key, value in entry.items():
        words = _words(key)
        if isinstance(value, Mapping) and any(
            w in words for w in ("duration", "latency", "time", "percentiles", "stats")
        ):
            inner = _figures(cast("Mapping[str, Any]", value), _unit_in(key) or unit)
            found |= {k: v for k, v in inner.items() if k not in found}
            continue
        number = _number(value)
        name = next(
            (ours for ours, words_of in _FIGURES.items() if any(word in words for word in words_of)), None
        )
        if number is None or name is None or "count" in words or "samples" in words or "requests" in words:
            continue
        scale = _UNITS.get(_unit_in(key)) or _unit_of(value) or _UNITS.get(unit, 1.0)
        found.setdefault(name, round(number * scale, 3))
    return found


def _words(key: str) -> list[str]:
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()
    return [word for word in re.split(r"[^a-z0-9]+", snake) if word]


def _unit_in(key: str) -> str:
    """The unit a key names, if it names one (`latency_s`, `p95Ms`): never its only word."""
    return next((word for word in reversed(_words(key)[1:]) if word in _UNITS), "")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:%|ms|us|µs|ns|s)?\s*", value)
        return float(match.group(1)) if match else None
    if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


def _unit_of(value: Any) -> float | None:
    """The scale of the unit a text ends with, such as `90ms`."""
    unit = re.sub(r"[\d.\s]+", "", value) if isinstance(value, str) else ""
    return _UNITS.get(unit.replace("µ", "u"))


def _lists(summary: Any, words: Sequence[str]) -> Iterator[tuple[list[Mapping[str, Any]], str]]:
    """Lists of objects, and objects of objects (keys become names), under a key with one of `words`.

    Each comes with the unit that its key, or one around it, names.
    """
    for key, value, unit in _walk("", summary, "", 5):
        if not any(word in key.lower() for word in words):
            continue
        if isinstance(value, list):
            entries = cast("list[Any]", value)
            yield [cast("Mapping[str, Any]", e) for e in entries if isinstance(e, Mapping)], unit
        elif isinstance(value, Mapping):
            named = cast("Mapping[str, Any]", value).items()
            yield (
                [{"name": n, **cast("Mapping[str, Any]", e)} for n, e in named if isinstance(e, Mapping)],
                unit,
            )


def _mappings(summary: Any, unit: str = "", depth: int = 4) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for key, value, inherited in _walk("", summary, unit, depth):
        if isinstance(value, Mapping):
            yield key, cast("Mapping[str, Any]", value), inherited


def _walk(key: str, value: Any, unit: str, depth: int) -> Iterator[tuple[str, Any, str]]:
    """Every named value with its unit, outermost first, a few levels deep; lists are not entered."""
    level: list[tuple[str, Any, str]] = [(key, value, unit)]
    for _ in range(depth):
        yield from level
        level = [
            (name, inner, _unit_in(name) or around)
            for _, holder, around in level
            if isinstance(holder, Mapping)
            for name, inner in cast("Mapping[str, Any]", holder).items()
        ]
