"""The HTTP seam under the MCP SDK: every exchange ends in one JSON answer or one known failure.

The SDK turns all HTTP failures into the same words and dies of some of them. `Wire` is the HTTP client it
is given: it sends the request, reads the whole answer (JSON, or the one event of an SSE stream that answers
this request) up to a cap, and hands the SDK clean JSON. A failure is written into the caller's `Exchange`
(found through a context variable) as an error of our tree, and the SDK gets a JSON-RPC error in its place,
so that the mcp session stays alive. The optional GET stream for server messages is refused here: nothing in
this library listens to it, and it would hold a connection.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from secrets import token_hex
from typing import Any, cast

import anyio
import httpx2
from pydantic_core import from_json

from konnect_agent.config import Config
from konnect_agent.decoding import undecodable
from konnect_agent.errors import (
    ConnectionFailed,
    HttpError,
    KonnectError,
    RateLimited,
    ServerError,
    SessionLost,
    TimedOut,
    TooLarge,
    Unreachable,
)
from konnect_agent.redaction import scrub
from konnect_agent.refusals import http_error, retry_after_seconds

_ERROR_BODY_CAP = 256 * 1024
_RESUMPTIONS = 2
_DRAIN = 0.25
_COURTESY = 1.0
_BROKEN = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)
_RESUMPTION_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_SERVER_REQUEST_IDS = ("x-kong-request-id", "x-request-id")


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
        super().__init__(
            headers={**config.headers, "Authorization": f"Bearer {config.token}"},
            timeout=httpx2.Timeout(config.idle_timeout, connect=config.connect_timeout, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=config.max_in_flight),
            transport=_Through(client) if client else None,
            verify=_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            trust_env=client is None,
        )

    async def send(self, request: httpx2.Request, *, stream: bool = False, **kwargs: Any) -> httpx2.Response:
        """Send one message of the SDK. Never raises an HTTP failure: see the module docstring."""
        if request.method == "GET":
            return httpx2.Response(405, request=request)
        # The SDK follows a redirect on the same origin with a request whose body is still a stream.
        message = _parsed(await request.aread()) if request.method == "POST" else None
        rpc_id = cast("Mapping[str, Any]", message).get("id") if isinstance(message, Mapping) else None
        if rpc_id is None:
            return await self._told(request, message, **kwargs)
        record = exchange.get() or Exchange()
        if record.connecting and record.error is not None and _is_outage(record.error):
            # The SDK takes a failure of its first question for the sign of an older server, and asks on.
            return _failed(request, rpc_id, record.error)
        record.error = None
        request.headers["X-Request-Id"] = record.request_id
        try:
            response = await super().send(request, stream=True, **kwargs)
            if response.is_redirect:
                record.error = _redirected(response)
                return response
            try:
                if response.status_code >= 400:
                    return await self._refused(response, rpc_id, record)
                return await self._answered(response, rpc_id)
            finally:
                await response.aclose()
        except KonnectError as error:
            failure = error
        except httpx2.TimeoutException as error:
            failure = _timed_out(error, request)
        except _BROKEN as error:
            failure = _unreachable(error, request)
        failure.request_id = failure.request_id or record.request_id
        record.error = failure
        return _failed(request, rpc_id, failure)

    async def _told(self, request: httpx2.Request, message: Any, **kwargs: Any) -> httpx2.Response:
        """Send a notification, or the end of the mcp session; the SDK could do nothing about a failure."""
        method = cast("Mapping[str, Any]", message).get("method") if isinstance(message, Mapping) else None
        limit = _COURTESY if method == "notifications/cancelled" else None
        # Meanwhile the SDK sends nothing else: a server that swallows the courtesy must not stop the others.
        with anyio.move_on_after(limit), suppress(*_BROKEN):
            await (await super().send(request, stream=True, **kwargs)).aclose()
        return httpx2.Response(204 if request.method == "DELETE" else 202, request=request)

    async def _refused(self, response: httpx2.Response, rpc_id: Any, record: Exchange) -> httpx2.Response:
        """4xx and 5xx: a failure, unless it is JSON-RPC's own way of saying no (era negotiation needs it)."""
        request, status = response.request, response.status_code
        body = b""
        with suppress(TooLarge, *_BROKEN):  # the status is known, and says more than a broken body
            body = await _read(response, _ERROR_BODY_CAP)
        for name in _SERVER_REQUEST_IDS:
            record.request_id = scrub(response.headers.get(name, "")) or record.request_id
        if status == 404 and "mcp-session-id" in request.headers:
            raise SessionLost("The server no longer knows the mcp session (HTTP 404).")
        parsed = _parsed(body)
        rpc_error = cast("Mapping[str, Any]", parsed).get("error") if isinstance(parsed, Mapping) else None
        if isinstance(rpc_error, Mapping) and status in (400, 404, 405, 422):
            return _rpc_error(request, rpc_id, cast("Mapping[str, Any]", rpc_error))
        if status in (404, 405):
            raise HttpError(
                f"HTTP {status}: there is no MCP endpoint at this URL.",
                status=status,
                hint="Use the root of the regional host, such as https://us.mcp.konghq.com/.",
            )
        raise http_error(
            status,
            rpc_error or body,
            retry_after=retry_after_seconds(response.headers.get("retry-after")),
            connecting=record.connecting,
        )

    async def _answered(self, response: httpx2.Response, rpc_id: Any) -> httpx2.Response:
        kind = _kind(response)
        if kind == "text/event-stream":
            return await self._from_events(response, rpc_id)
        body = await _read(response, self._cap)
        start = body.lstrip()[:1]
        if response.status_code == 202 or not start:
            raise undecodable(f"HTTP {response.status_code} without an answer", kind, "body")
        if start not in (b"{", b"["):
            what = "an HTML page (from a login or a proxy?)" if start == b"<" else "something that is no JSON"
            raise undecodable(f"{what} instead of an MCP answer", _excerpt(body), "body")
        found = _answer_to(rpc_id, body)
        if found is None:
            raise undecodable("no JSON-RPC answer to this request", _excerpt(body), "body")
        return _json(response, found)

    async def _from_events(self, response: httpx2.Response, rpc_id: Any) -> httpx2.Response:
        """The answer to this request out of an event stream, resumed by event id when it breaks off."""
        request, stream = response.request, response
        last_id, pause, fruitless = "", _RESUMPTION_PAUSE, 0
        answer: bytes | None = None
        failure: KonnectError | None = None
        while True:
            fruitless += 1
            try:
                with anyio.CancelScope() as reading:
                    async for event in httpx2.EventSource(stream, max_event_size=self._cap):
                        fruitless = 0
                        last_id = event.id or last_id
                        pause = min(event.retry / 1000, _LONGEST_PAUSE) if event.retry is not None else pause
                        if answer is None and failure is None and event.event == "message" and event.data:
                            answer, failure = _answer_in_event(rpc_id, event.data)
                            if failure is not None:
                                reading.cancel()  # see _read
                            if answer is not None:
                                # Read to the end, which is near: it frees the connection for the next call.
                                reading.deadline = anyio.current_time() + _DRAIN
            except httpx2.SSEError as error:
                raise _too_large(self._cap, self._cap) from error
            except (httpx2.NetworkError, httpx2.ProtocolError, httpx2.StreamError):
                pass  # broken off: resumed below if the server numbers its events
            finally:
                await stream.aclose()
            if failure is not None:
                raise failure
            if answer is not None:
                return _json(response, answer)
            if not last_id or fruitless > _RESUMPTIONS:
                raise _cut()
            await anyio.sleep(pause)
            stream = await self._resumed(request, last_id)

    async def _resumed(self, request: httpx2.Request, last_id: str) -> httpx2.Response:
        """The rest of an event stream that broke off after the event `last_id`."""
        resumption = _resumption(self, request, last_id)
        try:
            stream = await super().send(resumption, stream=True, follow_redirects=False)
        except httpx2.HTTPError as error:
            # In other words than the network's: whatever happens here, the request itself has been sent.
            raise _cut() from error
        if stream.status_code != 200 or _kind(stream) != "text/event-stream":
            await stream.aclose()
            raise _cut()
        return stream


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


