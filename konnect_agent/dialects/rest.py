"""Konnect's REST operations as tools, one for each operation (fact sheet 1.1 and 1.3).

A row per intent: the operation's id in snake case (documented for billing, inferred for the rest), its
arguments, and the words to search for it. An operation under another name is taken when it is the only one
that reads the same things and takes the same arguments (inferred). Unknown arguments are dropped by the
server without a word, and a missing one leaves `{name}` in the URL, so neither is ever sent. REST has no
lookup by name for some families, and none by route at all: lists answer those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from konnect_agent.decoding import Listing, Object, as_list, as_object
from konnect_agent.dialects import Intent, Send
from konnect_agent.dialects.paging import whole_list
from konnect_agent.dialects.request_logs import request_rows
from konnect_agent.envelopes import Rows, rows, single
from konnect_agent.errors import KonnectError, ToolUnavailable
from konnect_agent.gateway import Request, Router
from konnect_agent.ids import own_id
from konnect_agent.spelling import flat, takes, words
from konnect_agent.toolbox import Tool, Toolbox

_PAGE, _MOST_PAGE = 100, 1000
_SIZES = ("size", "page[size]", "page_size", "limit")
_READS = frozenset(("get", "list", "all", "fetch", "query", "of", "for", "a", "the", "by", "id"))
_ANY_CALLER = dict.fromkeys(("methods", "hosts", "headers", "snis"))


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its documented id, its arguments in our spelling, and those it calls otherwise."""

    name: str
    wish: str
    arguments: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


def _entities(word: str, *, by_name: bool = False) -> dict[str, Operation]:
    """The operations of a core entity; `by_name` says that a name may stand for the id."""
    arguments = ("control_plane_id", f"{word}_id")
    found = {
        f"{word}s.list": Operation(f"list_{word}", f"list {word}s of a control plane", arguments[:1]),
        f"{word}s.get": Operation(f"get_{word}", f"get a {word}", arguments),
    }
    if by_name:
        renamed = {f"{word}_name": f"{word}_id"}
        found[f"{word}s.get_by_name"] = Operation(f"get_{word}", f"get a {word}", arguments, renamed)
    return found


_REQUESTS = Operation("query_requests", "query api requests", ("body",))
OPERATIONS: Mapping[str, Operation] = {
    "control_planes.list": Operation("list_control_planes", "list control planes"),
    "control_planes.get": Operation(
        "get_control_plane", "get a control plane", ("control_plane_id",), {"id": "control_plane_id"}
    ),
    "control_plane_groups.list": Operation(
        "get_control_planes_id_group_memberships",
        "list control plane group memberships",
        ("control_plane_id",),
        {"control_plane_group_id": "control_plane_id"},
    ),
    **_entities("service", by_name=True),
    **_entities("route", by_name=True),
    **_entities("plugin"),
    **_entities("consumer", by_name=True),
    "consumer_groups.list": Operation(
        "list_consumer_group", "list consumer groups of a control plane", ("control_plane_id",)
    ),
    **_entities("vault"),
    "analytics.query_api_requests": _REQUESTS,
    "analytics.get_consumer_requests": _REQUESTS,
    "analytics.query": Operation("metrics", "query analytics metrics", ("body",)),
}
_BY_NAME = {"control_planes.get_by_name": "name", "vaults.get_by_name": "vault_name"}


class Rest:
    """Speaks to a server that offers the REST operations, in code mode or as tools."""

    name = "rest"
    names = tuple(dict.fromkeys(operation.name for operation in OPERATIONS.values()))

    def recognises(self, toolbox: Toolbox) -> bool:
        """Any of the operations will do; a tool of that name which takes an `operation` is none."""
        return any(
            tool is not None and _fits(each, tool)
            for each in OPERATIONS.values()
            for tool in (toolbox.find(each.name),)
        )

    def together(self, toolbox: Toolbox) -> int:
        """One; see `Dialect.together`."""
        return 1

    def knows(self, intent: Intent) -> bool:
        """Whether REST answers it at all: there are no debug sessions, for one."""
        return all(name in OPERATIONS for name in _needed(intent))

    def wishes(self, intent: Intent) -> tuple[str, ...]:
        """What to search for on a server that has to be searched."""
        return tuple(OPERATIONS[name].wish for name in _needed(intent) if name in OPERATIONS)

    async def offers(self, intent: Intent, toolbox: Toolbox, send: Send) -> None:
        """Whether the operations of an intent are there; see `Dialect.offers`."""
        for name in _needed(intent):
            _tool(name, toolbox)

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """One operation, and one more for every further page; see `Dialect.perform`."""
        given = {key: value for key, value in arguments.items() if value is not None}
        server = _Server(toolbox, send)
        if intent.name == "control_planes.get_by_route":
            return await server.serving(given["path"], intent.keys)
        if intent.name in _BY_NAME:
            (listed,) = _needed(intent)
            name = given.pop(_BY_NAME[intent.name])
            listing = await server.listing(listed, given, intent.keys)
            return next((each for each in listing if each.get("name") == name), None)
        if intent.form == "many":
            return await server.listing(intent.name, given, intent.keys)
        if intent.form == "one":
            return single(await server.ask(intent.name, given), intent.keys)
        if intent.name == "analytics.query":
            return await server.ask(intent.name, {"body": _metrics(given)})
        return await request_rows(
            lambda body: server.ask(intent.name, {"body": body}), given, by_cursor=False
        )


