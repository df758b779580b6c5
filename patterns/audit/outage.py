"""Whether the server is still there, found out once instead of by every list that is left.

1. A call that ends in an outage says nothing about its list, and has used up all its attempts.
2. One look at the control planes decides, while whatever has not been sent yet waits. An answer of any kind,
   a refusal too, and the rest is asked for as before: the server was restarted, or one list is broken.
3. Nothing again, and the rest ends at once in the error the look ended in.
So a server that dies costs at most twice `Config.deadline`, for the calls then under way and for the look,
however much is left to read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from konnect_agent import Konnect
from konnect_agent.errors import (
    ConnectionFailed,
    Forbidden,
    HttpError,
    KonnectError,
    McpAccessDisabled,
    TooLarge,
)

T = TypeVar("T")


class Outage:
    """A server that may be gone. Everything asked through one `Outage` shares what it finds out."""

    def __init__(self, konnect: Konnect) -> None:
        self._konnect = konnect
        self._looking: anyio.Event | None = None
        self._over: KonnectError | None = None

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer to `question`. Raises what it raises, or at once what the last look ended in."""
        if self._looking is not None:
            await self._looking.wait()
        if self._over is not None:
            raise self._over.with_traceback(None)
        try:
            return await question()
        except KonnectError as error:
            if is_outage(error) and self._over is None:
                await self._look()
            raise

    async def _look(self) -> None:
        """Look whether the server answers, or wait for whoever is looking already."""
        if self._looking is not None:
            await self._looking.wait()
            return
        looking = self._looking = anyio.Event()
        try:
            await self._konnect.control_planes.list()
        except KonnectError as error:
            if is_outage(error):
                self._over = error
        finally:
            self._looking = None
            looking.set()


def is_outage(error: KonnectError) -> bool:
    """Whether `error` is about the connection, the token or the server as a whole, not about one list."""
    if isinstance(error, (ConnectionFailed, HttpError)):
        return isinstance(error, McpAccessDisabled) or not isinstance(error, (TooLarge, Forbidden))
    return False
