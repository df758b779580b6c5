"""Whether a call that must not happen unnoticed may have been acted on.

Whoever makes such a call opens `watched` around it; the connection, which alone knows what became of the
request, says so with `leaving`. An error's class does not tell: the same words mean one thing in the answer
of a tool that had begun its work, and another one in the refusal of a server that ran none.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from konnect_agent.errors import KonnectError


@dataclass(slots=True)
class Sending:
    """One call. `left` is False only while its tool has provably not been reached."""

    left: bool = False


_watched: ContextVar[Sending | None] = ContextVar("konnect_agent_sending", default=None)


@contextmanager
def watched() -> Generator[Sending]:
    """What becomes of the one call in the block; the same for whoever watches it already."""
    sending = _watched.get() or Sending()
    before = _watched.set(sending)
    try:
        yield sending
    finally:
        _watched.reset(before)


@contextmanager
def leaving(turned_away: Callable[[KonnectError], bool]) -> Generator[None]:
    """The request leaves in the block; `turned_away` says which errors prove that no tool saw it."""
    sending = _watched.get() or Sending()
    sending.left = True
    try:
        yield
    except KonnectError as error:
        sending.left = not turned_away(error)
        raise
