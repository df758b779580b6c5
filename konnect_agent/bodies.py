"""What the body of a response says: the answer to one request, out of JSON or out of an event stream.

Nothing is read beyond the cap, after decompression. A content type is believed only when it announces
events: whatever else comes is read as JSON, and told for what it is when it is none. An event stream is read
until the event that answers this request; what the server asks meanwhile is answered, and a stream that
breaks off is resumed behind its last event, if the server numbers them (MCP, Streamable HTTP).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx2

from konnect_agent import jsonrpc
from konnect_agent.decoding import Object, undecodable
from konnect_agent.errors import ENDPOINT_HINT, KonnectError, Undecodable
from konnect_agent.outages import cut, too_large

PLAIN, EVENTS = "application/json", "text/event-stream"

_RESUMPTIONS = 2
_DRAIN = 0.25
_RESUMPTION_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_EXCERPT = 300


def holds_events(response: httpx2.Response) -> bool:
    """Whether an event stream follows."""
    return _kind(response) == EVENTS


async def answer_in(response: httpx2.Response, rpc_id: Any, *, cap: int) -> Object:
    """The answer that a response holds, its `result` or its `error`. Raises `Undecodable`, `TooLarge`."""
    body = await whole(response, cap)
    answer = jsonrpc.answer_to(rpc_id, jsonrpc.parsed(body))
    if answer is None:
        raise _no_answer(response, body)
    return answer


async def answer_among_events(
    stream: httpx2.Response,
    rpc_id: Any,
    *,
    cap: int,
    resume: Callable[[str], Awaitable[httpx2.Response]],
    reply: Callable[[Object], Awaitable[None]],
) -> Object:
    """The answer in an event stream, its `result` or its `error`; all streams are closed afterwards.

    `resume` opens the rest of a stream that broke off, by the id of the last event, or raises; `reply` sends
    what there is to say to a request of the server's own. Raises `Undecodable`, `TooLarge`, `Unreachable`.
    """
    last_id, pause, fruitless = "", _RESUMPTION_PAUSE, 0
    answer: Object | None = None
    failure: KonnectError | None = None
    while True:
        fruitless += 1
        try:
            with anyio.CancelScope() as reading:
                async for event in httpx2.EventSource(stream, max_event_size=cap):
                    fruitless = 0
                    last_id = event.id or last_id
                    pause = min(event.retry / 1000, _LONGEST_PAUSE) if event.retry is not None else pause
                    if answer is not None or failure is not None or not event.data:
                        continue
                    message = jsonrpc.parsed(event.data)
                    answer = jsonrpc.answer_to(rpc_id, message)
                    said = jsonrpc.reply_to(message)
                    if answer is not None:
                        # Read to the end, which is near: it frees the connection for the next call.
                        reading.deadline = anyio.current_time() + _DRAIN
                    elif said is not None:
                        await reply(said)
                    elif event.event == "message" and not isinstance(message, (dict, list)):
                        failure = undecodable("an event that is no JSON", event.data[:_EXCERPT], "event")
                        reading.cancel()  # see `whole`
        except httpx2.SSEError as error:
            raise too_large(cap, cap) from error
        except (httpx2.NetworkError, httpx2.ProtocolError, httpx2.StreamError):
            pass  # broken off: resumed below if the server numbers its events
        finally:
            await stream.aclose()
        if failure is not None:
            raise failure
        if answer is not None:
            return answer
        if not last_id or fruitless > _RESUMPTIONS:
            raise cut()
        await anyio.sleep(pause)
        stream = await resume(last_id)


async def whole(response: httpx2.Response, cap: int) -> bytes:
    """The body of a response, at most `cap` bytes after decompression."""
    headers = response.headers
    told = headers.get("content-length", "")
    fits = told.isascii() and told.isdigit() and len(told) < 16 and int(told) <= cap
    if fits and "content-encoding" not in headers:
        return await response.aread()
    chunks: list[bytes] = []
    size = 0
    with anyio.CancelScope() as reading:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size <= cap:
                chunks.append(chunk)
            else:
                # Leaving the loop would leave the generators below it open; cancelled, they all end.
                reading.cancel()
    if size > cap:
        raise too_large(size, cap)
    return b"".join(chunks)


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_answer(response: httpx2.Response, body: bytes) -> Undecodable:
    """The error for a body without the answer, saying what it is instead."""
    shown, start = body[:_EXCERPT].decode("utf-8", "replace"), body.lstrip()[:1]
    if not start:
        return undecodable(f"HTTP {response.status_code} without an answer", _kind(response), "body")
    if start in (b"{", b"["):
        return undecodable("no JSON-RPC answer to this request", shown, "body")
    page = start == b"<"
    what = "an HTML page (from a login or a proxy?)" if page else "something that is no JSON"
    failure = undecodable(f"{what} instead of an MCP answer", shown, "body")
    failure.hint = ENDPOINT_HINT if page else failure.hint
    return failure
