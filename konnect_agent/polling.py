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

from konnect_agent.clocks import WALL, Clock
from konnect_agent.errors import ConnectionFailed, InvalidArguments, KonnectError, RateLimited, ServerError

T = TypeVar("T")


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
    next one follows on schedule, and only the hard stop raises it. Looks whose time has passed while another
    one was on its way are left out, except the last one.
    """
    begin = clock.now() if started is None else started
    last: T | None = None
    failure: KonnectError | None = None
    for moment, following in pairwise((*schedule.looks(), inf)):
        if following < inf and begin + following <= clock.now():
            continue
        await clock.sleep_until(begin + moment)
        try:
            last = await look()
        except (ConnectionFailed, RateLimited, ServerError) as error:
            failure = error
            continue
        failure = None
        if seen is not None:
            seen(last, clock.now() - begin)
        if until(last):
            return last
    if failure is not None:
        raise failure
    return last
