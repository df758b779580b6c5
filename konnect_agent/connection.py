"""A connection that outlives its mcp sessions: callers come and go, and a session is replaced behind them.

1. `call` needs an mcp session at hand, takes a place from the pacer, sends, and turns whatever happened into
   an answer or one error. What failed is tried again as the policy says, as long as the time lasts.
2. A server that lets nobody in is one fact for all: once a request could not leave, nobody sends any. One
   caller dials, again and again, and the others wait for what comes of it: the session, or the same error.
3. Dialing goes on with the mcp session there is, if the server still knows it, else with a new one.
4. An attempt is limited by `call_timeout`, all of one operation together, connecting included, by `deadline`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import anyio
import stamina

from konnect_agent import events
from konnect_agent.clocks import WALL, Clock
from konnect_agent.config import Config
from konnect_agent.decoding import plain
from konnect_agent.dialects import Around, directly
from konnect_agent.errors import ConfigError, ConnectionFailed, KonnectError, SessionLost, TimedOut
from konnect_agent.logs import redact_logs
from konnect_agent.mcp_session import McpSession
from konnect_agent.origin import Origin, answered
from konnect_agent.pacing import shared_pacer
from konnect_agent.refusals import hidden_error, refusal
from konnect_agent.retry import Policy, is_throttle, never_left
from konnect_agent.telemetry import told
from konnect_agent.toolbox import Toolbox, check_writable
from konnect_agent.wire import Exchange

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("konnect_agent")
T = TypeVar("T")


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
    entered: int | None = None  # the place the one under way got from the pacer
    wait: float | None = None  # seconds until the next one, None when there is none
    failure: KonnectError | None = None
    limit: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def begin(self, seconds: float) -> None:
        """One is sent now, and has so many seconds; waiting for a session or a place did not count."""
        self.under_way = True
        self.total += 1
        self.limit.deadline = min(self.limit.deadline, anyio.current_time() + seconds)

    def failed(self, error: KonnectError) -> int:
        """How many have come to the same; those that nobody let in are counted apart."""
        self.failure = error
        if never_left(error):
            self.turned_away += 1
            return self.turned_away
        self.arrived += 1
        self.turned_away = 0
        return self.arrived


class Connection:
    """A connection to one endpoint with one token. Safe to share between tasks of one event loop."""

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None = None) -> None:
        redact_logs()
        self.config = config
        self.clock: Clock = WALL
        self.operate: Around = directly
        self._http_client = http_client
        self._policy = Policy(config.max_attempts, config.first_wait, config.max_wait)
        self._pacer = shared_pacer(config.url, config.token, config.max_in_flight)
        self._session: McpSession | None = None
        self._sessions: WeakSet[McpSession] = WeakSet()  # retired ones too: they may have calls in flight
        self._let_in = False
        self._dialing = anyio.Lock()
        self._dials: Attempts | None = None
        self._undialed: KonnectError | None = None
        self._closed = False

    @property
    def era(self) -> str | None:
        """The negotiated MCP version, such as `2025-11-25`; None while not connected."""
        return self._session.era if self._session else None

    def ends(self) -> float:
        """When an operation that begins now must be over, on the event loop's clock."""
        return anyio.current_time() + self.config.deadline

    async def open(self) -> None:
        """Connect, with retries. Raises one error of the tree; nothing stays behind when it does."""
        await self.toolbox()

    async def aclose(self) -> None:
        """End the mcp session; safe to call twice, from any task, and while being cancelled."""
        if not self._closed:
            self._pacer.leave(self.config.max_in_flight)
        self._closed, self._session = True, None
        for session in tuple(self._sessions):
            await session.close()

    async def toolbox(self, *, fresh: bool = False, ends: float | None = None) -> Toolbox:
        """The server's tools; `fresh` reads tools/list again on the running mcp session."""
        session = self._at_hand()
        if session and not fresh:
            return session.toolbox

        async def read(attempts: Attempts) -> Toolbox:
            session = await self._reached()
            if not fresh:
                return session.toolbox
            attempts.begin(self.config.call_timeout)
            return await session.list_tools(attempts.record)

        ends = self.ends() if ends is None else ends
        return await self._persist(
            read, Attempts("tools/list" if fresh else "connect", ends), idempotent=True
        )

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        idempotent: bool,
        operation: str | None = None,
        ends: float | None = None,
    ) -> Any:
        """Call a tool by its live name and return its answer as plain data.

        Raises one error of the tree: of the connection, or the server's own refusal, also when it hides
        inside a successful answer. `idempotent` says whether the call may be sent again when it is unclear
        whether it arrived; `ends` when the operation must be over that this call is a part of.
        """
        operation = operation or tool
        check_writable(arguments, operation)
        record = Exchange()

        async def once(attempts: Attempts) -> Any:
            answer = None
            while answer is None:
                await self._reached()
                async with self._pacer.slot() as attempts.entered:
                    session = self._at_hand()  # or it went away while this call stood in line
                    if session:
                        attempts.begin(self.config.call_timeout)
                        record.attempts += 1
                        answer = await session.call_tool(tool, arguments, record)
            data = plain(answer)
            refused = refusal(answer.text, data) if answer.is_error else hidden_error(data)
            if refused is not None:
                raise refused
            self._pacer.succeeded()
            answered(Origin(self.config.url, record.attempts, record.request_id))
            return data

        attempts = Attempts(operation, self.ends() if ends is None else ends, record)
        with told(tool, operation, arguments, record, endpoint=self.config.url):
            return await self._persist(once, attempts, idempotent=idempotent)

    async def _persist(
        self, once: Callable[[Attempts], Awaitable[T]], attempts: Attempts, *, idempotent: bool
    ) -> T:
        """Attempts until one succeeds or the policy stops; the error then knows how often it was tried.

        An error that names its operation is the last word, of this operation or of the dialing it waited for.
        """

        async def trial() -> T:
            attempts.under_way, attempts.entered, attempts.wait = False, None, None
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

        try:
            return await stamina.retry(on=wait, attempts=None, timeout=None)(trial)()
        except KonnectError as error:
            if isinstance(error, ConnectionFailed) and error.operation != attempts.operation:
                error.sent = attempts.arrived > 0
            error.attempts = error.attempts or attempts.total
            error.operation = error.operation or attempts.operation
            error.endpoint = self.config.url
            raise

    def _wait_after(self, error: KonnectError, attempts: Attempts, *, idempotent: bool) -> float:
        """Seconds until the next attempt. Raises `error` if there is none."""
        error.request_id = error.request_id or attempts.record.request_id
        if never_left(error):
            self._let_in = False
        if is_throttle(error):
            asked = getattr(error, "retry_after", None)
            asked = min(asked, self.config.max_wait) if asked else None
            self._pacer.throttled(asked, entered=attempts.entered)
        number = attempts.failed(error)
        wait = self._policy.wait(error, attempt=number, idempotent=idempotent, draw=random.random())
        if wait is None or self._closed:
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
            return TimedOut(f"No answer within {self.config.call_timeout:g} s (call_timeout).", limit="call")
        waiting = self._dials if self._dials and not self._at_hand() else attempts
        told = attempts if attempts.failure else waiting
        if told.failure and not attempts.under_way:
            return self._too_late(told.failure, told)
        after = f"; an attempt before: {told.failure.message}" if told.failure else "."
        return TimedOut(
            f"Not done within {self.config.deadline:g} s in total (deadline){after}",
            limit="deadline",
            sent=attempts.under_way or attempts.arrived > 0,
            operation=attempts.operation,
        )

    def _too_late(self, failure: KonnectError, attempts: Attempts) -> KonnectError:
        """The last failure, with word of the limit that allowed no further attempt."""
        error = _twin(failure)
        error.operation = attempts.operation
        limit = f"Not done within {self.config.deadline:g} s in total (deadline)"
        error.message = f"{failure.message} {limit}: no time was left to try again."
        return error

    def _at_hand(self) -> McpSession | None:
        """The running mcp session, None while there is none or nobody is let in."""
        return self._session if self._session and self._session.usable and self._let_in else None

    async def _reached(self) -> McpSession:
        """The mcp session; without one at hand, what comes of dialing, for all who wait here together."""
        before = self._undialed
        session = self._at_hand()
        if session:
            return session
        async with self._dialing:
            session = self._at_hand()
            if session:
                return session
            if self._undialed is not before and self._undialed:
                raise _twin(self._undialed)
            try:
                self._dials = Attempts("connect", self.ends())
                return await self._persist(self._dial, self._dials, idempotent=True)
            except KonnectError as error:
                self._undialed = _twin(error)
                raise

    async def _dial(self, attempts: Attempts) -> McpSession:
        """Get through to the server, on the mcp session there is or on a new one."""
        attempts.begin(self.config.call_timeout)
        session = self._session
        if session and session.usable:
            with suppress(SessionLost):
                await session.list_tools(attempts.record)
        if not (session and session.usable):
            self._check_open()
            if session:
                session.retire()
            self._session = session = McpSession(self.config, self._http_client)
            self._sessions.add(session)
            try:
                await session.start()
            except BaseException:
                self._session = None
                await session.close()
                raise
        self._check_open()  # it may have been closed meanwhile, and the mcp session with it
        self._let_in = True
        return session

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigError("The client is closed.", hint="Open a new Konnect.")


def _twin(error: KonnectError) -> KonnectError:
    """The same error to raise once more: whoever catches one may write on it."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(vars(error))
    return twin
