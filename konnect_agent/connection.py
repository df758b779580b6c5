"""One task owns one MCP session; callers come and go, and the session is replaced behind them.

1. `open` starts the owner task (an asyncio task or a trio system task, so that opening and closing may
   happen in different tasks) and waits until the era is negotiated and tools/list is read.
2. `call` takes a place from the pacer, sends, and turns whatever happened into an answer or one error.
3. A lost or dead session is replaced once for everybody who waits; what may be replayed is tried again.
4. `aclose` asks the owner to end the session, and cancels it if that takes too long.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import httpx2
import mcp_types as types
import stamina
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from konnect_agent import events
from konnect_agent.background import interrupted_by_keyboard, spawn
from konnect_agent.config import Config
from konnect_agent.decoding import ToolAnswer, plain
from konnect_agent.errors import (
    ConfigError,
    ConnectionFailed,
    KonnectError,
    SessionLost,
    TimedOut,
    ToolUnavailable,
    Undecodable,
    Unreachable,
)
from konnect_agent.logs import redact_logs
from konnect_agent.origin import Origin, answered
from konnect_agent.pacing import shared_pacer
from konnect_agent.refusals import hidden_error, refusal
from konnect_agent.retry import Policy, is_throttle
from konnect_agent.telemetry import told
from konnect_agent.toolbox import Tool, Toolbox, check_writable
from konnect_agent.wire import Exchange, Wire, exchange

if TYPE_CHECKING:
    from mcp.client.session import ClientSession

log = logging.getLogger("konnect_agent")
T = TypeVar("T")

logging.getLogger("stamina").addFilter(
    # Each retry is logged here, with its request id; stamina's own line would say less, as a warning.
    lambda record: not str(getattr(record, "stamina.callable", "")).startswith(f"{__name__}.")
)

_CLOSE_GRACE = 3.0
_TOOL_PAGES = 100


class Connection:
    """A connection to one endpoint with one token. Safe to share between tasks of one event loop."""

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None = None) -> None:
        redact_logs()
        self.config = config
        self._http_client = http_client
        self._policy = Policy(config.max_attempts, config.deadline, config.first_wait, config.max_wait)
        self._pacer = shared_pacer(config.url, config.token, config.max_in_flight)
        self._renewing = anyio.Lock()
        self._session: _OwnedSession | None = None
        self._closed = False

    @property
    def era(self) -> str | None:
        """The negotiated MCP version, such as `2025-11-25`; None while not connected."""
        return self._session.era if self._session else None

    async def open(self) -> None:
        """Connect, with retries. Raises one error of the tree; nothing stays behind when it does."""
        await self._persist("connect", self._live, idempotent=True)

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

        async def read() -> Toolbox:
            session = await self._live()
            return await session.list_tools() if fresh else session.toolbox

        return await self._persist("tools/list", read, idempotent=True)

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

        async def once() -> Any:
            record.attempts += 1
            async with self._pacer.slot():
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
                await self.open()  # on its own, so that a failure to connect never counts as a call sent
            return await self._persist(operation, once, idempotent=idempotent, record=record)

    async def _persist(
        self,
        operation: str,
        attempt_once: Callable[[], Awaitable[T]],
        *,
        idempotent: bool,
        record: Exchange | None = None,
    ) -> T:
        """Attempts until one succeeds or the policy stops; the error then knows how often it was tried."""
        started, attempt = anyio.current_time(), 0
        first_failure: KonnectError | None = None

        def wait(error: Exception) -> float | bool:
            elapsed = anyio.current_time() - started
            seconds = self._policy.wait(
                error, attempt=attempt, elapsed=elapsed, idempotent=idempotent, draw=random.random()
            )
            if seconds is None:
                return False
            events.emit(events.CallRetried(operation, attempt, seconds, type(error).__name__))
            log.info("%s failed (%s), attempt %d, again in %.2f s", operation, error, attempt, seconds)
            return seconds

        async def trial() -> T:
            nonlocal attempt
            attempt += 1
            try:
                result = await attempt_once()
            except KonnectError as error:
                if is_throttle(error):
                    asked = getattr(error, "retry_after", None)
                    self._pacer.throttled(min(asked, self.config.max_wait) if asked else None)
                raise
            self._pacer.succeeded()
            return result

        async def later_trial() -> T:
            nonlocal first_failure
            if first_failure is not None:
                failure, first_failure = first_failure, None
                raise failure
            return await trial()

        try:
            with anyio.fail_after(self.config.deadline):
                try:
                    return await trial()  # most calls succeed at once, and need none of what follows
                except KonnectError as error:
                    first_failure = error
                return await stamina.retry(on=wait, attempts=None, timeout=None)(later_trial)()
        except KonnectError as error:
            error.attempts = attempt
            error.operation = error.operation or operation
            error.request_id = error.request_id or (record.request_id if record else None)
            error.endpoint = self.config.url
            raise
        except TimeoutError:
            raise TimedOut(
                f"Not done within {self.config.deadline:g} s in total (deadline).",
                limit="deadline",
                operation=operation,
                endpoint=self.config.url,
                attempts=attempt,
                request_id=record.request_id if record else None,
            ) from None

    async def _live(self) -> _OwnedSession:
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
            self._session = session = _OwnedSession(self.config, self._http_client)
            try:
                await session.start()
            except BaseException:
                self._session = None
                await session.close()
                raise
            return session


class _OwnedSession:
    """One mcp session and the task that owns it."""

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None) -> None:
        self._config = config
        self._http_client = http_client
        self._ready, self._stop, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._scope = anyio.CancelScope()
        self._client: Client | None = None
        self._failure: KonnectError | None = None
        self._lost = False
        self._in_flight = 0
        self.era: str | None = None
        self.toolbox = Toolbox(())

    @property
    def usable(self) -> bool:
        return self._client is not None and not self._lost and not self._ended.is_set()

    async def start(self) -> None:
        """Start the owner and wait until the session answers. Raises what went wrong."""
        spawn(self._own)
        await self._ready.wait()
        if self._failure:
            raise self._failure

    def retire(self) -> None:
        """Take no more calls, and end once those in flight have their answers."""
        self._lost = True
        if self._in_flight == 0:
            self._stop.set()

    async def close(self) -> None:
        """End the session: the server is told if it still listens, for at most a few seconds."""
        self._stop.set()
        with anyio.CancelScope(shield=True):
            if self.usable:
                with anyio.move_on_after(_CLOSE_GRACE):
                    await self._ended.wait()
            self._scope.cancel()
            with anyio.move_on_after(_CLOSE_GRACE):
                await self._ended.wait()

    async def call_tool(self, tool: str, arguments: Mapping[str, Any], record: Exchange) -> ToolAnswer:
        client = self._client
        if client is None:
            raise Unreachable("The mcp session ended.", sent=False)
        params = types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        request = types.CallToolRequest(params=params)
        result = await self._asked(
            lambda: client.session.send_request(request, types.CallToolResult),
            record,
            self._config.call_timeout,
        )
        blocks = [block.model_dump(by_alias=True, exclude_none=True) for block in result.content]
        return ToolAnswer.of(blocks, structured=result.structured_content, is_error=bool(result.is_error))

    async def list_tools(self, record: Exchange | None = None) -> Toolbox:
        """Read tools/list, all its pages."""
        client = self._client
        if client is None:
            raise Unreachable("The mcp session ended.", sent=False)
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_TOOL_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor)
            session: ClientSession = client.session
            page = await self._asked(
                lambda session=session, params=params: session.list_tools(params=params),
                record or Exchange(),
                self._config.call_timeout,
            )
            found.extend(_tool(tool) for tool in page.tools)
            cursor = page.next_cursor
            if not cursor:
                break
        self.toolbox = Toolbox(found)
        return self.toolbox

    async def _own(self) -> None:
        record = Exchange(connecting=True)
        exchange.set(record)
        try:
            with self._scope:
                async with Wire(self._config, self._http_client) as wire:
                    transport = streamable_http_client(
                        self._config.url, http_client=wire, max_sse_event_size=None
                    )
                    async with Client(transport, cache=None, client_info=_client_info()) as client:
                        self._client = client
                        self.era = client.protocol_version
                        await self.list_tools(record)
                        self._ready.set()
                        await self._stop.wait()
        except Exception as error:  # the owner's boundary: whatever it was becomes one error of the tree
            self._failure = _translated(error, record)
            log.debug("mcp session ended: %s", self._failure)
        except BaseException as error:
            if not interrupted_by_keyboard(error):
                raise
        finally:
            if not self._ready.is_set() and self._failure is None:
                self._failure = Unreachable("The mcp session ended before it began.", sent=False)
            self._client = None
            self._ended.set()
            self._ready.set()

    async def _asked(self, ask: Callable[[], Awaitable[T]], record: Exchange, limit: float) -> T:
        """One request of the session, with the truth of the wire in the place of the SDK's words."""
        token = exchange.set(record)
        self._in_flight += 1
        try:
            with anyio.fail_after(limit):
                return await ask()
        except TimeoutError as error:
            raise TimedOut(
                f"No answer within {limit:g} s (call_timeout).", limit="call", request_id=record.request_id
            ) from error
        except (
            MCPError,
            ValidationError,
            RuntimeError,
            anyio.ClosedResourceError,
            anyio.BrokenResourceError,
        ) as error:
            failure = _translated(error, record)
            if isinstance(failure, SessionLost):
                self._lost = True
            raise failure from None
        finally:
            exchange.reset(token)
            self._in_flight -= 1
            if self._lost:
                self.retire()