def _needed(intent: Intent) -> tuple[str, ...]:
    """The rows that together answer an intent."""
    if intent.name == "control_planes.get_by_route":
        return ("control_planes.list", "routes.list")
    return (f"{intent.name.partition('.')[0]}.list",) if intent.name in _BY_NAME else (intent.name,)


@dataclass(frozen=True, slots=True)
class _Server:
    """The operations of one server, by the name of their row."""

    toolbox: Toolbox
    send: Send

    async def ask(self, row: str, arguments: Object) -> Any:
        """What the operation of a row answers, as it came. Nothing is sent that it does not take."""
        operation, tool = OPERATIONS[row], _tool(row, self.toolbox)
        named = {operation.renamed.get(key, key): value for key, value in arguments.items()}
        if "body" in named and not takes("body", tool.input_schema):
            named = named["body"]  # its fields stand at the top
        return await self.send(tool.name, tool.fit(named), idempotent=True, operation=operation.name)

    async def listing(self, row: str, arguments: Object, keys: tuple[str, ...]) -> Listing[Object]:
        """Every entity the operation of a row lists."""
        tool = _tool(row, self.toolbox)
        size = {name: _most(tool.parameters[name]) for name in _SIZES if name in tool.parameters}

        async def ask(onward: Object) -> Rows:
            return rows(await self.ask(row, {**arguments, **size, **onward}), keys)

        return await whole_list(ask, tool)

    async def serving(self, path: str, keys: tuple[str, ...]) -> Listing[Object]:
        """The control planes with a route that some request for `path` would reach.

        Raises what any of the lists raises: one that could not be seen may be the one.
        """
        planes = await self.listing("control_planes.list", {}, keys)
        found: dict[int, Listing[Object] | KonnectError] = {}

        async def look(place: int, plane: Object) -> None:
            try:
                found[place] = await self.listing(
                    "routes.list", {"control_plane_id": own_id(plane)}, ("routes",)
                )
            except KonnectError as error:
                found[place] = error

        async with anyio.create_task_group() as looking:
            for place, plane in enumerate(planes):
                looking.start_soon(look, place, plane)
        serving: list[Object] = []
        whole = planes.complete
        for place, plane in enumerate(planes):
            routes = found[place]
            if isinstance(routes, KonnectError):
                raise routes
            whole = whole and routes.complete
            router = Router([{**route, **_ANY_CALLER} for route in routes])
            if router.match(Request(path=path)) is not None:
                serving.append(plane)
        return Listing(serving, complete=whole)


def _tool(row: str, toolbox: Toolbox) -> Tool:
    """The operation for a row: by its id, else the only one that reads the same with the same arguments.

    Raises `ToolUnavailable`.
    """
    wanted = OPERATIONS[row]
    found = toolbox.find(wanted.name)
    if found is None:
        about = _things(wanted.name)
        alike = [tool for tool in toolbox.tools if _things(tool.name) == about and _fits(wanted, tool)]
        found = alike[0] if len(alike) == 1 else None
    if found is None or not _fits(wanted, found):
        seen = (
            f"its {found.name} takes {', '.join(found.parameters)}"
            if found
            else "it has no operation that does the same"
        )
        raise ToolUnavailable(
            f"The server has no {wanted.name} that takes {', '.join(wanted.arguments) or 'nothing'}: {seen}.",
            available=toolbox.names,
            operation=row,
        )
    return found


def _metrics(arguments: Object) -> Object:
    """A query of aggregates as REST has it: time is a dimension, and what is no bucket of it is left out."""
    granularity = arguments.get("granularity", "trend")
    if granularity == "trend":
        return {key: value for key, value in arguments.items() if key != "granularity"}
    return {**arguments, "dimensions": [*arguments.get("dimensions", ()), "time"]}


def _most(schema: Any) -> int:
    """The longest page the schema of a size allows; where it names none, what every Konnect list gives."""
    maximum = (as_object(schema) or {}).get("maximum")
    return min(int(maximum), _MOST_PAGE) if isinstance(maximum, (int, float)) else _PAGE


def _fits(operation: Operation, tool: Tool) -> bool:
    """Whether a tool takes all arguments of an operation and demands no others; unknown schemas fit."""
    if not tool.input_schema.get("properties"):
        return not operation.arguments or not tool.input_schema
    demanded = set(map(flat, as_list(tool.input_schema.get("required")) or ()))
    if operation.arguments == ("body",):
        return demanded <= {"body", "timerange"}
    fitted = tool.fit(dict.fromkeys(operation.arguments, "x"))
    return set(fitted) <= set(tool.parameters) and demanded <= set(map(flat, fitted))


def _things(name: str) -> frozenset[str]:
    """What an operation is about: its words in the singular, without those that say that it reads.

    The words that say that it writes stay, so that nothing that writes is ever about the same.
    """
    return frozenset(word.removesuffix("s") for word in words(name) if word not in _READS)
