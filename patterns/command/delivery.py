"""Results go to standard output or to a file, whole or not at all.

A file is written beside its place and moved there, so that nobody reads half of it; a new one is for its
owner only, because reports name what an organisation runs, and an older one keeps its permissions. Whether
writing will be possible is checked before the work starts, not after. A reader that left (`| head`) is no
error.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from konnect_agent.errors import ConfigError, KonnectError
from patterns.command import outcome
from patterns.command.options import Options, ReportOptions, connected
from patterns.command.progress import Display, showing
from patterns.report import Medium, render

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns.workflow import Report, Result

_ASKED = frozenset({"request", "criteria", "time_range", "status_codes"})
_PLAIN_WIDTH, _LEAST_WIDTH, _MOST_WIDTH = 120, 40, 160


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a result goes: `path` is None for standard output."""

    path: Path | None
    medium: Medium

    @classmethod
    def of(cls, options: Options) -> Destination:
        """The destination the options name. Raises `ConfigError` if nothing could be written there."""
        if options.output in (None, "-"):
            if sys.stdout is None:  # closed, as by >&-
                raise _unwritable("standard output", "it is closed")
            return cls(None, _terminal(options))
        path = Path(os.path.realpath(options.output or ""))
        problem = obstacle(path)
        if problem:
            raise _unwritable(options.output, problem)
        return cls(path, Medium(width=_PLAIN_WIDTH, standalone=True))

    def write(self, text: str) -> None:
        """Write all of `text`. Raises `ConfigError` if that fails, leaving no part of it in a file."""
        try:
            if self.path is None:
                _print(text)
            elif self.path.exists() and not self.path.is_file():
                self.path.write_text(text, encoding="utf-8")
            else:
                _replace(self.path, text)
        except OSError as error:
            raise _unwritable(self.path or "standard output", error.strerror or "it failed") from None


async def deliver(
    options: ReportOptions, work: Callable[[Konnect, Display], Awaitable[Report[Any]]]
) -> tuple[int, Report[Any]]:
    """Run a workflow and write its report; its status so far, and the report.

    Of a workflow that failed, what it had found until then is written too: as JSON always, in other formats
    when it had found something.
    """
    destination = Destination.of(options)
    try:
        with showing(options) as display:
            async with connected(options) as konnect:
                report = await work(konnect, display)
    except KonnectError as error:
        unfinished: Report[Any] | None = error.report
        if unfinished is not None and (options.format == "json" or _found_something(unfinished)):
            destination.write(render(unfinished, options.format, medium=destination.medium))
        raise
    destination.write(render(report, options.format, medium=destination.medium))
    missing = options.require_complete and report.status == "incomplete"
    return outcome.INCOMPLETE if missing else outcome.DONE, report


def _found_something(report: Report[Any]) -> bool:
    """Whether a failed report holds more than what was asked."""
    result: Result = report.result
    empty = type(result)()
    found = {name for name in type(result).model_fields if getattr(result, name) != getattr(empty, name)}
    return report.status == "failed" and not found <= _ASKED


def _terminal(options: Options) -> Medium:
    """Standard output as a medium: colours only on a terminal that has them and a person who wants them."""
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    colour = is_terminal and not options.no_color and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns
    return Medium(width=min(max(width, _LEAST_WIDTH), _MOST_WIDTH), colour=colour, standalone=True)


def _print(text: str) -> None:
    with suppress(BrokenPipeError):
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "x", encoding="utf-8", opener=_for_owner) as file:
            file.write(text)
            if path.exists():
                os.chmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def obstacle(path: Path) -> str | None:
    """What keeps a file from being written at `path`, None if nothing does."""
    if path.is_dir():
        return "it is a directory"
    if not path.parent.is_dir():
        return "its directory does not exist"
    if path.exists() and not path.is_file():
        return None if os.access(path, os.W_OK) else "permission denied"
    return None if os.access(path.parent, os.W_OK) else "permission denied"


def _unwritable(where: object, problem: str) -> ConfigError:
    return ConfigError(f"The result cannot be written to {where}: {problem}.", hint="Check --output.")
