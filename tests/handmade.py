"""Real MCP servers with hand-made answers, for what the sandbox is too well-behaved to say."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    Tool,
    ToolAnnotations,
)
from starlette.applications import Starlette

TOKEN = "kpat_Handmade0Server0Token"
Arguments = Mapping[str, Any]
Answer = CallToolResult | Callable[[Arguments], CallToolResult]


def told(*texts: str, is_error: bool = False) -> CallToolResult:
    """A result of text blocks only."""
    return CallToolResult(content=[TextContent(type="text", text=text) for text in texts], is_error=is_error)


def refused(text: str) -> CallToolResult:
    """A result that is an error."""
    return told(text, is_error=True)


def structured(value: dict[str, Any], text: str = "") -> CallToolResult:
    """A result with structured content, and a text that says nothing."""
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=value)


def as_json(value: Any) -> CallToolResult:
    """A result that is JSON text."""
    return told(json.dumps(value))


@dataclass
class Handmade:
    """What a hand-made server offers, by tool name, and what it has been asked."""

    url: str
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    output_schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    read_only: frozenset[str] = frozenset()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def offer(
        self,
        answers: Mapping[str, Answer],
        *,
        schemas: Mapping[str, dict[str, Any]] | None = None,
        output_schemas: Mapping[str, dict[str, Any]] | None = None,
        read_only: Iterable[str] = (),
    ) -> Handmade:
        """Offer these tools and forget everything from before."""
        self.answers, self.schemas, self.output_schemas = answers, schemas or {}, output_schemas or {}
        self.read_only, self.calls = frozenset(read_only), []
        return self

    def application(self) -> Starlette:
        """The MCP server at the root path."""
        server: Server[Any] = Server("handmade", on_list_tools=self._list_tools, on_call_tool=self._call_tool)
        return server.streamable_http_app(streamable_http_path="/")

    async def _list_tools(self, ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        tools = [
            Tool(
                name=name,
                input_schema=self.schemas.get(name, {"type": "object"}),
                output_schema=self.output_schemas.get(name),
                annotations=ToolAnnotations(read_only_hint=True) if name in self.read_only else None,
            )
            for name in self.answers
        ]
        return ListToolsResult(tools=tools)

    async def _call_tool(self, ctx: Any, params: CallToolRequestParams) -> CallToolResult:
        arguments = dict(params.arguments or {})
        self.calls.append((params.name, arguments))
        answer = self.answers[params.name]
        return answer if isinstance(answer, CallToolResult) else answer(arguments)


Serve = Callable[..., Handmade]
"""`serve(answers, **settings)`: from now on the shared hand-made server offers these tools only."""


@contextmanager
def running() -> Generator[Handmade]:
    """A hand-made server on a loopback port for the block; it offers nothing yet."""
    made = Handmade(url="")
    with serving(made.application) as made.url:
        yield made


@contextmanager
def serving(application: Callable[[], Starlette]) -> Generator[str]:
    """The URL of an application that is served on a loopback port for the block."""
    # With the protocol named, asyncio switches Nagle's algorithm off for the connections.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    # A factory: the application has to be made by the server's own event loop.
    config = uvicorn.Config(application, factory=True, log_config=None, ws="none", lifespan="on")
    server = _Server(config)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        assert server.ready.wait(10)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn, saying when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
