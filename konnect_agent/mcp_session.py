"""One mcp session, and the task that owns it.

1. `start` starts the owner (an asyncio task or a trio system task, so that starting and ending may happen in
   different tasks), which negotiates the era and reads tools/list.
2. `call_tool` sends one request through the SDK's session, which writes it and checks the answer. What comes
   out is the answer or one error of our tree: mostly the wire's own, which knows what happened.
3. `close` asks the owner to end the session, and cancels it if that takes too long.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

import anyio
import httpx2
import mcp_types as types
from mcp import ClientSession, MCPError
from pydantic import ValidationError

from konnect_agent import events
from konnect_agent.background import interrupted_by_keyboard, spawn
from konnect_agent.config import Config
from konnect_agent.decoding import ToolAnswer
from konnect_agent.errors import ConnectionFailed, KonnectError, SessionLost, Undecodable, Unreachable
from konnect_agent.telemetry import span
from konnect_agent.toolbox import Tool, Toolbox
from konnect_agent.wire import Exchange, connected, exchange

log = logging.getLogger("konnect_agent")
T = TypeVar("T")

_CLOSE_GRACE = 3.0
_TOOL_PAGES = 100


class McpSession:
    """A session with the server of `config`; made once, never started again.

    `era` is the negotiated MCP version and `toolbox` what tools/list offers, once it is started.
    """

    def __init__(self, config: Config, http_client: httpx2.AsyncClient | None) -> None:
        self._config = config
        self._http_client = http_client
        self._ready, self._stop, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._scope = anyio.CancelScope()
        self._session: ClientSession | None = None
        self._failure: KonnectError | None = None
        self._lost = False
        self._in_flight = 0
        self.era: str | None = None
        self.toolbox = Toolbox(())

    @property
    def usable(self) -> bool:
        """Whether calls can be sent: the tools are read, and the session is neither lost nor ended."""
        return self._ready.is_set() and not self._lost and not self._ended.is_set()

    async def start(self) -> None:
        """Start the owner and wait until the session answers. Raises what went wrong."""
        with span("connect", endpoint=self._config.url):
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
        """Send one call and wait for its answer. Raises one error of the tree."""
        params = types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        request = types.CallToolRequest(params=params)
        result = await self._asked(
            lambda session: session.send_request(request, types.CallToolResult), record
        )
        blocks = [block.model_dump(by_alias=True, exclude_none=True) for block in result.content]
        return ToolAnswer.of(blocks, structured=result.structured_content, is_error=bool(result.is_error))

    async def list_tools(self, record: Exchange | None = None) -> Toolbox:
        """Read tools/list, all its pages. Raises one error of the tree."""
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_TOOL_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor)
            page = await self._asked(
                lambda session, params=params: session.list_tools(params=params), record or Exchange()
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
                async with (
                    connected(self._config, self._http_client) as wire,
                    ClientSession(dispatcher=wire, client_info=_client_info()) as session,
                ):
                    await _negotiate(session)
                    self._session, self.era = session, session.protocol_version
                    who = session.server_info
                    events.emit(events.Connected(self.era or "", who.name if who else None))
                    await self.list_tools(record)
                    self._ready.set()
                    await self._stop.wait()
        except Exception as error:  # the owner's boundary: whatever it was becomes one error of the tree
            self._failure = _translated(error, record)
            log.debug("mcp session ended: %s request_id=%s", self._failure, record.request_id)
        except BaseException as error:
            if not interrupted_by_keyboard(error):
                raise
        finally:
            if not self._ready.is_set() and self._failure is None:
                self._failure = Unreachable("The mcp session ended before it began.", sent=False)
            self._session = None
            self._ended.set()
            self._ready.set()

    async def _asked(self, ask: Callable[[ClientSession], Awaitable[T]], record: Exchange) -> T:
        """One request of the session, with the truth of the wire in the place of the SDK's words."""
        if self._session is None:
            raise Unreachable("The mcp session ended.", sent=False)
        token = exchange.set(record)
        self._in_flight += 1
        try:
            return await ask(self._session)
        except Exception as error:  # the SDK's boundary: whatever it was becomes one error of the tree
            failure = _translated(error, record)
            if isinstance(failure, SessionLost):
                self._lost = True
            raise failure from None
        finally:
            exchange.reset(token)
            self._in_flight -= 1
            if self._lost:
                self.retire()


async def _negotiate(session: ClientSession) -> None:
    """Settle on an era: newer servers answer `server/discover`, the others get the older handshake."""
    try:
        await session.discover()
    except (MCPError, ValidationError, RuntimeError):  # refused, unreadable, or no era in common
        await session.initialize()


def _translated(error: BaseException, record: Exchange) -> KonnectError:
    """The one error of the tree for whatever came through the SDK: our own, or its verdict on an answer."""
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return _translated(inner[0], record)
    if isinstance(error, KonnectError):
        return error
    context: dict[str, Any] = {"request_id": record.request_id}
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return Undecodable(f"not an MCP answer: {first['msg']}", path=f"$.{where}", **context)
    if isinstance(error, MCPError) and record.refused is not None:
        return record.refused
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
