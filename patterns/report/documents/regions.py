"""The report of several regions: what came of each in a line, then each report in its own section."""

from __future__ import annotations

from typing import Any

from patterns.regions import RegionsReport, found_nothing
from patterns.report.document import Cell, Document, Paragraph, Section, Tone, Toned, counted, facts, seconds
from patterns.report.documents import TONES, document_of
from patterns.workflow import Report


def document_of_regions(report: RegionsReport[Any]) -> Document:
    """The document of a report of several regions."""
    documents = {name: document_of(each) for name, each in report.regions.items()}
    lines: list[tuple[str, Cell]] = [
        (name, _line(report.regions[name], document)) for name, document in documents.items()
    ]
    at = f"{report.started_at:%Y-%m-%d %H:%M:%S} UTC"
    took: tuple[str, Cell] = ("took", Toned(f"{seconds(report.duration_s)}, {at}", "dim"))
    return Document(
        title=f"{next(iter(documents.values())).title} in {counted(len(documents), 'region')}",
        status=report.status,
        tone=TONES[report.status],
        facts=facts(*lines, took),
        blocks=tuple(_section(name, each, documents[name]) for name, each in report.regions.items()),
    )


def _section(name: str, report: Report[Any], document: Document) -> Section:
    headline = (Paragraph(document.headline),) if document.headline else ()
    blocks = (*headline, document.facts, *document.blocks)
    return Section(f"{name} · {_status(report)}", blocks, _tone(report))


def _line(report: Report[Any], document: Document) -> Cell:
    said = report.error.message if report.error else document.headline
    return Toned(": ".join(filter(None, (_status(report), said))), _tone(report))


def _status(report: Report[Any]) -> str:
    return "nothing there" if found_nothing(report) else report.status


def _tone(report: Report[Any]) -> Tone:
    return "warn" if found_nothing(report) else TONES[report.status]
