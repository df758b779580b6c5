"""Which hop said no: a gateway on the way, or the MCP server behind it.

1. A problem body with its trace, and an error of JSON-RPC, are the server's own, whatever the headers say.
2. A Kong gateway marks what it made itself (`Server: kong/...`, `X-Kong-Response-Latency`) and what it passed
   on (`Via: ... kong/...`, `X-Kong-Upstream-Latency`): Kong's configuration reference, documented.
3. Where no header tells (another product, `headers = off`), a challenge for a key does, the words of Kong's
   own plugins, or an HTML page: the server answers in JSON and asks for a bearer token (inferred).
4. Kong's words in an answer that was passed on are those of another gateway, further on.
What nobody can tell is the server's. Not to be asked about Konnect's own hosts: Kong is their edge, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from konnect_agent.decoding import Object, as_object

_NOT_KONNECT = "A gateway on the way answered, not Konnect"
_UNREACHED = (
    "A gateway on the way got no answer from the server behind it: check the upstream URL, the TLS settings "
    "and the timeouts of its service, then whether Konnect can be reached from there."
)
_HINTS = {
    401: (
        f"{_NOT_KONNECT}: it wants a credential of its own beside the Konnect token, which it probably did "
        "not even look at. Give it, under the name its authentication plugin has, as headers={'apikey': ...} "
        "or, beside KONNECT_MCP_URL, as KONNECT_MCP_HEADERS='apikey: ...'."
    ),
    403: (
        f"{_NOT_KONNECT}: its own rules refuse this caller (acl, ip-restriction, the ACLs of ai-mcp-proxy). "
        "Neither the roles of the token's owner nor the MCP switch of the organization are the reason."
    ),
    404: (
        f"{_NOT_KONNECT}: none of its routes takes this URL. Compare the path, the host and the protocols of "
        "the route with the URL."
    ),
    413: (
        f"{_NOT_KONNECT}: the request is larger than it allows. Raise max_request_body_size of ai-mcp-proxy, "
        "allowed_payload_size of request-size-limiting, or client_max_body_size of nginx, or send less."
    ),
    426: f"{_NOT_KONNECT}: the route takes https only. Use https in the URL, or allow http on the route.",
    429: (
        f"{_NOT_KONNECT}: its own rate limit. Wait, send fewer calls at once (Config.max_in_flight), or "
        "raise the limit there."
    ),
    502: _UNREACHED,
    503: _UNREACHED,
    504: _UNREACHED,
}
_OTHERWISE = f"{_NOT_KONNECT}: its log says why."
_FURTHER_ON = (
    "The gateway passed the request on, and another gateway behind it said this: check the upstream URL of "
    "the service, strip_path and preserve_host."
)

_BY_PAGE = frozenset({401, 403, 413, 429, 502, 503, 504})
"""What proxies refuse with a page of their own; a 404 as a page may be any web server's."""

_SAID_BY_KONG = re.compile(
    r"no api key found in request|duplicate api key found|invalid authentication credentials"
    r"|you cannot consume this service|(?:your )?ip address (?:is )?not allowed.*|api rate limit exceeded"
    r"|request size limit exceeded|payload too large|please use https protocol"
    r"|no route matched with those values|an invalid response was received from the upstream server"
    r"|the upstream server is (?:timing out|currently unavailable)"
    r"|failure to get a peer from the ring-balancer|name resolution failed",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Hop:
    """Somebody before the MCP server: the gateway that was asked, or another one behind it."""

    name: Literal["the gateway", "another gateway"]
    hint: str


def refusing(status: int, headers: Mapping[str, str], body: Any) -> Hop | None:
    """The hop that made this refusal, None if it is the server's own or nobody can tell.

    `headers` are the answer's, `body` is parsed or text.
    """
    problem = as_object(body)
    if problem is not None and (problem.get("instance") or "jsonrpc" in problem):
        return None
    named = {name.lower(): value.lower() for name, value in headers.items()}
    says = _is_kongs(problem)
    if "x-kong-upstream-latency" in named or "kong/" in named.get("via", ""):
        if not says:
            return None
        # What a gateway says when nothing came back: it had already set out to pass the request on.
        return _gateway(status) if status >= 500 else Hop("another gateway", _FURTHER_ON)
    marked = "x-kong-response-latency" in named or named.get("server", "").startswith("kong/")
    challenged = status == 401 and named.get("www-authenticate", "").split(" ")[0] == "key"
    is_page = status in _BY_PAGE and isinstance(body, str) and body.lstrip().startswith("<")
    return _gateway(status) if marked or challenged or says or is_page else None


def _gateway(status: int) -> Hop:
    return Hop("the gateway", _HINTS.get(status, _OTHERWISE))


def _is_kongs(body: Object | None) -> bool:
    """Whether a body is one of those a Kong gateway writes: its words, perhaps the request's id, no more."""
    message = (body or {}).get("message")
    known = isinstance(message, str) and _SAID_BY_KONG.fullmatch(message.strip()) is not None
    return known and (body or {}).keys() <= {"message", "request_id"}
