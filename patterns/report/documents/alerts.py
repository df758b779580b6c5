"""From an alert to its cause: the alert's own facts, then the reports it led to, each in its own section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patterns.alerts import AlertResult
from patterns.report.document import Block, Paragraph, Part, Section, as_data, facts
from patterns.report.documents import describe as describe_report
from patterns.workflow import Report

_SHOWN = ("name", "severity", "state", "metric", "threshold", "triggered_at", "entity_type", "path")


def describe(result: AlertResult) -> Part:
    """The document of an alert."""
    return Part(
        title="Alert investigation",
        headline=_headline(result),
        facts=tuple((name.replace("_", " "), _text(result.alert.get(name))) for name in _SHOWN),
        blocks=tuple(_blocks(result)),
    )


def _headline(result: AlertResult) -> str:
    points = [describe_report(report).headline for report in (result.performance, result.endpoint) if report]
    return " ".join(points)


def _blocks(result: AlertResult) -> Iterator[Block]:
    reports: tuple[Report[Any] | None, ...] = (result.performance, result.endpoint)
    for report in reports:
        if report is not None:
            part = describe_report(report)
            yield Section(part.title, (facts(*part.facts), *part.blocks))
    if result.alert and not any(reports):
        yield Paragraph("The alert names neither a path nor criteria for a debug session.", "warn")


def _text(value: Any) -> str | None:
    return None if value is None else as_data(value)
