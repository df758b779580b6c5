"""The entities in plain data, whatever they are wrapped in.

A list: bare, under the family's own key (`services`), under a `data`-like key, under the only key there is,
the only list of objects, or a map by name or id. A single object: bare, under its own key (`{"service":
{...}}`), under a `data`-like or only key, or a list of one. Wrappers nest; an object that has an identity is
no wrapper, unless a `data`-like key in it holds a list of objects that have one. Kong documents no envelope
for the classic tools and a different one for nearly every REST list (fact sheet 1.3), so all of these are
read, and nothing is guessed into emptiness: what is none of them raises `Undecodable`, or what its words say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from konnect_agent.decoding import (
    CUT,
    DEPTH,
    Object,
    as_list,
    as_object,
    extracted,
    is_textless,
    opened,
    undecodable,
)
from konnect_agent.errors import HttpError, KonnectError, NotFound
from konnect_agent.forms import from_map, from_resource
from konnect_agent.ids import KINDS, is_id
from konnect_agent.prose import says_none
from konnect_agent.spelling import flat
from konnect_agent.wording import classified

IDENTITY = ("id", "uuid", "name", "username", "custom_id")
"""Whatever has one of these as text is an entity."""

ENVELOPES = (
    "result", "results", "data", "items", "item", "response", "entities", "records", "value", "values",
    "body", "structuredContent", "content", "node",
)  # fmt: skip
AROUND = frozenset((
    "meta", "metadata", "page", "pagination", "paging", "pageinfo", "offset", "next", "nextcursor", "cursor",
    "nextpage", "nextoffset", "nexttoken", "nextpagetoken", "continuationtoken", "hasmore", "hasnext",
    "hasnextpage", "total", "count", "totalcount", "totalpages", "size", "limit", "truncated", "istruncated",
    "partial", "relatedtools", "links", "message", "status", "success", "ok", "error", "errors", "warning",
    "warnings", "note", "notes", "hint", "hints", "operation", "queryid", "filters", "timerange", "iserror",
    "jsonrpc", "requestid",
))  # fmt: skip
"""What stands beside entities in an envelope, in any spelling."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Rows:
    """The objects of a list, and the objects it was in, the outermost first, each without what led inside."""

    items: tuple[Object, ...]
    envelopes: tuple[Object, ...] = ()

    @property
    def around(self) -> Object:
        """What stood beside the list."""
        return self.envelopes[-1] if self.envelopes else {}


def rows(
    data: Any, keys: Sequence[str] = (), *, like: Iterable[str] = IDENTITY, bare_ids: bool = False
) -> Rows:
    """`data` as a list of objects. `keys` are the envelope keys this kind of entity may stand under.

    With `bare_ids` a word is an entity of which only the id is known (on its own, a UUID).

    An object that has one of the keys in `like` and no list inside counts as a list of one. No content at all
    is an empty list (one text block for each of no entities), and so is a sentence that says so and nothing
    else. Values among them that are no objects are left out, and the list then counts as cut. Raises the
    refusal that other words plainly are, and `Undecodable` for anything else.
    """
    if data is None:
        return Rows(())
    alone = unwrapped(data, keys) if bare_ids else None
    if isinstance(alone, str) and is_id(alone):
        data = [alone]
    search = _Search(tuple(keys), frozenset(like))
    found = search.list_in(data, "$", DEPTH)
    if found is None:
        raise _unreadable("expected a list of objects", data)
    items: list[Object] = []
    odd: list[Any] = []
    for value in _taken_apart(found.values):
        item = {"id": value.strip()} if bare_ids and _is_word(value) else as_object(value)
        if item is None or is_textless(item):
            odd.append(value)
        else:
            items.append(search.entity_in(item))
    if odd and not items:
        raise undecodable("expected an object", odd[0], f"{found.path}[0]")
    return Rows(tuple(items), ({CUT: True}, *found.envelopes) if odd else found.envelopes)


def single(data: Any, keys: Sequence[str] = (), *, like: Iterable[str] = IDENTITY) -> Object | None:
    """`data` as one object, None when it is null or empty. `keys` are the envelope keys it may stand under.

    Raises `NotFound` when the server says in words that there is nothing, the refusal that other words
    plainly are, `Undecodable` for several objects and for anything else.
    """
    return _Search(tuple(keys), frozenset(like)).one_in(data, "$", DEPTH)


def unwrapped(data: Any, keys: Sequence[str] = ()) -> Any:
    """What is inside wrappers that hold nothing else: `{"result": ...}`, `{"data": ...}`, one of `keys`."""
    value = opened(data)
    for _ in range(DEPTH):
        inside = [key for key in as_object(value) or {} if key != CUT]
        if len(inside) != 1 or inside[0] not in (*keys, *ENVELOPES):
            break
        value = opened(value[inside[0]])
    return value


@dataclass(frozen=True, slots=True)
class _Found:
    """A list, where it stood, and the rest of each object around it, from the outside in."""

    path: str
    values: Sequence[Any]
    envelopes: tuple[Object, ...] = ()


