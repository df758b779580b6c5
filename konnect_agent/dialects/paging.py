"""Asking for the rest of a list, where the server has a parameter for it.

1. A token goes into the parameter for tokens, an offset and a page's number into theirs. Where an answer
only says that there is more, the offset is what was seen, the number the one after this, and what to start
after the last entity's id. 2. What came before is left out. 3. It ends when nothing more is said to follow,
when there is no way to ask or it is refused, and when an answer brings nothing new: the server does not look
at the parameter. A list that ends early is marked as cut, and so is one exactly as long as a page, without a
word about the rest. 4. An answer that is too much for the server, or for us, is asked for again in
shorter pages, where the tool takes their size.
No paging is documented for the classic tools; the parameters' names are those that others use (inferred), and
so are the words of a server that limits its answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from konnect_agent.decoding import Listing, Object, as_object
from konnect_agent.envelopes import Rows
from konnect_agent.errors import (
    InvalidArguments,
    KonnectError,
    NotFound,
    TooLarge,
    ToolError,
    Undecodable,
)
from konnect_agent.ids import own_id
from konnect_agent.notes import Page, page
from konnect_agent.schemas import accepted, parts
from konnect_agent.spelling import flat, takes
from konnect_agent.toolbox import Tool

_TOKENS = (
    "cursor", "next_cursor", "page_token", "next_page_token", "next_token", "continuation_token", "marker",
    "page_after", "after", "starting_after", "next", "offset",
)  # fmt: skip
_OFFSETS = ("offset", "skip", "start_index")
_IDS = ("starting_after", "after_id")
_NUMBERS = ("page_number", "page", "page_index")
_SIZES = ("size", "limit", "page_size", "per_page", "max_results")
_MOST_PAGES = 1000
_SHORTER = 4
_TOO_MUCH = re.compile(
    r"\btoo (?:large|big|long)\b|\b(?:size|length|memory|output|response|result|token|character|byte)s? limit"
    r"|\b(?:exceed|truncat)\w*",
    re.IGNORECASE,
)


def shorter(error: KonnectError, size: int) -> int | None:
    """The size of a page to ask for after one of `size` was too much; None if `error` says nothing of it.

    An answer cut off in the middle is `Undecodable`.
    """
    said = isinstance(error, ToolError) and _TOO_MUCH.search(error.message)
    too_much = said or isinstance(error, (TooLarge, Undecodable))
    return size // _SHORTER if too_much and size >= _SHORTER else None


async def whole_list(
    ask: Callable[[Mapping[str, Any]], Awaitable[Rows]], tool: Tool, *, sizes: Collection[int] = ()
) -> Listing[Object]:
    """The entities of every answer of `ask`, which is given what to ask on with; nothing at first.

    `sizes` are the lengths a full page may have beside those in the tool's schema.
    """
    items: list[Object] = []
    known: set[str] = set()
    tried: set[str] = set()
    onward: Mapping[str, Any] = {}
    full = [*sizes, *_default_lengths(tool)]
    while True:
        tried.add(str(onward))
        try:
            found = await ask(onward)
        except (InvalidArguments, NotFound):  # what was asked on with means nothing to it
            if not onward:
                raise
            return Listing(items, complete=False)
        fresh = [item for item in found.items if not known or _identity(item) not in known]
        items += fresh
        rest = page(found, seen=len(items), sizes=full)
        onward = _onward(rest, tool, seen=items, asked=len(tried)) if rest.more else {}
        stuck = not fresh and (found.items or rest.token is None)
        if not onward or stuck or str(onward) in tried or len(tried) == _MOST_PAGES:
            return Listing(items, complete=not rest.more)
        known.update(map(_identity, fresh))


def _onward(rest: Page, tool: Tool, *, seen: Sequence[Object], asked: int) -> dict[str, Any]:
    """The argument that asks for what follows; empty when this tool has none for it."""
    token, offset, number = (_parameter(names, tool) for names in (_TOKENS, _OFFSETS, _NUMBERS))
    if rest.token is not None:
        kinds, _ = accepted(_schema(token or "", tool), tool.input_schema)
        fits = token is not None and (rest.token.isdecimal() or kinds != {"integer"})
        return {token: rest.token} if token is not None and fits else {}
    if offset is not None and (rest.offset is not None or rest.number is None or number is None):
        return {offset: rest.offset or len(seen)} if rest.offset or seen else {}
    if number is None:
        last, start = own_id(seen[-1]) if seen else None, _parameter(_IDS, tool)
        return {start: last} if start is not None and last else {}
    first = next(chain(_told("default", number, tool), _told("minimum", number, tool)), None)
    following = rest.number if rest.number is not None or first is None else first + asked
    return {} if following is None else {number: following}


def _default_lengths(tool: Tool) -> Iterator[int]:
    """How long the tool's schema says that pages are unless asked otherwise."""
    return (length for name in _SIZES for length in _told("default", name, tool))


def _told(keyword: str, name: str, tool: Tool) -> Iterator[int]:
    """The whole numbers that the schema of a parameter has under a keyword, alternatives included."""
    values = (part.get(keyword) for part in parts(_schema(name, tool), tool.input_schema))
    return (value for value in values if isinstance(value, int))


def _parameter(names: Sequence[str], tool: Tool) -> str | None:
    return next((name for name in names if takes(name, tool.input_schema)), None)


def _schema(name: str, tool: Tool) -> Object:
    """The schema of the parameter that is called `name` in some spelling."""
    found = (schema for live, schema in tool.parameters.items() if flat(live) == flat(name))
    return as_object(next(found, None)) or {}


def _identity(item: Object) -> str:
    """What tells an entity from others: its id, else all of it."""
    return own_id(item) or json.dumps(item, sort_keys=True, default=str)
