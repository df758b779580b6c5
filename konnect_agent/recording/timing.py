"""Time as a recording has it: it is whatever it was when the last answer came.

The same rule holds while recording and while replaying, so that whoever goes by this clock decides the same
both times. What differs is waiting: while recording it takes as long as it takes, in a replay it is over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint


class TapeTime:
    """A `konnect_agent.clocks.Clock` in seconds since the recording began, at `started_at`."""

    def __init__(self, started_at: datetime | None = None) -> None:
        self.started_at = started_at or datetime.now(UTC)
        self._is_live = started_at is None
        self._began: float | None = None
        self._now = 0.0

    def now(self) -> float:
        """When the last answer came."""
        return self._now

    def date(self) -> datetime:
        """The same as a date."""
        return self.started_at + timedelta(seconds=self._now)

    async def sleep_until(self, moment: float, /) -> None:
        """Wait until then; in a replay, it is then."""
        if self._is_live:
            await anyio.sleep_until(self._start() + moment)
        else:
            await checkpoint()
        self.reach(moment)

    def measured(self) -> float:
        """The time by the clock of the event loop, for a new line of a recording; from now on it is that."""
        self.reach(round(anyio.current_time() - self._start(), 6))
        return self._now

    def reach(self, moment: float) -> None:
        """It is `moment`, or later already."""
        self._now = max(self._now, moment)

    def _start(self) -> float:
        if self._began is None:
            self._began = anyio.current_time()
        return self._began
