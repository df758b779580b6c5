"""JSON-RPC as servers really write it: which message is the answer, and what it means when it says no.

1. An answer has the request's id (as a number or as text) and either an object as `result` or words as
   `error`, alone or in a batch. An error without an id is one if there is no better. Anything else is none.
2. An error is an error of our tree: by what its words and data say, and by its code where they say nothing
   (codes as JSON-RPC 2.0 and MCP document them). While connecting it concerns the protocol, not a tool;
   afterwards, one about the protocol's version means that the mcp session is over: the server is another.
3. A request of the server's own is answered: `ping` as documented, everything else is not offered here.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from konnect_agent import hops
from konnect_agent.decoding import Object, as_list, as_object, undecodable
from konnect_agent.errors import (
    ENDPOINT_HINT,
    ConnectionFailed,
    Forbidden,
    HttpError,
    InvalidArguments,
    KonnectError,
    ServerError,
    SessionLost,
    ToolError,
    ToolUnavailable,
)
from konnect_agent.redaction import scrub
from konnect_agent.refusals import refusal
from konnect_agent.wording import is_other_era

PARSE_ERROR, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32601, -32602, -32603

_SERVER_ERROR, _UNSUPPORTED_VERSION = -32000, -32022  # the latter since MCP 2026-07-28
_NO_SUCH_TOOL = re.compile(
    r"\bunknown tool\b|\btool ['\"`]?[\w./-]+['\"`]? (?:was )?not found\b", re.IGNORECASE
)


def parsed(text: str | bytes) -> Any:
    """A message as data, None when it is no JSON (or nests deeper than a JSON-RPC client reads)."""
    marked = text.removeprefix("\ufeff") if isinstance(text, str) else text.removeprefix(BOM_UTF8)
    try:
        return from_json(marked)  # twice as fast as json.loads
    except ValueError:
        return None


def breaks_off(body: bytes) -> bool:
    """Whether `body` is the beginning of a message, and no more."""
    try:
        from_json(body)
    except ValueError as error:
        return str(error).startswith("EOF")
    return False


def request(rpc_id: int | None, method: str, params: Object | None) -> Object:
    """The message that asks for `method`, or only tells it when there is no id."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if rpc_id is not None:
        message["id"] = rpc_id
    if params:
        message["params"] = params
    return message


def answer_to(rpc_id: Any, message: Any) -> Object | None:
    """The answer to the request `rpc_id` in `message`: `id`, and `result` or `error`; None if not there."""
    unaddressed: Object | None = None
    for found in filter(None, map(as_object, as_list(message) or [message])):
        about, error, result = found.get("id"), found.get("error"), found.get("result")
        if about is not None and about not in (rpc_id, str(rpc_id)):
            continue
        if isinstance(error, (Mapping, str)):
            said = {"id": about, "error": as_object(error) or {"message": error}}
            if about is not None:
                return said
            unaddressed = unaddressed or said
        elif about is not None and isinstance(result, Mapping):
            return {"id": about, "result": result}
    return unaddressed


def refusing(error: Object) -> dict[str, Any]:
    """A JSON-RPC error in the form every client can read."""
    code, words = error.get("code"), error.get("message")
    return {
        "code": code if isinstance(code, int) else _SERVER_ERROR,
        "message": scrub(words) if isinstance(words, str) else "",
        "data": error.get("data"),
    }


def refused(
    error: Object, *, connecting: bool = False, headers: Mapping[str, str] | None = None
) -> KonnectError:
    """The error of the tree for a JSON-RPC error. `headers` are the answer's, given where a gateway may be on
    the way: what one says is never about the token's roles."""
    code, message = error.get("code"), error.get("message")
    words = message if isinstance(message, str) else ""
    if code == PARSE_ERROR:
        return undecodable("the server could not read the request", words, "request")
    if not connecting and (code == _UNSUPPORTED_VERSION or is_other_era(words)):
        return other_era(words)
    meant = refusal(words, error.get("data"))
    if code == INTERNAL_ERROR and type(meant) is ToolError:
        meant = ServerError(meant.message, status=500)
    if headers is not None and isinstance(meant, HttpError):
        meant = _told_apart(meant, error, headers)
    if connecting and not isinstance(meant, HttpError):
        return ConnectionFailed(f"The server refuses to speak with this client: {words}", hint=ENDPOINT_HINT)
    if code == METHOD_NOT_FOUND or _NO_SUCH_TOOL.search(words):
        return ToolUnavailable(f"The server does not know this: {words}")
    if code == INVALID_PARAMS and type(meant) is ToolError:
        meant = InvalidArguments(meant.message)
    if isinstance(meant, InvalidArguments) and headers is not None and hops.refusing(400, headers, error):
        meant.hint = hops.DENIED_OR_INVALID
    return meant


def _told_apart(meant: HttpError, error: Object, headers: Mapping[str, str]) -> HttpError:
    """`meant`, as the refusal of a gateway if it is one, or may be."""
    hop = hops.refusing(meant.status, headers, error)
    if hop is None:
        return meant
    kind = Forbidden if isinstance(meant, Forbidden) else type(meant)
    return kind(
        f"JSON-RPC error from {hop.name}: {meant.message}",
        status=meant.status,
        retry_after=meant.retry_after,
        hop=hop.name,
        hint=hop.hint,
        title=meant.title,
        detail=meant.detail,
    )


def other_era(words: str, *, status: int | None = None) -> SessionLost:
    """The error for a server that speaks another version of MCP than the mcp session settled on."""
    what = "The server no longer speaks the version of MCP that was agreed on"
    return SessionLost(f"{what}: {words}" if words else f"{what}.", status=status)


def reply_to(message: Any) -> dict[str, Any] | None:
    """What to say to a request of the server's own, None when `message` is no request."""
    asked = as_object(message) or {}
    about, method = asked.get("id"), asked.get("method")
    if not isinstance(about, (int, str)) or not isinstance(method, str):
        return None
    if method == "ping":
        return {"jsonrpc": "2.0", "id": about, "result": {}}
    return {"jsonrpc": "2.0", "id": about, "error": {"code": METHOD_NOT_FOUND, "message": "Method not found"}}
