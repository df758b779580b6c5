"""An operation tried until it succeeds, the policy stops, its time is over, or the client is closed.

1. `persist` makes one attempt after the other; waits in between are the policy's, stamina keeps them.
2. An attempt is limited by `call_timeout`, all of one operation together by `deadline`. The error says which
   limit fired, what had failed before, and how often it was tried.
3. An error that names its operation is the last word: of this one, or of the dialing it waited for.
4. `close` ends all of them at once, wherever they wait: in line, between attempts, for an answer.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import stamina

from konnect_agent import events
from konnect_agent.config import Config
from konnect_agent.errors import ConfigError, ConnectionFailed, KonnectError, TimedOut, Unreachable
from konnect_agent.pacing import Pacer
from konnect_agent.retry import Policy, is_throttle, never_left
from konnect_agent.wire import Exchange

log = logging.getLogger("konnect_agent")
T = TypeVar("T")

_CLOSED_HINT = "Open a new Konnect."


@dataclass(slots=True)
class Attempts:
    """What has become of one operation so far; `ends` is when its time is over."""

    operation: str
    ends: float
    record: Exchange = field(default_factory=Exchange)
    arrived: int = 0  # those that may have
    turned_away: int = 0  # those that never left, in a row
    total: int = 0
    under_way: bool = False
    behind: Attempts | None = None  # those of the dialing that it waits for
    entered: int | None = None  # the place the one under way got from the pacer
    wait: float | None = None  # seconds until the next one, None when there is none
    failure: KonnectError | None = None
    limit: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    @property
    def sent(self) -> bool:
        """Whether one may have arrived."""
        return self.under_way or self.arrived > 0

    def begin(self, seconds: float) -> None:
        """One is sent now, and has so many seconds; waiting for a session or a place did not count."""
        self.under_way = True
        self.total += 1
        self.limit.deadline = min(self.limit.deadline, anyio.current_time() + seconds)

    def failed(self, error: KonnectError) -> int:
        """How many have come to the same; those that nobody let in are counted apart."""
        self.failure, self.under_way = error, False
        if never_left(error):
            self.turned_away += 1
            return self.turned_away
        self.arrived += 1
        self.turned_away = 0
        return self.arrived


class Persistence:
    """Tries the operations of one connection. `closed` once it tries no more."""

    def __init__(self, config: Config, pacer: Pacer) -> None:
        self._config, self._pacer = config, pacer
        self._policy = Policy(config.max_attempts, config.first_wait, config.max_wait)
        self._under_way: set[anyio.CancelScope] = set()
        self.closed = False

    def close(self) -> None:
        """End all there are, and begin no more."""
        self.closed = True
        for operation in tuple(self._under_way):
            operation.cancel()

    async def persist(
        self, once: Callable[[Attempts], Awaitable[T]], attempts: Attempts, *, idempotent: bool
    ) -> T:
        """What the first successful attempt returns. Raises the error of the last one."""
        try:
            with anyio.CancelScope() as until_closed:
                self._under_way.add(until_closed)
                try:
                    if not self.closed:
                        return await self._repeated(once, attempts, idempotent=idempotent)
                finally:
                    self._under_way.discard(until_closed)
            raise _closing(attempts)
        except KonnectError as error:
            if isinstance(error, ConnectionFailed) and error.operation not in (None, attempts.operation):
                error.sent = attempts.arrived > 0
            error.attempts = error.attempts or attempts.total
            error.operation = error.operation or attempts.operation
            error.endpoint = self._config.url
            raise

    async def _repeated(
        self, once: Callable[[Attempts], Awaitable[T]], attempts: Attempts, *, idempotent: bool
    ) -> T:
        async def trial() -> T:
            attempts.under_way, attempts.behind, attempts.entered, attempts.wait = False, None, None, None
            try:
                with anyio.CancelScope(deadline=attempts.ends) as attempts.limit:
                    return await once(attempts)
                raise self._timed_out(attempts)
            except KonnectError as error:
                if not error.operation:
                    attempts.wait = self._wait_after(error, attempts, idempotent=idempotent)
                raise

        def wait(_: Exception) -> float | bool:
            return False if attempts.wait is None else attempts.wait

        return await stamina.retry(on=wait, attempts=None, timeout=None)(trial)()

    def _wait_after(self, error: KonnectError, attempts: Attempts, *, idempotent: bool) -> float:
        """Seconds until the next attempt. Raises `error` if there is none."""
        error.request_id = error.request_id or attempts.record.request_id
        if is_throttle(error):
            asked = getattr(error, "retry_after", None)
            asked = min(asked, self._config.max_wait) if asked else None
            self._pacer.throttled(asked, entered=attempts.entered)
        number = attempts.failed(error)
        if self.closed and isinstance(error, ConnectionFailed):
            raise _closing(attempts) from None  # it is why the connection broke
        wait = self._policy.wait(error, attempt=number, idempotent=idempotent, draw=random.random())
        if wait is None or self.closed:
            raise error
        if anyio.current_time() + wait >= attempts.ends:
            raise self._too_late(error, attempts)
        operation, tried = attempts.operation, attempts.total
        events.emit(events.CallRetried(operation, tried, wait, type(error).__name__))
        failed = "%s failed (%s), attempt %d, again in %.2f s, request_id=%s"
        log.info(failed, operation, error, tried, wait, error.request_id)
        return wait

    def _timed_out(self, attempts: Attempts) -> KonnectError:
        """The error for the limit that fired, with what had failed before."""
        if attempts.limit.deadline < attempts.ends:
            return TimedOut(f"No answer within {self._config.call_timeout:g} s (call_timeout).", limit="call")
        told = attempts if attempts.failure else attempts.behind or attempts
        if told.failure and not attempts.under_way:
            return self._too_late(told.failure, told)
        after = f"; an attempt before: {told.failure.message}" if told.failure else "."
        return TimedOut(
            f"Not done within {self._config.deadline:g} s in total (deadline){after}",
            limit="deadline",
            sent=attempts.sent,
            operation=attempts.operation,
        )

    def _too_late(self, failure: KonnectError, attempts: Attempts) -> KonnectError:
        """The last failure, with word of the limit that allowed no further attempt."""
        error = twin(failure)
        error.operation = attempts.operation
        limit = f"Not done within {self._config.deadline:g} s in total (deadline)"
        error.message = f"{failure.message} {limit}: no time was left to try again."
        return error


def twin(error: KonnectError) -> KonnectError:
    """The same error to raise once more: whoever catches one may write on it."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(vars(error))
    return twin


def _closing(attempts: Attempts) -> KonnectError:
    """The error for an operation that the client was closed under, or before."""
    if attempts.sent:
        return Unreachable("The client was closed before the answer came.", hint=_CLOSED_HINT)
    return ConfigError("The client is closed.", hint=_CLOSED_HINT)
