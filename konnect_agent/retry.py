"""When to try again: a pure decision about one failure.

A failure that may pass (429, 5xx, no connection, a lost mcp session, a time limit on one attempt) is tried
again after a wait with full jitter, `uniform(0, first_wait * 2^n)` capped at `max_wait`; a Retry-After is
honoured, clamped to `max_wait`. What must not happen twice is only replayed when the request provably never
left. Attempts and total time are bounded. 403 is never retried: it would mask a permission error.
"""

from __future__ import annotations

from dataclasses import dataclass

from konnect_agent.errors import (
    ConnectionFailed,
    KonnectError,
    RateLimited,
    ServerError,
    SessionLost,
    TimedOut,
    Unreachable,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one operation: attempts, seconds in total, first and longest wait in seconds."""

    max_attempts: int
    deadline: float
    first_wait: float
    max_wait: float

    def wait(
        self, error: Exception, *, attempt: int, elapsed: float, idempotent: bool, draw: float
    ) -> float | None:
        """Seconds to wait before the next attempt, None to stop and raise `error`.

        `attempt` counts from 1, `elapsed` is seconds since the first began, `draw` is uniform in [0, 1).
        """
        if attempt >= self.max_attempts or not _may_pass(error):
            return None
        if not idempotent and not _never_left(error):
            return None
        wait = draw * min(self.max_wait, self.first_wait * 2 ** min(attempt - 1, 60))
        asked = error.retry_after if isinstance(error, (RateLimited, ServerError)) else None
        if asked is not None:
            wait += min(asked, self.max_wait)
        return None if elapsed + wait >= self.deadline else wait


def _may_pass(error: Exception) -> bool:
    if isinstance(error, TimedOut):
        return error.limit != "deadline"
    return isinstance(error, (Unreachable, SessionLost, RateLimited, ServerError))


def _never_left(error: Exception) -> bool:
    return isinstance(error, ConnectionFailed) and not error.sent


def is_throttle(error: KonnectError) -> bool:
    """Whether `error` says that there were too many calls at once."""
    return isinstance(error, RateLimited) or (
        isinstance(error, ServerError) and error.retry_after is not None
    )
