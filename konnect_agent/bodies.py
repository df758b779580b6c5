"""What the body of a response says: the answer to one request, out of JSON or out of an event stream.

Nothing is read beyond the cap, after decompression, which goes step by step: a limit of time or size can end
it anywhere. A content type is believed only when it announces events: whatever else comes is read as JSON,
and told for what it is when it is none: cut, if it ends too early and no frame says that this was all. An
event stream is read until the event that answers this request; what the server asks meanwhile is answered,
and a stream that breaks off is resumed behind its last event, if the server numbers them (MCP, Streamable
HTTP).
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import httpx2
from anyio.lowlevel import checkpoint

from konnect_agent import jsonrpc
from konnect_agent.decoding import Object, undecodable
from konnect_agent.errors import ENDPOINT_HINT, KonnectError
from konnect_agent.outages import cut, too_large, unanswered

PLAIN, EVENTS = "application/json", "text/event-stream"

_RESUMPTIONS = 2
# In seconds, how long an answer waits: for the end of its stream, which mostly comes at once and frees the
# connection for the next call; and, when it is an error about no request in particular, for a better one.
_DRAIN, _SECOND_THOUGHTS = 0.02, 1.0
_RESUMPTION_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_FRAMES = {"content-length", "transfer-encoding"}  # without them, a body ends with its connection
_READ = 20_000
_GZIP, _GZIP_FRAME, _PIECE = ("gzip", "x-gzip"), 16 + zlib.MAX_WBITS, 1024 * 1024


def holds_events(response: httpx2.Response) -> bool:
    """Whether an event stream follows."""
    return _kind(response) == EVENTS


async def answer_in(response: httpx2.Response, rpc_id: Any, *, cap: int) -> Object:
    """The answer that a response holds, its `result` or its `error`.

    Raises `Undecodable`, `TooLarge`, and `Unreachable` when it breaks off.
    """
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
        broken = False
        try:
            with anyio.CancelScope() as reading:
                async for event in httpx2.EventSource(_step_by_step(stream), max_event_size=cap):
                    fruitless = 0
                    last_id = event.id or last_id
                    pause = min(event.retry / 1000, _LONGEST_PAUSE) if event.retry is not None else pause
                    if failure is not None or not event.data or (answer and answer["id"] is not None):
                        continue
                    message = jsonrpc.parsed(event.data)
                    found, said = jsonrpc.answer_to(rpc_id, message), jsonrpc.reply_to(message)
                    if found is not None:
                        answer = found
                        limit = _SECOND_THOUGHTS if answer["id"] is None else _DRAIN
                        reading.deadline = anyio.current_time() + limit
                    elif said is not None:
                        await reply(said)
                    elif event.event == "message" and not isinstance(message, (dict, list)):
                        failure = undecodable("an event that is no JSON", event.data, "event")
                        reading.cancel()  # see `whole`
        except httpx2.SSEError as error:
            raise too_large(cap, cap) from error
        except (httpx2.NetworkError, httpx2.ProtocolError, httpx2.StreamError):
            broken = True  # resumed below if the server numbers its events
        finally:
            await stream.aclose()
        if failure is not None:
            raise failure
        if answer is not None:
            return answer
        if not last_id or fruitless > _RESUMPTIONS:
            raise cut() if broken else unanswered()
        await anyio.sleep(pause)
        stream = await resume(last_id)


async def whole(response: httpx2.Response, cap: int) -> bytes:
    """The body of a response, at most `cap` bytes after decompression."""
    chunks: list[bytes] = []
    size = 0
    with anyio.CancelScope() as reading:
        async for chunk in _step_by_step(response).aiter_bytes():
            size += len(chunk)
            if size <= cap:
                chunks.append(chunk)
            else:
                # Leaving the loop would leave the generators below it open; cancelled, they all end.
                reading.cancel()
    if size > cap:
        raise too_large(size, cap)
    return b"".join(chunks)


def _step_by_step(response: httpx2.Response) -> httpx2.Response:
    """The response, with room for a cancellation between any two pieces of what a compressed body becomes.

    What comes in at once may become gigabytes. Raises `Undecodable` for several encodings on top of each
    other: nobody asks for that, and nothing would come out of some for a long time.
    """
    encodings = _encodings(response)
    if not encodings:
        return response
    if len(encodings) > 1:
        raise undecodable("several encodings on top of each other", ", ".join(encodings), "body")
    inflating = _unzipped(response) if encodings[0] in _GZIP else response.aiter_bytes()

    async def pieces() -> AsyncGenerator[bytes]:
        async with aclosing(inflating) as inflated:
            async for piece in inflated:
                yield piece
                await checkpoint()

    kept = {"content-type": response.headers.get("content-type", "")}
    return httpx2.Response(response.status_code, headers=kept, content=pieces(), request=response.request)


def _encodings(response: httpx2.Response) -> list[str]:
    told = response.headers.get_list("content-encoding", split_commas=True)
    names = [name.strip().lower() for name in told]
    return [name for name in names if name not in ("", "identity")]


async def _unzipped(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """A gzip body, member after member (RFC 1952); what follows them and is none is left out."""
    members = _Members()
    async with aclosing(response.aiter_raw()) as compressed:
        async for data in compressed:
            for piece in members.inflated(data):
                yield piece


class _Members:
    """The gzip members read so far, of which the last one may go on."""

    def __init__(self) -> None:
        self._member, self._number, self._began = zlib.decompressobj(_GZIP_FRAME), 1, False
        self._over = False

    def inflated(self, data: bytes) -> Iterator[bytes]:
        """What comes of some more bytes, in pieces of limited size. Raises `httpx2.DecodingError`."""
        while not self._over:
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error as error:
                self._over = self._number > 1 and not self._began
                if not self._over:
                    raise httpx2.DecodingError(str(error)) from error
                return
            if piece:
                self._began = True
                yield piece
            if self._member.eof:
                data = self._member.unused_data
                self._member, self._began = zlib.decompressobj(_GZIP_FRAME), False
                self._number += 1
            else:
                data = self._member.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_answer(response: httpx2.Response, body: bytes) -> KonnectError:
    """The error for a body without the answer, saying what it is instead."""
    shown, start = body[:_READ].decode("utf-8", "replace"), body.lstrip()[:1]
    framed = _FRAMES & response.headers.keys() and not _encodings(response)
    if not framed and response.num_bytes_downloaded and jsonrpc.breaks_off(body):
        return cut()
    if not start:
        return undecodable(f"HTTP {response.status_code} without an answer", _kind(response), "body")
    if start in (b"{", b"["):
        return undecodable("no JSON-RPC answer to this request", shown, "body")
    page = start == b"<"
    what = "an HTML page (from a login or a proxy?)" if page else "something that is no JSON"
    failure = undecodable(f"{what} instead of an MCP answer", shown, "body")
    failure.hint = ENDPOINT_HINT if page else failure.hint
    return failure
