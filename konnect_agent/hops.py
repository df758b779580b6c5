"""Which hop said no: a gateway on the way, the MCP server behind it, or nobody can tell.

1. A problem body with its trace is the server's own, whatever the headers say. So is a challenge that names a
   host of Kong's, and a body in one of Konnect's forms (fact sheet 6.6), with the status in it.
2. A challenge for anything but a bearer token is a gateway's: Konnect sends no other (documented).
3. A Kong gateway marks what it made itself (`Server: kong/...`, `X-Kong-Response-Latency`) and what it passed
   on (`Via: ... kong/...`, `X-Kong-Upstream-Latency`): Kong's configuration reference, documented.
4. Where no header tells (another product, `headers = off`), the words of Kong's own plugins do, or an HTML
   page: the server answers in JSON (inferred). In what was passed on, they are another gateway's, further on.
5. Of other refusals nobody can tell whose they are; but what is about a call (400, 404, 422) is the server's,
   and a failure in JSON-RPC. Who may call what is also refused in JSON-RPC by ai-mcp-proxy (documented).
Not to be asked about Konnect's own hosts: Kong is their edge, too. Through a proxy that is no Kong, its
marks may come along: a marked answer with a bearer challenge is nobody's for sure either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from konnect_agent.decoding import Object, as_object
from konnect_agent.errors import ACCESS_HINT, TOKEN_HINT, RateLimited
from konnect_agent.regions import is_konnect

UNTOLD = "the server or a gateway"
"""The name of the hop when the answer does not tell whose it is."""

_UNREACHED = (
    "it got no answer from the server behind it. Check the upstream URL, the TLS settings and the timeouts "
    "of its service, then whether Konnect can be reached from there."
)
_AT_THE_GATEWAY = {
    400: "it could not read the request, or its headers are longer than it allows (see its log).",
    401: (
        "it wants a credential of its own beside the Konnect token, which it probably did not even look at. "
        "Give it, under the name its authentication plugin has, as headers={'apikey': ...} or, beside "
        "KONNECT_MCP_URL, as KONNECT_MCP_HEADERS='apikey: ...'."
    ),
    403: (
        "its own rules refuse this caller (acl, ip-restriction, the ACLs of ai-mcp-proxy, a firewall). "
        "Neither the roles of the token's owner nor the MCP switch of the organization are the reason."
    ),
    404: (
        "none of its routes takes this URL. Compare the path, the host and the protocols of the route with "
        "the URL."
    ),
    413: (
        "the request is larger than it allows. Raise max_request_body_size of ai-mcp-proxy, "
        "allowed_payload_size of request-size-limiting, or client_max_body_size of nginx, or send less."
    ),
    426: "the route takes https only. Use https in the URL, or allow http on the route.",
    429: (
        "its own rate limit. Wait, send fewer calls at once (Config.max_in_flight), or raise the limit there."
    ),
    502: _UNREACHED,
    503: _UNREACHED,
    504: _UNREACHED,
}
_OTHERWISE = "its log says why."
_AT_KONNECT = {401: TOKEN_HINT, 403: ACCESS_HINT, 429: RateLimited.default_hint}
_LATER = "Try again later."
_FURTHER_ON = (
    "The gateway passed the request on, and another gateway behind it said this: check the upstream URL of "
    "the service, strip_path and preserve_host."
)

DENIED_OR_INVALID = (
    "A gateway on the way answered: before 3.14, ai-mcp-proxy says with this code that its ACLs refuse the "
    "tool to this caller. If they do not, compare the arguments with the tool's input schema."
)
"""What to do about invalid parameters in a JSON-RPC answer that a gateway made."""

_HIDDEN = (
    "A gateway on the way can hide it, too: the ACLs of ai-mcp-proxy take out of the list what this caller "
    "may not use."
)

_BY_ANY_WEB_SERVER = frozenset({404, 405, 500})
"""What may be the page of any web server; with all else, proxies refuse."""

_SAID_BY_KONG = re.compile(
    r"no api key found in request|duplicate api key found|invalid authentication credentials"
    r"|hmac signature (?:cannot be verified|does not match)"
    r"|you cannot consume this service|(?:your )?ip address (?:is )?not allowed.*|api rate limit exceeded"
    r"|request size limit exceeded|payload too large|please use https protocol"
    r"|no route matched with those values|an invalid response was received from the upstream server"
    r"|the upstream server is (?:timing out|currently unavailable)"
    r"|failure to get a peer from the ring-balancer|name resolution failed",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME = re.compile(r"(?:^|,)\s*([a-z][a-z0-9-]*)(?=\s|,|$)")
_KONNECT_NAMED = re.compile(r"//[\w.-]+\.konghq\.com[/\"]")
_KONNECTS_FIELDS = frozenset({
    "status", "message", "title", "detail", "type", "code", "instance", "invalid_parameters",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hop:
    """Somebody before the MCP server, for sure or perhaps: the gateway that was asked, or one behind it."""

    name: Literal["the gateway", "another gateway", "the server or a gateway"]
    hint: str


def refusing(status: int, headers: Mapping[str, str], body: Any) -> Hop | None:
    """The hop that made this refusal, None if it is the server's own.

    `headers` are the answer's, `body` is parsed or text; of a JSON-RPC answer, its `error`.
    """
    problem = as_object(body)
    is_rpc = _is_rpc(problem)
    if problem is not None and is_rpc:
        problem = as_object(problem.get("data")) or problem
    named = {name.lower(): value.lower() for name, value in headers.items()}
    challenge = named.get("www-authenticate", "") if status == 401 else ""
    if (problem is not None and problem.get("instance")) or _KONNECT_NAMED.search(challenge):
        return None
    schemes = _SCHEME.findall(challenge)
    says = _is_kongs(problem)
    is_page = status not in _BY_ANY_WEB_SERVER and isinstance(body, str) and body.lstrip().startswith("<")
    is_made_before = says or is_page or (bool(schemes) and "bearer" not in schemes)
    if not is_made_before and _is_konnects(problem, status):
        return None
    if "x-kong-upstream-latency" in named or "kong/" in named.get("via", ""):
        if is_made_before:
            # What a gateway says when nothing came back: it had already set out to pass the request on.
            return _gateway(status) if says and status >= 500 else Hop("another gateway", _FURTHER_ON)
        return _untold(status) if status in (502, 503, 504) and not is_rpc else None
    marked = "x-kong-response-latency" in named or named.get("server", "").startswith("kong/")
    if is_made_before or (marked and "bearer" not in schemes):
        return _gateway(status)
    can_be_told = is_rpc if status >= 500 else status not in (401, 403, 429)
    return None if can_be_told else _untold(status)


def why_missing(hint: str, url: str) -> str:
    """`hint`, why a tool is missing, with the reason there can be behind any URL that is not Konnect's."""
    is_said = _HIDDEN in hint or is_konnect(urlsplit(url).hostname or "")
    return hint if is_said else f"{hint} {_HIDDEN}".lstrip()


