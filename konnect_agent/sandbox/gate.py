"""What stands between the socket and the MCP server: token, organisation switch, eras, faults.

One ASGI application: (1) no valid bearer token: 401 with Konnect's problem body (documented); MCP switched
off: 403 with the words "access denied" (words documented, status inferred); (2) the body of a POST is read
to learn its MCP method; (3) an era this server does not speak is refused as such servers refuse it; (4) the
fault drawn for the request takes effect, or the MCP server answers.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from konnect_agent.sandbox.faults import STATUSES, Faults
from konnect_agent.sandbox.ledger import Ledger
from konnect_agent.sandbox.misbehaviour import Connection, Misbehaviour
from konnect_agent.sandbox.organisation import derive_id

_UNSUPPORTED_VERSION = -32022
_INVALID_REQUEST = -32600


@dataclass
class Gate:
    """The ASGI application around `app`; `token=None` refuses every token, `expire` makes it so for good."""

    app: ASGIApp
    ledger: Ledger
    token: str | None
    expire: Callable[[], None]
    mcp_disabled: bool = False
    eras: frozenset[str] = frozenset({"2025", "2026"})
    faults: Faults | None = None
    _forgotten: set[str] = field(default_factory=set[str])
    _problems: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # First the whole request: who is still sending it when the refusal comes may never read that.
        body = await request.body()
        refusal = self._not_admitted(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        message = _message(body)
        method = str(message.get("method", request.method))
        self.ledger.requested(method)
        replayed = _replay(body, receive)
        refusal = self._wrong_era(request, message) or self._forgotten_session(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        kind = "ok" if self.faults is None or "id" not in message else self.faults.draw(method)
        if self.faults is None or kind == "ok":
            await self.app(scope, replayed, send)
            return
        self.ledger.injected(kind)
        connection: Connection = scope["state"]["connection"]
        if kind == "expire":
            self.expire()
            await self._problem(401, *STATUSES["401"])(scope, receive, send)
        elif kind in STATUSES:
            retry_after = self.faults.retry_after if kind in ("429", "503") else None
            await self._problem(int(kind), *STATUSES[kind], retry_after=retry_after)(scope, receive, send)
        elif kind == "drop-session" and "mcp-session-id" in request.headers:
            self._forgotten.add(request.headers["mcp-session-id"])
            await _session_not_found()(scope, receive, send)
        elif kind == "drop-session":
            await self.app(scope, replayed, send)
        else:
            answer = Misbehaviour(
                kind=kind,
                faults=self.faults,
                app=self.app,
                message_id=message["id"],
                connection=connection,
            )
            await answer(scope, replayed, send)

    def _not_admitted(self, request: Request) -> Response | None:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        known = self.token is not None and hmac.compare_digest(presented.encode(), self.token.encode())
        if scheme.lower() != "bearer" or not known:
            return self._problem(401, *STATUSES["401"])
        if self.mcp_disabled:
            detail = "access denied: the MCP server is switched off for this organization"
            return self._problem(403, "Permission denied", detail)
        return None

    def _problem(self, status: int, title: str, detail: str, *, retry_after: str | None = None) -> Response:
        self._problems += 1
        instance = "kong:trace:" + str(int(derive_id(self._problems, detail)[:8], 16))
        body = {"status": status, "title": title, "instance": instance, "detail": detail}
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return Response(json.dumps(body), status, headers, media_type="application/problem+json")

    def _wrong_era(self, request: Request, message: dict[str, Any]) -> Response | None:
        version = request.headers.get("mcp-protocol-version")
        modern = version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS
        if modern and "2026" not in self.eras:
            return _rpc_error(f"Bad Request: Unsupported protocol version: {version}", _INVALID_REQUEST, None)
        if not modern and "2025" not in self.eras:
            data = {"supported": list(MODERN_PROTOCOL_VERSIONS), "requested": version}
            return _rpc_error("Unsupported protocol version", _UNSUPPORTED_VERSION, data, message.get("id"))
        return None

    def _forgotten_session(self, request: Request) -> Response | None:
        return _session_not_found() if request.headers.get("mcp-session-id") in self._forgotten else None


def _message(body: bytes) -> dict[str, Any]:
    try:
        message: Any = json.loads(body) if body else {}
    except ValueError:
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that hands out the body once more, then whatever else comes."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _rpc_error(text: str, code: int, data: Any, message_id: Any = None, status: int = 400) -> Response:
    error = {"code": code, "message": text} | ({} if data is None else {"data": data})
    body = {"jsonrpc": "2.0", "id": message_id, "error": error}
    return Response(json.dumps(body), status, media_type="application/json")


def _session_not_found() -> Response:
    return _rpc_error("Session not found", _INVALID_REQUEST, None, status=404)
