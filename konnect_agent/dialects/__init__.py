"""From what a resource asks for to how this server is asked, and back.

An `Intent` is what this library wants to know, under documented argument names. A `Dialect` turns it into
tool calls of one generation of the server and the answers into plain objects. The generation is told by
what tools/list offers, never by a version: the first dialect of `DIALECTS` that recognises its tools speaks.
A new generation is one file here and one line in that registry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

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


class Dialect(Protocol):
    """One generation of the server."""

    name: str

    def recognises(self, toolbox: Toolbox) -> bool:
        """Whether this server speaks this dialect at all."""
        ...

    def offers(self, intent: Intent, toolbox: Toolbox) -> None:
        """Return if this server can be asked for `intent`. Raises `ToolUnavailable` saying why not."""
        ...

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """Ask, and return a list of objects, one object or None, or plain data, as `intent.form` says.

        Raises `ToolUnavailable` when this server has no way to be asked, `Undecodable` for an answer of
        unknown shape, and whatever `send` raises.
        """
        ...


def detect(toolbox: Toolbox) -> Dialect:
    """The dialect this server speaks; classic when none is recognised, which then names what is missing."""
    from konnect_agent.dialects.classic import Classic

    dialects: tuple[Callable[[], Dialect], ...] = (Classic,)
    for make in dialects:
        dialect = make()
        if dialect.recognises(toolbox):
            return dialect
    return Classic()
