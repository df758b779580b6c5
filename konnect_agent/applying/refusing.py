"""What a refusal of the Admin API or the Konnect API means, and what to do then.

A 404 in the API's own words (`{"message": "Not found"}`, a problem that says so: Konnect API specification,
documented; the Admin API's words and code 5 of the older Konnect API are inferred) says that there is no such
entity. Every other 404 is a page, or a proxy, or a route that is missing somewhere on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from konnect_agent.applying.target import Target
from konnect_agent.errors import Forbidden, HttpError, KonnectError, McpAccessDisabled
from konnect_agent.redaction import MASK

_ABSENT = re.compile(r"\bnot found\b|\b(?:does not|doesn't|did not|didn't) exist\b", re.IGNORECASE)
_NOT_THERE = "Check the control plane's id and the region, or the Admin API's URL."
_NOT_THE_API = "Something else may be answering: check the URL, and what is on the way."
_PORTS = "The Admin API has a port of its own (8001, or 8444 for https); 8000 and 8443 are the proxy's."
_HINTS = {
    404: _NOT_THERE,
    409: "Somebody else made it meanwhile, or under another name: look at what there is, then run it again.",
    429: "Wait a little, then run it again.",
}
_REFUSED = "The API refused what was sent: its words name the fields. An older gateway lacks some of them."
_FAILED = "Look at the API's own log, then run it again."


def refused(target: Target, status: int, content: bytes) -> KonnectError:
    """The error for a refusal; `NotFound` only if the API itself says that there is no such entity."""
    from konnect_agent.refusals import http_error

    body = parsed(content)
    shown = without_secrets(body, target)
    if status == 404 and not _says_absent(body):
        words = http_error(500, shown).message.removeprefix("HTTP 500").lstrip(": ")
        hint = f"{_NOT_THE_API} {_PORTS}" if target.api == "Admin API" else _NOT_THE_API
        message = f"HTTP 404, and not in the words of the {target.api}"
        return HttpError(f"{message}: {words}" if words else message, status=404, hint=hint)
    otherwise = _FAILED if status >= 500 or status == 408 else _REFUSED
    hint = target.denied if status in (401, 403) else _HINTS.get(status, otherwise)
    error = http_error(status, shown, hint=hint)
    if isinstance(error, McpAccessDisabled):  # these APIs have no such switch
        error = Forbidden(error.message, status=status, hint=target.denied)
    return error


def without_secrets(value: Any, target: Target) -> Any:
    """What an answer says, without the token it may quote."""
    if isinstance(value, str):
        for secret in target.headers.values():
            value = value.replace(secret.removeprefix("Bearer "), MASK)
        return value
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return {without_secrets(name, target): without_secrets(each, target) for name, each in entries}
    if isinstance(value, list):
        return [without_secrets(each, target) for each in cast("list[Any]", value)]
    return value


def parsed(content: bytes) -> Any:
    """A body as data, None for none; the text itself if it is no JSON."""
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace")


def _says_absent(body: object) -> bool:
    """Whether a 404 is the API's own: an object that says so in words, or with gRPC's code for it."""
    if not isinstance(body, Mapping):
        return False
    said = cast("Mapping[str, object]", body)
    words = (said.get(name) for name in ("message", "detail", "title"))
    return said.get("code") == 5 or any(isinstance(each, str) and _ABSENT.search(each) for each in words)
