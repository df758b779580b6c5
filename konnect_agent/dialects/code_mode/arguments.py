"""What an operation takes, read out of its description as data: one JSON schema, whatever it is written as.

1. A JSON schema as it is, with the definitions of the whole answer that it may refer to. 2. OpenAPI's
`parameters` and `requestBody`, which is the argument `body`; a `$ref` among them is what it refers to in the
same answer. 3. Parameters by name with a type or a schema each, also in several objects such as
`path_parameters`, and as a list (inferred). Each may be JSON in a text.

Where nothing of it can be read the schema is empty, which is not the schema of what takes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object, opened
from konnect_agent.schemas import flattened
from konnect_agent.spelling import words

_SCHEMA = ("inputSchema", "input_schema", "schema", "input", "parameters")
_MORE = ("path_parameters", "query_parameters", "params", "arguments", "args")
_BODY = ("requestBody", "request_body")
_OF_SCHEMAS = ("$ref", "allOf", "anyOf", "oneOf")
_DEFINITIONS = ("components", "$defs", "definitions")
_REQUIRED = re.compile(r"\brequired\b", re.IGNORECASE)
_OPTIONAL = re.compile(r"\boptional\b|\bnot required\b|\brequired\W+(?:false|no)\b", re.IGNORECASE)
_TYPES = frozenset(("string", "integer", "number", "boolean", "object", "array"))


def describes(item: Object) -> bool:
    """Whether an object without a name is the description of an operation, or its schema."""
    return _is_schema(item) or any(isinstance(opened(value), (dict, list)) for value in _told(item))


def input_schema(item: Object, whole: Object) -> Object:
    """The schema of what an operation takes, which is described by `item`, a part of the `whole` answer."""
    told = [opened(value) for value in _told(item)]
    if "properties" in item or (not told and any(key in item for key in _OF_SCHEMAS)):
        return _defined(item, whole)
    schema = next(filter(_is_schema, filter(None, map(as_object, told))), None)
    body = next(filter(None, (_target(item.get(key), whole) for key in _BODY)), None)
    if schema is not None and (body is None or any(opened(item.get(key)) == schema for key in _SCHEMA[:2])):
        return _defined(schema, whole)
    entries = {name: each for key in _keys(item) for name, each in _entries(key, item[key], whole).items()}
    if body is not None:
        entries["body"] = {"schema": _of_body(body), "required": bool(body.get("required"))}
    if not entries and [] not in told:
        return {}
    taken, beside = of_entries(entries), schema or {}
    properties = {**(as_object(beside.get("properties")) or {}), **taken["properties"]}
    required = [*(as_list(beside.get("required")) or ()), *taken["required"]]
    return _defined({**beside, "properties": properties, "required": required}, whole)


def entry(told: str) -> Object:
    """A parameter of which is told in words, such as `string, required`, as OpenAPI has it."""
    rules = told.partition(")")[0] if ")" in told else told.partition(".")[0]
    kind = rules.strip(" (`:").partition(",")[0].split(" (")[0].strip(" `").removesuffix("?")
    found = {"type": "array"} if kind.endswith("[]") else {"type": kind} if kind in _TYPES else {}
    must = _REQUIRED.search(rules) and not _OPTIONAL.search(rules)
    return {**found, "required": True} if must else found


def of_entries(entries: Mapping[str, Object]) -> Object:
    """The schema that takes these parameters."""
    return {
        "properties": {name: _of(each) for name, each in entries.items()},
        "required": [name for name, each in entries.items() if each.get("required") is True],
    }


def _keys(item: Object) -> list[str]:
    """The keys under which an operation's description tells what it takes."""
    return [key for key in item if key in _SCHEMA or "_".join(words(key)) in _MORE]


def _told(item: Object) -> list[Any]:
    return [item[key] for key in (*_keys(item), *_BODY) if item.get(key) is not None]


def _is_schema(item: Object) -> bool:
    """Whether an object is a JSON schema of several parameters, and not the parameters by name."""
    made_of = any(isinstance(item.get(key), (str, list)) for key in _OF_SCHEMAS)
    return made_of or item.get("type") == "object" or as_object(item.get("properties")) is not None


def _entries(key: str, value: Any, whole: Object) -> dict[str, Object]:
    """Parameters by name, each with what is told of it; those of a path cannot be left out."""
    told, in_path = opened(value), "path" in words(key)
    item, entries = as_object(told), as_list(told)
    if item is not None and not _is_schema(item):
        named = {name: entry(of) if isinstance(of, str) else as_object(of) or {} for name, of in item.items()}
    else:
        listed = [{"name": each} if isinstance(each, str) else _target(each, whole) for each in entries or ()]
        named = {name: each for each in listed if isinstance(name := each.get("name"), str)}
    return {
        name: {**each, "required": True} if in_path or each.get("in") == "path" else each
        for name, each in named.items()
    }


def _of(told: Object) -> Object:
    """The schema of a parameter: under `schema` as OpenAPI has it, or beside its name."""
    if (schema := as_object(told.get("schema"))) is not None:
        return schema
    return {key: value for key, value in told.items() if key not in ("name", "in", "required")}


def _of_body(body: Object) -> Object:
    """The schema in an OpenAPI `requestBody`, whatever its media type."""
    content = as_object(body.get("content")) or {}
    held = (as_object((as_object(media) or {}).get("schema")) for media in content.values())
    return next(filter(None, held), as_object(body.get("schema")) or {})


def _target(value: Any, whole: Object) -> Object:
    """An object, or the one in `whole` that its `$ref` refers to."""
    item = as_object(value) or {}
    return flattened(item, whole) if "$ref" in item else item


def _defined(schema: Object, whole: Object) -> Object:
    """A schema beside the definitions that the whole answer has for it."""
    beside = {key: whole[key] for key in _DEFINITIONS if as_object(whole.get(key))}
    return {**beside, **schema} if beside else schema
