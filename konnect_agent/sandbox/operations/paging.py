"""Konnect's three ways to page through a list (fact sheet 1.3, documented).

By number: `page[size]`, `page[number]`, and a `meta.page` with the total. By link: `page[after]` out of the
link in `meta.page.next`, the total with the first page only. By token: `size` and the `offset` of the answer
before, which is opaque; no total. A page has 100 entries unless told otherwise (documented for the third).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from konnect_agent.sandbox.konnect import Problem
from konnect_agent.sandbox.operations.operation import Call
from konnect_agent.sandbox.organisation import Entity

_SIZE, _MOST = 100, 1000
_TEXT: Entity = {"type": "string"}
_PAGE_SIZE: Entity = {"type": "integer", "description": "The maximum number of items to include per page."}

BY_NUMBER: Mapping[str, Entity] = {
    "page[size]": _PAGE_SIZE,
    "page[number]": {"type": "integer", "description": "Determines which page of the entities to retrieve."},
}
BY_LINK: Mapping[str, Entity] = {
    "page[size]": _PAGE_SIZE,
    "page[after]": _TEXT | {"description": "Request the next page of data, after this one."},
}
BY_TOKEN: Mapping[str, Entity] = {
    "size": {
        "type": "integer", "minimum": 1, "maximum": _MOST, "default": _SIZE,
        "description": "Number of resources to be returned.",
    },
    "offset": _TEXT | {"description": "The offset of the answer before, to page through all resources."},
}  # fmt: skip


def by_number(entities: Sequence[Any], call: Call) -> Entity:
    """A page by its number. Raises `Problem` for numbers there are not."""
    size, number = _whole(call, "page[size]", _SIZE), _whole(call, "page[number]", 1)
    start = (number - 1) * size
    page = {"number": number, "size": size, "total": len(entities)}
    return {"data": list(entities[start : start + size]), "meta": {"page": page}}


def by_link(entities: Sequence[Any], call: Call, path: str) -> Entity:
    """A page after another. Raises `Problem` for a `page[after]` that never was."""
    size, start = _whole(call, "page[size]", _SIZE), _start(call, "page[after]")
    end = start + size
    following = f"{path}?{urlencode({'page[size]': size, 'page[after]': _token(end)})}"
    page: Entity = {"size": size, "next": following if end < len(entities) else None}
    total = {} if start else {"total": len(entities)}
    return {"data": list(entities[start:end]), "meta": {"page": page | total}}


def by_token(entities: Sequence[Any], call: Call, path: str) -> Entity:
    """A page from an offset. Raises `Problem` for an offset that never was, and too large a page."""
    size, start = _whole(call, "size", _SIZE), _start(call, "offset")
    end = start + size
    if end >= len(entities):
        return {"data": list(entities[start:end]), "next": None}
    offset = _token(end)
    following = f"{path}?{urlencode({'size': size, 'offset': offset})}"
    return {"data": list(entities[start:end]), "offset": offset, "next": following}


def invalid(*problems: tuple[str, str]) -> Problem:
    """The problem of parameters that are not acceptable, by their places and the reasons."""
    parameters = [{"field": field, "reason": reason} for field, reason in problems]
    return Problem(400, "Invalid Request", "Invalid Parameters", invalid_parameters=parameters)


def _whole(call: Call, name: str, default: int) -> int:
    text = str(call.query.get(name, default))
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise invalid((name, f"must be a whole number from 1 to {_MOST}"))
    return int(text)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"after:{start}".encode()).decode()


def _start(call: Call, name: str) -> int:
    token = str(call.query.get(name) or "")
    try:
        word, _, start = base64.urlsafe_b64decode(token).decode().partition(":")
    except ValueError:
        word, start = "", ""
    if not token:
        return 0
    if word != "after" or not start.isdecimal():
        raise invalid((name, "must be taken from the page before"))
    return int(start)
