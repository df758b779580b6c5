"""A report as a document: what its pattern found, framed by what every report has.

Order: the point in one sentence, facts, the error if there is one, the pattern's own blocks, what could not
be seen, and (folded away) the steps. A pattern's own part is one function `describe(result)` in the module
named in `_PARTS`; a workflow nobody knows here still shows its result as data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from patterns.coverage import Coverage, Failure, Missing
from patterns.regions import RegionsReport
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
_HINTS, _PLACES = 10, 6
TONES: dict[str, Tone] = {"complete": "good", "incomplete": "warn", "declined": "warn", "failed": "bad"}


def document_of(report: Report[Any] | RegionsReport[Any]) -> Document:
    """The document of any report."""
    if isinstance(report, RegionsReport):
        from patterns.report.documents.regions import document_of_regions

        return document_of_regions(report)
    part = describe(report)
    return Document(
        title=part.title,
        status=report.status,
        tone=TONES[report.status],
        headline=part.headline if report.status in ("complete", "incomplete") else "",
        facts=all_facts(report, part),
        blocks=(
            *_failed(report),
            *part.blocks,
            *_not_seen(report.coverage, report.error),
            *_steps(report.steps),
        ),
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


def _not_seen(coverage: Coverage, told: Failure | None) -> Iterator[Block]:
    """What is missing for one reason is one entry, and every hint is given once; `told` says itself."""
    texts = [*_gaps([missing for missing in coverage.missing if missing.error != told])]
    texts += [f"{what}: cut, there may be more" for what in coverage.truncated]
    if not texts:
        return
    hints = dict.fromkeys(missing.error.hint for missing in coverage.missing if missing.error.hint)
    hints.pop(told.hint if told else "", None)
    yield Section(
        "Not seen",
        (
            Paragraph("This report is not the whole picture.", "warn"),
            Items(tuple(texts[:ROWS]), more=max(len(texts) - ROWS, 0)),
            *(Paragraph(hint, "dim") for hint in [*hints][:_HINTS]),
        ),
        "warn",
    )


def _gaps(missing: Sequence[Missing]) -> Iterator[str]:
    """A sentence for what is missing: in one place for one kind of reason, then in all places alike."""
    here: dict[tuple[str | None, str], list[Missing]] = {}
    for entry in missing:
        plane = entry.control_plane
        here.setdefault((plane and (plane.name or plane.id), entry.error.type), []).append(entry)
    alike: dict[tuple[str, str], list[str]] = {}
    for (place, kind), entries in here.items():
        what = ", ".join(dict.fromkeys(entry.what for entry in entries))
        places = alike.setdefault((what, f"{kind}: {entries[0].error.message}"), [])
        places.extend([place] if place else [])
    for (what, why), places in alike.items():
        where = f" of {_some(places)}" if places else ""
        yield f"{what}{where}: {why}"


def _some(places: Sequence[str]) -> str:
    if len(places) <= _PLACES:
        return ", ".join(places)
    return f"{', '.join(places[: _PLACES - 1])} and {len(places) - _PLACES + 1} more control planes"


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
