"""Exit statuses, and the table from errors to them.

    0  done, nothing at or above the gate        5  no such control plane, route, ..., or an ambiguous name
    1  findings at or above --fail-on            6  debug session declined, timed out or cancelled
    2  usage or configuration                    7  incomplete, with --require-complete
    3  authentication or permission             70  a bug of this program
    4  unreachable, or answering nonsense      130  interrupted (143: terminated, 129: terminal closed)

A token that is refused in the middle of a run makes it 3, whatever was seen before: the next one fails too.
An error's message and hint are all that is printed of it, on standard error, harmless to a terminal.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from textwrap import fill
from typing import TYPE_CHECKING, Any

from konnect_agent import errors
from konnect_agent.errors import Candidate, KonnectError
from konnect_agent.redaction import scrub_quoted
from patterns.report.cleaning import many_lines, one_line

if TYPE_CHECKING:
    from patterns.coverage import Failure
    from patterns.workflow import Report

DONE, FINDINGS, USAGE, PERMISSION, UNREACHABLE, NOT_FOUND, NO_SESSION, INCOMPLETE = range(8)
BUG, HUNG_UP, INTERRUPTED, TERMINATED = 70, 129, 130, 143

# The first class an error belongs to decides.
_STATUSES: tuple[tuple[type[KonnectError], int], ...] = (
    (errors.ConfigError, USAGE),
    (errors.InvalidArguments, USAGE),
    (errors.NotRecorded, USAGE),  # the recording is of another run than the one that was asked for
    (errors.Unauthorized, PERMISSION),
    (errors.Forbidden, PERMISSION),
    (errors.ToolUnavailable, PERMISSION),  # most often the token's owner may not use it (documented reasons)
    (errors.NotFound, NOT_FOUND),
    (errors.NoMatch, NOT_FOUND),
    (errors.Ambiguous, NOT_FOUND),
    (errors.ConfirmationDeclined, NO_SESSION),
    (errors.DebugSessionFailed, NO_SESSION),
    (KonnectError, UNREACHABLE),
)
_MESSAGE, _CANDIDATES, _WIDTH = 4000, 10, 80


def status_of(error: KonnectError) -> int:
    """The exit status that stands for an error of the tree."""
    return _status_of(type(error))


def status_of_failure(failure: Failure) -> int:
    """The same for an error that only a report still tells of."""
    kind = getattr(errors, failure.type, KonnectError)
    return _status_of(kind if isinstance(kind, type) and issubclass(kind, KonnectError) else KonnectError)


def _status_of(error: type[KonnectError]) -> int:
    return next(status for kind, status in _STATUSES if issubclass(error, kind))


def status_of_report(report: Report[Any], *, require_complete: bool) -> int:
    """The exit status of a run that came to its end; says so when its token was not accepted on the way.

    A permission (403) that is missing for one list is a list that could not be seen, as any other.
    """
    refused = token_refused(report)
    if refused is not None:
        say(f"error: Not everything could be seen, as the token was refused: {refused.message}")
        say(f"hint: {refused.hint}")
        return PERMISSION
    return INCOMPLETE if require_complete and report.status == "incomplete" else DONE


def token_refused(report: Report[Any]) -> Failure | None:
    """What a call met whose token was not accepted, in a run that went on; None if there is none."""
    missing = (entry.error for entry in report.coverage.missing)
    return next((error for error in missing if error.type == errors.Unauthorized.__name__), None)


def tell_error(error: KonnectError) -> None:
    """Say what happened and what to do next, on standard error."""
    candidates: Sequence[Candidate] = getattr(error, "candidates", ())
    # The message of such an error names the closest ones as well: here they follow, with their ids.
    message = error.message.rpartition(" Closest: ")[0] if candidates else ""
    say(f"error: {str(error).replace(error.message, message or error.message, 1)}")
    for line in _listed(candidates):
        say(f"       {line}")
    if error.hint:
        say(f"hint: {error.hint}")


def tell_bug(error: BaseException, *, verbose: bool = False) -> None:
    """Admit a mistake of this program in one line with its first cause; the traceback is for `verbose`."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = scrub_quoted(f"{type(cause).__name__}: {cause}")
    more = "" if verbose else "; --verbose shows more"
    say(f"error: this is a bug in konnect-agent, please report it ({text}){more}")
    if verbose:
        for line in many_lines(scrub_quoted("".join(traceback.format_exception(error)))).splitlines():
            say(line)


def say(text: str) -> None:
    """One line on standard error, folded for a person; unless nobody is there any more to read it."""
    with suppress(OSError):
        print(_folded(one_line(text, limit=_MESSAGE)), file=sys.stderr, flush=True)


def _folded(line: str) -> str:
    """`line` as it is for a log; for a person, broken between words and aligned behind its first one."""
    if not sys.stderr.isatty():
        return line
    width = os.get_terminal_size(sys.stderr.fileno()).columns or _WIDTH
    begun = re.match(r"(?:error|warning|hint): |\s*", line)
    indent = " " * len(begun[0]) if begun else ""
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _listed(candidates: Sequence[Candidate]) -> Iterator[str]:
    """Name and id of each, and how close it came if it was compared at all."""
    for candidate in candidates[:_CANDIDATES]:
        score = f"({candidate.score:.0f})" if candidate.score > 0 else ""
        yield "  ".join(filter(None, (candidate.name, candidate.id, score)))
    if len(candidates) > _CANDIDATES:
        yield f"… and {len(candidates) - _CANDIDATES} more"