async def _read(response: httpx2.Response, cap: int) -> bytes:
    """The whole body, at most `cap` bytes after decompression."""
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
        raise _too_large(size, cap)
    return b"".join(chunks)


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(size: int, cap: int) -> TooLarge:
    seen = f"{size:,} bytes of it came" if size > cap else "in a single event"
    return TooLarge(f"The answer exceeds the cap of {cap:,} bytes: {seen}.", size=size, cap=cap)


def _cut() -> Unreachable:
    return Unreachable("The connection was cut before the answer was complete.")


def _answer_to(rpc_id: Any, text: bytes) -> bytes | None:
    """The JSON-RPC answer to `rpc_id` inside `text` (alone, or in a batch), None if it is not there."""
    parsed = _parsed(text)
    batch = cast("list[Any]", parsed) if isinstance(parsed, list) else [parsed]
    for entry in batch:
        if not isinstance(entry, dict) or not {"result", "error"} & set(cast("dict[str, Any]", entry)):
            continue
        answer = cast("dict[str, Any]", entry)
        if answer.get("id") == rpc_id and entry is parsed:
            return text
        if str(answer.get("id")) == str(rpc_id) or (answer.get("id") is None and "error" in answer):
            return json.dumps({**answer, "id": rpc_id}).encode()
    return None