def _translated(error: BaseException, record: Exchange) -> KonnectError:
    """The one error of the tree for whatever the SDK raised: the wire knows best, then the JSON-RPC error."""
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return _translated(inner[0], record)
    if isinstance(error, KonnectError):
        return error
    if record.error is not None:
        return record.error
    context: dict[str, Any] = {"request_id": record.request_id}
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return Undecodable(f"not an MCP answer: {first['msg']}", path=f"$.{where}", **context)
    if isinstance(error, MCPError):
        if error.code == types.CONNECTION_CLOSED:
            return Unreachable(f"The mcp session broke: {error.message}", **context)
        if error.code == types.REQUEST_TIMEOUT:
            return TimedOut(f"No answer in time: {error.message}", limit="call", **context)
        if error.code == types.METHOD_NOT_FOUND or "unknown tool" in error.message.lower():
            return ToolUnavailable(f"The server does not know this: {error.message}", **context)
        return refusal(error.message, error.data, **context)
    if isinstance(error, (anyio.ClosedResourceError, anyio.BrokenResourceError)):
        return Unreachable("The mcp session broke.", **context)
    return ConnectionFailed(f"{type(error).__name__}: {error}", **context)


def _tool(tool: types.Tool) -> Tool:
    hints = tool.annotations
    return Tool(
        name=tool.name,
        description=tool.description or "",
        input_schema=tool.input_schema,
        read_only=hints.read_only_hint if hints else None,
        idempotent=hints.idempotent_hint if hints else None,
    )


def _client_info() -> types.Implementation:
    from konnect_agent import __version__

    return types.Implementation(name="konnect-agent", version=__version__)
