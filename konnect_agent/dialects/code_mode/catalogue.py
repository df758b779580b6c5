"""What a server in code mode can do: operations, found once per connection, as tools with an input schema.

1. The names other dialects would ask for are confirmed all at once, in one `get_schema`: Kong's operation
ids and documented tools in snake case (fact sheet 1.1 and 1.3; the rule is inferred). 2. What none of those
answers is looked for by `search`, in the words of the wish; what that names is confirmed by `get_schema`
too. A wish is searched once, also when nothing was found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

import anyio

from konnect_agent.dialects import Send
from konnect_agent.dialects.code_mode.descriptions import operations
from konnect_agent.toolbox import Tool, Toolbox

_WISH = ("query", "description", "q", "text")
_NAMES = ("tools", "names", "operations", "operation_ids", "tool_names")
_NAME = ("tool", "name", "operation", "operation_id", "tool_name", "id")


class Catalogue:
    """The operations of one server; `toolbox` holds those that were confirmed so far."""

    def __init__(self, known: Iterable[str], *, search: Tool, get_schema: Tool) -> None:
        self.toolbox = Toolbox(())
        self._known = tuple(known)
        self._search, self._get_schema = search, get_schema
        self._begun = _Once()
        self._searched: dict[str, _Once] = {}
        self._found: dict[str, tuple[str, ...]] = {}

    async def begin(self, send: Send) -> None:
        """Confirm the operations known by name, once. What takes one name at a time is only searched."""
        if parameter(self._get_schema, _NAMES):
            await self._begun.do(lambda: self._confirm(self._known, send))

    async def look_for(self, wish: str, send: Send) -> tuple[str, ...]:
        """Search for a wish and confirm what was found. Answers the names, best first."""

        async def search() -> None:
            arguments = {parameter(self._search, _WISH) or _WISH[0]: wish}
            answer = await send(self._search.name, arguments, idempotent=True, operation="search")
            names = tuple(dict.fromkeys(operation.name for operation in operations(answer)))
            await self._confirm([name for name in names if name not in self.toolbox.names], send)
            self._found[wish] = tuple(name for name in names if name in self.toolbox.names)

        await self._searched.setdefault(wish, _Once()).do(search)
        return self._found[wish]

    async def _confirm(self, names: Sequence[str], send: Send) -> None:
        """Put those of `names` that the server has into the toolbox."""
        confirmed: list[Tool] = []
        for arguments in self._questions(names):
            answer = await send(self._get_schema.name, arguments, idempotent=True, operation="get_schema")
            confirmed += [each for each in operations(answer) if each.name in names]
        fresh = [each for each in confirmed if each.name not in self.toolbox.names]
        self.toolbox = Toolbox((*self.toolbox.tools, *fresh))

    def _questions(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The arguments of `get_schema`: all names at once where it takes a list, and every detail."""
        detail = {"detail": "full"} if "detail" in self._get_schema.parameters else {}
        listed = parameter(self._get_schema, _NAMES)
        if listed is None:
            single = parameter(self._get_schema, _NAME) or _NAME[0]
            yield from ({single: name, **detail} for name in names)
        elif names:
            yield {listed: list(names), **detail}


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


def parameter(tool: Tool, names: Sequence[str]) -> str | None:
    """The parameter of a tool that goes by the first of `names` it has."""
    return next((name for name in names if name in tool.parameters), None)
