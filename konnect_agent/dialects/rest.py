"""Konnect's REST operations as tools, one for each operation (fact sheet 1.1 and 1.3).

Unknown arguments are dropped by the server without a word, and a missing one leaves `{name}` in the URL, so
neither is ever sent; a server that tells of such a `{name}` all the same has another schema than it says.
REST has no lookup by name for some families, and none by route at all: lists answer those. Which operation
answers what is in `operations`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from konnect_agent.decoding import Listing, Object, as_object, opened, undecodable
from konnect_agent.dialects import Intent, Send
from konnect_agent.dialects.operations import OPERATIONS, fits, tool_for
from konnect_agent.dialects.paging import shorter, whole_list
from konnect_agent.dialects.request_logs import request_rows
from konnect_agent.envelopes import IDENTITY, Rows, rows, single
from konnect_agent.errors import InvalidArguments, KonnectError, ToolError, ToolUnavailable
from konnect_agent.gateway import Request, Router
from konnect_agent.ids import own_id
from konnect_agent.schemas import maximum
from konnect_agent.spelling import takes
from konnect_agent.toolbox import Tool, Toolbox

_PAGE, _MOST_PAGE = 100, 1000
_SIZES = ("size", "page[size]", "page_size", "limit")
_UNFILLED = re.compile(r"(?:\{|%7B)([A-Za-z_]\w*)(?:\}|%7D)", re.IGNORECASE)
_ANY_CALLER = dict.fromkeys(("methods", "hosts", "headers", "snis"))

_BY_NAME = {"control_planes.get_by_name": "name", "vaults.get_by_name": "vault_name"}


class Rest:
    """Speaks to a server that offers the REST operations, in code mode or as tools."""

    name = "rest"
    names = tuple(dict.fromkeys(operation.name for operation in OPERATIONS.values()))

    def recognises(self, toolbox: Toolbox) -> bool:
        """Any of the operations will do; a tool of that name which takes an `operation` is none."""
        return any(
            tool is not None and fits(each, tool)
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
            tool_for(name, toolbox)

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
        by = "offset" if _offsets(tool_for(intent.name, toolbox)) else None
        return await request_rows(lambda body: server.ask(intent.name, {"body": body}), given, by=by)


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
        """What the operation of a row answers, as it came. Nothing is sent that it does not take.

        Raises `ToolUnavailable` where that would leave out a part of the question, `InvalidArguments` when
        the server wants an argument that its schema does not have, and what `send` raises.
        """
        operation, tool = OPERATIONS[row], tool_for(row, self.toolbox)
        named = {operation.renamed.get(key, key): value for key, value in arguments.items()}
        if "body" in named and not _takes_body(tool):
            named = named["body"]  # its fields stand at the top
            if lost := [name for name in named if not takes(name, tool.input_schema)]:
                raise ToolUnavailable(
                    f"The server's {tool.name} takes no {' and no '.join(lost)}, and without that the answer "
                    "would be to another question.",
                    available=self.toolbox.names,
                    operation=row,
                )
        sent = tool.fit(named)
        try:
            return await self.send(tool.name, sent, idempotent=True, operation=operation.name)
        except ToolError as error:
            values = str([*sent.values()])  # an id may have braces of its own
            told = _UNFILLED.findall(error.message)
            unfilled = [name for name in told if name not in sent and name not in values]
            if not unfilled:
                raise
            raise _disagreement(tool, unfilled[0], error) from error

    async def listing(self, row: str, arguments: Object, keys: tuple[str, ...]) -> Listing[Object]:
        """Every entity the operation of a row lists."""
        tool = tool_for(row, self.toolbox)
        sizes = [name for name in _SIZES if name in tool.parameters]
        size = min((_most(tool.parameters[name], tool.input_schema) for name in sizes), default=0)

        async def ask(onward: Object) -> Rows:
            answer = await self.ask(row, {**arguments, **dict.fromkeys(sizes, size), **onward})
            found = rows(answer, keys)
            item = as_object(opened(answer)) or {}
            if found.items and not found.envelopes and any(item.get(key) for key in IDENTITY):
                raise undecodable("expected a list of objects", answer)  # Konnect lists no entity by itself
            return found

        while True:
            try:
                return await whole_list(ask, tool, sizes=(size, _PAGE))
            except KonnectError as error:
                if (less := shorter(error, size)) is None:
                    raise
                size = less

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


def _disagreement(tool: Tool, name: str, error: ToolError) -> InvalidArguments:
    """The error for a part of the path that nothing was filled into."""
    return InvalidArguments(
        f"The server's schema and the server disagree: the schema of {tool.name} has "
        f"{', '.join(tool.parameters) or 'no arguments'}, and {name} in its path was left unfilled. "
        f"It said: {error.message}",
        operation=error.operation,
    )


def _metrics(arguments: Object) -> Object:
    """A query of aggregates as REST has it: time is a dimension, and what is no bucket of it is left out."""
    granularity = arguments.get("granularity", "trend")
    if granularity == "trend":
        return {key: value for key, value in arguments.items() if key != "granularity"}
    return {**arguments, "dimensions": [*arguments.get("dimensions", ()), "time"]}


def _most(schema: Any, root: Object) -> int:
    """The longest page the schema of a size allows; where it names none, what every Konnect list gives."""
    limit = maximum(schema, root)
    return _PAGE if limit is None else min(int(limit), _MOST_PAGE)


def _takes_body(tool: Tool) -> bool:
    """Whether the fields of a body go into `body`: sent at the top to such an operation they are lost."""
    return not tool.input_schema or takes("body", tool.input_schema)


def _offsets(tool: Tool) -> bool:
    """Whether rows can be asked for in parts."""
    return _takes_body(tool) or takes("offset", tool.input_schema)
