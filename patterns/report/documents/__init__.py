"""A report as a document: what its pattern found, framed by what every report has.

Order: the point in one sentence, facts, the error if there is one, the pattern's own blocks, what could not
be seen, and (folded away) the steps. A pattern's own part is one function `describe(result)` in the module
named in `_PARTS`; a workflow nobody knows here still shows its result as data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from patterns.coverage import Coverage, Missing
from patterns.report.document import (
    ROWS,
    Aside,
    Block,
    Cell,
    Column,
    Document,
    Items,
    KeyValues,
    Paragraph,
    Part,
    Section,
    Tone,
    Toned,
    Verbatim,
    as_data,
    counted,
    facts,
    seconds,
    table,
)
from patterns.workflow import Report, Step

_PARTS = {
    "debug_performance": "performance",
    "investigate_endpoint": "endpoint",
    "analyze_consumers": "consumers",
    "audit_configuration": "audit",
    "investigate_alert": "alerts",
}
_HINTS = 10
_TONES: dict[str, Tone] = {"complete": "good", "incomplete": "warn", "declined": "warn", "failed": "bad"}


def document_of(report: Report[Any]) -> Document:
    """The document of any report."""
    part = describe(report)
    return Document(
        title=part.title,
        status=report.status,
        tone=_TONES[report.status],
        headline=part.headline if report.status in ("complete", "incomplete") else "",
        facts=all_facts(report, part),
        blocks=(*_failed(report), *part.blocks, *_not_seen(report.coverage), *_steps(report.steps)),
    )


def describe(report: Report[Any]) -> Part:
    """The pattern's own part of a document."""
    module = _PARTS.get(report.pattern)
    if module is None:
        return Part(report.pattern, blocks=(Verbatim(as_data(report.result.model_dump(mode="json"))),))
    describe_result: Callable[[Any], Part] = import_module(f"{__name__}.{module}").describe
    return describe_result(report.result)


def all_facts(report: Report[Any], part: Part) -> KeyValues:
    """The pattern's facts, then where and for how long."""
    calls = sum(1 for _ in _calls(report.steps))
    took = f"{seconds(report.duration_s)}, {counted(calls, 'call')}"
    at = f"{report.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return facts(*part.facts, ("endpoint", report.endpoint), ("took", Toned(f"{took}, {at}", "dim")))


def _failed(report: Report[Any]) -> Iterator[Block]:
    if report.error is not None:
        blocks: list[Block] = [Paragraph(f"{report.error.type}: {report.error.message}", "bad")]
        if report.error.hint:
            blocks.append(Paragraph(report.error.hint))
        yield Section("Declined" if report.status == "declined" else "Failed", tuple(blocks), "bad")


def _not_seen(coverage: Coverage) -> Iterator[Block]:
    """What is missing in one place for one kind of reason is one entry; every hint is given once."""
    if coverage.complete:
        return
    together: dict[tuple[str, str], list[Missing]] = {}
    for missing in coverage.missing:
        plane = missing.control_plane
        place = f" of {plane.name or plane.id}" if plane else ""
        together.setdefault((place, missing.error.type), []).append(missing)
    texts = [
        f"{', '.join(dict.fromkeys(entry.what for entry in alike))}{place}: {kind}: {alike[0].error.message}"
        for (place, kind), alike in together.items()
    ]
    texts += [f"{what}: cut, there may be more" for what in coverage.truncated]
    hints = dict.fromkeys(missing.error.hint for missing in coverage.missing if missing.error.hint)
    yield Section(
        "Not seen",
        (
            Paragraph("This report is not the whole picture.", "warn"),
            Items(tuple(texts[:ROWS]), more=max(len(texts) - ROWS, 0)),
            *(Paragraph(hint, "dim") for hint in [*hints][:_HINTS]),
        ),
        "warn",
    )


def _steps(steps: Sequence[Step]) -> Iterator[Block]:
    rows = list(_step_rows(steps, 0))
    if rows:
        columns = [
            Column("step"),
            Column("status"),
            Column("calls"),
            Column("took", "right"),
            Column("extracted"),
        ]
        yield Aside("Steps", (table(columns, rows),))


def _step_rows(steps: Sequence[Step], depth: int) -> Iterator[tuple[Cell, ...]]:
    for step in steps:
        tone: Tone = "plain" if step.status == "ok" else "warn"
        extracted = ", ".join(f"{name} {value}" for name, value in step.extracted.items())
        calls = _tools(step)
        yield ("· " * depth + step.name, Toned(step.status, tone), calls, seconds(step.duration_s), extracted)
        yield from _step_rows(step.steps, depth + 1)


def _tools(step: Step) -> str:
    """The tools a step called, with how often, and what went wrong."""
    counts: dict[str, int] = {}
    for call in step.calls:
        name = call.tool if call.outcome == "ok" else f"{call.tool} ({call.outcome})"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items())


def _calls(steps: Sequence[Step]) -> Iterator[Any]:
    for step in steps:
        yield from step.calls
        yield from _calls(step.steps)
