"""The faults that are more than a status: what they do to the answer and to the connection.

`Connection` is the sandbox's grip on the transport under a request: it can reset it, close it half-way and
make the whole server go away for a while. `Misbehaviour` is an ASGI application that answers one request
wrongly; it has one method for each such kind of `faults.py`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from konnect_agent.sandbox.faults import STATUSES, Faults

_LOGIN_PAGE = (
    "<!doctype html><html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>"
)
_DRIPS = 10
_CHUNK = b"x" * (1 << 16)


@dataclass(frozen=True)
class Connection:
    """The transport of one connection; `go_away(seconds)` stops listening for that long."""

    transport: asyncio.Transport
    go_away: Callable[[float], Awaitable[None]]

    def reset(self) -> None:
        """Drop the connection with a TCP reset: the client cannot tell how far its request got."""
        raw: socket.socket | None = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def close(self) -> None:
        """End the connection after what has been written, in the middle of the answer if need be."""
        self.transport.close()


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    """Answers one request with one fault; `app` is the server that would have answered it."""

    kind: str
    faults: Faults
    app: ASGIApp
    message_id: Any
    connection: Connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers: dict[str, ASGIApp] = {
            "reset": self._reset,
            "refused": self._refused,
            "hang": self._hang,
            "lost": self._lost,
            "cut": self._cut,
            "slow": self._slow,
            "hidden-429": self._hidden,
            "oversize": self._oversize,
            "html": Response(_LOGIN_PAGE, media_type="text/html"),
            "garbage": Response(b"\x00\xff{{not json", media_type="application/json"),
        }
        await answers[self.kind](scope, receive, send)

    async def _reset(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.connection.reset()
        await _disconnected(receive)

    async def _refused(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.connection.go_away(self.faults.outage)

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        await self.app(scope, receive, last)

    async def _hang(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, _nowhere)
        await _disconnected(receive)

    async def _lost(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, _nowhere)
        await self._reset(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        done = False

        async def half(message: Message) -> None:
            nonlocal done
            body: bytes = message.get("body", b"")
            if done:
                return
            if not body:
                await send(message)
                return
            done = True
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
            self.connection.close()

        await self.app(scope, receive, half)
        await _disconnected(receive)

    async def _slow(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dripping(message: Message) -> None:
            body: bytes = message.get("body", b"")
            step = max(1, -(-len(body) // _DRIPS))
            for start in range(0, len(body), step):
                await send({**message, "body": body[start : start + step], "more_body": True})
                await asyncio.sleep(self.faults.drip / _DRIPS)
            await send({**message, "body": b""} if body else message)

        await self.app(scope, receive, dripping)

    async def _hidden(self, scope: Scope, receive: Receive, send: Send) -> None:
        title, detail = STATUSES["429"]
        problem = {"status": 429, "title": title, "instance": "konnect:trace:4290429", "detail": detail}
        body = self._result_around(json.dumps(problem))
        await Response(body, media_type="application/json")(scope, receive, send)

    async def _oversize(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, _, tail = self._result_around("#").partition(b"#")
        chunks, rest = divmod(self.faults.oversize, len(_CHUNK))

        async def body() -> AsyncIterator[bytes]:
            yield head
            for _ in range(chunks):
                if self.connection.transport.is_closing():  # the client has seen enough
                    return
                yield _CHUNK
            yield _CHUNK[:rest] + tail

        await StreamingResponse(body(), media_type="application/json")(scope, receive, send)

    def _result_around(self, text: str) -> bytes:
        """A successful tool result that holds this text."""
        result = {"resultType": "complete", "content": [{"type": "text", "text": text}]}
        return json.dumps({"jsonrpc": "2.0", "id": self.message_id, "result": result}).encode()


async def _nowhere(message: Message) -> None:
    """Swallow what the application sends."""


async def _disconnected(receive: Receive) -> None:
    """Wait until the connection is gone; uvicorn would answer for an application that returns earlier."""
    while (await receive())["type"] != "http.disconnect":
        pass
