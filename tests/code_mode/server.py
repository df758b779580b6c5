"""Real code mode to talk to: FastMCP's CodeMode transform over Konnect's REST API, in a process of its own.

`python -m tests.code_mode.server` prints its port. `POST /` with a `Setup` opens one more server and
answers its path; `GET` at that path with `seen` behind it tells which tools were called there, and which
operations with what. A process takes seconds to start and a server a fraction of one, so all tests share
one process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx2
import uvicorn
from fastmcp import FastMCP
from fastmcp.experimental.transforms.code_mode import CodeMode, MontySandboxProvider
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .api import Api
from .setup import TOKEN, Setup

_TOOLS = ("search", "get_schema", "execute")


class AllOrNothing(MontySandboxProvider):
    """Ends a block with its first failing call, whatever the block does about it, as before version 4.0."""

    async def run(
        self,
        code: str,
        *,
        inputs: dict[str, Any] | None = None,
        external_functions: dict[str, Callable[..., Any]] | None = None,
    ) -> Any:
        failures: list[Exception] = []

        def noting(function: Callable[..., Any]) -> Callable[..., Any]:
            async def call(*arguments: Any) -> Any:
                try:
                    return await function(*arguments)
                except Exception as error:
                    failures.append(error)
                    raise

            return call

        functions = {name: noting(function) for name, function in (external_functions or {}).items()}
        result = await super().run(code, inputs=inputs, external_functions=functions)
        if failures:
            raise RuntimeError(f"Exception: {failures[0]}")
        return result


class Counting(Middleware):
    """Counts the calls of the three tools, which are the round trips."""

    def __init__(self) -> None:
        self.called = Counter[str]()

    async def on_call_tool(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        if context.message.name in _TOOLS:
            self.called[context.message.name] += 1
        return await call_next(context)


class Server:
    """One server in code mode."""

    def __init__(self, setup: Setup) -> None:
        self._api, self._counting = Api(setup), Counting()
        backend = httpx2.ASGITransport(app=self._api)
        mcp = FastMCP.from_openapi(
            self._api.document(),
            client=httpx2.AsyncClient(transport=backend, base_url="http://konnect"),
            mask_error_details=setup.masked,
        )
        provider = MontySandboxProvider() if setup.catches else AllOrNothing()
        if setup.code_mode:
            mcp.add_transform(CodeMode(max_tool_calls=setup.limit, sandbox_provider=provider))
        mcp.add_middleware(self._counting)
        self.app = mcp.http_app(path="/")
        self._opened = asyncio.Event()

    async def open(self) -> None:
        """Start what the application needs to run. It runs until the process ends."""
        self._running = asyncio.create_task(self._run())
        await self._opened.wait()

    async def _run(self) -> None:
        async with self.app.router.lifespan_context(self.app):
            self._opened.set()
            await asyncio.Event().wait()

    def seen(self) -> Response:
        """What was called."""
        operations = [[name, asdict(call)] for name, call in self._api.asked]
        return JSONResponse({"tools": self._counting.called, "operations": operations})


class Servers:
    """The application: every server under a path of its own, for the bearer of the token."""

    def __init__(self) -> None:
        self._servers: list[Server] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer, inner = await self._chosen(Request(scope, receive))
            await answer(inner, receive, send)

    async def _chosen(self, request: Request) -> tuple[ASGIApp, Scope]:
        _, number, *rest = request.url.path.split("/")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            problem = {"status": 401, "title": "Unauthenticated", "detail": "A valid token is required"}
            return JSONResponse(problem, 401, media_type="application/problem+json"), request.scope
        if not number:
            server = Server(Setup.read(await request.body()))
            await server.open()
            self._servers.append(server)
            return PlainTextResponse(f"/{len(self._servers) - 1}/"), request.scope
        server = self._servers[int(number)]
        if rest == ["seen"]:
            return server.seen(), request.scope
        path = "/" + "/".join(rest)
        return server.app, {**request.scope, "path": path, "raw_path": path.encode()}


def main() -> None:
    """Serve until the process is ended."""
    logging.disable()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        print(listener.getsockname()[1], flush=True)
        server = uvicorn.Server(uvicorn.Config(Servers(), lifespan="off", log_config=None))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
