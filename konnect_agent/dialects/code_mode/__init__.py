"""Code mode: the tools `search`, `get_schema` and `execute` over the whole Konnect API (fact sheet 1.2).

Behind them stand operations, and those are tools like others: a catalogue finds them, and the other dialects
speak to them, with an `execute` in the place of a tool call. Purpose-made operations come first, where
`get_schema` told that they take what they are asked, then REST (1.4, inferred). An `execute` takes either
code to run or one operation with its inputs, see `execution`; code makes many calls in one round trip. What
no operation answers is `ToolUnavailable`, naming what was searched and found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from konnect_agent.dialects import Around, Dialect, Intent, Send, Speaker, classic, directly, spring
from konnect_agent.dialects.classic import Classic
from konnect_agent.dialects.code_mode.batches import MOST_CALLS, Answer, Batches
from konnect_agent.dialects.code_mode.block import Call, answer, answers, code, performed
from konnect_agent.dialects.code_mode.catalogue import Catalogue
from konnect_agent.dialects.code_mode.execution import execution
from konnect_agent.dialects.code_mode.meta import ROLES, meta_tools, role
from konnect_agent.dialects.rest import Rest
from konnect_agent.dialects.spring import Spring
from konnect_agent.errors import KonnectError, ToolUnavailable
from konnect_agent.spelling import words
from konnect_agent.toolbox import DOCUMENTED, Toolbox

_BLOCKS_AT_ONCE = 4
_KNOWN = tuple(dict.fromkeys((*("_".join(words(tool)) for tool in DOCUMENTED), *Rest.names)))
_REST = Rest()
_PURPOSE_MADE, _OF_REST = Speaker((Classic(by_schema=True), Spring())), Speaker((_REST,))


class CodeMode:
    """Speaks to one server in code mode; what was found there is kept as long as this lives."""

    name = "code-mode"

    def __init__(self, around: Around = directly, send: Send | None = None) -> None:
        self._around, self._send = around, send
        self._server: _Server | None = None

    def recognises(self, toolbox: Toolbox) -> bool:
        """All three tools have to be there."""
        return all(role(name, toolbox) for name in ROLES)

    def is_begun(self, toolbox: Toolbox) -> bool:
        """Whether two of the tools are there, which is code mode with something missing."""
        return sum(role(name, toolbox) is not None for name in ROLES) > 1

    def together(self, toolbox: Toolbox) -> int:
        """As many calls as fit into one block of code; see `Dialect.together`."""
        try:
            return MOST_CALLS if execution(meta_tools(toolbox)[2]).is_code else 1
        except ToolUnavailable:
            return 1

    def knows(self, intent: Intent) -> bool:
        """Whatever can be searched for may be there."""
        return True

    async def offers(self, intent: Intent, toolbox: Toolbox, send: Send) -> None:
        """Whether some operation answers; see `Dialect.offers`. Searches the first time."""
        await self._at(toolbox, send).able(intent)

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """Whatever the dialect of the operations does; see `Dialect.perform`."""
        server = self._at(toolbox, send)
        dialect, operations = await server.able(intent)
        return await dialect.perform(intent, arguments, operations, server.send)

    def _at(self, toolbox: Toolbox, send: Send) -> _Server:
        if self._server is None:
            self._server = _Server(toolbox, self._send or send, self._around)
        return self._server


class _Server:
    """The operations of one server, and how to have them executed."""

    def __init__(self, toolbox: Toolbox, send: Send, around: Around) -> None:
        search, get_schema, execute = meta_tools(toolbox)
        self._catalogue = Catalogue(_KNOWN, search=search, get_schema=get_schema)
        self._execute, self._taken = execute.tool, execution(execute)
        self._batches = Batches(self._read, at_once=_BLOCKS_AT_ONCE)
        self._call, self._around = send, around

    async def able(self, intent: Intent) -> tuple[Dialect, Toolbox]:
        """The dialect that can ask for an intent, and the operations that it may ask.

        Raises `ToolUnavailable` with what was searched.
        """
        await self._catalogue.begin(self._call)
        try:
            return await self._spoken(intent)
        except ToolUnavailable:
            wishes = _REST.wishes(intent) or (_wish(intent),)
            found = {wish: await self._catalogue.look_for(wish, self._call) for wish in wishes}
        try:
            return await self._spoken(intent)
        except ToolUnavailable as error:
            told = "; ".join(f"{wish!r} found {hits}" for wish, hits in found.items())
            reason = f" {error.message}" if _REST.knows(intent) else ""
            raise ToolUnavailable(
                f"No operation of this server answers {intent.name}.{reason} Searched: {told}.",
                available=self._catalogue.toolbox.names,
                operation=intent.name,
            ) from None

    async def _spoken(self, intent: Intent) -> tuple[Dialect, Toolbox]:
        """Purpose-made operations have to take what they are asked; see `operations` for the others."""
        confirmed, every = self._catalogue.confirmed, self._catalogue.toolbox
        with suppress(ToolUnavailable):
            return await _PURPOSE_MADE.able(intent, confirmed, self.send), confirmed
        return await _OF_REST.able(intent, every, self.send), every

    async def send(self, tool: str, arguments: Mapping[str, Any], *, idempotent: bool, operation: str) -> Any:
        """Execute one operation, together with others that only read where the server takes code.

        Raises `ToolUnavailable` for arguments that it does not take: the server would drop them (documented).
        """
        confirmed = next((each for each in self._catalogue.confirmed.tools if each.name == tool), None)
        taken = arguments if confirmed is None else confirmed.parameters
        if lost := [name for name in arguments if name not in taken]:
            raise ToolUnavailable(
                f"The server's {tool} takes no {' and no '.join(lost)}, and without that the answer would be "
                "to another question.",
                available=self._catalogue.toolbox.names,
                operation=operation,
            )
        if not self._taken.is_code:
            sent = self._taken.of_operation(tool, arguments)
            return performed(
                await self._call(self._execute.name, sent, idempotent=idempotent, operation=operation)
            )

        call = Call(tool, arguments)

        async def make() -> Any:
            if idempotent:
                return await self._batches.make(call)
            return (await self._run([call], idempotent=False))[0]

        return await self._around(tool, arguments, make, idempotent=idempotent)

    async def _read(self, calls: Sequence[Call]) -> list[Answer]:
        return await self._run(calls, idempotent=True)

    async def _run(self, calls: Sequence[Call], *, idempotent: bool) -> list[Answer]:
        operation = f"execute {calls[0].operation}" if len(calls) == 1 else f"execute {len(calls)} operations"
        block = self._taken.of_code(code(calls))
        try:
            data = await self._call(self._execute.name, block, idempotent=idempotent, operation=operation)
        except KonnectError as error:
            if error.inside in {call.operation for call in calls}:
                error.operation = error.inside
            raise
        return [answer(data)] if len(calls) == 1 else answers(data, calls)


def _wish(intent: Intent) -> str:
    """What to search for where no operation is public: the words of the documented tool, and our own."""
    tool = classic.ROWS[intent.name][0] if intent.name in classic.ROWS else spring.ROWS[intent.name]
    return " ".join(dict.fromkeys((*words(tool), *(word.removesuffix("s") for word in words(intent.name)))))
