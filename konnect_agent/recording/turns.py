"""Answers come in the order in which they came, whoever asks first.

Every answer of a recording has a place. One is given when all before it were, and before the next one is
given whoever got it has gone on as far as it gets. A program that asks other things than were asked then
would wait for ever for a place that nobody takes: when nothing else happens any more, the first in line goes
on.
"""

from __future__ import annotations

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint

_QUIET_TURNS = 20
"""Turns of the event loop without a move after which nothing is going to happen by itself."""

_PAUSE = 0.001


class Turns:
    """The places of one recording, counted from 0; each is taken with `come` and left with `gone`."""

    def __init__(self) -> None:
        self._next = 0
        self._moves = 0
        self._waiting: dict[anyio.Event, int] = {}

    async def come(self, place: int) -> None:
        """Return when it is the turn of `place`."""
        self._moves += 1
        if place <= self._next:
            await checkpoint()
        while place > self._next:
            moved = anyio.Event()
            self._waiting[moved] = place
            try:
                if place > self._first():
                    await moved.wait()
                elif await self._nothing_happens(place):
                    self._next = place
            finally:
                del self._waiting[moved]
                self._wake()

    def gone(self, place: int) -> None:
        """The answer at `place` was given."""
        self._moves += 1
        self._next = max(self._next, place + 1)
        self._wake()

    def _first(self) -> int:
        return min(self._waiting.values())

    def _wake(self) -> None:
        """Let whoever is first in line look again."""
        if self._waiting:
            min(self._waiting, key=lambda event: self._waiting[event]).set()

    async def _nothing_happens(self, place: int) -> bool:
        """Whether everybody else waits as well, or has ended; False once this need not be waited for."""
        quiet = 0
        while quiet < _QUIET_TURNS:
            moves = self._moves
            if to_thread.current_default_thread_limiter().borrowed_tokens:
                await anyio.sleep(_PAUSE)
                quiet = 0
            else:
                await checkpoint()
                quiet = quiet + 1 if moves == self._moves else 0
            if place <= self._next or place > self._first():
                return False
        return True
