"""What happens while a command runs, on standard error: a live display on a terminal, or a log.

`--verbose` logs steps and calls, wherever standard error leads; otherwise a terminal gets a display that
disappears when the command is done, and anything else gets nothing. `--quiet` always means nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from konnect_agent import events
from konnect_agent.redaction import scrub_quoted
from patterns.command.options import Options
from patterns.report.cleaning import many_lines

_log = logging.getLogger("konnect_agent")


class Display(Protocol):
    """Something that can step aside while a person is asked."""

    def paused(self) -> AbstractContextManager[None]: ...


class NoDisplay:
    """Nothing to see, so nothing has to step aside."""

    def paused(self) -> AbstractContextManager[None]:
        """A block in which nothing is different."""
        return nullcontext()


@contextmanager
def showing(options: Options) -> Generator[Display]:
    """Show what happens during the block, as the options and the terminal allow."""
    if options.verbose and not options.quiet:
        _log_to_stderr()
        with events.listening(_log_event):
            yield NoDisplay()
    elif options.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield NoDisplay()
    else:
        from patterns.command.live import live_display

        with live_display(colour=not options.no_color) as display, events.listening(display):
            yield display


def _log_to_stderr() -> None:
    """For the rest of the process: a command line has one command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.DEBUG)


class _Formatter(logging.Formatter):
    """Redacted, whoever logs, and harmless to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, its exception included."""
        return many_lines(scrub_quoted(super().format(record)))


def _log_event(event: events.Event) -> None:
    match event:
        case events.StepStarted(path):
            _log.info("step: %s", " > ".join(path))
        case events.Polled(debug_session_id, status, elapsed, _):
            _log.info("debug session %s is %s after %.1f s", debug_session_id, status, elapsed)
        case _:
            pass
