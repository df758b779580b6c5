"""Operations as `search` and `get_schema` describe them, read into tools.

FastMCP answers one text (fact sheet 1.2, documented): JSON of MCP tools (`full`), Markdown with a heading
and a list of parameters per operation (`detailed`), or a line per operation (`brief`). Plain JSON with an
OpenAPI operation's keys is read as well (inferred). What names nothing is no operation: words about finding
nothing give none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object, opened
from konnect_agent.toolbox import Tool

_NAME = ("name", "operation_id", "operationId", "tool", "operation")
_SCHEMA = ("inputSchema", "input_schema", "schema", "input", "parameters")
_HEADING = re.compile(r"^#{2,4} +`?([\w.:-]+)`? *$", re.MULTILINE)
_LINE = re.compile(r"^[-*] +`?([\w.:-]+)`?(?:: +(.*))?$", re.MULTILINE)
_PARAMETER = re.compile(r"^ *[-*] `([^`\n]+)` \(([^()\n]*)\)", re.MULTILINE)
_RETURNS = "**Returns**"
_DEEPEST = 5
_TYPES = {"string", "integer", "number", "boolean", "object"}


def operations(data: Any) -> list[Tool]:
    """The operations in an answer, in its order."""
    return list(_in_data(data, _DEEPEST))


def _in_data(data: Any, depth: int) -> Iterator[Tool]:
    value = opened(data)
    if isinstance(value, str):
        yield from _in_text(value)
        return
    item = as_object(value)
    if item is not None:
        named = _operation(item)
        if named is not None:
            yield named
            return
    for inner in (item.values() if item is not None else as_list(value) or ()) if depth else ():
        if not isinstance(inner, str) or item is not None:
            yield from _in_data(inner, depth - 1)


def _operation(item: Object) -> Tool | None:
    name = next((item[key] for key in _NAME if isinstance(item.get(key), str)), None)
    if name is None:
        return None
    schema = next((item[key] for key in _SCHEMA if item.get(key)), None)
    text = item.get("description") or item.get("summary")
    return Tool(name, text if isinstance(text, str) else "", _schema(schema))


def _schema(value: Any) -> Object:
    """A JSON schema as it is; OpenAPI parameters as the properties of one."""
    listed = [
        each for each in map(as_object, as_list(value) or ()) if each and isinstance(each.get("name"), str)
    ]
    if not listed:
        return as_object(value) or {}
    properties = {str(each["name"]): as_object(each.get("schema")) or {} for each in listed}
    return {"properties": properties, "required": [each["name"] for each in listed if each.get("required")]}


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
