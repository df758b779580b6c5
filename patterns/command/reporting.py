"""A pattern on the command line: whatever becomes of it, there is a report.

    with reporting(options, "investigate_endpoint") as this:
        ...                                                 # usage mistakes are told here, nothing is sent
        async with this.connected() as (konnect, display):
            report = await investigate_endpoint(konnect, ...)
        return this.deliver(report)

A run that fails, or is interrupted, leaves its unfinished report in the same place: a file always has the
report of the last run, and JSON, Markdown and HTML are never empty. Only text on standard output is left out
when somebody interrupted it, or when there is nothing to show besides the error, which standard error tells
already. A debug session that was stopped is told there, and one that may be left running always.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import anyio

from konnect_agent import events
from konnect_agent.errors import KonnectError
from konnect_agent.redaction import scrub_quoted
from patterns.command import outcome
from patterns.command.contract import Interrupted, Pattern, never_begun
from patterns.command.delivery import Destination
from patterns.command.options import ReportOptions, connected, endpoint_of
from patterns.command.outcome import say
from patterns.command.progress import Display, showing
from patterns.report import render

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns.workflow import Report, Result

_left_running = logging.getLogger("konnect_agent.debug_sessions")
_ASKED = frozenset({"control_plane", "request", "criteria", "time_range", "status_codes"})


@contextmanager
def reporting(options: ReportOptions, pattern: Pattern) -> Generator[Reporting]:
    """A run of `pattern` in the block; an error of the tree or a cancellation that leaves it was reported.

    Raises `ConfigError` at once if a report could not be written where the options want it.
    """
    from patterns.workflow import unfinished

    this = Reporting(options, pattern, Destination.of(options))
    listener = _Leftovers(this.left_running, aloud=options.quiet or not options.verbose)
    _left_running.addHandler(listener)
    token = unfinished.set(this.keep)
    try:
        yield this
    except KonnectError as error:
        if not this.delivered:
            this.report_failure(error)
        raise
    except anyio.get_cancelled_exc_class():
        this.report_interruption()
        raise
    finally:
        unfinished.reset(token)
        _left_running.removeHandler(listener)


@dataclass
class Reporting:
    """A pattern's run: `connected` connects it, `deliver` writes what it found."""

    options: ReportOptions
    pattern: Pattern
    destination: Destination
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=perf_counter)
    delivered: bool = False
    unfinished: Report[Any] | None = None
    left_running: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[tuple[Konnect, Display]]:
        """A connected Konnect, and what shows how far things are. Raises one error of the tree."""
        with showing(self.options) as display, events.listening(self._tell):
            async with connected(self.options) as konnect:
                yield konnect, display

    def deliver(self, report: Report[Any]) -> int:
        """Write the report; the exit status, as far as completeness decides it."""
        self.delivered = True
        self._write(report)
        return outcome.status_of_report(report, require_complete=self.options.require_complete)

    def report_failure(self, error: KonnectError) -> None:
        """Write what is left of the run: its unfinished report, or the report of one that never began."""
        report: Report[Any] = error.report or self._never_begun(error)
        beside_error = self.options.format == "text" and self.destination.path is None
        if beside_error and sys.stdout.isatty() and sys.stderr.isatty():  # one screen, which tells it once
            report = report.model_copy(update={"error": None})
        if not beside_error or _found_something(report):
            self._write(report)

    def keep(self, unfinished: Report[Any]) -> None:
        """Take the report of a workflow that is being interrupted."""
        self.unfinished = unfinished

    def report_interruption(self) -> None:
        """Write what is left of an interrupted run, unless it would be text for whoever stopped it."""
        if self.options.format == "text" and self.destination.path is None:
            return
        from patterns.coverage import Failure

        error = Interrupted("The run was interrupted.", hint=" ".join(self.left_running) or None)
        report = self.unfinished or self._never_begun(error)
        if self.unfinished is not None:
            coverage = report.coverage.without("what was not asked any more", error)
            report = report.model_copy(update={"error": Failure.of(error), "coverage": coverage})
        with suppress(KonnectError):  # the terminal may be gone; the exit status is the signal's
            self._write(report)

    def _tell(self, event: events.Event) -> None:
        if isinstance(event, events.Stopped) and not self.options.quiet:
            say(scrub_quoted(f"The debug session {event.debug_session_id} was stopped."))

    def _never_begun(self, error: KonnectError) -> Report[Any]:
        return never_begun(
            self.pattern,
            error,
            endpoint=error.endpoint or endpoint_of(self.options),
            started_at=self.started_at,
            duration_s=perf_counter() - self.started,
        )

    def _write(self, report: Report[Any]) -> None:
        self.destination.write(render(report, self.options.format, medium=self.destination.medium))


class _Leftovers(logging.Handler):
    """Keeps what is warned of debug sessions, and says it aloud unless the log does."""

    def __init__(self, told: list[str], *, aloud: bool) -> None:
        super().__init__(logging.WARNING)
        self.told, self.aloud = told, aloud

    def emit(self, record: logging.LogRecord) -> None:
        """One warning."""
        text = scrub_quoted(record.getMessage())
        self.told.append(text)
        if self.aloud:
            say(f"warning: {text}")


def _found_something(report: Report[Any]) -> bool:
    """Whether a failed report holds more than what was asked."""
    result: Result = report.result
    empty = type(result)()
    found = {name for name in type(result).model_fields if getattr(result, name) != getattr(empty, name)}
    return report.status == "failed" and not found <= _ASKED
