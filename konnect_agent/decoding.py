"""A tool's answer to plain data (dicts, lists, scalars), whatever it came written as.

1. Structured content, unless it holds nothing and the texts hold data, or tell of trouble.
2. Else the texts, of text blocks and embedded resources: the only one, all together, or each on its own,
   which makes a list. Prose beside data is dropped, unless it says that the data is not all there is.
3. A string that is data is opened, also as `{"result": "..."}` or as a content block inside the data.
4. Content that holds no text (images, links) is no answer: when nothing else came, that is `Undecodable`.

The classic tools' output encoding is undocumented (fact sheet 2), so every plausible form is accepted. What
the entities in the data are wrapped in is the matter of `envelopes`, errors among them of `refusals`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

from konnect_agent.documents import among_prose, parsed
from konnect_agent.errors import Undecodable
from konnect_agent.prose import says_cut, says_trouble
from konnect_agent.redaction import redact, scrub

T = TypeVar("T")
Object = Mapping[str, Any]

DEPTH = 6
"""How many wrappers around the entities are taken off; nobody has seen more than three."""

CUT = "truncated"
"""The key under which data says that it is not all there is."""

_CARRIERS = ("result", "text", "content", "output")
_BLOCK = {"type", "text", "resource", "annotations", "_meta"}
_TEXTLESS = {"image": "data", "audio": "data", "resource": "resource", "resource_link": "uri"}
_TEXT_TYPE = re.compile(r"^text/|json", re.IGNORECASE)
_EXCERPT, _READ = 300, 20_000
_HEADING = re.compile(r"[^\n]{0,100}\s*…\s*")


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answered, before reading: structured content, texts, and whether it is an error.

    `unread` are the kinds of the content blocks that hold no text.
    """

    structured: Any = None
    texts: tuple[str, ...] = ()
    is_error: bool = False
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, blocks: Iterable[Object], *, structured: Any = None, is_error: bool = False) -> Self:
        """The answer made of content blocks, each as plain data under MCP's names."""
        read = [(block, _text_of(block)) for block in blocks]
        texts = tuple(text for _, text in read if text is not None)
        unread = tuple(str(block.get("type")) for block, text in read if text is None)
        return cls(structured, texts, is_error, unread)

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "\n".join(self.texts)


class Listing(tuple[T, ...]):
    """A list as the server gave it. `complete` is False when there is more, or when some was unreadable."""

    complete: bool

    def __new__(cls, items: Iterable[T] = (), *, complete: bool = True) -> Self:
        """`items`, in order."""
        listing = super().__new__(cls, items)
        listing.complete = complete
        return listing


def plain(answer: ToolAnswer) -> Any:
    """The answer as plain data; text that is no data stays a string, no content at all is None.

    Raises `Undecodable` for content that holds neither text nor data.
    """
    structured = opened(answer.structured)
    if structured is not None and not is_hollow(structured):
        return structured
    if _is_void(structured) and answer.unread and not answer.texts and not answer.is_error:
        kinds = ", ".join(sorted(set(answer.unread)))
        raise Undecodable(f"the answer holds neither text nor data, only {kinds}")
    told = _joined(answer.texts)
    return told if answer.structured is None or _tells_more(told, answer.text, structured) else structured


def opened(value: Any) -> Any:
    """A value with strings that are data, and the wrappers that carry them, opened; else as it is."""
    for _ in range(DEPTH):
        inner = parsed(value) if isinstance(value, str) else _carried(value)
        if inner is value:
            break
        value = inner
    return value


def extracted(value: Any) -> Any:
    """Like `opened`, for whoever expects entities: of a text that also talks, the data in it.

    No entities among prose count only below a short heading: elsewhere `[]` is as likely a part of speech.
    """
    value = opened(value)
    split = among_prose(value) if isinstance(value, str) else None
    if split is None:
        return value
    data, prose = split
    if is_hollow(data) and not _HEADING.fullmatch(prose):
        return value
    return _beside(prose, data, otherwise=value)


def is_hollow(value: Any, *, figures: bool = True, depth: int = 2 * DEPTH) -> bool:
    """Whether `value` holds nulls and empty texts at most, however wrapped; `figures` allows numbers too."""
    if isinstance(value, str):
        return not value.strip()
    item, entries = as_object(value), as_list(value)
    if item is None and entries is None:
        return figures or value is None
    inner = entries if item is None else item.values()
    return depth > 0 and all(is_hollow(entry, figures=figures, depth=depth - 1) for entry in inner or ())


def as_object(value: Any) -> Object | None:
    """`value` if it is an object, else None."""
    # A `dict` is a `Mapping`, but six times as quick to tell, and it nearly always is one.
    return cast("Object", value) if isinstance(value, (dict, Mapping)) else None


