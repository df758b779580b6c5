"""Operations as `search` and `get_schema` describe them, read into tools.

FastMCP answers one text (fact sheet 1.2, documented): JSON of MCP tools (`full`), or what `texts` reads. JSON
with an OpenAPI operation's keys is read as well, also in a document of paths, and schemas and words under the
names of the operations; what an operation takes is the matter of `arguments` (all inferred). Of several names
that an object has, the one that is an identifier of several words counts. What names nothing is no
operation: words about finding nothing give none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object, extracted, is_hollow, opened
from konnect_agent.dialects.code_mode.arguments import describes, input_schema
from konnect_agent.dialects.code_mode.texts import operations_in
from konnect_agent.spelling import flat, words
from konnect_agent.toolbox import Tool

_NAME = (
    "name", "operation_id", "operationId", "operation_name", "tool", "tool_name", "operation", "id",
)  # fmt: skip
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.:-]*")
_BLANK = re.compile(r"\s")
_NOTHING = re.compile(r"\b(?:no|none|nothing|not|0)\b", re.IGNORECASE)
_ABSENT = re.compile(
    r"\b(?:not (?:found|exist|available|allowed|permitted)|unknown|unavailable|no such)\b", re.IGNORECASE
)
_METHODS = ("get", "put", "post", "delete", "patch")
_DEEPEST = 5


def operations(data: Any) -> list[Tool]:
    """The operations that an answer names itself, in its order."""
    return list(_in_data(data, _DEEPEST))


def described(data: Any, names: Collection[str], *, to_the_letter: bool = False) -> list[Tool]:
    """Those of `names` that an answer describes, also where it has their schemas under these names.

    It may spell them in its own way, unless they are to be told `to_the_letter`. An answer to one name may be
    its schema, and name nothing.
    """
    asked = {name if to_the_letter else flat(name): name for name in names}
    found: dict[str, Tool] = {}
    for each in _in_data(data, _DEEPEST, names):
        name = asked.get(each.name if to_the_letter else flat(each.name))
        is_there = each.input_schema or not _ABSENT.search(each.description)
        if name is not None and is_there and not (name in found and found[name].input_schema):
            found[name] = replace(each, name=name)
    item = as_object(opened(data)) or {}
    if not found and len(names) == 1 and _named(item) is None and describes(item):
        (name,) = names
        return [_tool(name, item, item)]
    return list(found.values())


def listed(data: Any) -> list[str]:
    """The names of operations in an answer of `search`, best first: of those it describes, else bare ones.

    Else those under which it has words or a description for each.
    """
    for names in ([each.name for each in operations(data)], _bare(data, _DEEPEST), _keys(data, _DEEPEST)):
        if found := list(dict.fromkeys(names)):
            return found
    return []


def says_nothing(data: Any) -> bool:
    """Whether an answer of `search` that lists no names holds nothing, or says that there is nothing."""
    value = opened(data)
    if isinstance(value, str):
        return not value.strip() or _NOTHING.search(value) is not None
    inner = [each for each in (as_object(value) or {}).values() if each is not None]
    lists = any(map(as_list, inner))
    told = (each for each in inner if isinstance(each, str) or as_object(each) or as_list(each) is not None)
    return is_hollow(value, figures=False) or (not lists and any(map(says_nothing, told)))


def _in_data(
    data: Any, depth: int, names: Collection[str] = (), whole: Object | None = None
) -> Iterator[Tool]:
    """The operations in an answer, or in a part of the `whole` one."""
    value = opened(data)
    if isinstance(value, str):
        told = list(operations_in(value))
        value = value if told else extracted(value)
        yield from told
    item = as_object(value)
    whole = whole or item or {}
    name = None if item is None else _named(item)
    if item is not None and name is not None:
        yield _tool(name, item, whole)
        return
    if not depth:
        return
    for inner in as_list(value) or ():
        if not isinstance(inner, str):
            yield from _in_data(inner, depth - 1, names, whole)
    for key, inner in (item or {}).items():
        below = as_object(opened(inner)) or {}
        if key in names and _named(below) is None and describes(below):
            yield _tool(key, below, whole)
        elif key.startswith("/"):
            yield from _in_data(_at_path(key, below), depth - 1, names, whole)
        else:
            yield from _in_data(inner, depth - 1, names, whole)


def _at_path(path: str, item: Object) -> list[Object]:
    """The operations at a path of an OpenAPI document, which has parameters for all of them beside them."""
    shared = as_list(item.get("parameters")) or []
    found: list[Object] = []
    for method in _METHODS:
        each = as_object(item.get(method))
        if each is not None:
            own = as_list(each.get("parameters")) or []
            beside = {"parameters": [*shared, *own]} if shared or "parameters" in each else {}
            found.append({"path": path, "method": method, **each, **beside})
    return found


def _named(item: Object) -> str | None:
    """The name of the operation that an object is about, if it is about one."""
    given = [(key, item[key]) for key in _NAME if isinstance(item.get(key), str) and item[key]]
    single = [name for _, name in given if not _BLANK.search(name)]
    several = (
        name for key, name in given if key != "id" and _IDENTIFIER.fullmatch(name) and len(words(name)) > 1
    )
    return next(several, next(iter(single), given[0][1] if given else None))


def _tool(name: str, item: Object, whole: Object) -> Tool:
    text, method, path = item.get("description") or item.get("summary"), item.get("method"), item.get("path")
    routed = isinstance(method, str) and isinstance(path, str)
    return Tool(
        name,
        text if isinstance(text, str) else "",
        input_schema(item, whole),
        endpoint=f"{method} {path}" if routed else "",
    )


def _bare(data: Any, depth: int) -> Iterator[str]:
    value = opened(data)
    item = as_object(value)
    if not depth:
        return
    for inner in (item or {}).values():
        if not isinstance(inner, str):
            yield from _bare(inner, depth - 1)
    for inner in as_list(value) or ():
        if not isinstance(inner, str):
            yield from _bare(inner, depth - 1)
        elif _IDENTIFIER.fullmatch(inner):
            yield inner


def _keys(data: Any, depth: int) -> Iterator[str]:
    """The keys of an object that has a description, or words, under each of them."""
    item = as_object(opened(data))
    if not item or not depth:
        return
    told = list(item.values())
    in_words = all(isinstance(each, str) for each in told) and any(map(_BLANK.search, map(str, told)))
    several = all(_IDENTIFIER.fullmatch(key) and len(words(key)) > 1 for key in item)
    if (in_words and several) or all(map(_is_told, told)):
        yield from filter(_IDENTIFIER.fullmatch, item)
        return
    for inner in told:
        yield from _keys(inner, depth - 1)


def _is_told(value: Any) -> bool:
    """Whether an object says of something what it is."""
    item = as_object(value) or {}
    return any(isinstance(item.get(key), str) for key in ("description", "summary")) or describes(item)
