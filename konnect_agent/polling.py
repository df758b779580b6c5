"""Watching a job of known length without staring at it.

The schedule is pure: an early look (a job that failed at once is noticed at once), heartbeats (the job is
alive, the person sees it), dense looks around the announced end, then backing off, and a hard stop at
length plus grace. Kong documents polling `fetch_status` until `completed`; the times are ours: a 60 s job
is noticed within a second of its end in at most ten looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TypeVar

import anyio

from konnect_agent.clocks import WALL, Clock
from konnect_agent.errors import (
    ConnectionFailed,
    InvalidArguments,
    KonnectError,
    RateLimited,
    ServerError,
    TimedOut,
)

T = TypeVar("T")

_LONG_LOOK = 10.0
_LAST_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look at a job of `length` seconds, counted from its start, at the latest at `length + grace`.

    `scale` says how much faster than the clock the job's own time runs (a sandbox).
    """

    length: float
    grace: float = 60.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.length < inf and 0 <= self.grace < inf and 0 < self.scale < inf):
            raise InvalidArguments(
                f"A job of {self.length:g} s with {self.grace:g} s of grace cannot be watched.",
                hint="Give the length in seconds, more than 0, and a grace of 0 or more.",
            )

    def looks(self) -> Iterator[float]:
        """The times of all looks in seconds since the start, ascending, the last one being the hard stop."""
        for moment in self._looks():
            if moment >= self.length + self.grace:
                break
            yield moment / self.scale
        yield (self.length + self.grace) / self.scale

    def _looks(self) -> Iterator[float]:
        early = min(1.0, self.length / 10)
        yield early
        beat = min(max(self.length / 3, 15.0), 60.0)
        moment = beat
        while moment < self.length - beat / 4:
            yield moment
            moment += beat
        moment, gap = self.length + 0.25, 0.75
        for _ in range(4):
            yield moment
            moment += gap
        while True:
            yield moment
            gap = min(gap * 1.5, 15.0)
            moment += gap

    def remaining(self, elapsed: float) -> float | None:
        """Seconds until the announced end, None once it has passed."""
        left = self.length / self.scale - elapsed
        return left if left > 0 else None

    def __str__(self) -> str:
        listed = list(self.looks())
        shown = ", ".join(f"{moment:g}" for moment in listed[:12])
        more = f", ... {listed[-1]:g}" if len(listed) > 12 else ""
        return f"{len(listed)} looks at {shown}{more} s"


async def watch(
    look: Callable[[], Awaitable[T]],
    *,
    until: Callable[[T], bool],
    schedule: Schedule,
    seen: Callable[[T, float], None] | None = None,
    started: float | None = None,
    clock: Clock = WALL,
) -> T | None:
    """`look` on schedule until `until` accepts what it saw; that value, or the last one at the hard stop.

    A look that fails in a way that may pass (no connection, throttled, server error) is not the end: the
    next one follows on schedule, and only the hard stop raises it. One that takes long is given up when the
    next one is due, at the earliest after ten seconds, and in any case at the hard stop or, when it began
    shortly before, five seconds later. Looks whose time has passed meanwhile are left out, but the last one.
    """
    begin = clock.now() if started is None else started
    last: T | None = None
    failure: KonnectError | None = None
    looks = tuple(schedule.looks())
    stop = begin + looks[-1]
    for moment, following in pairwise((*looks, inf)):
        now = clock.now()
        if begin + following <= now or (failure is not None and stop <= now):
            continue
        await clock.sleep_until(begin + moment)
        now = clock.now()
        latest = max(now + _LAST_LOOK, min(stop, max(now + _LONG_LOOK, begin + following)))
        try:
            value = await _by(latest - now, look)
        except (ConnectionFailed, RateLimited, ServerError) as error:
            failure = error
            continue
        last, failure = value, None
        if seen is not None:
            seen(value, clock.now() - begin)
        if until(value):
            return value
    if failure is not None:
        raise failure
    return last


async def _by(seconds: float, look: Callable[[], Awaitable[T]]) -> T:
    """What `look` sees, if it does so in time. Raises `TimedOut` otherwise."""
    with anyio.move_on_after(seconds):
        return await look()
    raise TimedOut(f"A look at the job was not answered within {seconds:.3g} s.", limit="call")
