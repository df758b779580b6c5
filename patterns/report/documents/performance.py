"""Pattern 1: where the time goes, worst first, and how long requests took."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from konnect_agent.models import DebugCriteria
from patterns.confirmation import lasting
from patterns.performance import PerformanceResult
from patterns.report.document import (
    Aside,
    Bar,
    Block,
    Cell,
    Column,
    Paragraph,
    Part,
    Section,
    Tone,
    Verbatim,
    as_data,
    milliseconds,
    number,
    percent,
    table,
)
from patterns.selection import Selected
from patterns.traces import Bottleneck

_PARTS = {"3p": "3p (third parties)"}
_WHICH = (
    ("http_method", "method {}"), ("http_path", "path {}"), ("http_status_code", "status {}"),
    ("http_latency", "latency {}"), ("service_id", "service {}"),
)  # fmt: skip
_LIMITS: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("session_duration", lasting),
    ("max_samples", "at most {} samples".format),
)
_KNOWN: tuple[tuple[str, Column, Callable[[Any], str]], ...] = (
    ("severity", Column("severity"), str),
    ("score", Column("score", "right"), "{:g}".format),
    ("p50_ms", Column("p50", "right"), milliseconds),
    ("mean_ms", Column("mean", "right"), milliseconds),
    ("p95_ms", Column("p95", "right"), milliseconds),
    ("p99_ms", Column("p99", "right", extra=True), milliseconds),
    ("total_ms", Column("total", "right", extra=True), milliseconds),
    ("duration_ms", Column("duration", "right"), milliseconds),
)
_NAMED = ("id", "get_by_name", "exact")


def describe(result: PerformanceResult) -> Part:
    """The document of a debug session."""
    session, plane = result.debug_session, result.control_plane
    return Part(
        title="Performance debugging",
        headline=_headline(result),
        facts=(
            ("control plane", _found(plane)),
            ("criteria", criteria_text(result.criteria) if result.criteria else None),
            ("debug session", " ".join(filter(None, (session.id, session.status)))),
        ),
        blocks=tuple(_blocks(result)),
    )


def criteria_text(criteria: Mapping[str, Any]) -> str:
    """Criteria of a debug session in a few words; unknown ones as name=value, limits with their defaults.

    The control plane, which an alert repeats here, says nothing about requests.
    """
    shown = {"control_plane_id", *dict((*_WHICH, *_LIMITS))}
    which = [form.format(criteria[name]) for name, form in _WHICH if criteria.get(name) is not None]
    which += [f"{name}={value}" for name, value in criteria.items() if name not in shown]
    limits = [told(criteria.get(name, DebugCriteria.model_fields[name].default)) for name, told in _LIMITS]
    return ", ".join([*(which or ["every request"]), *limits])


def _found(plane: Selected) -> str | None:
    """The control plane, and how it was found unless somebody named exactly this one."""
    name = plane.name or plane.id
    if name is None or plane.found_by is None or plane.found_by in _NAMED:
        return name
    return f"{name} (found by: {plane.found_by})"


def _headline(result: PerformanceResult) -> str:
    worst = next(iter(result.bottlenecks), None)
    if worst is None:
        traced = _samples(result.summary)
        if traced == 0:
            return "No request fitted the criteria while the session ran: nothing was traced."
        if result.summary is None:
            return ""
        if result.latency or traced:
            return "The summary names no bottleneck that could be read."
        return "No figures could be read from the server's summary; it is shown as it came."
    share = f"takes {percent(worst.share)} of the time" if worst.share is not None else "is the bottleneck"
    tail = (
        f": half of the requests wait {milliseconds(worst.p50_ms)} for it" if worst.p50_ms is not None else ""
    )
    return f"{worst.name} ({worst.kind}) {share}{tail}."


def _blocks(result: PerformanceResult) -> Iterator[Block]:
    if result.bottlenecks:
        known = [
            (name, column, told)
            for name, column, told in _KNOWN
            if any(getattr(entry, name) is not None for entry in result.bottlenecks)
        ]
        columns = [
            Column("where", exact=True), Column("kind"), Column("share", bars=True),
            *(column for _, column, _ in known), Column("count", "right", extra=True),
        ]  # fmt: skip
        rows = (
            (
                *_place(entry),
                *(_told(getattr(entry, name), told) for name, _, told in known),
                number(entry.count),
            )
            for entry in result.bottlenecks
        )
        blocks: list[Block] = [table(columns, rows)]
        if sum(entry.share or 0.0 for entry in result.bottlenecks) > 1.0:
            blocks.append(
                Paragraph("Shares overlap: time spent inside one also counts for what it is in.", "dim")
            )
        yield Section("Where the time goes", tuple(blocks))
    if result.latency:
        yield Section("Latency", tuple(_latency(result.latency)))
    if result.summary is not None and not (result.bottlenecks and result.latency):
        yield Section("The server's summary", (Verbatim(as_data(result.summary)),))
    elif result.summary is not None:
        yield Aside("The server's summary", (Verbatim(as_data(result.summary)),))


def _place(entry: Bottleneck) -> tuple[Cell, Cell, Cell]:
    """Where the time goes, and how much of it."""
    if entry.share is None:
        return entry.name, entry.kind, "-"
    tone: Tone = "bad" if entry.share >= 0.5 else "warn" if entry.share >= 0.2 else "plain"
    return entry.name, entry.kind, Bar(entry.share, percent(entry.share), tone)


def _told(value: Any, told: Callable[[Any], str]) -> str:
    return "-" if value is None else told(value)


def _latency(latency: Mapping[str, Any]) -> Iterator[Block]:
    """One row per part of the latency, one column per figure."""
    parts: dict[str, Mapping[str, Any]] = {
        name: cast("Mapping[str, Any]", figures)
        for name, figures in latency.items()
        if isinstance(figures, Mapping)
    }
    own = {name: value for name, value in latency.items() if not isinstance(value, Mapping)}
    if own:
        parts = {"total": own, **parts}
    names = [name for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")
             if any(name in figures for figures in parts.values())]  # fmt: skip
    columns = [Column("part"), *(Column(name.removesuffix("_ms"), "right") for name in names)]
    yield table(
        columns,
        (
            (_PARTS.get(part, part), *(milliseconds(figures.get(name)) for name in names))
            for part, figures in parts.items()
        ),
    )


def _samples(summary: Any) -> int | None:
    """How many requests were traced, if the summary says so in the one word that suggests itself."""
    samples = cast("Mapping[str, Any]", summary).get("samples") if isinstance(summary, Mapping) else None
    return samples if isinstance(samples, int) else None