@dataclass(frozen=True, slots=True)
class _Search:
    """What to look for: the family's own keys, and the keys that make an object an entity."""

    keys: tuple[str, ...]
    like: frozenset[str]

    def is_entity(self, value: Any) -> bool:
        item = as_object(value)
        return item is not None and any(isinstance(item.get(key), str) for key in self.like)

    def list_in(self, data: Any, path: str, depth: int, *, own_key: bool = False) -> _Found | None:
        """The list in `data`; `own_key` says that it stands where the family's list belongs."""
        value = extracted(data)
        values, item = as_list(value), as_object(value)
        if values is not None:
            return _Found(path, values)
        if item is not None and depth:
            mapped = self._map(item, own_key)
            if mapped is not None:
                return _Found(path, mapped)
            for key in self._list_keys(item):
                inner, is_own = item[key], key in self.keys
                found = self.list_in(inner, f"{path}.{key}", depth - 1, own_key=is_own and key.endswith("s"))
                if found is None and (inner is None or (is_own and as_object(opened(inner)))):
                    found = _Found(f"{path}.{key}", [] if inner is None else [inner])
                if found is not None:
                    rest = {name: value for name, value in item.items() if name != key}
                    return replace(found, envelopes=(rest, *found.envelopes))
            if self.is_entity(item):
                return _Found(path, [item])
        return _Found(path, []) if says_none(_words(value), self.keys) else None

    def _map(self, item: Object, own_key: bool) -> list[Object] | None:
        """The entities in a map by name or id; an empty one is a list of none where the list belongs."""
        if not item:
            return [] if own_key else None
        if any(key in ENVELOPES or key in self.keys or key in KINDS or flat(key) in AROUND for key in item):
            return None
        name = "username" if {"consumer", "consumers"} & set(self.keys) else "name"
        return from_map(item, name=name, expected=own_key)

    def _list_keys(self, item: Object) -> Iterator[str]:
        """The keys of `item` a list may stand under, the likeliest first."""
        yield from (key for key in self.keys if key in item)
        generic = [key for key in ENVELOPES if key in item and key not in self.keys]
        if self.is_entity(item):
            yield from (key for key in generic if self._are_entities(item[key]))
            return
        yield from generic
        rest = [key for key in item if flat(key) not in AROUND]
        of_objects = [key for key in rest if _is_list_of_objects(opened(item[key]))]
        if len(of_objects) == 1:
            yield of_objects[0]
        elif len(rest) == 1:
            yield rest[0]

    def _are_entities(self, value: Any) -> bool:
        entries = as_list(opened(value))
        return bool(entries) and all(self.is_entity(self._within(opened(entry))) for entry in entries)

    def one_in(self, data: Any, path: str, depth: int) -> Object | None:
        value = extracted(data)
        entries, item = as_list(value), as_object(value)
        if entries is not None:
            listed = _taken_apart(entries)
            if len(listed) > 1:
                raise undecodable(f"expected one object, got {len(listed)}", listed, path)
            return self.one_in(listed[0], path, depth) if listed else None
        words = _words(value)
        if item and not words and not is_textless(item):
            key = self._wrapper(item) if depth else None
            return self.one_in(item[key], f"{path}.{key}", depth - 1) if key else from_resource(item)
        if says_none(words, self.keys):
            raise NotFound(words[:_LONGEST])
        if value is None or (item is not None and not item):
            return None
        raise _unreadable("expected an object", value, path)

    def entity_in(self, item: Object) -> Object:
        """The entity inside an element of a list, which may have a wrapper of its own."""
        for _ in range(DEPTH):
            inner = self._within(item)
            if inner is item:
                break
            item = inner
        return from_resource(item)

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
        rest = [key for key in item if flat(key) not in AROUND]
        if len(rest) == 1 and self._may_wrap(rest[0], opened(item[rest[0]])):
            return rest[0]
        return next((key for key in ENVELOPES if self.is_entity(opened(item.get(key)))), None)

    def _may_wrap(self, key: str, value: Any) -> bool:
        """Whether the only key of an object wraps an entity; `service` of a route refers to another one."""
        if key in ENVELOPES or key in self.keys:
            return value is None or isinstance(value, (str, dict, list))
        return key not in KINDS and (self.is_entity(value) or _is_list_of_objects(value))


def _taken_apart(values: Iterable[Any]) -> list[Any]:
    """Values with JSON strings opened and lists among them taken apart."""
    found: list[Any] = []
    for value in map(opened, values):
        entries = as_list(value)
        found.extend([value] if entries is None else map(opened, entries))
    return found


def _is_list_of_objects(value: Any) -> bool:
    entries = as_list(value)
    return bool(entries) and all(isinstance(opened(entry), dict) for entry in entries)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value.split()) == 1 and len(value) <= _LONGEST


def _words(value: Any) -> str:
    """The words that came where entities belong: bare text, or the message of an envelope around nothing."""
    item = as_object(value)
    if item is not None and all(flat(key) in AROUND for key in item):
        value = item.get("message")
    return value.strip() if isinstance(value, str) else ""


def _unreadable(message: str, data: Any, path: str = "$") -> KonnectError:
    """The refusal that words in the place of entities plainly are; else what cannot be read, and where."""
    words = _words(unwrapped(data))
    said = classified(words) if 0 < len(words) <= _LONGEST else None
    return said if isinstance(said, (NotFound, HttpError)) else undecodable(message, data, path)
