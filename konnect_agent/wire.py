"""MCP over HTTP: below one mcp session of the SDK, where every request ends in its answer or in one error.

The SDK's own transport turns all failures into the same words and dies of some of them. `Wire` is a
dispatcher: the SDK negotiates the era, writes the questions and checks the answers, this carries them.
1. An exchange happens in the task that asks: an error of our tree is raised where it belongs, and a cancelled
   task ends its own exchange and nobody else's.
2. The answer is in the body (see `bodies`); a status of 400 or more says why there is none.
3. While connecting, a server that says no may be of another era: the SDK hears it as its own `MCPError` and
   asks on. Our error waits in the `Exchange` (found through a context variable) until the SDK gives up.
4. The optional GET stream for server messages is never opened: nothing in this library listens to it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from secrets import token_hex
from typing import Any, cast

import anyio
import httpx2
from anyio.abc import TaskGroup, TaskStatus
from mcp import MCPError
from mcp.shared.dispatcher import CallOptions
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic_core import to_json

from konnect_agent import events, jsonrpc
from konnect_agent.bodies import EVENTS, PLAIN, answer_among_events, answer_in, holds_events, whole
from konnect_agent.config import Config
from konnect_agent.credentials import keep_secret
from konnect_agent.decoding import Object, as_object
from konnect_agent.errors import ENDPOINT_HINT, HttpError, KonnectError, SessionLost, TimedOut, Unreachable
from konnect_agent.http_client import http_client
from konnect_agent.logs import redact_logs
from konnect_agent.outages import BROKEN, broken, closed, cut, foreign, is_outage, no_endpoint, redirected
from konnect_agent.redaction import scrub
from konnect_agent.refusals import http_error, retry_after_seconds
from konnect_agent.regions import is_konnect
from konnect_agent.telemetry import traced
from konnect_agent.wording import is_lost_session, is_other_era

_ERROR_BODY_CAP = 256 * 1024
_COURTESY = 1.0
_SERVER_REQUEST_IDS = ("x-kong-request-id", "x-request-id")
_ENDED = "The mcp session ended."
_SESSION, _VERSION = "mcp-session-id", "mcp-protocol-version"


@dataclass(slots=True)
class Exchange:
    """What happens on the wire for one operation of ours, which may take several requests.

    `connecting` is set while a connection is being made: a refusal then concerns all of it, and waits in
    `refused` until the SDK has tried every era. `said` is the JSON-RPC error that came last, if one did, and
    `headers` those of the answer; None where no gateway can be on the way.
    """

    request_id: str = field(default_factory=lambda: token_hex(16))
    connecting: bool = False
    attempts: int = 0
    refused: KonnectError | None = None
    said: Object = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] | None = None


exchange: ContextVar[Exchange | None] = ContextVar("konnect_agent_exchange", default=None)


@asynccontextmanager
async def connected(config: Config, client: httpx2.AsyncClient | None = None) -> AsyncGenerator[Wire]:
    """A wire for one mcp session, which is ended at the server when the block ends.

    With `client`, requests go out through that one: its proxies, certificates and limits apply, and it stays
    its owner's to close. Raises `ConfigError` for what the environment says about certificates and proxies.
    """
    async with AsyncExitStack() as stack:
        http = client or await stack.enter_async_context(http_client(config))
        background = await stack.enter_async_context(anyio.create_task_group())
        wire = Wire(config, http, background)
        try:
            yield wire
        finally:
            await wire.end()


class Wire:
    """The dispatcher of one mcp session; `connected` makes it."""

    def __init__(self, config: Config, http: httpx2.AsyncClient, background: TaskGroup) -> None:
        self._config, self._http, self._background = config, http, background
        self._url = httpx2.URL(config.url)
        headers = httpx2.Headers(http.headers)
        keep_secret(headers)
        headers.update({**config.headers, "Accept": f"{PLAIN}, {EVENTS}", "Content-Type": PLAIN})
        self._headers = {**headers, "authorization": f"Bearer {config.token}"}
        self._place: dict[str, str] = {}  # the headers that name our mcp session and its era
        self._numbers = count(1)
        self._under_way: set[anyio.CancelScope] = set()
        self._ended = False
        redact_logs()  # by now the libraries below have made all their loggers

    async def run(
        self, *handlers: object, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED, **more: object
    ) -> None:
        """Nothing, until cancelled: what the server asks of us is answered where it comes, in an answer."""
        task_status.started()
        await anyio.sleep_forever()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """The result of one request of the SDK.

        Raises one error of the tree; while connecting, `MCPError` for whatever need not be the last word.
        """
        if self._ended:
            raise Unreachable(_ENDED, sent=False)
        opts = opts or {}
        record, rpc_id = exchange.get() or Exchange(), next(self._numbers)
        record.refused, record.said = None, {}
        message = jsonrpc.request(rpc_id, method, {**(params or {}), **traced(params)})
        request = self._request("POST", self._placed(method, opts), to_json(message))
        request.headers["x-request-id"] = record.request_id
        # How long an answer may take to begin is the caller's to say. Only the SDK's first question, to which
        # older servers may say nothing, has a limit of its own, and leaves time for another one.
        probe = opts.get("timeout")
        patience = None if probe is None else min(probe, self._config.call_timeout / 2)
        request.extensions["timeout"]["read"] = patience
        try:
            takes_back = opts.get("cancel_on_abandon", True)
            answer = await self._exchanged(request, rpc_id, record, takes_back=takes_back)
            if "result" in answer:
                return cast("dict[str, Any]", answer["result"])
            record.said = answer["error"]
            failure = jsonrpc.refused(record.said, connecting=record.connecting, headers=record.headers)
        except BROKEN as error:
            failure = broken(error, request)
        except KonnectError as error:
            failure = error
        failure.request_id = failure.request_id or record.request_id
        unheard = probe is not None and isinstance(failure, TimedOut) and failure.limit == "idle"
        if not record.connecting or (is_outage(failure) and not unheard):
            raise failure
        record.refused = failure
        raise MCPError(**jsonrpc.refusing(record.said or {"message": failure.message}))

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        """Send what has no answer; nothing could be done about a failure."""
        message = jsonrpc.request(None, method, params)
        await self._tell(self._request("POST", self._placed(method, opts or {}), to_json(message)))

    async def end(self) -> None:
        """Cut off what is under way, and end the mcp session at the server, if it has them."""
        self._ended = True
        for under_way in tuple(self._under_way):
            under_way.cancel()
        if _SESSION in self._place:
            await self._tell(self._request("DELETE", self._place), limit=_COURTESY)

    def _take_back(self, rpc_id: int) -> None:
        """Tell the server that nobody waits for an answer any more; for newer ones, hanging up says it."""
        if self._ended or self._place.get(_VERSION) in MODERN_PROTOCOL_VERSIONS:
            return
        message = jsonrpc.request(None, "notifications/cancelled", {"requestId": rpc_id})
        request = self._request("POST", self._place, to_json(message))
        self._background.start_soon(partial(self._tell, request, limit=_COURTESY))

    def _placed(self, method: str, opts: CallOptions) -> dict[str, str]:
        """The headers that place a message in the mcp session, with those the SDK has put on it."""
        stamped = opts.get("headers", {})
        if method == "initialize":
            self._place.pop(_VERSION, None)  # it is about to be negotiated
        elif _VERSION in stamped:
            self._place[_VERSION] = stamped[_VERSION]
        return {**self._place, **stamped}

    def _request(
        self, method: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> httpx2.Request:
        limits = {"connect": self._config.connect_timeout, "pool": None}
        idle = {"read": self._config.idle_timeout, "write": self._config.idle_timeout}
        return httpx2.Request(
            method,
            self._url,
            headers={**self._headers, **headers},
            content=content,
            cookies=self._http.cookies,
            extensions={"timeout": limits | idle},
        )

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """The response, its body unread. Follows one redirect that leaves origin and message as they are.

        Whoever redirects has done nothing else with the message; whoever redirects in a circle may have.
        """
        response = await self._sent(request)
        if response.next_request is not None and _may_follow(request, response.next_request):
            await response.aclose()
            response = await self._sent(response.next_request)
        if response.is_redirect:
            await response.aclose()
            raise redirected(response)
        return response

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        """The response to exactly this request, with our token in it whatever else the client knows."""
        if self._http.is_closed:
            raise closed()
        try:
            response = await self._http.send(request, stream=True, auth=None, follow_redirects=False)
        except httpx2.HTTPStatusError as error:
            response = (
                error.response
            )  # raised by an event hook; without its body, the status still says it all
        except BROKEN:
            raise
        except Exception as error:  # the boundary to a caller's own transport and event hooks
            raise foreign(error) from error
        events.emit(events.HttpAnswered(response.status_code, response.headers.get("date")))
        return response

    async def _tell(self, request: httpx2.Request, *, limit: float = math.inf) -> None:
        """Send what has no answer, and forget about it."""
        with anyio.move_on_after(limit), suppress(Exception):
            await (await self._send(request)).aclose()

    async def _exchanged(
        self, request: httpx2.Request, rpc_id: int, record: Exchange, *, takes_back: bool
    ) -> Object:
        """The exchange of one request, which `end` can cut off; given up by the caller, it is taken back."""
        with anyio.CancelScope() as under_way:
            self._under_way.add(under_way)
            try:
                return await self._answer(request, rpc_id, record)
            except (anyio.get_cancelled_exc_class(), httpx2.ReadTimeout):
                if takes_back:
                    self._take_back(rpc_id)
                raise
            finally:
                self._under_way.discard(under_way)
        raise Unreachable(_ENDED)

    async def _answer(self, request: httpx2.Request, rpc_id: int, record: Exchange) -> Object:
        """What the server says to a request: its `result` or its `error`. Raises whatever comes instead."""
        response = await self._send(request)
        record.headers = None if is_konnect(self._url.host) else response.headers
        request.extensions["timeout"]["read"] = self._config.idle_timeout
        try:
            if response.status_code >= 400:
                return await self._refusal(response, record)
            if record.connecting and _SESSION in response.headers:
                self._place[_SESSION] = response.headers[_SESSION]
            cap = self._config.max_response_bytes
            if not holds_events(response):
                return await answer_in(response, rpc_id, cap=cap)
            return await answer_among_events(
                response, rpc_id, cap=cap, resume=self._resumed, reply=self._reply
            )
        finally:
            await response.aclose()

    async def _refusal(self, response: httpx2.Response, record: Exchange) -> Object:
        """4xx and 5xx: JSON-RPC's own way of saying no (era negotiation needs it); raises any other."""
        status, connecting, headers = response.status_code, record.connecting, record.headers
        body = b""
        with suppress(KonnectError, *BROKEN):  # the status is known, and says more than a broken body
            body = await whole(response, _ERROR_BODY_CAP)
        said = (as_object(jsonrpc.parsed(body)) or {}).get("error")
        asked = retry_after_seconds(response.headers.get("retry-after"))
        failure = http_error(status, said or body, headers=headers, retry_after=asked, connecting=connecting)
        told: dict[str, Any] = {"trace": failure.trace, "title": failure.title, "detail": failure.detail}
        hop = failure.hop if isinstance(failure, HttpError) else None
        is_told = as_object(said) is not None  # of a call in JSON-RPC, its error says more than the status
        # In words of its own a gateway speaks of itself; what is empty, or JSON-RPC, it may have passed on.
        is_passed_on = hop is None or is_told or not body.strip()
        if (
            is_passed_on
            and _SESSION in response.request.headers
            and (status == 404 or (status == 400 and is_lost_session(failure.message)))
        ):
            what = f"The server no longer knows the mcp session (HTTP {status})."
            failure = SessionLost(what, status=status, **told)
        elif hop and not (is_told and status in (400, 422)):
            pass  # whatever it says is not about what the server is
        elif not connecting and status in (400, 422) and is_other_era(failure.message):
            failure = jsonrpc.other_era(failure.message, status=status)
        elif status in (400, 404, 405, 422) and is_told:
            return {"error": said}
        elif status in (404, 405):
            failure = no_endpoint(status, **told)
        failure.hint = failure.hint or (ENDPOINT_HINT if connecting else "")
        failure.request_id = _request_id(response)
        raise failure

    async def _reply(self, said: Object) -> None:
        """Answer what the server asks; if it takes no answer, it waits in vain."""
        await self._tell(self._request("POST", self._place, to_json(said)), limit=_COURTESY)

    async def _resumed(self, last_id: str) -> httpx2.Response:
        """The rest of an event stream that broke off after the event `last_id`."""
        headers = {**self._place, "accept": EVENTS, "last-event-id": last_id}
        try:
            stream = await self._sent(self._request("GET", headers))
        except httpx2.ReadTimeout:
            raise
        except (httpx2.HTTPError, KonnectError) as error:
            # In other words than the network's: whatever happens here, the request itself has been sent.
            raise cut() from error
        if stream.status_code != 200 or not holds_events(stream):
            await stream.aclose()
            raise cut()
        return stream


def _request_id(response: httpx2.Response) -> str | None:
    """The id under which the server itself knows the request."""
    named = (scrub(response.headers.get(name, "")) for name in _SERVER_REQUEST_IDS)
    return next(filter(None, named), None)


def _may_follow(request: httpx2.Request, following: httpx2.Request) -> bool:
    """Whether a redirect leads elsewhere on the same origin, and leaves the message what it is."""
    old, new = request.url, following.url
    same = ("scheme", "host", "port", "userinfo")
    stays = all(getattr(old, part) == getattr(new, part) for part in same)
    return stays and old != new and request.method == following.method
