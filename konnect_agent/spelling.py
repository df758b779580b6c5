"""Documented arguments, spelled as the live `inputSchema` of a tool has them.

1. Names: the same words win; else a renaming (`cpId` for `control_plane_id`, a bare `id` for the one that is
   looked up), if exactly one parameter can be meant and no other argument could mean it as well.
2. Values: as an enum spells or renames them, a number or a string, also behind `$ref`, `anyOf` and the like.
3. A tool that takes all of it in one object, such as `params`, gets it in there.

What the schema does not mention goes out exactly as documented. All renamings are inferred.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from konnect_agent.decoding import Object, as_list
from konnect_agent.errors import InvalidArguments
from konnect_agent.ids import KINDS, renderings
from konnect_agent.schemas import accepted, maximum, parts, properties

# What clients put in front of a server's tools is a word of its own, also when nothing separates it.
_WORD = re.compile(r"(?i:konnect|kong)|[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")
_RENAMED: Mapping[str, tuple[str, ...]] = {
    # arguments
    "operation": ("action", "op"),
    "alert_event_id": ("alert_id", "alerting_event_id", "event_id", "alert_event", "alert", "id"),
    "phase_filter": ("plugin_filter",),
    "max_results": ("limit", "size"),
    "query": ("question", "q"),
    # operations
    "list": ("list_all",),
    "get_by_id": ("by_id", "get"),
    "get_by_name": ("by_name",),
    "get_by_route": ("by_route", "get_by_path"),
    "fetch_status": ("get_status", "status"),
    "summarize_session": ("summarize", "summary"),
    "stop_session": ("stop",),
}
_LOOKUPS = {"get_by_id": "id", "get_by_name": "name"}
_MADE_OF = frozenset(("enum", "const", "$ref", "anyOf", "oneOf", "allOf"))
_NO_SCALAR = frozenset(("object", "array", "boolean"))


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: `GetControlPlane`, `get_control_plane` and `get-control-plane`."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def flat(name: str) -> str:
    """The words of a name in one: what two spellings of it have in common."""
    return "".join(words(name))


def fit(arguments: Mapping[str, Any], schema: Object) -> dict[str, Any]:
    """`arguments` under documented names, as a tool with that input schema wants them.

    Raises `InvalidArguments` for a number above the schema's maximum.
    """
    holder, parameters = _place(arguments, schema)
    names = _live_names(arguments, parameters, schema)
    fitted: dict[str, Any] = {}
    for name, value in arguments.items():
        live = names.get(name, name)
        fitted[live] = _fit_value(live, value, parameters.get(live), schema)
    return {holder: fitted} if holder else fitted


def takes(name: str, schema: Object) -> bool:
    """Whether the input schema has a parameter for the argument documented under `name`."""
    _, parameters = _place({name: None}, schema)
    return bool(_live_names({name: None}, parameters, schema))


def allows(name: str, value: str, schema: Object) -> bool:
    """Whether the argument documented under `name` may be `value`; not if the schema lists only others."""
    inside = _parameter(name, schema)
    if any(not _MADE_OF & part.keys() and _may_be(None, part, schema) for part in parts(inside, schema)):
        return True
    listed = listed_values(name, schema)
    names = {flat(other) for other in (value, *_RENAMED.get(value, ()))}
    return not listed or any(flat(choice) in names for choice in listed)


def listed_values(name: str, schema: Object) -> list[str]:
    """The texts that a schema lists for the argument documented under `name`; none where it lists none."""
    return accepted(_parameter(name, schema), schema)[1]


def _parameter(name: str, schema: Object) -> Any:
    """The schema of the argument documented under `name`, None when there is none."""
    _, parameters = _place({name: None}, schema)
    return parameters.get(_live_names({name: None}, parameters, schema).get(name, name))


def _place(arguments: Mapping[str, Any], schema: Object) -> tuple[str | None, Object]:
    """Where the arguments go: the parameters, and the one object that holds them, if there is one."""
    parameters = properties(schema, schema)
    if len(parameters) == 1:
        ((holder, inside),) = parameters.items()
        inner = properties(inside, schema)
        if flat(holder) not in map(flat, arguments) and _live_names(arguments, inner, schema):
            return holder, inner
    return None, parameters


def _live_names(arguments: Mapping[str, Any], parameters: Object, root: Object) -> dict[str, str]:
    """The parameter each argument goes to, for those that have one."""
    names = {name: name for name in arguments if name in parameters}
    if len(names) == len(arguments) or not parameters:
        return names
    for name in arguments.keys() - names.keys():
        same = next((live for live in parameters if flat(live) == flat(name)), None)
        if same is not None:
            names[name] = same
    operation = arguments.get("operation")
    free = [live for live in parameters if live not in names.values()]
    meant: dict[str, list[str]] = {}
    for name in arguments.keys() - names.keys():
        others = set(map(flat, _renamings(name, operation)))
        meant[name] = [
            live for live in free if flat(live) in others and _may_be(arguments[name], parameters[live], root)
        ]
    claims = Counter(live for candidates in meant.values() for live in candidates)
    certain = {
        name: candidates[0]
        for name, candidates in meant.items()
        if len(candidates) == 1 and claims[candidates[0]] == 1
    }
    return {**names, **certain}


def _renamings(name: str, operation: object) -> Iterator[str]:
    """What else the argument documented as `name` may be called."""
    yield from _RENAMED.get(name, ())
    looked_up = _LOOKUPS.get(operation) if isinstance(operation, str) else None
    kind = next((kind for kind in KINDS if name == f"{kind}_id"), None)
    if kind:
        yield from renderings(kind)
    if looked_up and name == looked_up:  # only GetControlPlane has them bare
        yield from renderings("control_plane") if name == "id" else ("control_plane_name", "display_name")
    elif looked_up and name.endswith(f"_{looked_up}") and kind != "control_plane":
        yield looked_up
        yield from ("username",) if name == "consumer_name" else ()


def _may_be(value: Any, schema: Any, root: Object) -> bool:
    """Whether a parameter of that schema takes text or numbers, and this text if it takes only a few."""
    kinds, choices = accepted(schema, root)
    if choices and isinstance(value, str):
        return _chosen(value, choices) is not None
    return not kinds or not kinds <= _NO_SCALAR


def _fit_value(name: str, value: Any, schema: Any, root: Object) -> Any:
    """`value` in the spelling and type the schema of its parameter asks for, where that is unmistakable."""
    if schema is None:
        return value
    entries = as_list(value)
    if entries is not None:
        items = next((part["items"] for part in parts(schema, root) if "items" in part), None)
        return [_fit_value(name, entry, items, root) for entry in entries]
    kinds, choices = accepted(schema, root)
    if isinstance(value, str):
        if choices and value not in choices:
            return _chosen(value, choices) or value
        return int(value) if "integer" in kinds and "string" not in kinds and value.isdecimal() else value
    if isinstance(value, int) and not isinstance(value, bool):
        most = maximum(schema, root)
        if most is not None and value > most:
            raise InvalidArguments(f"{name}: {value} is greater than the maximum of {most}.")
        return str(value) if kinds == {"string"} else value
    return value


def _chosen(value: str, choices: Sequence[str]) -> str | None:
    """The one of the choices that has the same words, or the only one that is a renaming of it."""
    same = next((choice for choice in choices if flat(choice) == flat(value)), None)
    others = [choice for choice in choices if flat(choice) in map(flat, _RENAMED.get(value, ()))]
    return same or (others[0] if len(others) == 1 else None)