def _answer_in_event(rpc_id: Any, data: str) -> tuple[bytes | None, KonnectError | None]:
    """The answer if this event is it, or why it can be no message at all; neither for other messages."""
    body = data.encode()
    found = _answer_to(rpc_id, body)
    if found is None and not isinstance(_parsed(body), (dict, list)):
        return None, undecodable("an event that is no JSON", _excerpt(body), "event")
    return found, None


def _json(response: httpx2.Response, body: bytes) -> httpx2.Response:
    """A plain JSON response in the place of `response`, keeping the header the SDK reads."""
    session = response.headers.get("mcp-session-id")
    headers = {"content-type": "application/json", **({"mcp-session-id": session} if session else {})}
    return httpx2.Response(200, headers=headers, content=body, request=response.request)


def _is_outage(error: KonnectError) -> bool:
    """Whether the server could not be asked, or not now; 500 and 501 may be all an old one has to say."""
    if isinstance(error, ServerError):
        return error.status not in (500, 501)
    return isinstance(error, (ConnectionFailed, RateLimited))


def _failed(request: httpx2.Request, rpc_id: Any, failure: KonnectError) -> httpx2.Response:
    return _rpc_error(request, rpc_id, {"code": -32000, "message": failure.message})


def _rpc_error(request: httpx2.Request, rpc_id: Any, error: Mapping[str, Any]) -> httpx2.Response:
    content = json.dumps({"jsonrpc": "2.0", "id": rpc_id, "error": dict(error)})
    return httpx2.Response(
        200, headers={"content-type": "application/json"}, content=content, request=request
    )


def _resumption(client: httpx2.AsyncClient, request: httpx2.Request, last_id: str) -> httpx2.Request:
    session = {name: value for name, value in request.headers.items() if name.startswith("mcp-")}
    headers = {**session, "Accept": "text/event-stream", "Last-Event-ID": last_id}
    return client.build_request("GET", request.url, headers=headers)


def _redirected(response: httpx2.Response) -> HttpError:
    target = response.next_request.url if response.next_request else None
    where = target.copy_with(userinfo=b"", query=None, fragment=None) if target else "nowhere"
    return HttpError(
        f"HTTP {response.status_code}: redirected to {where}, which was not followed: it would take the "
        "token to another origin, or turn the message into something else.",
        status=response.status_code,
        hint="If that is the intended server, give its URL as url= / --url.",
    )


def _timed_out(error: httpx2.TimeoutException, request: httpx2.Request) -> TimedOut:
    limits: dict[str, Any] = request.extensions.get("timeout", {})
    if isinstance(error, httpx2.ConnectTimeout):
        seconds = limits.get("connect")
        return TimedOut(f"No connection within {seconds:g} s (connect_timeout).", limit="connect", sent=False)
    seconds = limits.get("read")
    return TimedOut(
        f"The server was silent for {seconds:g} s in the middle of an answer (idle_timeout).", limit="idle"
    )


def _unreachable(error: Exception, request: httpx2.Request) -> Unreachable:
    causes = tuple(_causes(error))
    words = next((str(cause) for cause in causes if str(cause)), type(error).__name__)
    host = request.url.host
    if isinstance(error, httpx2.ConnectError):
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            what = f"The TLS handshake with {host} failed: {words}"
        elif any(isinstance(cause, socket.gaierror) for cause in causes):
            what = f"The name {host} does not resolve: {words}"
        else:
            what = f"No connection to {host}: {words}"
        return Unreachable(what, sent=False)
    if isinstance(error, (httpx2.ProxyError, httpx2.UnsupportedProtocol)):
        return Unreachable(f"No connection to {host} through the proxy: {words}", sent=False)
    return Unreachable(f"The connection to {host} broke: {words}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what led to it: under trio only the first of them says what it was."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _excerpt(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")


def _parsed(body: bytes | str) -> Any:
    try:
        return from_json(body)  # twice as fast as json.loads, and this is most of what a call costs here
    except ValueError:
        return None
