"""What the words of a refusal mean, when no status says it.

A tool's `isError` text is free (no wording is documented for the classic tools), so a status is looked for in
the forms HTTP clients write it in, then a few phrases, the more telling one first: an unknown tool, access
denied, throttling, a failing server, a missing entitlement, permission, authentication, not found, invalid
arguments. What stands in quotes is somebody's name or value ("no route named 'access denied'"): it decides
only when nothing else does, and is never a status. Nor is every number: "Error: 404" is one, "404 rows" not.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from konnect_agent.errors import (
    Forbidden,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    ToolError,
    ToolUnavailable,
    Unauthorized,
)


def _phrases(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases)})", re.IGNORECASE)


_NAMED = "|".join(f"{status.value} {re.escape(status.phrase)}" for status in HTTPStatus if status >= 400)
_STATUS = _phrases(
    r"HTTP error ([45]\d\d):", r"API Error \(Status ([45]\d\d)\)", r"HTTP(?:/\d(?:\.\d)?)? ([45]\d\d)\b",
    r"(?:failed|responded|returned|answered) with (?:an? )?(?:HTTP )?(?:status )?(?:code )?([45]\d\d)\b",
    rf"(?={_NAMED})([45]\d\d)",
    # It ends the sentence, or punctuation or a capital follows: no "Error: 500 rows are too many".
    r"(?:error|status|code|statusCode|status code)\s?[:=]?\s?([45]\d\d)\b(?=\s*(?:$|[^\w\s]|(?-i:[A-Z])))",
)  # fmt: skip
_LEADING = re.compile(r"\s*(?:([45]\d\d)(?=\s*(?:$|[:–—-]))|\[([45]\d\d)\](?!,? (?:is|are|must)\b))")
_HTTPX = re.compile(r"\b(?:Client|Server) error '([45]\d\d) ")
_UNKNOWN_TOOL = re.compile(r"(?:Error calling tool '[^']*': (?:\w+: )?)?Unknown tool: ")
_UPSTREAM = re.compile(r"Error calling tool '[^']*': .*?(HTTP request timed out|Request error) \(")
# An apostrophe inside a word ("doesn't") neither opens nor closes a quotation.
_QUOTED = re.compile(r"(?<!\w)'(?:[^'\n]|\b'\b)*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`|“[^”\n]*”|«[^»\n]*»")

_DENIED = _phrases(
    r"access denied\b",
    r"mcp (?:server |access )?(?:is |has been )?(?:disabled|not enabled|(?:switch|turn)ed off)\b",
)  # fmt: skip
_LIMITED = _phrases(
    r"rate[-_ ]limited\b", r"rate[-_ ]limit (?:is |was |has been )?(?:exceeded|reached|hit)",
    r"rate exceeded\b", r"exceeded (?:your|the|its) (?:\w+ )?(?:rate[- ]?limit|quota)\b",
    r"too many (?:requests|calls)\b", r"\Arate[-_ ]limit[.!]?\Z", r"\Athrottled\b",
    r"(?:is|are|was|been|requests?|calls?) throttled\b",
)  # fmt: skip
_LIMITED_CODE = re.compile(r"(?:[A-Z]+_)?RATE_?LIMIT(?:ED|_EXCEEDED|_REACHED|_ERROR)?|THROTTLED")
# What a server says that has lost another one behind it. A debug session that timed out is none of that.
_WAITED = (
    r"(?:request|response|call|query|connection|operation|upstream|server|service|gateway|read|header)s?"
)
_FAILURES = (
    (500, _phrases(r"internal (?:server )?error\b", r"unexpected (?:server )?error (?:has )?occurred\b")),
    (502, _phrases(
        r"bad gateway\b", r"connection (?:was |has been )?(?:reset|refused|closed|aborted)\b",
        r"reset by peer\b", r"(?:ECONN(?:RESET|REFUSED|ABORTED)|EPIPE)\b", r"socket hang up\b",
        r"broken pipe\b", r"unexpected EOF\b", r"invalid response was received from the upstream\b",
    )),
    (503, _phrases(
        r"(?:service|server) (?:is )?(?:(?:temporarily|currently) )?unavailable\b", r"no healthy upstream\b",
        r"upstream connect error\b", r"failure to get a peer\b",
    )),
    (504, _phrases(
        rf"{_WAITED} (?:has |have |is |was )?(?:time|timed|timing)[- ]?out\b", r"ETIMEDOUT\b",
        r"deadline (?:was |has been )?exceeded\b", r"\Atimed out\Z",
        r"time-?out (?:while |was )?(?:awaiting|waiting|exceeded)\b",
        r"time-?out of \w+ exceeded\b", r"timed out (?:while )?(?:awaiting|waiting|after)\b",
    )),
)  # fmt: skip
_UNENTITLED = _phrases(
    r"(?:disabled|not (?:enabled|available)) (?:for|in) (?:this|your|the) (?:org|account|plan)",
    r"upgrade (?:is )?required\b", r"tool (?:is |has been )?(?:disabled|not enabled|not available)\b",
)  # fmt: skip
_PERMISSION = _phrases(
    r"permission[ _]?denied\b", r"forbidden\b", r"not authori[sz]ed to\b", r"not permitted\b",
    r"insufficient (?:permission|scope|privilege|role|access)",
    r"do(?:es)?(?: not|n't) have (?:\w+ ){0,3}(?:permission|privilege|access\b(?! token))",
    r"(?:lacks?|without|missing) (?:the |an? )?(?:required )?(?:permission|privilege|role|scope)",
    r"(?:have |has )?no (?:permission|access to)\b", r"permissions? (?:is |are )?(?:missing|required|needed)",
    r"not allowed to (?!be\b|have\b|contain\b|exceed\b)", r"you(?:r \w+)? (?:are|is) not allowed\b",
    r"not allowed (?:for|by|with) (?:your|this|the) (?:\w+ )?(?:role|user|token|account|team|polic)",
    r"access is denied\b", r"rbac(?: is|:)? denied\b", r"you cannot consume\b",
)  # fmt: skip
_KEY = r"(?:api[- ]?key|credentials?|(?:bearer|access|api|auth) token|authentication|authorization)"
_UNAUTHENTICATED = _phrases(
    r"(?:un|not )authenticated\b", r"(?:un|not )authori[sz]ed\b", r"invalid token\b",
    r"token (?:is |has )?(?:expired|revoked|invalid)", r"valid token is required", r"no api key found",
    rf"(?:missing|invalid|expired|incorrect|wrong|bad) {_KEY}\b",
    rf"{_KEY} (?:is |are |was |has )?(?:missing|required|invalid|expired|incorrect|failed)\b",
    r"please (?:authenticate|log ?in|sign ?in)\b", r"invalid authentication credentials\b",
)  # fmt: skip
_NOT_FOUND = _phrases(
    r"not[ _]?found\b", r"no such\b", r"does(?: not|n't) exist\b", r"no longer exists?\b",
    r"(?:can(?:not| not|'t)|could(?: not|n't)|(?:unable|failed) to) (?:find|locate|be (?:found|located))\b",
    r"unknown (?:id|entity|control plane|service|route|plugin|consumer|vault|alert|(?:debug )?session)\b",
    r"no \w+(?: \w+){0,3} (?:with|named|called|has|by|match(?:es|ed)?|found|exists?)\b",
    r"there (?:is|are|was|were) no (?!operation|parameter|argument|property|field|value)",
)  # fmt: skip
_INVALID = _phrases(
    r"invalid\b", r"malformed\b", r"bad request\b", r"validation (?:errors?|failed)\b", r"required\b",
    r"must (?:be|not|have|match)\b", r"not allowed\b", r"unexpected (?:keyword|argument|parameter)",
    r"(?:unknown|unsupported) (?:argument|parameter|operation)", r"(?:not|isn't) one of\b", r"missing\b",
    r"there (?:is|are|was|were) no (?:operation|parameter|argument|property|field)\b",
)  # fmt: skip
# A whole text in the words of a refusal, with or without the reason behind it: throttling and access as any
# server says it, failures as Kong Gateway and the proxies before it do.
_ALONE = "|".join((
    r"(?:429 )?too many requests", r"(?:api )?rate limit(?:ed| (?:has been )?exceeded)", r"access denied",
    r"you have exceeded your (?:api )?rate limit", r"unauthori[sz]ed", r"upstream connect error [^\n.]{0,60}",
))  # fmt: skip
_WHOLE = "|".join((
    rf"(?:HTTP(?:/\d(?:\.\d)?)? (?:error )?)?(?:{_NAMED})", r"request failed with status code [45]\d\d",
    r"an unexpected error occurred", r"an invalid response was received from the upstream server",
    r"the upstream server is timing out", r"failure to get a peer from the ring-balancer",
    r"no route matched with those values", r"you cannot consume this service", r"no healthy upstream",
    r"invalid authentication credentials", r"no api key found in request",
    r"service (?:temporarily )?unavailable",
))  # fmt: skip
_PLAIN = re.compile(
    rf"(?:\w*error: )?(?:(?:{_ALONE})(?:[.!:,][^\n]{{0,120}})?|(?:{_WHOLE})[.!]?)", re.IGNORECASE
)
_PAGE = re.compile(
    r"(?:<!doctype html[^>]{0,200}>\s*)?<html\b.{0,300}?<title>\s*([45]\d\d [a-z -]{3,40}?)\s*</title>"
    r".{0,1500}",
    re.IGNORECASE | re.DOTALL,
)
# As servers on other SDKs say it with a 400; no debug session is meant.
_LOST_SESSION = _phrases(
    r"no valid session\b", r"(?:invalid|unknown|expired|missing) (?:mcp[- ])?session\b",
    r"mcp-session-id (?:header )?(?:is )?(?:required|missing|invalid)\b",
    r"(?<!debug )(?<!tracing )session (?:id )?(?:is |was |has )?"
    r"(?:not found|expired|invalid|unknown|terminated|does not exist)\b",
)  # fmt: skip
# What a server says to a message of an era that is not its own: it knows no such version, or expects the
# handshake, or what newer clients put into each request; in the words of the SDKs for several languages.
_OTHER_ERA = re.compile(
    r"(?:HTTP 4\d\d[^:]{0,40}: )?(?:bad request: )?(?:"
    r"(?:the |unsupported |invalid |missing )?mcp-(?:protocol-version|session-id)\b"
    r"|unsupported (?:mcp )?protocol[- ]version\b|missing (?:mcp[- ])?session id\b"
    r"|(?:mcp )?protocol[- ]version (?:\S{1,20} )?(?:is )?(?:not |un)supported\b|server not initialized\b"
    r"|a new session can only be created by an initialize request\b|unexpected message, expect initialize\b"
    r"|params\._meta (?:must|is missing)\b)",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:\b(?:maximum(?: value)?(?: of| is)?|at most|less than or equal to|exceed|no more than|up to"
    r"|(?:between|from) 1 (?:and|to)|1\s?(?:-|–|\.\.))|<=|≤)\s*:?\s*(\d{1,6})\b",
    re.IGNORECASE,
)


def status_in(text: str) -> int | None:
    """The HTTP status a refusal names in one of the known forms, None if it names none."""
    unquoted = _QUOTED.sub("''", text)
    named = _HTTPX.search(text) or _LEADING.match(unquoted) or _STATUS.search(unquoted)
    return int(next(filter(None, named.groups()))) if named else None


def is_denial(text: str) -> bool:
    """Whether the words are those of the organization's MCP switch (documented: "access denied")."""
    return bool(_DENIED.search(text))


