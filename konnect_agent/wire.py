"""The HTTP seam under the MCP SDK: every exchange ends in one JSON answer or one known failure.

The SDK turns all HTTP failures into the same words and dies of some of them. `Wire` is the HTTP client it
is given: it sends the request, reads the whole answer (JSON, or the one event of an SSE stream that answers
this request) up to a cap, and hands the SDK clean JSON. A failure is written into the caller's `Exchange`
(found through a context variable) as an error of our tree, and the SDK gets a JSON-RPC error in its place,
so that the mcp session stays alive. The optional GET stream for server messages is refused here: nothing in
this library listens to it, and it would hold a connection.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from secrets import token_hex
from typing import Any

import anyio
import httpx2

from konnect_agent import jsonrpc
from konnect_agent.config import Config
from konnect_agent.decoding import as_object, undecodable
from konnect_agent.errors import ENDPOINT_HINT, KonnectError, SessionLost, TooLarge, Undecodable
from konnect_agent.jsonrpc import Answer
from konnect_agent.logs import redact_logs
from konnect_agent.outages import BROKEN, broken, cut, is_outage, no_endpoint, redirected, too_large
from konnect_agent.redaction import scrub
from konnect_agent.refusals import http_error, retry_after_seconds

_ERROR_BODY_CAP = 256 * 1024
_RESUMPTIONS = 2
_DRAIN = 0.25
_COURTESY = 1.0
_RESUMPTION_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_SERVER_REQUEST_IDS = ("x-kong-request-id", "x-request-id")
_SESSION_HEADERS = ("mcp-session-id", "mcp-protocol-version")
_PLAIN, _EVENTS = "application/json", "text/event-stream"
_EXCERPT = 300


@dataclass(slots=True)
class Exchange:
    """What happened on the wire for one request: the truth behind whatever the SDK reports.

    `connecting` is set while a connection is being made: a refusal then concerns all of it.
    """

    request_id: str = field(default_factory=lambda: token_hex(16))
    connecting: bool = False
    attempts: int = 0
    error: KonnectError | None = None


exchange: ContextVar[Exchange | None] = ContextVar("konnect_agent_exchange", default=None)


class Wire(httpx2.AsyncClient):
    """The HTTP client under one mcp session; with `client`, requests go out through that one."""

    def __init__(self, config: Config, client: httpx2.AsyncClient | None = None) -> None:
        self._cap = config.max_response_bytes
        self._idle = config.idle_timeout
        super().__init__(
            headers={**config.headers, "Authorization": f"Bearer {config.token}"},
            timeout=httpx2.Timeout(config.idle_timeout, connect=config.connect_timeout, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=config.max_in_flight),
            transport=_Through(client) if client else None,
            verify=_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            trust_env=client is None,
        )
        redact_logs()  # by now the libraries below have made all their loggers

    async def send(self, request: httpx2.Request, *, stream: bool = False, **kwargs: Any) -> httpx2.Response:
        """Send one message of the SDK. Never raises an HTTP failure: see the module docstring."""
        if request.method == "GET":
            return httpx2.Response(405, request=request)
        # The SDK follows a redirect on the same origin with a request whose body is still a stream.
        message = as_object(jsonrpc.parsed(await request.aread())) if request.method == "POST" else None
        rpc_id = message.get("id") if message else None
        if message is None or rpc_id is None:
            return await self._told(request, message, **kwargs)
        record = exchange.get() or Exchange()
        if record.connecting and record.error is not None and is_outage(record.error):
            # The SDK takes a failure of its first question for the sign of an older server, and asks on.
            return _failed(request, rpc_id, record.error)
        record.error = None
        request.headers["X-Request-Id"] = record.request_id
        limits = request.extensions["timeout"]
        limits["read"] = None  # how long an answer may take to begin is the caller's to say
        try:
            response = await super().send(request, stream=True, **kwargs)
            limits["read"] = self._idle
            if response.is_redirect:
                record.error = redirected(response)
                return response
            try:
                if response.status_code >= 400:
                    return await self._refused(response, rpc_id, record)
                return await self._answered(response, rpc_id, record)
            finally:
                await response.aclose()
        except KonnectError as error:
            failure = error
        except BROKEN as error:
            failure = broken(error, request)
        failure.request_id = failure.request_id or record.request_id
        record.error = failure
        return _failed(request, rpc_id, failure)

    async def _told(
        self, request: httpx2.Request, message: Mapping[str, Any] | None, **kwargs: Any
    ) -> httpx2.Response:
        """Send a notification, or the end of the mcp session; the SDK could do nothing about a failure."""
        limit = _COURTESY if message and message.get("method") == "notifications/cancelled" else None
        # Meanwhile the SDK sends nothing else: a server that swallows the courtesy must not stop the others.
        with anyio.move_on_after(limit), suppress(*BROKEN):
            await (await super().send(request, stream=True, **kwargs)).aclose()
        return httpx2.Response(204 if request.method == "DELETE" else 202, request=request)

    async def _refused(self, response: httpx2.Response, rpc_id: Any, record: Exchange) -> httpx2.Response:
        """4xx and 5xx: a failure, unless it is JSON-RPC's own way of saying no (era negotiation needs it)."""
        request, status = response.request, response.status_code
        body = b""
        with suppress(TooLarge, *BROKEN):  # the status is known, and says more than a broken body
            body = (await _whole(response, _ERROR_BODY_CAP)).content
        if status == 404 and "mcp-session-id" in request.headers:
            raise SessionLost("The server no longer knows the mcp session (HTTP 404).")
        said = (as_object(jsonrpc.parsed(body)) or {}).get("error")
        refusal = as_object(said)
        if refusal is not None and status in (400, 404, 405, 422):
            record.error = jsonrpc.refused(refusal, connecting=record.connecting)
            record.error.request_id = _request_id(response)
            return _json(response, jsonrpc.refusing(rpc_id, refusal))
        if status in (404, 405):
            raise no_endpoint(status)
        failure = http_error(
            status,
            said or body,
            retry_after=retry_after_seconds(response.headers.get("retry-after")),
            connecting=record.connecting,
        )
        failure.hint = failure.hint or (ENDPOINT_HINT if record.connecting else "")
        failure.request_id = _request_id(response)
        raise failure

    async def _answered(self, response: httpx2.Response, rpc_id: Any, record: Exchange) -> httpx2.Response:
        kind = _kind(response)
        if kind == _EVENTS:
            answer = await self._from_events(response, rpc_id, record)
        else:
            whole = await _whole(response, self._cap)
            body = whole.content
            found = jsonrpc.answer_to(rpc_id, jsonrpc.parsed(body), body, connecting=record.connecting)
            if found is None:
                raise _no_answer(response.status_code, kind, body)
            if found.text is body and kind == _PLAIN and response.status_code == 200:
                return whole
            answer = found
        record.error = answer.error
        return _json(response, answer.text)

    async def _from_events(self, response: httpx2.Response, rpc_id: Any, record: Exchange) -> Answer:
        """The answer to this request out of an event stream, resumed by event id when it breaks off."""
        request, stream = response.request, response
        last_id, pause, fruitless = "", _RESUMPTION_PAUSE, 0
        answer: Answer | None = None
        failure: KonnectError | None = None
        while True:
            fruitless += 1
            try:
                with anyio.CancelScope() as reading:
                    async for event in httpx2.EventSource(stream, max_event_size=self._cap):
                        fruitless = 0
                        last_id = event.id or last_id
                        pause = min(event.retry / 1000, _LONGEST_PAUSE) if event.retry is not None else pause
                        if answer is not None or failure is not None or not event.data:
                            continue
                        message = jsonrpc.parsed(event.data)
                        answer = jsonrpc.answer_to(rpc_id, message, event.data, connecting=record.connecting)
                        reply = jsonrpc.reply_to(message)
                        if answer is not None:
                            # Read to the end, which is near: it frees the connection for the next call.
                            reading.deadline = anyio.current_time() + _DRAIN
                        elif reply is not None:
                            await self._reply(request, reply)
                        elif event.event == "message" and not isinstance(message, (dict, list)):
                            failure = undecodable("an event that is no JSON", event.data[:_EXCERPT], "event")
                            reading.cancel()  # see _whole
            except httpx2.SSEError as error:
                raise too_large(self._cap, self._cap) from error
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
            stream = await self._resumed(request, last_id)

    async def _resumed(self, request: httpx2.Request, last_id: str) -> httpx2.Response:
        """The rest of an event stream that broke off after the event `last_id`."""
        headers = {**_of_session(request), "Accept": _EVENTS, "Last-Event-ID": last_id}
        resumption = self.build_request("GET", request.url, headers=headers)
        try:
            stream = await super().send(resumption, stream=True, follow_redirects=False)
        except httpx2.ReadTimeout:
            raise
        except httpx2.HTTPError as error:
            # In other words than the network's: whatever happens here, the request itself has been sent.
            raise cut() from error
        if stream.status_code != 200 or _kind(stream) != _EVENTS:
            await stream.aclose()
            raise cut()
        return stream

    async def _reply(self, request: httpx2.Request, reply: Mapping[str, Any]) -> None:
        """Answer what the server asks in the middle of `request`; if it takes no answer, it waits in vain."""
        headers = {**_of_session(request), "Accept": f"{_PLAIN}, {_EVENTS}"}
        message = self.build_request("POST", request.url, json=reply, headers=headers)
        with anyio.move_on_after(_COURTESY), suppress(*BROKEN):
            await (await super().send(message, stream=True, follow_redirects=False)).aclose()


