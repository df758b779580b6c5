"""Code mode: the tools `search`, `get_schema` and `execute` over the whole Konnect API (fact sheet 1.2).

Behind them stand operations, and those are tools like others: a catalogue finds them, and the other dialects
speak to them, with an `execute` in the place of a tool call. Purpose-made operations come first, then REST
(1.4, inferred). An `execute` takes either code to run or one operation with its inputs, see `execution`; code
makes many calls in one round trip. What no operation answers is `ToolUnavailable`, naming what was searched
and found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from konnect_agent.dialects import Around, Dialect, Intent, Send, Speaker, classic, directly, spring
from konnect_agent.dialects.classic import Classic
from konnect_agent.dialects.code_mode.batches import MOST_CALLS, Answer, Batches
from konnect_agent.dialects.code_mode.block import Call, answer, answers, code, performed
from konnect_agent.dialects.code_mode.catalogue import Catalogue
from konnect_agent.dialects.code_mode.execution import execution
from konnect_agent.dialects.rest import Rest
from konnect_agent.dialects.spring import Spring
from konnect_agent.errors import KonnectError, ToolUnavailable
from konnect_agent.spelling import words
from konnect_agent.toolbox import DOCUMENTED, Toolbox

_SEARCH, _GET_SCHEMA, _EXECUTE = "search", "get_schema", "execute"
_BLOCKS_AT_ONCE = 4
_KNOWN = tuple(dict.fromkeys((*("_".join(words(tool)) for tool in DOCUMENTED), *Rest.names)))


class CodeMode:
    """Speaks to one server in code mode; what was found there is kept as long as this lives."""

    name = "code-mode"

    def __init__(self, around: Around = directly, send: Send | None = None) -> None:
        self._around, self._send = around, send
        self._server: _Server | None = None

    def recognises(self, toolbox: Toolbox) -> bool:
        """All three tools have to be there."""
        return all(toolbox.find(tool) for tool in (_SEARCH, _GET_SCHEMA, _EXECUTE))

    def together(self, toolbox: Toolbox) -> int:
        """As many calls as fit into one block of code; see `Dialect.together`."""
        try:
            return MOST_CALLS if execution(toolbox.require(_EXECUTE)).is_code else 1
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
        dialect = await server.able(intent)
        return await dialect.perform(intent, arguments, server.catalogue.toolbox, server.send)

    def _at(self, toolbox: Toolbox, send: Send) -> _Server:
        if self._server is None:
            self._server = _Server(toolbox, self._send or send, self._around)
        return self._server


class _Server:
    """The operations of one server, and how to have them executed."""

    def __init__(self, toolbox: Toolbox, send: Send, around: Around) -> None:
        search, get_schema = toolbox.require(_SEARCH), toolbox.require(_GET_SCHEMA)
        self.catalogue = Catalogue(_KNOWN, search=search, get_schema=get_schema)
        self._execute = toolbox.require(_EXECUTE)
        self._taken = execution(self._execute)
        self._batches = Batches(self._read, at_once=_BLOCKS_AT_ONCE)
        self._rest = Rest()
        self._speaker = Speaker((Classic(), Spring(), self._rest))
        self._call, self._around = send, around

    async def able(self, intent: Intent) -> Dialect:
        """The dialect of the operations that answer. Raises `ToolUnavailable` with what was searched."""
        await self.catalogue.begin(self._call)
        try:
            return await self._speaker.able(intent, self.catalogue.toolbox, self.send)
        except ToolUnavailable:
            wishes = self._rest.wishes(intent) or (_wish(intent),)
            found = {wish: await self.catalogue.look_for(wish, self._call) for wish in wishes}
        try:
            return await self._speaker.able(intent, self.catalogue.toolbox, self.send)
        except ToolUnavailable as error:
            told = "; ".join(f"{wish!r} found {hits}" for wish, hits in found.items())
            reason = f" {error.message}" if self._rest.knows(intent) else ""
            raise ToolUnavailable(
                f"No operation of this server answers {intent.name}.{reason} Searched: {told}.",
                available=self.catalogue.toolbox.names,
                operation=intent.name,
            ) from None

    async def send(self, tool: str, arguments: Mapping[str, Any], *, idempotent: bool, operation: str) -> Any:
        """Execute one operation, together with others that only read where the server takes code."""
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
        block = {self._taken.name: code(calls)}
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
