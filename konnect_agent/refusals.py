"""Errors a server hides: `isError` answers, problem bodies and status codes inside a successful result.

Kong's problem body (fact sheet 6.6, documented) has `status`, `title`, `instance`, `detail`; core entities
answer `{message, status}`; the retired server wrote `API Error (Status 404)`, code mode writes
`HTTP error 429: ... - {...}` (1.2). Words are read in the documented order: detail, message, title, raw text.
A successful answer is an error by its shape only, never by a word inside an entity or an article.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from konnect_agent import wording
from konnect_agent.decoding import DEPTH, Object, as_list, as_object, opened
from konnect_agent.errors import (
    Forbidden,
    HttpError,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
)

_LONGEST = 2000
_TELLING = ("detail", "message", "error_description", "title", "error", "reason")
_WRAPPERS = ("result", "data", "response", "body")
_PAYLOAD = ("id", *_WRAPPERS, "items", "results")
_BESIDE_ERROR = frozenset((
    "error", "errors", "status", "statusCode", "status_code", "code", "success", "ok", "message", "isError",
    "detail", "instance", "title", "type", "hint", "retry_after", "request_id", "requestId",
))  # fmt: skip
_BODY_IN_TEXT = re.compile(r"HTTP error [45]\d\d: .*? - (.*)", re.DOTALL)
_ANNOUNCED = re.compile(
    r"(?:Error: )?API Error \(Status [45]\d\d\)|Error calling tool '|HTTP error [45]\d\d:"
)
_BARE = re.compile(
    r"(?:error: )?(?:429 )?(?:too many requests|rate limit(?:ed| exceeded)|access denied|unauthori[sz]ed)"
    r"(?:[.!:,][^\n]{0,120})?",
    re.IGNORECASE,
)


def http_error(
    status: int, body: Any, *, retry_after: float | None = None, connecting: bool = False, **context: Any
) -> KonnectError:
    """The error of the tree for an HTTP status and its body (parsed, text or None).

    `connecting` says that the whole connection was refused, not one call: a 403 then points at the
    organization's MCP switch first.
    """
    value = _parsed(body) if isinstance(body, (str, bytes)) else body
    words, trace = _words(value)
    message = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if status in (400, 404, 422):
        kept = f"{message}{_invalid_parameters(value)}{f' [{trace}]' if trace else ''}"
        return NotFound(kept, **context) if status == 404 else InvalidArguments(kept, **context)
    kind: type[HttpError] = HttpError
    if status == 401:
        kind = Unauthorized
    elif status == 403:
        kind = McpAccessDisabled if connecting or wording.is_denial(words) else Forbidden
    elif status == 429:
        kind = RateLimited
    elif status >= 500:
        kind = ServerError
    return kind(message, status=status, retry_after=retry_after, trace=trace, **context)


def refusal(text: str, data: Any, **context: Any) -> KonnectError:
    """The error for an `isError` answer: by the status it names, else by its words, else `ToolError`."""
    hidden = hidden_error(data, **context) if isinstance(data, Mapping) else None
    if hidden is not None:
        return hidden
    words = text.strip()[:_LONGEST] or _words(data)[0] or "the tool answered with an error and no text"
    status = wording.status_in(words)
    if status is not None:
        body = _BODY_IN_TEXT.search(text)
        return http_error(status, body.group(1) if body else words, **context)
    return wording.classified(words, **context)


def hidden_error(data: Any, **context: Any) -> KonnectError | None:
    """The error inside an answer that calls itself a success, or None when it is what it says."""
    value = opened(data)
    body = as_object(value)
    while body is not None and len(body) == 1 and (key := next(iter(body))) in _WRAPPERS:
        value = opened(body[key])
        body = as_object(value)
    if isinstance(value, str):
        text = value.strip()
        found = _ANNOUNCED.match(text) or _BARE.fullmatch(text)
        return refusal(text[:_LONGEST], None, **context) if found else None
    if body is None or any(body.get(key) for key in _PAYLOAD):
        return None
    inner = body.get("error") or body.get("errors")
    if isinstance(inner, (str, Mapping, list)) and _is_all_there_is(body):
        return _from_error(body, inner, context)
    status = _status(body)
    if status and ({"title", "detail"} & set(body) or set(body) <= {"status", "message", "instance", "code"}):
        return http_error(status, body, **context)
    message = body.get("message")
    if (
        isinstance(message, str)
        and set(body) <= {"message", "request_id"}
        and _BARE.fullmatch(message.strip())
    ):
        return refusal(message, None, **context)
    return None


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header, seconds or HTTP date, as seconds from now; None when absent or unreadable."""
    if not value:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if isfinite(seconds) else None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _is_all_there_is(body: Object) -> bool:
    """Whether nothing but the error is in the answer; `{"status": "timed_out", "error": ...}` is a status."""
    status = body.get("status")
    if isinstance(status, str) and not re.fullmatch(r"\d{3}|error|fail(?:ed|ure)?", status, re.IGNORECASE):
        return False
    return all(key in _BESIDE_ERROR or not value for key, value in body.items())


def _from_error(body: Object, inner: Any, context: dict[str, Any]) -> KonnectError:
    entries = as_list(inner)
    first = entries[0] if entries else inner
    nested = as_object(first)
    status = _status(nested) or _status(body)
    words = nested if nested is not None else str(body.get("detail") or body.get("message") or first)
    if status:
        _, trace = _words(body)
        return http_error(status, {"instance": trace, **nested} if nested is not None else words, **context)
    return refusal(_words(words)[0], None, **context)


def _status(body: Object | None) -> int | None:
    for key in ("status", "statusCode", "status_code", "code"):
        value = (body or {}).get(key)
        if isinstance(value, (int, str)) and re.fullmatch(r"[45]\d\d", str(value)):
            return int(value)
    return None


def _words(value: Any) -> tuple[str, str | None]:
    """The server's own words and its trace handle, out of a problem body, an older form, or text."""
    trace: str | None = None
    fields = as_object(value)
    for _ in range(DEPTH):
        if fields is None:
            break
        instance = fields.get("instance")
        trace = trace or (instance if isinstance(instance, str) else None)
        told = [fields.get(key) for key in _TELLING]
        words = next((entry for entry in told if isinstance(entry, str) and entry.strip()), None)
        if words is not None:
            return words.strip()[:_LONGEST], trace
        value, fields = fields, next(filter(None, map(as_object, told)), None)
    text = "" if value is None else str(value).strip()
    return ("an HTML page instead of an API answer" if text[:1] == "<" else text[:_LONGEST]), trace


def _invalid_parameters(value: Any) -> str:
    listed = as_list((as_object(value) or {}).get("invalid_parameters")) or []
    entries = [entry for entry in map(as_object, listed) if entry is not None]
    return " (" + "; ".join(f"{e.get('field')}: {e.get('reason')}" for e in entries) + ")" if entries else ""


def _parsed(body: str | bytes) -> Any:
    """A body as data: JSON, or the Python repr that code mode writes; the text itself if neither."""
    text = (body.decode("utf-8", "replace") if isinstance(body, bytes) else body).strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text[:1] not in ("{", "["):
        return text
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
