"""The entities in plain data, whatever they are wrapped in.

A list: bare, under the family's own key (`services`), under a `data`-like key, under the only key there is,
or the only list of objects. A single object: bare, under its own key (`{"service": {...}}`), under a
`data`-like or only key, or a list of one. Wrappers nest; an object that has an identity is no wrapper, unless
a `data`-like key in it holds a list of objects that have one. Kong documents no envelope for the classic
tools and a different one for nearly every REST list (fact sheet 1.3), so all of these are read and nothing is
guessed into emptiness: what is none of them raises `Undecodable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from konnect_agent.decoding import DEPTH, Object, as_list, as_object, opened, undecodable
from konnect_agent.errors import NotFound
from konnect_agent.ids import KINDS

IDENTITY = ("id", "uuid", "name", "username", "custom_id")
"""Whatever has one of these as text is an entity."""

ENVELOPES = (
    "result", "results", "data", "items", "item", "response", "entities", "records", "value", "values",
    "body", "structuredContent", "content", "node",
)  # fmt: skip
_AROUND = frozenset((
    "meta", "metadata", "page", "pagination", "offset", "next", "next_cursor", "nextCursor", "cursor",
    "total", "count", "total_count", "totalCount", "size", "limit", "relatedTools", "related_tools", "links",
    "_links", "message", "status", "success", "ok", "hint", "hints", "operation", "truncated", "has_more",
    "hasMore", "query_id", "filters", "time_range", "timeRange", "isError", "warnings", "jsonrpc",
))  # fmt: skip
_TROUBLE = re.compile(r"denied|deny|permission|permitted|forbidden|authori[sz]|error|fail", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rows:
    """The objects of a list, and what stood beside it in its envelope."""

    items: tuple[Object, ...]
    around: Object


def rows(data: Any, keys: Sequence[str] = (), *, like: Iterable[str] = IDENTITY) -> Rows:
    """`data` as a list of objects. `keys` are the envelope keys this kind of entity may stand under.

    An object that has one of the keys in `like` and no list inside counts as a list of one. No content at
    all is an empty list: one text block for each of no entities. Raises `Undecodable` for anything else.
    """
    if data is None:
        return Rows((), {})
    search = _Search(tuple(keys), frozenset(like))
    found = search.list_in(data, "$", DEPTH)
    if found is None:
        raise undecodable("expected a list of objects", data)
    items: list[Object] = []
    for value in _flat(found.values):
        item = as_object(value)
        if item is None:
            raise undecodable("expected an object", value, f"{found.path}[{len(items)}]")
        items.append(search.entity_in(item))
    return Rows(tuple(items), found.around or {})


def objects(data: Any, keys: Sequence[str] = (), *, like: Iterable[str] = IDENTITY) -> list[Object]:
    """Only the objects of `rows`."""
    return list(rows(data, keys, like=like).items)


def single(data: Any, keys: Sequence[str] = (), *, like: Iterable[str] = IDENTITY) -> Object | None:
    """`data` as one object, None when it is null or empty. `keys` are the envelope keys it may stand under.

    Raises `NotFound` when the server says in words that there is nothing, `Undecodable` for several objects
    and for anything else.
    """
    return _Search(tuple(keys), frozenset(like)).one_in(data, "$", DEPTH)


def unwrapped(data: Any, keys: Sequence[str] = ()) -> Any:
    """What is inside wrappers that hold nothing else: `{"result": ...}`, `{"data": ...}`, one of `keys`."""
    value = opened(data)
    for _ in range(DEPTH):
        item = as_object(value)
        if item is None or len(item) != 1 or (key := next(iter(item))) not in (*keys, *ENVELOPES):
            break
        value = opened(item[key])
    return value


@dataclass(frozen=True, slots=True)
class _Found:
    """A list, where it stood, and (once known) the rest of the object that held it."""

    path: str
    values: list[Any]
    around: Object | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """What to look for: the family's own keys, and the keys that make an object an entity."""

    keys: tuple[str, ...]
    like: frozenset[str]

    def is_entity(self, value: Any) -> bool:
        item = as_object(value)
        return item is not None and any(isinstance(item.get(key), str) for key in self.like)

    def list_in(self, data: Any, path: str, depth: int) -> _Found | None:
        value = opened(data)
        values, item = as_list(value), as_object(value)
        if values is not None:
            return _Found(path, values)
        if item is None or depth == 0:
            return _Found(path, []) if isinstance(value, str) and _says_nothing(value, self.keys) else None
        for key in self._list_keys(item):
            inner = item[key]
            found = self.list_in(inner, f"{path}.{key}", depth - 1)
            if found is None and inner is None:
                found = _Found(f"{path}.{key}", [])
            if found is None and key in self.keys and as_object(opened(inner)):
                found = _Found(f"{path}.{key}", [inner])
            if found is not None:
                rest = {name: value for name, value in item.items() if name != key}
                return found if found.around is not None else replace(found, around=rest)
        return _Found(path, [item]) if self.is_entity(item) else None

    def _list_keys(self, item: Object) -> Iterator[str]:
        """The keys of `item` a list may stand under, the likeliest first."""
        yield from (key for key in self.keys if key in item)
        generic = [key for key in ENVELOPES if key in item and key not in self.keys]
        if self.is_entity(item):
            yield from (key for key in generic if self._are_entities(item[key]))
            return
        yield from generic
        rest = [key for key in item if key not in _AROUND]
        of_objects = [key for key in rest if _is_list_of_objects(opened(item[key]))]
        if len(of_objects) == 1:
            yield of_objects[0]
        elif len(rest) == 1:
            yield rest[0]

    def _are_entities(self, value: Any) -> bool:
        entries = as_list(opened(value))
        return bool(entries) and all(self.is_entity(self._within(opened(entry))) for entry in entries)

    def one_in(self, data: Any, path: str, depth: int) -> Object | None:
        value = opened(data)
        entries, item = as_list(value), as_object(value)
        if entries is not None:
            flat = _flat(entries)
            if len(flat) > 1:
                raise undecodable(f"expected one object, got {len(flat)}", flat, path)
            return self.one_in(flat[0], path, depth) if flat else None
        if item:
            key = self._wrapper(item) if depth else None
            return self.one_in(item[key], f"{path}.{key}", depth - 1) if key else item
        if isinstance(value, str) and _says_nothing(value, self.keys):
            raise NotFound(value.strip()[:300])
        if value is None or item is not None:
            return None
        raise undecodable("expected an object", value, path)

    def entity_in(self, item: Object) -> Object:
        """The entity inside an element of a list, which may have a wrapper of its own."""
        for _ in range(DEPTH):
            inner = self._within(item)
            if inner is item:
                break
            item = inner
        return item

    def _within(self, value: Any) -> Any:
        item = as_object(value)
        key = self._wrapper(item) if item else None
        inner = as_object(opened(item[key])) if item and key else None
        return value if inner is None else inner

    def _wrapper(self, item: Object) -> str | None:
        """The key under which `item` wraps the entity; None when it is the entity."""
        if self.is_entity(item):
            return None
        for key in self.keys:
            if isinstance(opened(item.get(key)), (dict, list)):
                return key
        rest = [key for key in item if key not in _AROUND]
        if len(rest) == 1 and self._may_wrap(rest[0], opened(item[rest[0]])):
            return rest[0]
        return next((key for key in ENVELOPES if self.is_entity(opened(item.get(key)))), None)

    def _may_wrap(self, key: str, value: Any) -> bool:
        """Whether the only key of an object wraps an entity; `service` of a route refers to another one."""
        if key in ENVELOPES or key in self.keys:
            return value is None or isinstance(value, (str, dict, list))
        return key not in KINDS and (self.is_entity(value) or _is_list_of_objects(value))


