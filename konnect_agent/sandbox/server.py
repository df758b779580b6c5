"""The sandbox's server: the MCP SDK's own server behind the gate, on a loopback port, in a thread of its
own.

The thread runs its own asyncio loop, so a client under test may run on asyncio or trio, be cancelled or be
blocked without touching the server. uvicorn's protocol speaks HTTP; accepting and stopping are done here,
because a test wants the server gone at once, nothing left behind: connections aborted, tasks cancelled,
sockets closed, thread joined.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import socket
from collections.abc import Callable
from email.utils import formatdate
from threading import Event, Thread
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from konnect_agent.sandbox.generations import Offer
from konnect_agent.sandbox.konnect import Problem
from konnect_agent.sandbox.ledger import Ledger
from konnect_agent.sandbox.misbehaviour import Connection
from konnect_agent.sandbox.port import HeldPort
from konnect_agent.sandbox.tools import Refusal, Spelling, Tool

_logger = logging.getLogger("konnect_agent.sandbox")
_START_TIMEOUT = 30.0


def mcp_application(
    offer: Offer,
    ledger: Ledger,
    *,
    seed: int,
    spelling: Spelling,
    prefix: str,
    json_response: bool,
    latency: float,
) -> Starlette:
    """The MCP server over those tools at the root path; `latency` delays each tools/call."""
    named = {tool.spelled(spelling, prefix=prefix): tool for tool in offer.tools.values()}
    listed = ListToolsResult(tools=[_listed(name, tool) for name, tool in named.items()])

    async def list_tools(ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        return listed

    async def call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        tool = named.get(params.name)
        if tool is None:
            return _failed(f"Unknown tool: {params.name!r}")
        number = ledger.arrived(tool.name, params.arguments or {})
        outcome, refusal = "cancelled", ""
        try:
            if latency:
                await asyncio.sleep(latency)
            written = offer.answer(tool, params.arguments or {})
            outcome = "ok"
        except Refusal as error:
            outcome, refusal = "error", str(error)
            return _failed(refusal)
        except Problem as error:
            outcome, refusal = "error", json.dumps(error.body(seed=seed))
            return _failed(refusal)
        finally:
            ledger.settled(number, outcome, refusal)
        content = [TextContent(type="text", text=text) for text in written.texts]
        return CallToolResult(content=list(content), structured_content=written.structured)

    server: Server[Any] = Server(
        "kong-konnect",
        version="sandbox",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda name: named[name].input_schema if name in named else None,
    )
    return server.streamable_http_app(streamable_http_path="/", json_response=json_response)


def _listed(name: str, tool: Tool) -> ListedTool:
    hints = ToolAnnotations(read_only_hint=tool.read_only)
    return ListedTool(
        name=name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=None if tool.read_only is None else hints,
    )


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


class ServerThread:
    """A running server. `build()` gives a fresh MCP application and the ASGI application around it."""

    def __init__(self, build: Callable[[], tuple[Starlette, ASGIApp]], *, port: HeldPort) -> None:
        self._build, self._port = build, port
        self._failure: BaseException | None = None
        self._ready = Event()
        self._thread = Thread(target=self._run, name=f"konnect-sandbox-{port.number}", daemon=True)
        self._thread.start()
        started = self._ready.wait(_START_TIMEOUT)
        if self._failure is not None or not started:
            raise RuntimeError(f"the sandbox did not start on port {port.number}") from self._failure

    def stop(self) -> None:
        """Stop listening, abort every connection and wait until the thread is gone."""
        if self._thread.is_alive():
            # The loop may close between the check and the call when a second thread stops it too.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._serve())
        except BaseException as error:
            self._failure = error
            _logger.debug("the sandbox's server ended with an error", exc_info=True)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        mcp_app, app = self._build()
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_keep_alive=75,
        )
        config.load()
        door = _Door(self._port, app, config)
        async with mcp_app.router.lifespan_context(mcp_app):
            door.open()
            self._ready.set()
            await self._stopping.wait()
            await door.shut()


class _Door:
    """Who comes in: accepts connections, turns everybody away for a while, throws everybody out."""

    def __init__(self, port: HeldPort, app: ASGIApp, config: uvicorn.Config) -> None:
        self._port, self._loop, self._state = port, asyncio.get_running_loop(), ServerState()
        self._make_protocol = functools.partial(
            _Protocol, config=config, state=self._state, app=app, go_away=self.close_for
        )
        self._listener: socket.socket | None = None
        self._entering: set[asyncio.Task[Any]] = set()
        self._reopening: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Listen, if nobody does."""
        if self._listener is None:
            self._listener = self._port.listener()
            self._loop.add_reader(self._listener, self._accept)

    async def close_for(self, seconds: float) -> None:
        """Refuse connections for a while and end those that are idle."""
        self._close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._reopening is not None:
            self._reopening.cancel()
        self._reopening = self._loop.call_later(seconds, self.open)

    async def shut(self) -> None:
        """Refuse connections for good and abort those there are."""
        self._close()
        if self._reopening is not None:
            self._reopening.cancel()
        await asyncio.gather(*self._entering, return_exceptions=True)
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self) -> None:
        # Not `loop.create_server`: closing one while a connection comes in leaves that connection open.
        if self._listener is None:
            return
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # gone again before we looked
            return
        accepted.setblocking(False)
        entering = self._loop.create_task(self._loop.connect_accepted_socket(self._make_protocol, accepted))
        self._entering.add(entering)
        entering.add_done_callback(self._entering.discard)

    def _close(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None


class _Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, telling the application which connection a request came over."""

    def __init__(
        self, *, config: uvicorn.Config, state: ServerState, app: ASGIApp, go_away: Callable[[float], Any]
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._application, self._go_away = app, go_away

    def handle_events(self) -> None:
        # uvicorn's own server, which is not used here, writes the date down once a second.
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        super().handle_events()

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        connection = Connection(transport, self._go_away)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"connection": connection}
            await self._application(scope, receive, send)

        self.app = app
