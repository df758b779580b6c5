"""Errors a server hides: `isError` answers, problem bodies and status codes inside a successful result.

Kong's problem body (fact sheet 6.6, documented) has `status`, `title`, `instance`, `detail`; core entities
answer `{message, status}`; the retired server wrote `API Error (Status 404)`, code mode writes
`HTTP error 429: ... - {...}` (1.2), which may come out of a traceback, and an HTTP answer may be passed on as
data (both inferred). Words are read in the documented order: detail, message, title, raw text.
A successful answer is an error by its shape only, never by a word inside an entity or an article.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from konnect_agent import hops, wording
from konnect_agent.decoding import DEPTH, Object, as_list, as_object, is_hollow, opened
from konnect_agent.documents import parsed
from konnect_agent.envelopes import AROUND, IDENTITY
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
from konnect_agent.prose import says_trouble
from konnect_agent.redaction import masked
from konnect_agent.spelling import flat

HTML_PAGE = "an HTML page instead of an API answer"
"""The words of a refusal that somebody else than Konnect wrote."""

_LONGEST = 2000
_TELLING = ("detail", "message", "error_description", "title", "error", "reason")
_RUN = ("traceback", "stderr")
_EXITS = ("exit_code", "exitCode", "returncode", "return_code")
_WRAPPERS = ("result", "data", "response", "body")
_WAITS = ("retry_after", "retryAfter", "retry-after")
_BARE_PROBLEM = {"message", "code", "request_id", *_WAITS}
_BESIDE_ERROR = frozenset((
    "error", "errors", "status", "statusCode", "status_code", "code", "success", "ok", "message", "isError",
    "detail", "instance", "title", "type", "hint", "request_id", "requestId", "reason", "invalid_parameters",
    *_WAITS, *_RUN, *_EXITS, "exception", "stdout",
))  # fmt: skip
_BESIDE_BODY = _BESIDE_ERROR | {"headers", "statusText", "url"}
_OLD_PROBLEM = {"status", "message", "instance", "code"}
_CALL_FAILED = re.compile(r"error|fail(?:ed|ure)?", re.IGNORECASE)
_CALL_STATUS = re.compile(rf"\d{{3}}|{_CALL_FAILED.pattern}|success|ok|partial", re.IGNORECASE)
_UNWOUND = re.compile(r"\A.*\bTraceback \(most recent call last\):\n(?:[ \t][^\n]*\n|\n)*", re.DOTALL)
_HTTP_ERROR = re.compile(r"HTTP error [45]\d\d: ")
_INSIDE = re.compile(  # an operation that failed inside a block of code
    r"(?:Error calling tool '[^']*': (?:\w+: )?|(?:\w+: )?(?=[^:]*: HTTP error ))"
    r"(?:call_tool\(|Error calling tool )'([^']{1,100})'(?:\) failed)?: "
)
_ANNOUNCED = re.compile(
    r"(?:Error: )?API Error \(Status [45]\d\d\)|Error calling tool '|HTTP error [45]\d\d:"
)


def http_error(
    status: int,
    body: Any,
    *,
    headers: Mapping[str, str] | None = None,
    retry_after: float | None = None,
    connecting: bool = False,
    **context: Any,
) -> KonnectError:
    """The error of the tree for an HTTP status and its body (parsed, text or None).

    `connecting` says that the whole connection was refused, not one call: a 403 then points at the
    organization's MCP switch first, and a 400 is about the protocol, not about anybody's arguments. `headers`
    are the answer's, given where a gateway may be on the way: what one says is never about token or tools.
    """
    value = _parsed(body) if isinstance(body, (str, bytes)) else body
    problem = as_object(value) or {}
    words, trace = _words(value)
    title, detail = (_text(problem.get(key)) for key in ("title", "detail"))
    titled = f" {title}" if title and title not in words else ""
    hop = None if headers is None else hops.refusing(status, headers, value)
    said = f"HTTP {status} from {hop.name}" if hop else f"HTTP {status}"
    message = f"{said}{titled}: {words}" if words else said
    context = {"title": title, "detail": detail, "trace": trace, **context}
    if hop is not None:
        context = {"hop": hop.name, "hint": hop.hint, **context}
    elif status in (400, 404, 422) and not connecting:
        refused = NotFound if status == 404 else InvalidArguments
        return refused(message + _invalid_parameters(value), status=status, **context)
    kind: type[HttpError] = HttpError
    if status == 401:
        kind = Unauthorized
    elif status == 403:
        is_switch = hop is None and (connecting or wording.is_denial(words))
        kind = McpAccessDisabled if is_switch else Forbidden
    elif status == 429:
        kind = RateLimited
    elif status == 408 or status >= 500:
        kind = ServerError
    asked = _asked(problem) if retry_after is None else retry_after
    return kind(message, status=status, retry_after=asked, **context)


def refusal(text: str, data: Any, **context: Any) -> KonnectError:
    """The error for an `isError` answer: by the status it names, else by its words, else `ToolError`.

    Its `inside` is the operation that failed, where that is not the one that was called.
    """
    hidden = hidden_error(data, **context) if isinstance(data, Mapping) else None
    if hidden is not None:
        return hidden
    text = _UNWOUND.sub("", text)
    if inside := _INSIDE.match(text):
        context["inside"] = inside[1]
    words = _cut(text) or _words(data)[0] or "the tool answered with an error and no text"
    status = wording.status_in(words)
    if status is not None:
        announced = _HTTP_ERROR.search(text)
        said = _parsed(text[announced.end() :].partition(" - ")[2]) if announced else None
        return http_error(status, said if _words(said)[0] else words, **context)
    return wording.classified(words, **context)


def hidden_error(data: Any, **context: Any) -> KonnectError | None:
    """The error inside an answer that calls itself a success, or None when it is what it says.

    Beside what was asked for, an error is a remark; beside nothing, or an empty list, it is the answer.
    """
    value = opened(data)
    for _ in range(DEPTH):
        body = as_object(value) or _only_problem(value)
        if body is None:
            break
        if (answer := _http_answer(body)) is not None:
            return _waiting(http_error(*answer, **context), as_object(body.get("headers")) or {})
        if _is_refusal(body):
            return _waiting(_from_body(body, context), body)
        inside = [key for key in body if flat(key) not in AROUND]
        if len(inside) != 1 or inside[0] not in _WRAPPERS:
            return None
        value = opened(body[inside[0]])
    if not isinstance(value, str):
        return None
    text = value.strip()
    said = _cut(text) if _ANNOUNCED.match(text) else wording.plain_refusal(text)
    return refusal(said, None, **context) if said else None


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


def _is_refusal(body: Object) -> bool:
    """Whether an answer says no, with nothing in it that could have been asked for."""
    if body.get("isError") is True:
        return True  # an MCP result inside the result
    own = (*_BESIDE_ERROR, *IDENTITY)
    rest = {key: body[key] for key in body if key not in own and flat(key) not in AROUND}
    if any(map(_holds_something, rest.values())):
        return False
    if known := [key for key in IDENTITY if body.get(key)]:
        return len(known) == 1 and not any(rest.values()) and _is_failure_by_name(body)
    return _is_problem(body) or _denies(body, rest)


def _is_failure_by_name(body: Object) -> bool:
    """Whether what has an id or a name is a failure, of a run or of its class, and no entity.

    What only has a status in words may well have been asked for: a debug session fails, too.
    """
    inner, status = _error(body), _status(body)
    said = inner if isinstance(inner, str) else ""
    if isinstance(body.get("status"), str) and status is None:
        return _HTTP_ERROR.search(said) is not None
    told = _status(as_object(inner)) or wording.status_in(said) or wording.plain_refusal(said)
    return bool(told) or (status is not None and next(_told(body), None) is not None)


def _http_answer(body: Object) -> tuple[int, Any] | None:
    """Status and body of an HTTP answer that was passed on as data and says no; None for anything else."""
    status = _status(body)
    inside = [key for key in body if key not in _BESIDE_BODY and flat(key) not in AROUND]
    if status is None or len(inside) != 1 or inside[0] not in _WRAPPERS:
        return None
    answer = opened(body[inside[0]])
    said_no = _is_refusal(as_object(answer) or {})
    return (status, answer or body) if said_no or inside[0] == "body" else None


def _is_problem(body: Object) -> bool:
    """Whether it is a problem body, or one of the older forms: `{message, status}`, `{message}`."""
    if _status(body):
        return bool({"title", "detail"} & body.keys()) or body.keys() <= _OLD_PROBLEM
    message = body.get("message")
    is_plain = isinstance(message, str) and wording.plain_refusal(message.strip())
    return bool(is_plain) and body.keys() <= _BARE_PROBLEM


def _only_problem(value: Any) -> Object | None:
    """The problem body that a list holds, and nothing else."""
    entries = as_list(value) or []
    body = (as_object(entries[0]) if len(entries) == 1 else None) or {}
    told = _status(body) and {"title", "detail"} & body.keys()
    return body if told and body.keys() <= _BESIDE_ERROR else None


def _denies(body: Object, rest: Object) -> bool:
    """Whether there is an error beside nothing, or an error or words of trouble beside an empty list."""
    word = body.get("status")
    if isinstance(word, str) and not _CALL_STATUS.fullmatch(word):
        return False  # `{"status": "timed_out", "error": ...}` is what was asked for
    flagged = _error(body) is not None or body.get("success") is False or body.get("ok") is False
    flagged = flagged or any(body.get(key) not in (None, 0, "", "0") for key in _EXITS)
    if not any(value is None or isinstance(value, (Mapping, list)) for value in rest.values()):
        return flagged and not any(rest.values())
    if flagged or _status(body) is not None:
        return True
    if any(value and (isinstance(value, (int, float)) or _is_own_id(key)) for key, value in rest.items()):
        return False
    failed = isinstance(word, str) and _CALL_FAILED.fullmatch(word) is not None
    return failed or any(map(says_trouble, _told(body)))


def _is_own_id(key: str) -> bool:
    """Whether `key` names what the answer is about; where it was looked for says nothing of that."""
    return flat(key).endswith("id") and flat(key) != "controlplaneid"


def _holds_something(value: Any) -> bool:
    return isinstance(value, (Mapping, list)) and not is_hollow(value, figures=False)


def _error(body: Object) -> Any:
    """The error a body holds, if it holds one; a number of errors is none."""
    inner = body.get("error") or body.get("errors") or body.get("exception")
    return inner if inner and not isinstance(inner, (bool, int, float)) else None


def _told(body: Object) -> Iterator[str]:
    """The words of a body, the most telling first."""
    for key in (*_TELLING, *_RUN, "warning", "warnings", "content"):
        value = opened(body.get(key))
        yield from (text for text in as_list(value) or [value] if isinstance(text, str) and text.strip())


def _waiting(error: KonnectError, body: Object) -> KonnectError:
    """`error`, knowing how long the body asks to wait."""
    if isinstance(error, HttpError) and error.retry_after is None:
        error.retry_after = _asked(body)
    return error


def _asked(body: Object) -> float | None:
    """The seconds that a body, or headers, ask to wait for."""
    told = (value for key, value in body.items() if flat(key) == "retryafter")
    asked = next((value for value in told if isinstance(value, (int, float, str))), None)
    return retry_after_seconds(None if asked is None else str(asked))


def _text(value: Any) -> str | None:
    return _cut(value) if isinstance(value, str) else None


def _cut(text: str) -> str:
    """As much of a text as an error shows; what is cut through could not be known for a secret any more."""
    return masked(text.strip())[:_LONGEST]


def _from_body(body: Object, context: dict[str, Any]) -> KonnectError:
    body = as_object(opened(body.get("content"))) or body
    inner, status = _error(body), _status(body)
    if inner is not None:
        return _from_error(body, inner, context)
    return http_error(status, body, **context) if status else refusal(next(_told(body), ""), None, **context)


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
        if isinstance(value, (int, float, str)) and re.fullmatch(r"[45]\d\d(?:\.0)?", str(value)):
            return int(str(value)[:3])
    code = (body or {}).get("code")
    return wording.coded_status(code) if isinstance(code, str) else None


def _words(value: Any) -> tuple[str, str | None]:
    """The server's own words and its trace handle, out of a problem body, an older form, or text."""
    trace: str | None = None
    fields = as_object(value)
    for _ in range(DEPTH):
        if fields is None:
            break
        instance = fields.get("instance")
        trace = trace or _text(instance)
        told = [fields.get(key) for key in _TELLING]
        words = next((entry for entry in told if isinstance(entry, str) and entry.strip()), None)
        if words is not None:
            return _cut(words), trace
        value, fields = fields, next(filter(None, map(as_object, told)), None)
    text = "" if value in (None, {}, []) else _cut(str(value))
    return (HTML_PAGE if text[:1] == "<" else text), trace


def _invalid_parameters(value: Any) -> str:
    listed = as_list((as_object(value) or {}).get("invalid_parameters")) or []
    entries = [entry for entry in map(as_object, listed) if entry is not None]
    return " (" + "; ".join(f"{e.get('field')}: {e.get('reason')}" for e in entries) + ")" if entries else ""


def _parsed(body: str | bytes) -> Any:
    """A body as data: JSON, or the Python notation of code mode; the text itself if neither."""
    return parsed((body.decode("utf-8", "replace") if isinstance(body, bytes) else body).strip())
