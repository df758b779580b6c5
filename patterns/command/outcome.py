"""Exit statuses, and the table from errors to them.

    0  done, nothing at or above the gate        5  no such control plane, route, ..., or an ambiguous name
    1  findings at or above --fail-on            6  debug session declined, timed out or cancelled
    2  usage or configuration                    7  incomplete, with --require-complete
    3  authentication or permission             70  a bug of this program
    4  unreachable, or answering nonsense      130  interrupted (143: terminated)

An error's message and hint are all that is printed of it, on standard error, harmless to a terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from konnect_agent import errors
from konnect_agent.errors import Candidate, KonnectError
from konnect_agent.redaction import scrub
from patterns.report.cleaning import many_lines, one_line

DONE, FINDINGS, USAGE, PERMISSION, UNREACHABLE, NOT_FOUND, NO_SESSION, INCOMPLETE = range(8)
BUG, INTERRUPTED, TERMINATED = 70, 130, 143

# The first class an error belongs to decides.
_STATUSES: tuple[tuple[type[KonnectError], int], ...] = (
    (errors.ConfigError, USAGE),
    (errors.InvalidArguments, USAGE),
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
_log = logging.getLogger("konnect_agent")
_MESSAGE, _CANDIDATES = 4000, 10


def status_of(error: KonnectError) -> int:
    """The exit status that stands for an error of the tree."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def tell_error(error: KonnectError) -> None:
    """Say what happened and what to do next, on standard error."""
    say(f"error: {error}")
    candidates: Sequence[Candidate] = getattr(error, "candidates", ())
    for candidate in candidates[:_CANDIDATES]:
        say(f"       {candidate.name}  {candidate.id or ''}")
    if error.hint:
        say(f"hint: {error.hint}")


def tell_bug(error: BaseException) -> None:
    """Admit a mistake of this program in one line; the traceback is for --verbose."""
    text = scrub(f"{type(error).__name__}: {error}")
    say(f"error: this is a bug in konnect-agent, please report it ({text}); --verbose shows more")
    _log.debug("unexpected error", exc_info=error)


def say(text: str) -> None:
    """One line on standard error."""
    print(one_line(text, limit=_MESSAGE), file=sys.stderr)


def say_lines(text: str) -> None:
    """Several lines on standard error."""
    print(many_lines(text), file=sys.stderr)