def _gateway(status: int) -> Hop:
    step = _AT_THE_GATEWAY.get(status, _OTHERWISE)
    return Hop("the gateway", f"A gateway on the way answered, not Konnect: {step}")


def _untold(status: int) -> Hop:
    """Both next steps; a trace that Kong's support could look for is in none of these."""
    there = _AT_THE_GATEWAY.get(status, _OTHERWISE)
    return Hop(
        UNTOLD,
        "Whether the server said this or a gateway on the way cannot be told from the answer. If a gateway: "
        f"{there} If the server: {_AT_KONNECT.get(status, _LATER)}",
    )


def _is_kongs(body: Object | None) -> bool:
    """Whether a body is one of those a Kong gateway writes: its words, perhaps the request's id, no more."""
    message = (body or {}).get("message")
    known = isinstance(message, str) and _SAID_BY_KONG.fullmatch(message.strip()) is not None
    return known and (body or {}).keys() <= {"message", "request_id"}


def _is_konnects(body: Object | None, status: int) -> bool:
    """Whether a body has one of Konnect's forms: a problem, or `{message, status}`. No gateway's has."""
    said = body or {}
    words = any(isinstance(said.get(key), str) for key in ("message", "title", "detail"))
    return words and str(said.get("status")) == str(status) and said.keys() <= _KONNECTS_FIELDS


def _is_rpc(body: Object | None) -> bool:
    """Whether a body is an error of JSON-RPC, as MCP servers write them, and gateways that speak MCP."""
    return body is not None and ("jsonrpc" in body or isinstance(body.get("code"), int))
