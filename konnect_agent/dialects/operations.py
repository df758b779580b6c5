"""The REST operations that answer intents, and which tool of a server is which (fact sheet 1.1 and 1.3).

A row per intent: the operation's id in snake case (documented for billing, inferred for the rest), its path,
its arguments, and the words to search for it. It is found by its id; else it is the one that only reads,
takes the same arguments, and 1. is at the same path, 2. is about the same things, or 3. is so but for words
that stand for Konnect, or for what a server put in front (inferred). Of several that are equally like it none
is taken: nothing that may write is ever guessed, and what gets one thing lists nothing. Of which nobody knows
what it takes, the operation of the very id alone is asked, with its documented arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from konnect_agent.decoding import Object
from konnect_agent.errors import ToolUnavailable
from konnect_agent.spelling import flat, words
from konnect_agent.toolbox import Tool, Toolbox

_PLANES = "/control-planes"
_CORE = f"{_PLANES}/{{}}/core-entities"
_READS = frozenset(("get", "list", "all", "fetch", "query", "of", "for", "a", "the", "by", "id"))
_IN_KONNECT = frozenset((
    "kong", "konnect", "api", "gateway", "config", "core", "entity", "entities", "analytics",
))  # fmt: skip
_WRITES = frozenset((
    "create", "creates", "add", "adds", "delete", "deletes", "remove", "removes", "update", "updates",
    "patch", "put", "upsert", "upserts", "replace", "replaces", "set", "sets",
))  # fmt: skip
# What else has services, control planes or requests of its own.
_ELSEWHERE = frozenset(("mesh", "event", "portal", "catalog", "llm", "ai", "agentic"))
_READING = frozenset((
    "get", "gets", "list", "lists", "fetch", "fetches", "query", "queries", "return", "returns", "retrieve",
    "retrieves", "read", "reads", "find", "finds", "search", "searches", "show", "shows", "by", "all",
))  # fmt: skip
_OF_MANY = frozenset(("list", "all", "query"))
_TEXT: Object = {"type": "string"}
_BODY: Object = {"type": "object"}
_OFFSET = {"offset": _TEXT}
_VERSION = re.compile(r"^(?:/api)?/v\d+(?=/)")
_PLACE = re.compile(r"\{[^{}/]*\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its documented id and path, its arguments in our spelling, and those it calls otherwise.

    One that takes a `body` is a POST that reads; `fields` are those of the body that cannot be left out.
    A list is asked `onward` with an argument of that name and schema.
    """

    name: str
    path: str
    wish: str
    arguments: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: tuple[str, ...] = ()
    onward: Mapping[str, Object] = field(default_factory=dict[str, Object])

    @property
    def method(self) -> str:
        """The method of its endpoint, in lower case."""
        return "post" if self.fields else "get"

    @property
    def schema(self) -> Object:
        """What it takes, as far as it is asked here, under the documented names: `ServiceId` in a path."""
        names = {_documented(name): _BODY if name == "body" else _TEXT for name in self.arguments}
        return {"properties": {**names, **self.onward}, "required": [*names]}


def _entities(word: str, *, by_name: bool = False) -> dict[str, Operation]:
    """The operations of a core entity; `by_name` says that a name may stand for the id."""
    arguments, path = ("control_plane_id", f"{word}_id"), f"{_CORE}/{word}s"
    found = {
        f"{word}s.list": Operation(
            f"list_{word}", path, f"list {word}s of a control plane", arguments[:1], onward=_OFFSET
        ),
        f"{word}s.get": Operation(f"get_{word}", f"{path}/{{}}", f"get a {word}", arguments),
    }
    if by_name:
        renamed = {f"{word}_name": f"{word}_id"}
        found[f"{word}s.get_by_name"] = replace(found[f"{word}s.get"], renamed=renamed)
    return found


_REQUESTS = Operation(
    "query_requests", "/api-requests", "query api requests", ("body",),
    fields=("time_range", "filters", "size"),
)  # fmt: skip
OPERATIONS: Mapping[str, Operation] = {
    "control_planes.list": Operation(
        "list_control_planes", _PLANES, "list control planes", onward={"page[number]": {"type": "integer"}}
    ),
    "control_planes.get": Operation(
        "get_control_plane",
        f"{_PLANES}/{{}}",
        "get a control plane",
        ("control_plane_id",),
        {"id": "control_plane_id"},
    ),
    "control_plane_groups.list": Operation(
        "get_control_planes_id_group_memberships",
        f"{_PLANES}/{{}}/group-memberships",
        "list control plane group memberships",
        ("control_plane_id",),
        {"control_plane_group_id": "control_plane_id"},
        onward={"page[after]": _TEXT},
    ),
    **_entities("service", by_name=True),
    **_entities("route", by_name=True),
    **_entities("plugin"),
    **_entities("consumer", by_name=True),
    "consumer_groups.list": Operation(
        "list_consumer_group",
        f"{_CORE}/consumer_groups",
        "list consumer groups of a control plane",
        ("control_plane_id",),
        onward=_OFFSET,
    ),
    **_entities("vault"),
    "analytics.query_api_requests": _REQUESTS,
    "analytics.get_consumer_requests": _REQUESTS,
    "analytics.query": Operation(
        "metrics",
        "/metrics",
        "query analytics metrics",
        ("body",),
        fields=("time_range", "metrics", "dimensions", "filters"),
    ),
}