def as_list(value: Any) -> list[Any] | None:
    """`value` if it is a list, else None."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def is_textless(value: Any) -> bool:
    """Whether `value` is a content block of MCP that holds no text: an image, a link."""
    item = as_object(value) or {}
    return _TEXTLESS.get(str(item.get("type"))) in item and _text_of(item) is None


def undecodable(message: str, data: Any, path: str = "$") -> Undecodable:
    """The error for an unreadable piece of an answer, with a short redacted excerpt of it."""
    try:
        shown = scrub(data[:_READ]) if isinstance(data, str) else json.dumps(redact(data), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        shown = type(data).__name__
    excerpt = shown[:_EXCERPT] + ("..." if len(shown) > _EXCERPT else "")
    return Undecodable(message, path=path, excerpt="".join(map(_printable, excerpt)))


def _tells_more(told: Any, text: str, structured: Any) -> bool:
    """Whether the texts say more than structured content that holds nothing.

    A null says nothing; an empty list says "none", and is outweighed by data and by trouble only.
    """
    if not text.strip():
        return False
    if _is_void(structured):
        return True
    if not isinstance(told, str) and is_hollow(told):
        return False
    data = extracted(told)
    item = as_object(data) or {}
    if isinstance(data, list) or "id" in item or any(map(_holds_something, item.values())):
        return True
    words = [value for value in item.values() if isinstance(value, str)] if item else [text]
    return any(map(says_trouble, words))


def _is_void(value: Any) -> bool:
    """Whether `value` is null, empty text or an object of such: not even "none" was said."""
    item = as_object(value)
    return value in (None, "") if item is None else all(v != {} and _is_void(v) for v in item.values())


def _holds_something(value: Any) -> bool:
    return isinstance(value, (Mapping, list)) and not is_hollow(value)


def _joined(texts: tuple[str, ...]) -> Any:
    """Several texts as one value; those that hold objects or lists become one list."""
    if len(texts) <= 1:
        return opened(texts[0]) if texts else None
    text = "\n".join(texts)
    whole = parsed(text)
    if whole is not text:
        return opened(whole)
    blocks = [opened(block) for block in texts]
    if not any(isinstance(block, (Mapping, list)) for block in blocks):
        return text
    prose = [block for block in blocks if isinstance(block, str) and not _is_broken_json(block)]
    data = [block for block in blocks if not isinstance(block, str) or _is_broken_json(block)]
    value = data[0] if len(data) == 1 else [entry for block in data for entry in (as_list(block) or [block])]
    return _beside("\n".join(prose), value, otherwise=text)


def _beside(prose: str, data: Any, *, otherwise: str) -> Any:
    """The data that stood beside `prose`, which may say that it is not all, or why there is none."""
    in_trouble = says_trouble(prose)
    if is_hollow(data):
        return otherwise if in_trouble else data
    item = as_object(data)
    lists = isinstance(data, list) if item is None else any(map(as_list, item.values()))
    return {"result": data, CUT: True} if lists and (in_trouble or says_cut(prose)) else data


def _carried(value: Any) -> Any:
    """The data inside a wrapper that holds nothing but a text; the same value if there is none."""
    item, entries = as_object(value), as_list(value)
    if entries and all(_is_block(entry) for entry in entries):
        return _joined(tuple(_text_of(entry) or "" for entry in entries))
    if item is None:
        return value
    if _is_block(item):
        text = _text_of(item)
    elif len(item) == 1 and (key := next(iter(item))) in _CARRIERS:
        text = item[key]
    else:
        return value
    inner = parsed(text) if isinstance(text, str) else text
    return value if inner is text else inner


def _is_block(value: Any) -> bool:
    """Whether `value` is a content block of MCP that a gateway left inside the data."""
    item = as_object(value)
    return item is not None and item.keys() <= _BLOCK and _text_of(item) is not None


def _text_of(block: Object) -> str | None:
    """The text of a content block; None for one without, such as an image or a link."""
    if block.get("type") == "text":
        text = block.get("text")
        return text if isinstance(text, str) else None
    resource = as_object(block.get("resource")) or {}
    text, blob = resource.get("text"), resource.get("blob")
    if isinstance(text, str):
        return text
    if not isinstance(blob, str) or not _TEXT_TYPE.search(str(resource.get("mimeType"))):
        return None
    try:
        return b64decode(blob).decode()
    except ValueError:
        return None


def _is_broken_json(text: str) -> bool:
    """Whether `text` set out to be an object or a list of them."""
    start = text.lstrip().removeprefix("[").lstrip()[:1]
    return start in ("{", "[")


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
