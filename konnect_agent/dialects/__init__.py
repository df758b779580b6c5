"""From what a resource asks for to how this server is asked, and back.

An `Intent` is what this library wants to know, under documented argument names. A `Dialect` turns it into
tool calls of one generation of the server and the answers into plain objects. What a server speaks is told by
what tools/list offers, never by a version, and intent by intent: of a mixed or partial list, whatever can
answer does. A new generation is one file here and one line in `speaker`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from konnect_agent.errors import ToolUnavailable
from konnect_agent.toolbox import Toolbox

Form = Literal["many", "one", "any"]


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing to ask for. `form` is the shape of the answer: objects, one object, or as it came.

    `keys` are the envelope keys such an answer may stand under. `changes` is True for what acts on a
    gateway and must never be sent twice. `bare_ids` says that ids alone will do for objects.
    """

    name: str
    form: Form
    keys: tuple[str, ...] = ()
    changes: bool = False
    bare_ids: bool = False


class Send(Protocol):
    """Send one tool call under its live name; answers plain data."""

    def __call__(
        self, tool: str, arguments: Mapping[str, Any], *, idempotent: bool, operation: str
    ) -> Awaitable[Any]: ...


class Around(Protocol):
    """Stand around an operation that travels inside a call, where `make` has it performed.

    A recording looks on here, because how such operations are put together into calls is a matter of time.
    """

    def __call__(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        make: Callable[[], Awaitable[Any]],
        /,
        *,
        idempotent: bool,
    ) -> Awaitable[Any]: ...


async def directly(
    operation: str,
    arguments: Mapping[str, Any],
    make: Callable[[], Awaitable[Any]],
    /,
    *,
    idempotent: bool,
) -> Any:
    """Nobody stands around."""
    return await make()


class Dialect(Protocol):
    """One generation of the server."""

    name: str

    def recognises(self, toolbox: Toolbox) -> bool:
        """Whether this server speaks this dialect at all."""
        ...

    def together(self, toolbox: Toolbox) -> int:
        """How many intents are worth asking for at once, for each call in flight."""
        ...

    def knows(self, intent: Intent) -> bool:
        """Whether this generation has words for `intent`, whatever this server offers."""
        ...

    async def offers(self, intent: Intent, toolbox: Toolbox, send: Send) -> None:
        """Return if this server can be asked for `intent`, which it knows.

        Changes nothing at the server. Raises `ToolUnavailable` saying why not, and whatever `send` raises.
        """
        ...

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """Ask, and return a list of objects, one object or None, or plain data, as `intent.form` says.

        Raises `ToolUnavailable` when this server has no way to be asked, `Undecodable` for an answer of
        unknown shape, and whatever `send` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class Speaker:
    """The dialects one server speaks, purpose-made tools first; the last names its generation.

    `others` are those it does not speak: what only they have words for, they say the lack of.
    """

    dialects: tuple[Dialect, ...]
    others: tuple[Dialect, ...] = ()

    @property
    def name(self) -> str:
        """The newest generation that is spoken."""
        return self.dialects[-1].name

    def together(self, toolbox: Toolbox) -> int:
        """How many intents are worth asking for at once, for each call in flight."""
        return max(dialect.together(toolbox) for dialect in self.dialects)

    async def able(self, intent: Intent, toolbox: Toolbox, send: Send) -> Dialect:
        """The first dialect in which this server can be asked for `intent`.

        Raises `ToolUnavailable`, with the reason of the newest generation that knows it.
        """
        refusal = ToolUnavailable(
            f"No tool of any generation answers {intent.name}.",
            available=toolbox.names,
            operation=intent.name,
        )
        able = [dialect for dialect in self.dialects if dialect.knows(intent)]
        for dialect in able or [dialect for dialect in self.others if dialect.knows(intent)][:1]:
            try:
                await dialect.offers(intent, toolbox, send)
            except ToolUnavailable as error:
                refusal = error
            else:
                return dialect
        raise refusal

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """Ask in the first dialect that can; see `Dialect.perform`."""
        dialect = await self.able(intent, toolbox, send)
        return await dialect.perform(intent, arguments, toolbox, send)


def speaker(toolbox: Toolbox, around: Around = directly, send: Send | None = None) -> Speaker:
    """What this server speaks; when nothing is recognised, classic or code mode, which names what is missing.

    `send` is for calls that several intents share, and so may not end with any one of them.
    """
    from konnect_agent.dialects.classic import Classic
    from konnect_agent.dialects.code_mode import CodeMode
    from konnect_agent.dialects.rest import Rest
    from konnect_agent.dialects.spring import Spring

    code_mode = CodeMode(around, send)
    spoken: tuple[Dialect, ...] = (Classic(), Spring(), Rest(), code_mode)
    recognised = tuple(dialect for dialect in spoken if dialect.recognises(toolbox))
    recognised = recognised or ((code_mode,) if code_mode.is_begun(toolbox) else spoken[:1])
    return Speaker(recognised, tuple(dialect for dialect in spoken if dialect not in recognised))
