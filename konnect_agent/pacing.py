"""How many calls are in flight at one endpoint with one token.

A width of at most `ceiling` (4 by default: Konnect throttles at about 10) that halves when the server says
"too many", once for all the calls that were under way together, and rises again by one per ten full windows
of successes. Waiting calls are let in round-robin over lanes, so that a workflow with a thousand calls does
not starve one with three. A Retry-After holds everybody back together. What must not wait, to stop what loads
a gateway, takes the `URGENT` lane: no place, no hold. All connections of one event loop to the same endpoint
with the same token share one `Pacer`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Generator, Hashable
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import anyio
from anyio.lowlevel import RunVar

lane: ContextVar[Hashable] = ContextVar("konnect_agent_lane", default=None)
"""Who is calling: calls of one lane queue behind each other, lanes take turns."""

URGENT = object()
"""The lane that does not queue."""

_WINDOWS = 10
"""How many full windows of successes it takes to widen by one."""

_pacers: RunVar[dict[Hashable, Pacer]] = RunVar("konnect_agent_pacers")


@contextmanager
def urgent() -> Generator[None]:
    """Calls made in the block wait for nobody."""
    token = lane.set(URGENT)
    try:
        yield
    finally:
        lane.reset(token)


class Pacer:
    """A fair, adaptive limit on concurrent calls."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.width = float(ceiling)
        self.in_flight = 0
        self._halvings = 0
        self._held_until = 0.0
        self._ceilings: list[int] = []
        self._queues: OrderedDict[Hashable, deque[anyio.Event]] = OrderedDict()

    def join(self, ceiling: int) -> None:
        """A client that wants no more than `ceiling` calls in flight shares this pacer from now on."""
        self._ceilings.append(ceiling)
        self._raise_to(min(self._ceilings))

    def leave(self, ceiling: int) -> None:
        """That client is gone; the others may have been held back by it."""
        if ceiling in self._ceilings:
            self._ceilings.remove(ceiling)
        if self._ceilings:
            self._raise_to(min(self._ceilings))

    def _raise_to(self, ceiling: int) -> None:
        if self.width == self.ceiling:
            self.width = float(ceiling)
        self.ceiling = ceiling
        self.width = min(self.width, float(ceiling))
        self._admit()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[int]:
        """Hold one of the places for the duration of the block; what comes is for `throttled`."""
        await self._enter()
        try:
            while lane.get() is not URGENT and anyio.current_time() < self._held_until:  # noqa: ASYNC110  # it may move
                await anyio.sleep_until(self._held_until)
            yield self._halvings
        finally:
            self.in_flight -= 1
            self._admit()

    def throttled(self, retry_after: float | None = None, *, entered: int | None = None) -> None:
        """The server said "too many": half the width, and nobody calls before `retry_after` seconds.

        `entered` is what `slot` gave the call: one that was under way when the width was halved says nothing
        about the new width.
        """
        if entered is None or entered == self._halvings:
            self._halvings += 1
            self.width = max(1.0, self.width / 2)
        if retry_after:
            self._held_until = max(self._held_until, anyio.current_time() + retry_after)

    def succeeded(self) -> None:
        """A call went through: the width grows by one for ten times `width` of these."""
        if self.width < self.ceiling:
            self.width = min(float(self.ceiling), self.width + 1 / (_WINDOWS * self.width))
            self._admit()

    async def _enter(self) -> None:
        if lane.get() is URGENT or (self.in_flight < int(self.width) and not self._queues):
            self.in_flight += 1
            return
        turn = anyio.Event()
        key = lane.get()
        self._queues.setdefault(key, deque()).append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.in_flight -= 1
                self._admit()
            else:
                self._forget(key, turn)
            raise

    def _admit(self) -> None:
        while self._queues and self.in_flight < int(self.width):
            key, queue = self._queues.popitem(last=False)
            queue.popleft().set()
            self.in_flight += 1
            if queue:
                self._queues[key] = queue

    def _forget(self, key: Hashable, turn: anyio.Event) -> None:
        queue = self._queues.get(key)
        if queue and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[key]


def shared_pacer(endpoint: str, token: str, ceiling: int) -> Pacer:
    """The pacer of this event loop for `endpoint` and `token`; the smallest ceiling of its clients holds.

    A client that closes says so with `leave`.
    """
    try:
        pacers = _pacers.get()
    except LookupError:
        pacers: dict[Hashable, Pacer] = {}
        _pacers.set(pacers)
    pacer = pacers.setdefault((endpoint, hash(token)), Pacer(ceiling))
    pacer.join(ceiling)
    return pacer
