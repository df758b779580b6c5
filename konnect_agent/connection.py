"""A connection that outlives its mcp sessions: callers come and go, and a session is replaced behind them.

1. `call` needs an mcp session at hand, takes a place from the pacer, sends, and turns whatever happened into
   an answer or one error. What failed is tried again, see `attempts`.
2. A server that lets nobody in is one fact for all: once a request could not leave, nobody sends any. A dial
   is made, again and again, and all wait for what comes of it: the session, or the same error.
3. The dial belongs to none of them. It ends when nobody waits any more; what is urgent ends its rests.
4. Dialing goes on with the mcp session there is, if the server still knows it, else with a new one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import anyio

from konnect_agent.attempts import Attempts, Persistence, twin
from konnect_agent.background import interrupted_by_keyboard, spawn
from konnect_agent.clocks import WALL, Clock
from konnect_agent.config import Config
from konnect_agent.decoding import plain
from konnect_agent.dialects import Around, directly
from konnect_agent.errors import ConnectionFailed, KonnectError, SessionLost
from konnect_agent.logs import redact_logs
from konnect_agent.mcp_session import McpSession
from konnect_agent.origin import Origin, answered
from konnect_agent.pacing import URGENT, lane, shared_pacer
from konnect_agent.refusals import hidden_error, refusal
from konnect_agent.retry import never_left, turned_away
from konnect_agent.sending import leaving
from konnect_agent.telemetry import told
from konnect_agent.toolbox import Toolbox, check_writable
from konnect_agent.wire import Exchange

if TYPE_CHECKING:
    import httpx2


@dataclass(slots=True, eq=False)
class Dial:
    """The attempts to get through, and those who wait for what comes of them.

    Settled without an error it was successful, or given up: who still waits looks again.
    """

    attempts: Attempts
    waiting: int = 0
    error: Exception | None = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    settled: anyio.Event = field(default_factory=anyio.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.settled.is_set() or self.scope.cancel_called


class Connection:
    """A connection to one endpoint with one token. Safe to share between tasks of one event loop."""

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None = None) -> None:
        redact_logs()
        self.config = config
        self.clock: Clock = WALL
        self.operate: Around = directly
        self._http_client = http_client
        self._pacer = shared_pacer(config.url, config.token, config.max_in_flight)
        self._persistence = Persistence(config, self._pacer)
        self._session: McpSession | None = None
        self._sessions: WeakSet[McpSession] = WeakSet()  # retired ones too: they may have calls in flight
        self._let_in = False
        self._dial: Dial | None = None

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
        """End all calls and the mcp session; safe to call twice, from any task, and while being cancelled."""
        if not self._persistence.closed:
            self._pacer.leave(self.config.max_in_flight)
        self._persistence.close()
        self._session = None
        for session in tuple(self._sessions):
            await session.close()

    async def toolbox(self, *, fresh: bool = False, ends: float | None = None) -> Toolbox:
        """The server's tools; `fresh` reads tools/list again on the running mcp session.

        `ends` when it is a part of an operation: of that one, nothing has been sent when this fails.
        """
        session = self._at_hand()
        if session and not fresh:
            return session.toolbox

        async def read(attempts: Attempts) -> Toolbox:
            session = await self._reached(attempts)
            if not fresh:
                return session.toolbox
            attempts.begin(self.config.call_timeout)
            with self._asking():
                return await session.list_tools(attempts.record)

        attempts = Attempts("tools/list" if fresh else "connect", self.ends() if ends is None else ends)
        try:
            return await self._persistence.persist(read, attempts, idempotent=True)
        except ConnectionFailed as error:
            error.sent = error.sent and ends is None
            raise

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
                await self._reached(attempts)
                async with self._pacer.slot() as attempts.entered:
                    session = self._at_hand()  # or it went away while this call stood in line
                    if session:
                        attempts.begin(self.config.call_timeout)
                        record.attempts += 1
                        with self._asking(), leaving(lambda error: turned_away(error, record.said)):
                            answer = await session.call_tool(tool, arguments, record)
            data = plain(answer)
            refused = refusal(answer.text, data) if answer.is_error else hidden_error(data)
            if refused is not None:
                refused.inside = refused.inside or tool
                raise refused
            self._pacer.succeeded()
            answered(Origin(self.config.url, record.attempts, record.request_id))
            return data

        attempts = Attempts(operation, self.ends() if ends is None else ends, record)
        with told(tool, operation, arguments, record, endpoint=self.config.url):
            return await self._persistence.persist(once, attempts, idempotent=idempotent)

    def _at_hand(self) -> McpSession | None:
        """The running mcp session, None while there is none or nobody is let in."""
        return self._session if self._session and self._session.usable and self._let_in else None

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Whoever is not let in while asking finds it out for all."""
        try:
            yield
        except KonnectError as error:
            self._let_in = self._let_in and not never_left(error)
            raise

    async def _reached(self, attempts: Attempts) -> McpSession:
        """The mcp session; without one at hand, what comes of dialing, for all who wait here together."""
        session = self._at_hand()
        while session is None:
            dial = self._dialing()
            attempts.behind = dial.attempts
            dial.waiting += 1
            try:
                await dial.settled.wait()
            finally:
                dial.waiting -= 1
                if not dial.waiting:
                    dial.scope.cancel()
            if dial.error is not None:
                raise twin(dial.error) if isinstance(dial.error, KonnectError) else dial.error
            session = self._at_hand()
        attempts.behind = None
        return session

    def _dialing(self) -> Dial:
        """The dial under way; a new one when there is none, or when it rests and this cannot wait."""
        dial = self._dial
        if dial is not None and lane.get() is URGENT and dial.attempts.wait is not None:
            dial.scope.cancel()
        if dial is None or dial.over:
            self._dial = dial = Dial(Attempts("connect", self.ends()))
            spawn(partial(self._see_to, dial))
        return dial

    async def _see_to(self, dial: Dial) -> None:
        """Dial until somebody answers, or nobody asks any more."""
        try:
            with dial.scope:
                await self._persistence.persist(self._get_through, dial.attempts, idempotent=True)
        except Exception as error:  # raised where somebody waits for it
            dial.error = error
        except BaseException as error:
            if not interrupted_by_keyboard(error):
                raise
        finally:
            dial.settled.set()

    async def _get_through(self, attempts: Attempts) -> None:
        """Reach the server, on the mcp session there is or on a new one."""
        if self._at_hand():
            return
        attempts.begin(self.config.call_timeout)
        session = self._session
        if session and session.usable:
            with suppress(SessionLost):
                await session.list_tools(attempts.record)
        if not (session and session.usable):
            if session:
                session.retire()
            self._session = None
            session = McpSession(self.config, self._http_client)
            self._sessions.add(session)
            try:
                await session.start()
            except BaseException:
                await session.close()
                raise
            self._session = session
        self._let_in = True
