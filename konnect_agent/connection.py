"""A connection that outlives its mcp sessions: callers come and go, and a session is replaced behind them.

1. `open` makes an mcp session, with retries; calls do it by themselves.
2. `call` takes a place from the pacer, sends, and turns whatever happened into an answer or one error.
3. A lost or dead session is replaced once for everybody who waits; what may be replayed is tried again.
4. An attempt is limited by `call_timeout`, all of them together by `deadline`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio
import stamina

from konnect_agent import events
from konnect_agent.config import Config
from konnect_agent.decoding import plain
from konnect_agent.errors import ConfigError, KonnectError, TimedOut
from konnect_agent.logs import redact_logs
from konnect_agent.mcp_session import McpSession
from konnect_agent.origin import Origin, answered
from konnect_agent.pacing import shared_pacer
from konnect_agent.refusals import hidden_error, refusal
from konnect_agent.retry import Policy, is_throttle
from konnect_agent.telemetry import told
from konnect_agent.toolbox import Toolbox, check_writable
from konnect_agent.wire import Exchange

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("konnect_agent")
T = TypeVar("T")

logging.getLogger("stamina").addFilter(
    # Each retry is logged here, with its request id; stamina's own line would say less, as a warning.
    lambda record: not str(getattr(record, "stamina.callable", "")).startswith(f"{__name__}.")
)


class Connection:
    """A connection to one endpoint with one token. Safe to share between tasks of one event loop."""

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None = None) -> None:
        redact_logs()
        self.config = config
        self._http_client = http_client
        self._policy = Policy(config.max_attempts, config.deadline, config.first_wait, config.max_wait)
        self._pacer = shared_pacer(config.url, config.token, config.max_in_flight)
        self._renewing = anyio.Lock()
        self._session: McpSession | None = None
        self._closed = False

    @property
    def era(self) -> str | None:
        """The negotiated MCP version, such as `2025-11-25`; None while not connected."""
        return self._session.era if self._session else None

    async def open(self) -> None:
        """Connect, with retries. Raises one error of the tree; nothing stays behind when it does."""
        await self._opened(anyio.current_time() + self.config.deadline)

    async def aclose(self) -> None:
        """End the mcp session; safe to call twice, from any task, and while being cancelled."""
        if not self._closed:
            self._pacer.leave(self.config.max_in_flight)
        self._closed = True
        session, self._session = self._session, None
        if session:
            await session.close()

    async def toolbox(self, *, fresh: bool = False) -> Toolbox:
        """The server's tools; `fresh` reads tools/list again on the running mcp session."""
        if not fresh and self._session and self._session.usable:
            return self._session.toolbox

        async def read(limit: anyio.CancelScope) -> Toolbox:
            self._narrow(limit)
            session = await self._live()
            return await session.list_tools() if fresh else session.toolbox

        ends = anyio.current_time() + self.config.deadline
        return await self._persist("tools/list", read, idempotent=True, ends=ends)

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, idempotent: bool, operation: str | None = None
    ) -> Any:
        """Call a tool by its live name and return its answer as plain data.

        Raises one error of the tree: of the connection, or the server's own refusal, also when it hides
        inside a successful answer. `idempotent` says whether the call may be sent again when it is unclear
        whether it arrived.
        """
        operation = operation or tool
        check_writable(arguments, operation)
        record = Exchange()
        ends = anyio.current_time() + self.config.deadline

        async def once(limit: anyio.CancelScope) -> Any:
            record.attempts += 1
            async with self._pacer.slot():
                self._narrow(limit)
                session = await self._live()
                answer = await session.call_tool(tool, arguments, record)
            data = plain(answer)
            refused = refusal(answer.text, data) if answer.is_error else hidden_error(data)
            if refused is not None:
                raise refused
            answered(Origin(self.config.url, record.attempts, record.request_id))
            return data

        with told(tool, operation, arguments, record, endpoint=self.config.url):
            if not (self._session and self._session.usable):
                # On its own, so that a failure to connect never counts as a call sent.
                await self._opened(ends)
            return await self._persist(operation, once, idempotent=idempotent, ends=ends, record=record)

    async def _opened(self, ends: float) -> None:
        async def once(limit: anyio.CancelScope) -> None:
            self._narrow(limit)
            await self._live()

        await self._persist("connect", once, idempotent=True, ends=ends)

    def _narrow(self, limit: anyio.CancelScope) -> None:
        """From now on the attempt has `call_timeout` seconds; waiting for a place did not count."""
        limit.deadline = min(limit.deadline, anyio.current_time() + self.config.call_timeout)

    async def _persist(
        self,
        operation: str,
        attempt_once: Callable[[anyio.CancelScope], Awaitable[T]],
        *,
        idempotent: bool,
        ends: float,
        record: Exchange | None = None,
    ) -> T:
        """Attempts until one succeeds or the policy stops; the error then knows how often it was tried.

        One scope limits an attempt: to the time until `ends`, which an attempt under way narrows.
        """
        attempt = 0
        first_failure: KonnectError | None = None

        def wait(error: Exception) -> float | bool:
            elapsed = anyio.current_time() - ends + self.config.deadline
            seconds = self._policy.wait(
                error, attempt=attempt, elapsed=elapsed, idempotent=idempotent, draw=random.random()
            )
            if seconds is None:
                return False
            events.emit(events.CallRetried(operation, attempt, seconds, type(error).__name__))
            request_id = getattr(error, "request_id", None)
            failed = "%s failed (%s), attempt %d, again in %.2f s, request_id=%s"
            log.info(failed, operation, error, attempt, seconds, request_id)
            return seconds

        async def trial() -> T:
            nonlocal attempt
            attempt += 1
            try:
                with anyio.CancelScope(deadline=ends) as limit:
                    result = await attempt_once(limit)
                    self._pacer.succeeded()
                    return result
                raise self._timed_out("deadline" if limit.deadline >= ends else "call")
            except KonnectError as error:
                error.request_id = error.request_id or (record.request_id if record else None)
                if is_throttle(error):
                    asked = getattr(error, "retry_after", None)
                    self._pacer.throttled(min(asked, self.config.max_wait) if asked else None)
                raise

        async def later_trial() -> T:
            nonlocal first_failure
            if first_failure is not None:
                failure, first_failure = first_failure, None
                raise failure
            return await trial()

        try:
            try:
                return await trial()  # most calls succeed at once, and need none of what follows
            except KonnectError as error:
                first_failure = error
            return await stamina.retry(on=wait, attempts=None, timeout=None)(later_trial)()
        except KonnectError as error:
            error.attempts = attempt
            error.operation = error.operation or operation
            error.endpoint = self.config.url
            raise

    def _timed_out(self, limit: Literal["call", "deadline"]) -> TimedOut:
        if limit == "call":
            return TimedOut(f"No answer within {self.config.call_timeout:g} s (call_timeout).", limit=limit)
        return TimedOut(f"Not done within {self.config.deadline:g} s in total (deadline).", limit=limit)

    async def _live(self) -> McpSession:
        """The running session; a lost or dead one is replaced once for everybody who waits here."""
        if self._session and self._session.usable:
            return self._session
        async with self._renewing:
            if self._closed:
                raise ConfigError("The client is closed.", hint="Open a new Konnect.")
            if self._session and self._session.usable:
                return self._session
            if self._session:
                self._session.retire()
            self._session = session = McpSession(self.config, self._http_client)
            try:
                await session.start()
            except BaseException:
                self._session = None
                await session.close()
                raise
            return session
