"""What time it is, and waiting until it is later: one seam, so that a recording can be replayed at once.

Only what a report could depend on goes by a `Clock`: the looks at a debug session, and how old a row is. Time
limits and retries are about the network, which a replay does not have.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import anyio


class Clock(Protocol):
    """Two times: `now` runs steadily, in seconds since whenever; `date` is the calendar's, UTC."""

    def now(self) -> float: ...

    def date(self) -> datetime: ...

    async def sleep_until(self, moment: float, /) -> None: ...


class WallClock:
    """The time of the event loop and of this machine."""

    def now(self) -> float:
        """Seconds of the event loop."""
        return anyio.current_time()

    def date(self) -> datetime:
        """Now."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: float, /) -> None:
        """Wait until `now` is `moment`."""
        await anyio.sleep_until(moment)


WALL = WallClock()
