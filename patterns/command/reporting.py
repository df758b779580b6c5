"""A pattern on the command line: whatever becomes of it, there is a report.

    with reporting(options, "investigate_endpoint") as this:
        ...                                                 # usage mistakes are told here, nothing is sent
        done = await this.run(lambda konnect, display: investigate_endpoint(konnect, ...))
    return done.status

It runs in every region that is named, and there is one report of all of them.
A run that fails, or is interrupted, leaves its unfinished report in the same place: a file always has the
report of the last run, and JSON, Markdown and HTML are never empty. Only text on standard output is left out
when somebody interrupted it, or when there is nothing to show besides the error, which standard error tells
already. A debug session that was stopped is told there, and one that may be left running always.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import anyio

from konnect_agent import events
from konnect_agent.errors import ConfigError, KonnectError
from konnect_agent.redaction import scrub_quoted
from patterns.command import outcome
from patterns.command.contract import IN_REGIONS, Interrupted, Pattern, never_begun
from patterns.command.delivery import Destination
from patterns.command.options import ReportOptions, connected, endpoint_of, regions_meant, regions_of
from patterns.command.outcome import say
from patterns.command.progress import Display, showing
from patterns.report import render

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns.report import AnyReport
    from patterns.workflow import Report, Result

Work = Callable[["Konnect", Display], Awaitable["Report[Any]"]]
"""A workflow with its arguments."""

_left_running = logging.getLogger("konnect_agent.debug_sessions")
_recording = logging.getLogger("konnect_agent.recording")
_ASKED = frozenset({"control_plane", "request", "criteria", "time_range", "status_codes"})


@contextmanager
def reporting(options: ReportOptions, pattern: Pattern) -> Generator[Reporting]:
    """A run of `pattern` in the block; an error of the tree or a cancellation that leaves it was reported.

    Raises `ConfigError` at once if a report could not be written where the options want it.
    """
    from patterns.workflow import unfinished

    this = Reporting(options, pattern, Destination.of(options))
    aloud = options.quiet or not options.verbose
    listener, cut_off = _Warnings(this.left_running, aloud=aloud), _Warnings([], aloud=aloud)
    _left_running.addHandler(listener)
    _recording.addHandler(cut_off)
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
        _recording.removeHandler(cut_off)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run: its exit status, as far as its findings do not decide it, and its reports."""

    status: int
    reports: Sequence[Report[Any]]
    complete: bool


@dataclass
class Reporting:
    """A pattern's run: `run` connects it and writes what it found."""

    options: ReportOptions
    pattern: Pattern
    destination: Destination
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=perf_counter)
    delivered: bool = False
    unfinished: dict[str, Report[Any]] = field(default_factory=dict[str, "Report[Any]"])
    left_running: list[str] = field(default_factory=list[str])

    async def run(self, work: Work, *, one_region: str | None = None) -> Done:
        """Run a workflow, in each region that is named, and write its report.

        `one_region` says why it may not run in several. Raises one error of the tree.
        """
        named = regions_of(self.options)
        if len(named) > 1:
            if one_region is not None:
                raise ConfigError(f"One region at a time: {one_region}.", hint="Name the region it is in.")
            from patterns.command.several import run_in, status_of

            several = await run_in(named, self.options, work)
            self._deliver(several)
            reports = tuple(several.regions.values())
            return Done(status_of(several, self.options), reports, several.coverage.complete)
        with showing(self.options) as display, events.listening(self._tell):
            async with connected(self.options) as konnect:
                report = await work(konnect, display)
        self._deliver(report)
        status = outcome.status_of_report(report, require_complete=self.options.require_complete)
        return Done(status, (report,), report.coverage.complete)

    def report_failure(self, error: KonnectError) -> None:
        """Write what is left of the run: its unfinished report, or the report of one that never began."""
        report: AnyReport = error.report or self._left_by(error)
        if self.options.format == "text" and self.destination.path is None:  # beside the error
            if not _found_something(report):
                return
            if sys.stdout.isatty() and sys.stderr.isatty():  # one screen, which tells it once
                report = report.model_copy(update={"error": None})
        self._write(report)

    def keep(self, unfinished: Report[Any]) -> None:
        """Take the report of a workflow that is being interrupted; one comes from every region."""
        self.unfinished[unfinished.endpoint] = unfinished

    def report_interruption(self) -> None:
        """Write what is left of an interrupted run, unless it would be text for whoever stopped it."""
        if self.options.format == "text" and self.destination.path is None:
            return
        error = Interrupted("The run was interrupted.", hint=" ".join(self.left_running) or None)
        with suppress(KonnectError):  # the terminal may be gone; the exit status is the signal's
            self._write(self._left_by(error))

    def _tell(self, event: events.Event) -> None:
        if isinstance(event, events.Stopped) and not self.options.quiet:
            say(scrub_quoted(f"The debug session {event.debug_session_id} was stopped."))

    def _left_by(self, error: KonnectError) -> AnyReport:
        """What `error` left of the run, in every region that was to be asked."""
        took = perf_counter() - self.started

        def at(endpoint: str) -> Report[Any]:
            unfinished = self.unfinished.get(endpoint)
            if unfinished is not None:
                return _ended(unfinished, error)
            return never_begun(
                self.pattern, error, endpoint=endpoint, started_at=self.started_at, duration_s=took
            )

        named = regions_meant(self.options)
        if len(named) < 2 or self.pattern not in IN_REGIONS:
            begun = next(iter(self.unfinished), None)
            return at(begun or error.endpoint or endpoint_of(self.options))
        from patterns.regions import together

        reports = {name: at(url) for name, url in named.items()}
        return together(reports, started_at=self.started_at, duration_s=took)

    def _deliver(self, report: AnyReport) -> None:
        self.delivered = True
        self._write(report)

    def _write(self, report: AnyReport) -> None:
        self.destination.write(render(report, self.options.format, medium=self.destination.medium))


class _Warnings(logging.Handler):
    """Keeps what a logger warns of, and says it aloud unless the log does."""

    def __init__(self, told: list[str], *, aloud: bool) -> None:
        super().__init__(logging.WARNING)
        self.told, self.aloud = told, aloud

    def emit(self, record: logging.LogRecord) -> None:
        """One warning."""
        text = scrub_quoted(record.getMessage())
        self.told.append(text)
        if self.aloud:
            say(f"warning: {text}")


def _ended(report: Report[Any], error: KonnectError) -> Report[Any]:
    """An unfinished report, with what ended the run."""
    from patterns.coverage import Failure

    coverage = report.coverage.without("what was not asked any more", error)
    return report.model_copy(update={"error": Failure.of(error), "coverage": coverage})


def _found_something(report: AnyReport) -> bool:
    """Whether a failed report holds more than what was asked."""
    result: Result | None = getattr(report, "result", None)
    if result is None:
        return False
    empty = type(result)()
    found = {name for name in type(result).model_fields if getattr(result, name) != getattr(empty, name)}
    return report.status == "failed" and not found <= _ASKED
