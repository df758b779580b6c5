"""What a server in code mode can do: operations, found once per connection, as tools with an input schema.

1. The names other dialects would ask for are confirmed all at once, in one `get_schema`: Kong's operation
ids and documented tools in snake case (fact sheet 1.1 and 1.3; the rule is inferred). A server may refuse
that, because it does not have them all. 2. What none of those answers is looked for by `search`, in the
words of the wish; what that names is confirmed by `get_schema` too, in smaller lists where it refuses long
ones. A wish is searched once, also when nothing was found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from konnect_agent.dialects import Send
from konnect_agent.dialects.code_mode.descriptions import described, listed, says_nothing
from konnect_agent.dialects.code_mode.meta import MetaTool
from konnect_agent.errors import ToolError, ToolUnavailable
from konnect_agent.schemas import accepted
from konnect_agent.toolbox import Tool, Toolbox

_WISH = ("query", "description", "q", "text")
_NAMES = ("tools", "names", "operations", "operation_ids", "tool_names", "operation_names")
_NAME = ("tool", "name", "operation", "operation_id", "tool_name", "operation_name", "id")
_BESIDE = frozenset(("detail", "limit", "tags", "format", "region"))
_MOST_TOLD = 8
_MOST_APART = 24  # operations worth asking for in small lists, of what a search found


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search named, best first: what `get_schema` described, with or without arguments, or did not.

    `readable` is False for an answer that says something, but names no operation.
    """

    confirmed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    readable: bool = True

    def __str__(self) -> str:
        parts = [_listed(self.confirmed)] if self.confirmed else []
        if self.unread:
            parts.append(f"{_listed(self.unread)} (whose arguments get_schema told in no known form)")
        if self.unconfirmed:
            parts.append(f"{_listed(self.unconfirmed)} (which get_schema did not describe)")
        nothing = "nothing" if self.readable else "an answer that names no operation"
        return " and ".join(parts) or nothing


class Catalogue:
    """The operations of one server.

    `toolbox` holds those that `get_schema` described so far, `confirmed` those of them whose arguments it
    told.
    """

    def __init__(self, known: Iterable[str], *, search: MetaTool, get_schema: MetaTool) -> None:
        self.toolbox = self.confirmed = Toolbox(())
        self._known = tuple(known)
        self._search, self._get_schema = search, get_schema
        self._names = _among(get_schema.tool, _NAMES, listed=True)
        self._begun = _Once()
        self._searched: dict[str, _Once] = {}
        self._found: dict[str, Hits] = {}

    async def begin(self, send: Send) -> None:
        """Confirm the operations known by name, once. What takes one name at a time is only searched."""

        async def confirm() -> None:
            with suppress(ToolError, ToolUnavailable):  # it has not all of them; a search names what it has
                self._keep(await self._described(self._known, send, to_the_letter=True))

        if self._names:
            await self._begun.do(confirm)

    async def look_for(self, wish: str, send: Send) -> Hits:
        """Search for a wish and confirm what was found."""

        async def search() -> None:
            tool = self._search.tool
            name = _among(tool, _WISH, listed=False) or _among(tool, _WISH, listed=True)
            several = name is not None and _is_list(tool.parameters[name], tool)
            arguments = self._search.arguments({name or _WISH[0]: [wish] if several else wish})
            answer = await send(tool.name, arguments, idempotent=True, operation="search")
            names = listed(answer)
            await self._confirm([name for name in names if name not in self.toolbox.names], send)
            known, confirmed = set(self.toolbox.names), set(self.confirmed.names)
            self._found[wish] = Hits(
                tuple(name for name in names if name in confirmed),
                tuple(name for name in names if name in known - confirmed),
                tuple(name for name in names if name not in known),
                readable=bool(names) or says_nothing(answer),
            )

        await self._searched.setdefault(wish, _Once()).do(search)
        return self._found[wish]

    async def _confirm(self, names: Sequence[str], send: Send) -> None:
        """Put those of `names` that the server describes into the toolbox."""
        waiting = [list(names)] if self._names else [[name] for name in names[:_MOST_APART]]
        for part in filter(None, waiting):
            try:
                self._keep(await self._described(part, send))
            except (ToolError, ToolUnavailable):
                middle = (min(len(part), _MOST_APART) + 1) // 2
                waiting += [part[:middle], part[middle:_MOST_APART]] if len(part) > 1 else []

    async def _described(
        self, names: Sequence[str], send: Send, *, to_the_letter: bool = False
    ) -> list[Tool]:
        """What `get_schema` says of `names`, in every detail. Raises what it does when it refuses them.

        Only `search` is to be trusted with how a name is spelled; a document may have another spelling.
        """
        tool = self._get_schema.tool
        place = self._names or _among(tool, _NAME, listed=False) or _NAME[0]
        given: dict[str, Any] = {place: list(names) if self._names else names[0]}
        if "detail" in tool.parameters:
            given["detail"] = "full"
        arguments = self._get_schema.arguments(given)
        answer = await send(tool.name, arguments, idempotent=True, operation="get_schema")
        return described(answer, names, to_the_letter=to_the_letter)

    def _keep(self, tools: Iterable[Tool]) -> None:
        fresh = {tool.name: tool for tool in tools if tool.name not in self.toolbox.names}
        self.toolbox = Toolbox((*self.toolbox.tools, *fresh.values()))
        self.confirmed = Toolbox(tool for tool in self.toolbox.tools if tool.input_schema)


class _Once:
    """Something that is done once, by whoever comes first; the others wait, and go on all together."""

    def __init__(self) -> None:
        self._done = False
        self._doing: anyio.Event | None = None

    async def do(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it unless it has been done. Raises what `work` does; then the next one tries."""
        while not self._done:
            if self._doing is not None:
                await self._doing.wait()
                continue
            self._doing = anyio.Event()
            try:
                await work()
                self._done = True
            finally:
                self._doing.set()
                self._doing = None


def _among(tool: Tool, names: Sequence[str], *, listed: bool) -> str | None:
    """The parameter for one of what goes by one of the `names`, or for a list of them.

    Under another name, it is the only text, or list, that the tool demands, or that it takes at all.
    """
    fitting = [name for name, schema in tool.parameters.items() if _is_list(schema, tool) == listed]
    untyped = [name for name, schema in tool.parameters.items() if not schema]
    usual = next((name for name in names if name in (*fitting, *untyped)), None)
    others = [name for name in fitting if name not in _BESIDE and _is_text(tool.parameters[name], tool)]
    needed = [name for name in others if name in tool.required] or others
    return usual or (needed[0] if len(needed) == 1 else None)


def _is_list(schema: Any, tool: Tool) -> bool:
    return "array" in accepted(schema, tool.input_schema)[0]


def _is_text(schema: Any, tool: Tool) -> bool:
    """Whether names fit in: a text that may be any, or a list, whose entries nobody knows."""
    kinds, choices = accepted(schema, tool.input_schema)
    return "array" in kinds or ("string" in kinds and not choices)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return ", ".join(names[:_MOST_TOLD]) + more