def _flat(values: Iterable[Any]) -> list[Any]:
    """Values with JSON strings opened and lists among them taken apart."""
    flat: list[Any] = []
    for value in map(opened, values):
        entries = as_list(value)
        flat.extend([value] if entries is None else map(opened, entries))
    return flat


def _is_list_of_objects(value: Any) -> bool:
    entries = as_list(value)
    return bool(entries) and all(isinstance(opened(entry), dict) for entry in entries)


def _says_nothing(text: str, keys: tuple[str, ...]) -> bool:
    """Whether `text` says in words that there are none of these: "No services found in ..."."""
    return bool(keys and _nothing(keys).match(text)) and not _TROUBLE.search(text)


@lru_cache(maxsize=64)
def _nothing(keys: tuple[str, ...]) -> re.Pattern[str]:
    nouns = "|".join(re.sub(r"[A-Z]|_", lambda m: "[ _-]?" + m.group().strip("_"), key) for key in keys)
    return re.compile(
        rf"\s*(?:no|0)\s+(?:matching\s+|such\s+)?(?:{nouns})s?\s+(?:(?:were|was|is|are|could\s+be)\s+)?"
        r"(?:found|available|exists?|matched|matching|with|named|called)\b[^\n{]{0,200}$",
        re.IGNORECASE,
    )
