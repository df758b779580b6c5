"""A tool's answer to plain data (dicts, lists, scalars), whatever it came written as.

1. Structured content, else the text blocks.
2. Text is parsed as JSON, fenced or not: the only block, all blocks together, or each block on its own,
   which makes a list. Prose beside JSON is dropped; JSON that is broken stays, so that reading it fails.
3. A string that holds JSON is opened, also as `{"result": "..."}` or as a text block inside the data.

The classic tools' output encoding is undocumented (fact sheet 2), so every plausible form is accepted. What
the entities in the data are wrapped in is the matter of `envelopes`, errors among them of `refusals`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

from konnect_agent.errors import Undecodable
from konnect_agent.redaction import redact, scrub

T = TypeVar("T")
Object = Mapping[str, Any]

DEPTH = 6
"""How many wrappers around the entities are taken off; nobody has seen more than three."""

_CARRIERS = ("result", "text", "content", "output")
_TEXT_BLOCK = {"type", "text", "annotations", "_meta"}
_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answered, before reading: structured content, text blocks, and whether it is an error."""

    structured: Any = None
    texts: tuple[str, ...] = ()
    is_error: bool = False

    @property
    def text(self) -> str:
        """All text blocks, one after the other."""
        return "\n".join(self.texts)


class Listing(tuple[T, ...]):
    """A list as the server gave it. `complete` is False when the server said that there is more."""

    complete: bool

    def __new__(cls, items: Iterable[T] = (), *, complete: bool = True) -> Self:
        """`items`, in order."""
        listing = super().__new__(cls, items)
        listing.complete = complete
        return listing


def plain(answer: ToolAnswer) -> Any:
    """The answer as plain data; text that is not JSON stays a string, no content at all is None."""
    if answer.structured is not None and (answer.structured != {} or not answer.texts):
        return opened(answer.structured)
    return _joined(answer.texts)


def opened(value: Any) -> Any:
    """A value with JSON strings and the wrappers that carry them opened; anything else as it is."""
    for _ in range(DEPTH):
        inner = _from_json(value) if isinstance(value, str) else _carried(value)
        if inner is value:
            break
        value = inner
    return value


def as_object(value: Any) -> Object | None:
    """`value` if it is an object, else None."""
    return cast("Object", value) if isinstance(value, Mapping) else None


def as_list(value: Any) -> list[Any] | None:
    """`value` if it is a list, else None."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def undecodable(message: str, data: Any, path: str = "$") -> Undecodable:
    """The error for an unreadable piece of an answer, with a short redacted excerpt of it."""
    try:
        shown = scrub(data) if isinstance(data, str) else json.dumps(redact(data), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        shown = type(data).__name__
    excerpt = shown[:_EXCERPT] + ("..." if len(shown) > _EXCERPT else "")
    return Undecodable(message, path=path, excerpt="".join(map(_printable, excerpt)))


def _joined(texts: tuple[str, ...]) -> Any:
    """Text blocks as one value; several that hold objects or lists become one list."""
    if len(texts) <= 1:
        return opened(texts[0]) if texts else None
    text = "\n".join(texts)
    whole = _from_json(text)
    if whole is not text:
        return opened(whole)
    blocks = [opened(block) for block in texts]
    if not any(isinstance(block, (Mapping, list)) for block in blocks):
        return text
    data = [block for block in blocks if not isinstance(block, str) or _is_broken_json(block)]
    if len(data) == 1:
        return data[0]
    return [entry for block in data for entry in (as_list(block) or [block])]


def _carried(value: Any) -> Any:
    """The JSON inside a wrapper that holds nothing but a string; the same value if there is none."""
    item, entries = as_object(value), as_list(value)
    if entries and all(_is_text_block(entry) for entry in entries):
        return _joined(tuple(entry["text"] for entry in entries))
    if item is None:
        return value
    if _is_text_block(item):
        text = item["text"]
    elif len(item) == 1 and (key := next(iter(item))) in _CARRIERS:
        text = item[key]
    else:
        return value
    inner = _from_json(text) if isinstance(text, str) else text
    return value if inner is text else inner


def _is_text_block(value: Any) -> bool:
    """Whether `value` is a text block of MCP that a gateway left inside the data."""
    item = as_object(value) or {}
    return item.get("type") == "text" and isinstance(item.get("text"), str) and item.keys() <= _TEXT_BLOCK


def _from_json(text: str) -> Any:
    """Parsed JSON if `text` is an object, array or quoted string (fenced or not); the same `text` if not."""
    stripped = text.strip()
    if stripped.startswith("```"):
        stripped = stripped.strip("`").removeprefix("json").strip()
    if not stripped or stripped[0] not in '{["':
        return text
    try:
        if "\\ud" in stripped.lower():  # half a surrogate pair is legal JSON, and breaks whoever prints it
            stripped = json.dumps(json.loads(stripped), ensure_ascii=False)
            stripped = stripped.encode("utf-8", "replace").decode()
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return text


def _is_broken_json(text: str) -> bool:
    """Whether `text` set out to be an object or a list of them."""
    start = text.lstrip().removeprefix("[").lstrip()[:1]
    return start in ("{", "[")


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
