"""A pattern on the command line: whatever becomes of it, there is a report.

    with reporting(options, "investigate_endpoint") as this:
        ...                                                 # usage mistakes are told here, nothing is sent
        async with this.connected() as (konnect, display):
            report = await investigate_endpoint(konnect, ...)
        return this.deliver(report)

A run that fails leaves the report of its failure in the same place: a file always has the report of the last
run, and JSON, Markdown and HTML are never empty. Only text on standard output is left out when there is
nothing to show besides the error, which standard error tells already.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from konnect_agent.errors import KonnectError
from patterns.command import outcome
from patterns.command.contract import Pattern, never_begun
from patterns.command.delivery import Destination
from patterns.command.options import ReportOptions, connected, endpoint_of
from patterns.command.progress import Display, showing
from patterns.report import render

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns.workflow import Report, Result

_ASKED = frozenset({"control_plane", "request", "criteria", "time_range", "status_codes"})


@contextmanager
def reporting(options: ReportOptions, pattern: Pattern) -> Generator[Reporting]:
    """A run of `pattern` in the block; an error of the tree that leaves it has been reported.

    Raises `ConfigError` at once if a report could not be written where the options want it.
    """
    this = Reporting(options, pattern, Destination.of(options))
    try:
        yield this
    except KonnectError as error:
        if not this.delivered:
            this.report_failure(error)
        raise


@dataclass
class Reporting:
    """A pattern's run: `connected` connects it, `deliver` writes what it found."""

    options: ReportOptions
    pattern: Pattern
    destination: Destination
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=perf_counter)
    delivered: bool = False

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[tuple[Konnect, Display]]:
        """A connected Konnect, and what shows how far things are. Raises one error of the tree."""
        with showing(self.options) as display:
            async with connected(self.options) as konnect:
                yield konnect, display

    def deliver(self, report: Report[Any]) -> int:
        """Write the report; the exit status, as far as completeness decides it."""
        self.delivered = True
        self._write(report)
        missing = self.options.require_complete and report.status == "incomplete"
        return outcome.INCOMPLETE if missing else outcome.DONE

    def report_failure(self, error: KonnectError) -> None:
        """Write what is left of the run: its unfinished report, or the report of one that never began."""
        report: Report[Any] = error.report or never_begun(
            self.pattern,
            error,
            endpoint=error.endpoint or endpoint_of(self.options),
            started_at=self.started_at,
            duration_s=perf_counter() - self.started,
        )
        beside_error = self.options.format == "text" and self.destination.path is None
        if beside_error and sys.stdout.isatty() and sys.stderr.isatty():  # one screen, which tells it once
            report = report.model_copy(update={"error": None})
        if not beside_error or _found_something(report):
            self._write(report)

    def _write(self, report: Report[Any]) -> None:
        self.destination.write(render(report, self.options.format, medium=self.destination.medium))


def _found_something(report: Report[Any]) -> bool:
    """Whether a failed report holds more than what was asked."""
    result: Result = report.result
    empty = type(result)()
    found = {name for name in type(result).model_fields if getattr(result, name) != getattr(empty, name)}
    return report.status == "failed" and not found <= _ASKED
