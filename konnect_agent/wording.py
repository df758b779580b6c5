"""What the words of a refusal mean, when no status says it.

A tool's `isError` text is free (no wording is documented for the classic tools), so a few phrases are looked
for in an order in which the more telling one wins: an unknown tool, an upstream that did not answer, access
denied, throttling, permission, authentication, not found, invalid arguments. What stands in quotes is
somebody's name or value ("no route named 'access denied'"): it decides only when nothing else does.
"""

from __future__ import annotations

import re
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


_STATUS = _phrases(
    r"HTTP error ([45]\d\d):", r"API Error \(Status ([45]\d\d)\)", r"HTTP(?:/\d(?:\.\d)?)? ([45]\d\d)\b",
    r"(?:failed|responded|returned|answered) with (?:an? )?(?:HTTP )?(?:status )?(?:code )?([45]\d\d)\b",
)  # fmt: skip
_UNKNOWN_TOOL = re.compile(r"(?:Error calling tool '[^']*': (?:\w+: )?)?Unknown tool: ")
_UPSTREAM = re.compile(r"Error calling tool '[^']*': .*?(HTTP request timed out|Request error) \(")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")

_DENIED = _phrases(r"access denied\b")
_LIMITED = _phrases(r"rate[- ]limited\b", r"rate[- ]limit (?:exceeded|reached|hit)", r"too many requests\b")
_PERMISSION = _phrases(
    r"permission denied\b", r"forbidden\b", r"not authori[sz]ed to\b", r"insufficient (?:permission|scope)",
    r"not permitted\b", r"(?:not have|lacks?|without|missing) (?:the )?(?:required )?permission",
)  # fmt: skip
_UNAUTHENTICATED = _phrases(
    r"unauthenticated\b", r"unauthori[sz]ed\b", r"not authori[sz]ed\b", r"invalid token\b",
    r"token (?:is |has )?(?:expired|revoked|invalid)", r"valid token is required", r"no api key found",
)  # fmt: skip
_NOT_FOUND = _phrases(
    r"not found\b", r"no such\b", r"does(?: not|n't) exist\b", r"could(?: not|n't) (?:be found|find)\b",
    r"unknown id\b", r"no \w+(?: \w+){0,3} (?:with|named|called|has|by)\b",
)  # fmt: skip
_INVALID = _phrases(
    r"invalid\b", r"validation errors?\b", r"required\b", r"must (?:be|not|have|match)\b", r"not allowed\b",
    r"unexpected (?:keyword|argument|parameter)", r"(?:unknown|unsupported) (?:argument|parameter|operation)",
    r"(?:not|isn't) one of\b", r"missing\b",
)  # fmt: skip


def status_in(text: str) -> int | None:
    """The HTTP status a refusal names in one of the known forms, None if it names none."""
    named = _STATUS.search(text)
    return int(next(filter(None, named.groups()))) if named else None


def is_denial(text: str) -> bool:
    """Whether the words are those of the organization's MCP switch (documented: "access denied")."""
    return bool(_DENIED.search(text))


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
        if _PERMISSION.search(read):
            return Forbidden(words, status=403, **context)
        if _UNAUTHENTICATED.search(read):
            return Unauthorized(words, status=401, **context)
        if _NOT_FOUND.search(read):
            return NotFound(words, **context)
        if _INVALID.search(unquoted):
            return InvalidArguments(words, **context)
    return ToolError(words, **context)
