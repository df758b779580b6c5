"""When to try again: a pure decision about one failure.

A failure that may pass (429, 5xx, no connection, a lost mcp session, a time limit on one attempt) is tried
again after a wait with full jitter, `uniform(0, first_wait * 2^n)` capped at `max_wait`; a Retry-After is
honoured, clamped to `max_wait`. What must not happen twice is only replayed when the request provably never
left. Attempts are bounded here, total time by the caller. 403 is never retried: it would mask a permission
error. 501 and 505 will not pass either: the server does not know how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from konnect_agent.errors import (
    ConnectionFailed,
    KonnectError,
    RateLimited,
    ServerError,
    SessionLost,
    TimedOut,
    Unreachable,
)

_REFUSING_CODES = (-32600, -32601, -32602)  # no request, no such method, no such parameters
_REFUSING_STATUSES = (401, 403, 404, 405, 413, 415, 429)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one operation: attempts, first and longest wait in seconds."""

    max_attempts: int
    first_wait: float
    max_wait: float

    def wait(self, error: Exception, *, attempt: int, idempotent: bool, draw: float) -> float | None:
        """Seconds to wait before the next attempt, None to stop and raise `error`.

        `attempt` counts from 1, `draw` is uniform in [0, 1).
        """
        if attempt >= self.max_attempts or not _may_pass(error):
            return None
        if not idempotent and not never_left(error):
            return None
        wait = draw * min(self.max_wait, self.first_wait * 2 ** min(attempt - 1, 60))
        asked = error.retry_after if isinstance(error, (RateLimited, ServerError)) else None
        if asked is not None:
            wait += min(asked, self.max_wait)
        return wait


def _may_pass(error: Exception) -> bool:
    if isinstance(error, TimedOut):
        return error.limit != "deadline"
    if isinstance(error, ServerError):
        return error.status not in (501, 505)
    return isinstance(error, (Unreachable, SessionLost, RateLimited))


def never_left(error: Exception) -> bool:
    """Whether the request provably never reached the server: nobody let it in."""
    return isinstance(error, ConnectionFailed) and not error.sent


def turned_away(error: KonnectError, said: Mapping[str, Any]) -> bool:
    """Whether the answer proves that no tool was run: it never left, or the endpoint refused to take it.

    `said` is the JSON-RPC error it came as; only some codes are the protocol's own (JSON-RPC 2.0, 5.1), and
    what stands under any other may be a tool's. A status counts when it is that of the HTTP response.
    """
    if said:
        return said.get("code") in _REFUSING_CODES
    if isinstance(error, ConnectionFailed):
        return never_left(error)
    return getattr(error, "status", None) in _REFUSING_STATUSES


def is_throttle(error: KonnectError) -> bool:
    """Whether `error` says that there were too many calls at once."""
    return isinstance(error, RateLimited) or (
        isinstance(error, ServerError) and error.retry_after is not None
    )