class _Through(httpx2.AsyncBaseTransport):
    """Sends through a client of the caller's: its proxies, certificates and limits apply."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._client.send(request, stream=True, follow_redirects=False)


@cache
def _certificates(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    """The trusted certificates; reading them takes longer than connecting. The arguments are what decides."""
    return httpx2.create_ssl_context()


async def _whole(response: httpx2.Response, cap: int) -> httpx2.Response:
    """The response with its whole body, at most `cap` bytes after decompression."""
    headers = response.headers
    told = headers.get("content-length", "")
    fits = told.isascii() and told.isdigit() and len(told) < 16 and int(told) <= cap
    if fits and "content-encoding" not in headers:
        await response.aread()
        return response
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
    return _copied(response, b"".join(chunks), headers.get("content-type", ""))


def _request_id(response: httpx2.Response) -> str | None:
    """The id under which the server itself knows the request."""
    named = (scrub(response.headers.get(name, "")) for name in _SERVER_REQUEST_IDS)
    return next(filter(None, named), None)


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_answer(status: int, kind: str, body: bytes) -> Undecodable:
    """The error for a body without the answer, saying what it is instead."""
    shown, start = body[:_EXCERPT].decode("utf-8", "replace"), body.lstrip()[:1]
    if not start:
        return undecodable(f"HTTP {status} without an answer", kind, "body")
    if start in (b"{", b"["):
        return undecodable("no JSON-RPC answer to this request", shown, "body")
    page = start == b"<"
    what = "an HTML page (from a login or a proxy?)" if page else "something that is no JSON"
    failure = undecodable(f"{what} instead of an MCP answer", shown, "body")
    failure.hint = ENDPOINT_HINT if page else failure.hint
    return failure


def _json(response: httpx2.Response, content: str | bytes) -> httpx2.Response:
    """A plain JSON response in the place of `response`."""
    return _copied(response, content, _PLAIN)


def _copied(response: httpx2.Response, content: str | bytes, kind: str) -> httpx2.Response:
    """A response of `content` in the place of `response`, with the header the SDK reads."""
    session = response.headers.get("mcp-session-id")
    headers = {"content-type": kind, **({"mcp-session-id": session} if session else {})}
    return httpx2.Response(200, headers=headers, content=content, request=response.request)


def _failed(request: httpx2.Request, rpc_id: Any, failure: KonnectError) -> httpx2.Response:
    content = jsonrpc.refusing(rpc_id, {"message": failure.message})
    return httpx2.Response(200, headers={"content-type": _PLAIN}, content=content, request=request)


def _of_session(request: httpx2.Request) -> dict[str, str]:
    """The headers that place another request beside this one in the mcp session."""
    return {name: request.headers[name] for name in _SESSION_HEADERS if name in request.headers}
