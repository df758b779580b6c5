"""How soon the end of a debug session is noticed: within a second on average, in at most ten looks.

Debug sessions of a minute, and of up to three seconds more than announced, watched side by side in a sandbox
where twenty seconds pass in one. Lag is the session's own time between its end at the server and the return
of `wait`, the last look's way there and back included. Run with `-s` to see the table; its last rows are what
a plain loop makes of such sessions, since the other clients have nothing for it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import mean

import anyio

from konnect_agent import Konnect, events

from .elsewhere import Elsewhere, elsewhere

SCALE, LENGTH, LATE, EACH = 20.0, 60, (0, 1, 2, 3), 4
LAG, LOOKS = 1.0, 10

Watch = Callable[[Konnect, str, str], Awaitable[None]]


@dataclass
class Seen:
    """When each debug session was seen to have ended, and by how many looks."""

    ended: dict[str, float] = field(default_factory=dict[str, float])
    looks: Counter[str] = field(default_factory=Counter[str])

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Polled):
            self.looks[event.debug_session_id] += 1


async def waiting(konnect: Konnect, debug_session_id: str, plane: str) -> None:
    """As the library does it."""
    await konnect.debug_sessions.wait(debug_session_id, control_plane_id=plane, duration=LENGTH)


def looping(seen: Seen, every: float) -> Watch:
    """A look every so many seconds of the session's time."""

    async def watch(konnect: Konnect, debug_session_id: str, plane: str) -> None:
        while True:
            await anyio.sleep(every / SCALE)
            seen.looks[debug_session_id] += 1
            found = await konnect.debug_sessions.fetch_status(debug_session_id, control_plane_id=plane)
            if found.status.is_final:
                return

    return watch


async def watched(server: Elsewhere, seen: Seen, watch: Watch) -> None:
    """All debug sessions, begun one shortly after the other, watched side by side."""

    async def one(late: int) -> None:
        created = await konnect.debug_sessions.create(
            server.plane, http_path="/slow", session_duration=LENGTH + late
        )
        await watch(konnect, created.id or "", server.plane)
        seen.ended[created.id or ""] = time.monotonic()

    settings = {"token": server.token, "url": server.url, "time_scale": SCALE}
    async with Konnect(**settings) as konnect, anyio.create_task_group() as tasks:  # pyright: ignore[reportArgumentType]
        with events.listening(seen):
            for late in LATE * EACH:
                tasks.start_soon(one, late)
                await anyio.sleep(0.03)


def test_the_end_of_a_debug_session_is_noticed_within_a_second() -> None:
    ours, by_the_second, by_five = Seen(), Seen(), Seen()
    kinds: dict[str, tuple[Seen, Watch]] = {
        "konnect-agent": (ours, waiting),
        "a loop, every second": (by_the_second, looping(by_the_second, 1.0)),
        "a loop, every 5 seconds": (by_five, looping(by_five, 5.0)),
    }
    sessions = f"{len(LATE) * EACH} sessions of a minute"
    print(f"\n{sessions:26}{'mean lag':>10}{'longest':>10}{'looks':>8}{'most':>6}")
    lags: dict[str, list[float]] = {}
    for name, (seen, watch) in kinds.items():
        with elsewhere(time_scale=SCALE) as server:
            anyio.run(watched, server, seen, watch)
        lags[name] = [(seen.ended[each] - end) * SCALE for each, end in server.books["debug_sessions"]]
        looks = seen.looks.values()
        print(f"{name:26}{mean(lags[name]):8.2f} s{max(lags[name]):8.2f} s{mean(looks):8.1f}{max(looks):6}")
    assert len(lags["konnect-agent"]) == len(LATE) * EACH
    assert mean(lags["konnect-agent"]) <= LAG
    assert max(ours.looks.values()) <= LOOKS
