"""Operations as `search` and `get_schema` describe them, read into tools.

FastMCP answers one text (fact sheet 1.2, documented): JSON of MCP tools (`full`), Markdown with a heading
and a list of parameters per operation (`detailed`), or a line per operation (`brief`). JSON with an OpenAPI
operation's keys is read as well, where the `requestBody` is the argument `body`, and a `$ref` is what it
refers to in the same answer; so are schemas under the names that were asked for, and bare names in a list
(inferred). What names nothing is no operation: words about finding nothing give none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object, is_hollow, opened
from konnect_agent.toolbox import Tool

_NAME = (
    "name", "operation_id", "operationId", "operation_name", "tool", "tool_name", "operation", "id",
)  # fmt: skip
_SCHEMA = ("inputSchema", "input_schema", "schema", "input", "parameters")
_BODY = ("requestBody", "request_body")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.:-]*")
_BLANK = re.compile(r"\s")
_HEADING = re.compile(r"^#{2,4} +`?([\w.:-]+)`? *$", re.MULTILINE)
_LINE = re.compile(  # `- name: words`, `1. name - words`, `- **name** — words`
    r"^(?:[-*•]|\d{1,3}[.)]) +(?:\*\*)?`?([\w.:-]+?)`?(?:\*\*)?(?:(?::| [-–—])(?: +(.*))?)?$", re.MULTILINE
)
_PARAMETER = re.compile(r"^ *[-*] `([^`\n]+)` \(([^()\n]*)\)", re.MULTILINE)
_RETURNS = "**Returns**"
_NOTHING = re.compile(r"\b(?:no|none|nothing|not|0)\b", re.IGNORECASE)
_DEEPEST = 5
_TYPES = {"string", "integer", "number", "boolean", "object"}


def operations(data: Any) -> list[Tool]:
    """The operations that an answer names itself, in its order."""
    return list(_in_data(data, _DEEPEST))


def described(data: Any, names: Collection[str]) -> list[Tool]:
    """Those of `names` that an answer describes, also where it has their schemas under these names.

    An answer to one name may be its schema, and name nothing.
    """
    found = [each for each in _in_data(data, _DEEPEST, names) if each.name in names]
    item = as_object(opened(data)) or {}
    if not found and len(names) == 1 and _named(item) is None and _describes(item):
        (name,) = names
        return [_tool(name, item, item)]
    return found


def listed(data: Any) -> list[str]:
    """The names of operations in an answer of `search`, best first: of those it describes, else bare ones."""
    names = [each.name for each in operations(data)] or list(_bare(data, _DEEPEST))
    return list(dict.fromkeys(names))


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
        yield from _in_text(value)
        return
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
        if key in names and _named(below) is None and _describes(below):
            yield _tool(key, below, whole)
        elif key.startswith("/"):  # the paths of an OpenAPI document, by method
            methods = {method: as_object(each) for method, each in below.items()}
            routed = [{"path": key, "method": method, **each} for method, each in methods.items() if each]
            yield from _in_data(routed, depth - 1, names, whole)
        else:
            yield from _in_data(inner, depth - 1, names, whole)


def _named(item: Object) -> str | None:
    """The name of the operation that an object is about, if it is about one."""
    given = [name for name in (item.get(key) for key in _NAME) if isinstance(name, str) and name]
    return next((name for name in given if not _BLANK.search(name)), given[0] if given else None)


def _describes(item: Object) -> bool:
    """Whether an object without a name is the description of an operation, or its schema."""
    known = any(isinstance(item.get(key), (dict, list)) for key in (*_SCHEMA, *_BODY, "properties"))
    return known or item.get("type") == "object"


def _tool(name: str, item: Object, whole: Object) -> Tool:
    text, method, path = item.get("description") or item.get("summary"), item.get("method"), item.get("path")
    routed = isinstance(method, str) and isinstance(path, str)
    return Tool(
        name,
        text if isinstance(text, str) else "",
        _schema(item, whole),
        endpoint=f"{method} {path}" if routed else "",
    )


def _schema(item: Object, whole: Object) -> Object:
    """A JSON schema as it is; OpenAPI parameters, and the body beside them, as the properties of one."""
    if "properties" in item:
        return item
    given = next((item[key] for key in _SCHEMA if item.get(key)), None)
    entries = [
        each
        for each in (_target(entry, whole) for entry in as_list(given) or ())
        if isinstance(each.get("name"), str)
    ]
    body = next(filter(None, (_target(item.get(key), whole) for key in _BODY)), None)
    schema = as_object(given) or {}
    if not entries and (body is None or any(item.get(key) for key in _SCHEMA[:2])):
        return schema
    properties: dict[str, Any] = dict(as_object(schema.get("properties")) or {})
    properties |= {str(each["name"]): as_object(each.get("schema")) or {} for each in entries}
    required = [*(as_list(schema.get("required")) or ())]
    required += [each["name"] for each in entries if each.get("required")]
    if body is not None:
        properties["body"] = _of_body(body)
        required += ["body"] if body.get("required") else []
    return {**schema, "properties": properties, "required": required}


def _target(value: Any, whole: Object) -> Object:
    """An object, or the one in `whole` that its `$ref` refers to."""
    item = as_object(value) or {}
    reference = item.get("$ref")
    if not isinstance(reference, str):
        return item
    found: Any = whole
    for part in reference.removeprefix("#/").split("/"):
        found = (as_object(found) or {}).get(part)
    return as_object(found) or {}


def _of_body(body: Object) -> Object:
    """The schema in an OpenAPI `requestBody`, whatever its media type."""
    content = as_object(body.get("content")) or {}
    held = (as_object((as_object(media) or {}).get("schema")) for media in content.values())
    return next(filter(None, held), as_object(body.get("schema")) or {})


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


def _in_text(text: str) -> Iterator[Tool]:
    """The operations of a text, by its headings, else by its list."""
    headings = list(_HEADING.finditer(text))
    if not headings:
        yield from (Tool(line.group(1), line.group(2) or "") for line in _LINE.finditer(text))
        return
    ends = [heading.start() for heading in headings[1:]]
    for heading, end in zip(headings, [*ends, len(text)], strict=True):
        section = text[heading.end() : end].split(_RETURNS, maxsplit=1)[0]
        parameters = {match.group(1): match.group(2).split(", ") for match in _PARAMETER.finditer(section)}
        yield Tool(
            heading.group(1),
            section.strip().split("\n")[0],
            {
                "properties": {name: _typed(kinds[0]) for name, kinds in parameters.items()},
                "required": [name for name, kinds in parameters.items() if "required" in kinds],
            },
        )


def _typed(kind: str) -> Object:
    kind = kind.removesuffix("?")
    return {"type": "array"} if kind.endswith("[]") else {"type": kind} if kind in _TYPES else {}