def plain_refusal(text: str) -> str | None:
    """The words of a text that is a refusal and nothing else, or of the page of an HTTP error."""
    page = _PAGE.fullmatch(text)
    return page[1] if page else text if _PLAIN.fullmatch(text) else None


def coded_status(code: str) -> int | None:
    """The HTTP status that a code in words stands for, such as `RATE_LIMITED`; None if it is none."""
    name = code.upper().replace("-", "_")
    if _LIMITED_CODE.fullmatch(name):
        return 429
    named = HTTPStatus.__members__.get(name, 0)
    return int(named) if named >= 400 else None


def is_lost_session(text: str) -> bool:
    """Whether the words say that the server does not know the mcp session."""
    return bool(_LOST_SESSION.search(text))


def is_other_era(text: str) -> bool:
    """Whether the words say that the server speaks another version of MCP than the message it got."""
    return bool(_OTHER_ERA.match(text))


def is_about_number(words: str, asked: int) -> bool:
    """Whether a refusal is about how many rows were `asked` for."""
    return bool(re.search(rf"\b(?:max_?results|limit|size|{asked})\b", words, re.IGNORECASE))


def most_allowed(words: str, asked: int) -> int | None:
    """The number below `asked` that a refusal of so many says it would accept, None if it says none."""
    most = _MOST.search(words) if is_about_number(words, asked) else None
    number = int(most.group(1)) if most else 0
    return number if 0 < number < asked else None


def classified(words: str, **context: Any) -> KonnectError:
    """The error of the tree that `words` speak of; `ToolError` when they say nothing in particular."""
    if _UNKNOWN_TOOL.match(words):
        return ToolUnavailable(words, **context)
    upstream = _UPSTREAM.match(words)
    if upstream:
        return ServerError(words, status=504 if "timed out" in upstream.group(1) else 502, **context)
    unquoted = _QUOTED.sub("''", words)
    for read in (unquoted, words):
        if _DENIED.search(read):
            return McpAccessDisabled(words, status=403, **context)
        if _LIMITED.search(read):
            return RateLimited(words, status=429, **context)
        status = next((status for status, phrase in _FAILURES if phrase.search(unquoted)), None)
        if status is not None:
            return ServerError(words, status=status, **context)
        if _UNENTITLED.search(unquoted):
            return ToolUnavailable(words, **context)
        if _PERMISSION.search(read):
            return Forbidden(words, status=403, **context)
        if _UNAUTHENTICATED.search(read):
            return Unauthorized(words, status=401, **context)
        if _NOT_FOUND.search(read):
            return NotFound(words, **context)
        if _INVALID.search(unquoted):
            return InvalidArguments(words, **context)
    return ToolError(words, **context)
