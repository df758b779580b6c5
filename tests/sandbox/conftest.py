"""The sandbox as its clients see it: through the SDK's bare client, or through plain HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

Connect = Callable[..., AbstractAsyncContextManager["Caller"]]


class Caller:
    """Calls tools and hands back what they say."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ok(self, tool: str, **arguments: Any) -> Any:
        """The structured content of a call that must succeed."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """The text of a call that must be refused."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.content
        return getattr(result.content[0], "text", "")

    async def texts(self, tool: str, **arguments: Any) -> list[str]:
        """The text blocks of a call that must succeed."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return [getattr(block, "text", "") for block in result.content]


@pytest.fixture
def anyio_backend() -> str:
    """The server has a loop of its own, and the bare client leaves generators open under trio."""
    return "asyncio"


@pytest.fixture(scope="session")
def world() -> World:
    return World.story(7)


@pytest.fixture
def connect() -> Connect:
    @asynccontextmanager
    async def connected(sandbox: Sandbox, mode: str = "auto") -> AsyncGenerator[Caller]:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(sandbox.url, http_client=http)
            async with Client(transport, mode=mode) as client:
                yield Caller(client)

    return connected


@pytest.fixture
def post() -> Callable[..., httpx2.Response]:
    """One tools/call of the 2026 era by plain HTTP, on a connection of its own."""

    def posted(
        sandbox: Sandbox, *, token: str | None = None, client: httpx2.Client | None = None
    ) -> httpx2.Response:
        version = "2026-07-28"
        meta = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        }
        params = {"name": "GetControlPlane", "arguments": {"operation": "list"}, "_meta": meta}
        headers = {
            "authorization": f"Bearer {token or sandbox.token}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": version,
            "mcp-method": "tools/call",
            "mcp-name": "GetControlPlane",
        }
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        if client is not None:
            return client.post(sandbox.url, content=body, headers=headers)
        with httpx2.Client(timeout=5) as own:
            return own.post(sandbox.url, content=body, headers=headers)

    return posted
