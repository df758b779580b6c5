"""What an answer says beside its entities: where a list goes on, a status, an id, a sentence.

Cursors, totals and flags stand in the object that holds the list or in a `meta`-like part of it; the forms
are those of Kong's REST lists (fact sheet 1.3) and of paging as others write it. No paging is documented for
the classic tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object, opened
from konnect_agent.envelopes import ENVELOPES

_HOLDERS = (
    *ENVELOPES, "meta", "metadata", "page", "pagination",
    "session", "debug_session", "debugSession", "tracing_session", "active_tracing_session",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list goes on: `cursor` asks for the next part, `more` says that there is one."""

    cursor: str | None = None
    more: bool = False


def page(data: Any, *, seen: int) -> Page:
    """What the envelope of a list says about the rest of it; `seen` objects have been read so far."""
    for level in () if isinstance(opened(data), list) else _levels(data):
        for key in ("next_cursor", "nextCursor", "cursor", "next", "offset"):
            value = level.get(key)
            if isinstance(value, str) and value:
                return Page(None if _is_link(value) else value, more=True)
        totals = (level.get(key) for key in ("total", "total_count", "totalCount"))
        if any(level.get(key) is True for key in ("truncated", "has_more", "hasMore")) or any(
            isinstance(total, int) and total > seen for total in totals
        ):
            return Page(more=True)
    return Page()


def texts(data: Any, keys: Sequence[str]) -> Iterator[str]:
    """Every text under one of `keys`, at any level of wrapping, the first key first; bare text is itself."""
    value = opened(data)
    if isinstance(value, str):
        yield from filter(None, [value.strip().strip('"')])
        return
    levels = list(_levels(value))
    for key in keys:
        for level in levels:
            entry = level.get(key)
            if isinstance(entry, str) and entry.strip():
                yield entry.strip()


def _is_link(text: str) -> bool:
    """A link is no cursor: it says that there is more, not how to ask a tool for it."""
    return "://" in text or ("?" in text and text.startswith("/"))


def _levels(data: Any) -> Iterator[Object]:
    """The object itself, then the objects its envelope, paging and session keys hold."""
    queue: list[Any] = [opened(data)]
    for _ in range(32):
        if not queue:
            return
        level = queue.pop(0)
        entries = as_list(level)
        item = as_object(entries[0] if entries and len(entries) == 1 else level)
        if item is not None:
            yield item
            queue.extend(opened(item[key]) for key in _HOLDERS if key in item)