@lru_cache(maxsize=256)
def tool_for(row: str, toolbox: Toolbox) -> Tool:
    """The operation for a row: by its id, else the only one that reads the same with the same arguments.

    Raises `ToolUnavailable`.
    """
    wanted = OPERATIONS[row]
    found = toolbox.find(wanted.name)
    if found and _is_elsewhere(wanted, found):
        found = None
    if found and flat(found.name) == flat(wanted.name):
        alike = [found if found.input_schema else replace(found, input_schema=wanted.schema)]
    else:
        alike = _alike(wanted, toolbox.tools) or ([found] if found else [])
    if len(alike) == 1 and alike[0].input_schema and fits(wanted, alike[0]):
        return alike[0]
    seen = "it has no operation that does the same"
    if found and [tool.name for tool in alike] == [found.name]:
        known = ", ".join(found.parameters) or "nothing"
        seen = f"its {found.name} takes {known if found.input_schema else 'what cannot be told'}"
    elif alike:
        seen = f"which of {', '.join(tool.name for tool in alike)} does the same cannot be told"
    taken = ", ".join(wanted.arguments) or "nothing"
    at_top = f" or {', '.join(wanted.fields)}" if wanted.fields else ""
    raise ToolUnavailable(
        f"The server has no {wanted.name} that takes {taken}{at_top}: {seen}.",
        available=toolbox.names,
        operation=row,
    )


def _alike(wanted: Operation, tools: Iterable[Tool]) -> list[Tool]:
    """The operations under other names that are most like the wanted one; several are equally like it.

    At the same path, of the same words, and of the same words but for a place in Konnect or a prefix.
    """
    known = [tool for tool in tools if tool.input_schema and _is_of_as_many(wanted, tool)]
    fitting = [tool for tool in known if _only_reads(wanted, tool) and fits(wanted, tool)]
    for same in (_is_at_path, _is_about, _is_about_in_konnect):
        if alike := [tool for tool in fitting if same(wanted, tool)]:
            return alike
    return []


def _only_reads(wanted: Operation, tool: Tool) -> bool:
    """Whether something says of an operation that it reads, and nothing that it writes."""
    method = tool.endpoint.partition(" ")[0].lower()
    said = {*words(tool.name), *words(tool.description)[:1]}
    if tool.read_only is False or said & _WRITES or method not in ("", "get", wanted.method):
        return False
    if "post" in said and wanted.method != "post":
        return False
    return bool(tool.read_only or method == "get" or said & _READING or _is_at_path(wanted, tool))


def _is_of_as_many(wanted: Operation, tool: Tool) -> bool:
    """Whether an operation may answer with many where many are wanted: what gets one thing may not."""
    said = words(tool.name)
    gets_one = "get" in said and not any(word in _OF_MANY or word.endswith("s") for word in said)
    return not (wanted.onward and gets_one) or _is_at_path(wanted, tool)


def _is_at_path(wanted: Operation, tool: Tool) -> bool:
    method, _, path = tool.endpoint.partition(" ")
    return method.lower() == wanted.method and _PLACE.sub("{}", _VERSION.sub("", path)) == wanted.path


def _is_about(wanted: Operation, tool: Tool) -> bool:
    return _things(tool.name) == _things(wanted.name)


def _is_elsewhere(wanted: Operation, tool: Tool) -> bool:
    return not _ELSEWHERE.isdisjoint({*words(tool.name)} - {*words(wanted.name)})


def _is_about_in_konnect(wanted: Operation, tool: Tool) -> bool:
    """Whether the words are the same but for those for Konnect, or behind what was put in front."""
    name, own = words(tool.name), words(wanted.name)
    if len(own) > 1 and name[-len(own) :] == own and not _is_elsewhere(wanted, tool):
        return True
    passing = {"post"} if wanted.method == "post" else set[str]()
    kept = "_".join(word for word in name if word not in _IN_KONNECT and word not in passing)
    return _things(kept) == _things(wanted.name)


def fits(operation: Operation, tool: Tool) -> bool:
    """Whether a tool takes all arguments of an operation and demands no others; unknown schemas fit.

    Those of a body may stand at the top, all that cannot be left out.
    """
    if not tool.parameters:
        return not operation.arguments or not tool.input_schema
    at_top = bool(operation.fields) and _takes_all(operation.fields, tool)
    return at_top or _takes_all(operation.arguments, tool)


def _takes_all(names: tuple[str, ...], tool: Tool) -> bool:
    demanded = set(map(flat, tool.required))
    fitted = tool.fit(dict.fromkeys(names, "x"))
    return set(fitted) <= set(tool.parameters) and demanded <= set(map(flat, fitted))


def _documented(name: str) -> str:
    """An argument as Kong's OpenAPI spells it (documented): all but the control plane's id in capitals."""
    first, *rest = words(name)
    if name == "body":
        return name
    return (first if first == "control" else first.capitalize()) + "".join(map(str.capitalize, rest))


def _things(name: str) -> frozenset[str]:
    """What an operation is about: its words in the singular, without those that say that it reads.

    The words that say that it writes stay, so that nothing that writes is ever about the same.
    """
    return frozenset(word.removesuffix("s") for word in words(name) if word not in _READS)
