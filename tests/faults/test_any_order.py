"""Client and sandbox driven together through whatever can happen to them, in any order.

One story: a script of faults, and rounds in which calls run side by side, some of them cancelled, while the
server may be restarted or the client closed and opened again. Afterwards the sandbox's books and the
client's agree: every read brought the right answer or met a fault that no retry absorbs; nothing was created
twice; what may exist without an id was told; what was watched is not running; and the client still works.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent import Konnect
from konnect_agent.errors import (
    ConfigError,
    Forbidden,
    KonnectError,
    TooLarge,
    Unauthorized,
    Undecodable,
    Unreachable,
)
from konnect_agent.models import DebugCriteria
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import KINDS, Faults
from konnect_agent.sandbox.world import World

PLANE = "storefront-production"
NOT_ABSORBED: dict[type[KonnectError], set[str]] = {
    Unauthorized: {"401"},
    Forbidden: {"403"},
    Undecodable: {"html", "garbage"},
    TooLarge: {"oversize"},
}
ABSORBED = sorted(KINDS - set().union(*NOT_ABSORBED.values()))

Call = tuple[str, int | None]
Round = tuple[list[Call], str]

CALLS = st.tuples(
    st.sampled_from(["read", "read", "read", "create", "watch"]),
    st.none() | st.integers(0, 300),  # cancelled after so many turns of the event loop
)
ROUNDS = st.lists(
    st.tuples(
        st.lists(CALLS, min_size=1, max_size=6),
        st.sampled_from(["nothing", "nothing", "restart", "outage", "reopen"]),
    ),
    min_size=1,
    max_size=4,
)
FAULTS = st.lists(
    st.sampled_from(["ok", *ABSORBED]) | st.sampled_from(["ok", *sorted(KINDS)]), min_size=1, max_size=25
)
SERVERS = st.tuples(st.sampled_from([("2025",), ("2026",), ("2025", "2026")]), st.booleans())


@dataclass
class Story:
    """A client of a sandbox, and what became of its calls."""

    sandbox: Sandbox
    expected: list[str]
    plane: str
    konnect: Konnect = field(init=False)
    number: int = 0
    created: dict[str, str | None] = field(default_factory=dict[str, str | None])
    watched: dict[str, str | None] = field(default_factory=dict[str, str | None])
    failed: dict[str, KonnectError] = field(default_factory=dict[str, KonnectError])
    cancelled: set[str] = field(default_factory=set[str])
    reopened: bool = False

    def __post_init__(self) -> None:
        self.konnect = Konnect(
            token=self.sandbox.token,
            url=self.sandbox.url,
            time_scale=self.sandbox.debug_sessions.time_scale,
            first_wait=0.001,
            max_wait=0.02,
            max_attempts=100,
            call_timeout=0.2,
            max_response_bytes=1 << 20,
        )

    async def read(self, name: str) -> None:
        services = await self.konnect.services.list(self.plane)
        assert sorted(service.name for service in services) == self.expected

    async def create(self, name: str) -> None:
        session = await self.konnect.debug_sessions.create(self.plane, http_path=name, session_duration=1800)
        self.created[name] = session.id

    async def watch(self, name: str) -> None:
        criteria = DebugCriteria(http_path=name, session_duration=10)
        async with self.konnect.debug_sessions.running(self.plane, criteria) as session:
            self.watched[name] = session.id
            await self.konnect.debug_sessions.wait(session.id or "", control_plane_id=self.plane, duration=10)

    async def call(self, kind: str, turns: int | None) -> None:
        """One call to its end, cancelled after so many turns; anything but a `KonnectError` escapes."""
        self.number += 1
        name = f"/{kind}/{self.number}"
        act: Callable[[str], Awaitable[None]] = getattr(self, kind)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                if turns is not None:
                    tasks.start_soon(_cancel_after, turns, scope)
                try:
                    await act(name)
                except KonnectError as error:
                    self.failed[name] = error
                tasks.cancel_scope.cancel()
        if scope.cancelled_caught:
            self.cancelled.add(name)

    async def disturb(self, how: str) -> None:
        if how == "restart":
            await run_sync(self.sandbox.restart)
        elif how == "outage":
            await run_sync(partial(self.sandbox.restart, outage=0.05))
        elif how == "reopen":
            before, self.reopened = self.konnect, True
            self.__post_init__()
            await self.konnect.connect()
            await before.aclose()

    def check(self) -> None:
        """What the client says against what the sandbox knows."""
        faults = set(self.sandbox.ledger.faults)
        at_server = {str(s.criteria["http_path"]): s.id for s in self.sandbox.debug_sessions.all()}
        sent = Counter(
            str(c.arguments["http_path"]) for c in self.sandbox.ledger.calls_to("CreateDebugSession")
        )
        assert max(sent.values(), default=0) <= 1, "created twice"
        assert {**self.created, **self.watched}.items() <= at_server.items(), "an id that does not exist"
        for name, error in self.failed.items():
            if name.startswith("/read"):
                allowed = [kind for kind, causes in NOT_ABSORBED.items() if causes & faults]
                allowed += [ConfigError, Unreachable] if self.reopened else []  # closed with calls in flight
                assert isinstance(error, tuple(allowed)), f"{error!r} for {faults}"
            elif name not in self.created and name not in self.watched and name in at_server:
                assert "is not known" in error.hint, f"{error!r} hides a debug session"
        running = set(self.sandbox.debug_sessions_running())
        assert not running & set(self.watched.values()), "still running"


async def _cancel_after(turns: int, scope: anyio.CancelScope) -> None:
    for _ in range(turns):
        await checkpoint()
    scope.cancel()


async def tell(story: Story, rounds: list[Round]) -> None:
    with anyio.fail_after(60):
        for calls, disturbance in rounds:
            async with anyio.create_task_group() as tasks:
                for kind, turns in calls:
                    tasks.start_soon(story.call, kind, turns)
                tasks.start_soon(story.disturb, disturbance)
        left = len(story.sandbox.ledger.faults) + 30
        for _ in range(left):  # the client is as good as new, once the script of faults is told
            try:
                await story.read("/read/last")
                break
            except KonnectError as error:
                story.failed["/read/last"] = error
        else:
            raise AssertionError("the client does not recover")
        await story.konnect.aclose()


@pytest.fixture(scope="module")
def organisation(world: World) -> Callable[[], World]:
    """The world, in a form that Hypothesis can print."""
    return lambda: world


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=15, deadline=None)
@given(rounds=ROUNDS, faults=FAULTS, server=SERVERS)
def test_whatever_happens_the_books_agree(
    organisation: Callable[[], World],
    backend: str,
    rounds: list[Round],
    faults: list[str],
    server: tuple[tuple[str, ...], bool],
) -> None:
    world, (eras, json_response) = organisation(), server
    script = Faults(",".join(faults), retry_after="0", outage=0.02, drip=0.02, oversize=2 << 20)
    sandbox = Sandbox(
        world=world, faults=script, eras=eras, json_response=json_response, time_scale=100, latency=0.002
    )
    plane = world.control_plane(PLANE)
    with sandbox:
        story = Story(sandbox, sorted(str(service["name"]) for service in plane.services), plane.id)
        anyio.run(tell, story, rounds, backend=backend)
        story.check()
