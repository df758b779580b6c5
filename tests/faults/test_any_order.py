"""Client and sandbox driven together through whatever can happen to them, in any order.

A state machine of Hypothesis: calls are started and left running, cancelled, joined; faults are loaded, the
server is restarted or away for a while, its token expires, the client is closed and opened again. After every
step nothing was created twice. In the end the sandbox's books and the client's agree: no call hangs; every
read brought the right answer or an error that the faults explain, of one class of the tree; what may exist
without an id was told; what was watched is not running; and the client still works.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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

WORLD = World.story(7)
PLANE = WORLD.control_plane("storefront-production")
SERVICES = sorted(str(service["name"]) for service in PLANE.services)
NOT_ABSORBED: dict[type[KonnectError], set[str]] = {
    Unauthorized: {"401", "expire"},
    Forbidden: {"403"},
    Undecodable: {"html", "garbage"},
    TooLarge: {"oversize"},
}
ABSORBED = sorted(KINDS - set().union(*NOT_ABSORBED.values()))
PATIENCE = 30.0  # seconds until a call counts as hanging


class Loaded(Faults):
    """Faults that a test loads while the server runs."""

    def __init__(self) -> None:
        super().__init__("ok", retry_after="0", outage=0.03, drip=0.02, oversize=2 << 20)
        self.coming: deque[str] = deque()

    def draw(self, method: str) -> str:
        """The next one loaded, for a tool call."""
        return self.coming.popleft() if method == "tools/call" and self.coming else "ok"


class ClientAndSandbox(RuleBasedStateMachine):
    """`backend` is the event loop of the client; it runs in a thread of its own for as long as the story."""

    backend: str

    @initialize(eras=st.sampled_from([("2025",), ("2026",), ("2025", "2026")]), json_response=st.booleans())
    def begin(self, eras: tuple[str, ...], json_response: bool) -> None:
        self.stack, self.faults = ExitStack(), Loaded()
        self.sandbox = self.stack.enter_context(
            Sandbox(
                world=WORLD, faults=self.faults, eras=eras, json_response=json_response,
                time_scale=100, latency=0.002,
            )
        )  # fmt: skip
        self.portal = self.stack.enter_context(start_blocking_portal(self.backend))
        self.number, self.reopened = 0, False
        self.running: dict[str, Future[Any]] = {}
        self.known: dict[str, str | None] = {}
        self.watched: set[str | None] = set()
        self.failed: dict[str, BaseException] = {}
        self.konnect = self.client()

    def client(self) -> Konnect:
        """One that waits milliseconds where a real one waits seconds."""
        return Konnect(
            token=self.sandbox.token, url=self.sandbox.url, time_scale=100, first_wait=0.001, max_wait=0.02,
            max_attempts=100, call_timeout=0.2, max_response_bytes=1 << 20,
        )  # fmt: skip

    async def read(self, konnect: Konnect, name: str) -> None:
        services = await konnect.services.list(PLANE.id)
        assert sorted(service.name for service in services) == SERVICES

    async def create(self, konnect: Konnect, name: str) -> None:
        session = await konnect.debug_sessions.create(PLANE.id, http_path=name, session_duration=1800)
        self.known[name] = session.id

    async def watch(self, konnect: Konnect, name: str) -> None:
        criteria = DebugCriteria(http_path=name, session_duration=10)
        async with konnect.debug_sessions.running(PLANE.id, criteria) as session:
            self.known[name] = session.id
            self.watched.add(session.id)
            await konnect.debug_sessions.wait(session.id or "", control_plane_id=PLANE.id, duration=10)

    @rule(kind=st.sampled_from(["read", "read", "create", "watch"]), times=st.integers(1, 6))
    def call(self, kind: str, times: int) -> None:
        act: Callable[[Konnect, str], Awaitable[None]] = getattr(self, kind)
        for _ in range(times):
            self.number += 1
            name = f"/{kind}/{self.number}"
            self.running[name] = self.portal.start_task_soon(act, self.konnect, name)

    @rule(kinds=st.lists(st.sampled_from(["ok", *ABSORBED]), min_size=1, max_size=6))
    def absorbed_faults(self, kinds: list[str]) -> None:
        self.faults.coming.extend(kinds)

    @rule(kind=st.sampled_from(sorted(KINDS - {"expire"})))
    def any_fault(self, kind: str) -> None:
        self.faults.coming.append(kind)

    @rule(data=st.data())
    @precondition(lambda self: self.running)
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        if self.running[name].cancel():
            del self.running[name]

    @rule()
    @precondition(lambda self: self.running)
    def join(self) -> None:
        """Wait for all calls: each ends, in an answer or in one error."""
        for name, future in self.running.items():
            error = future.exception(PATIENCE)
            if error is not None:
                assert isinstance(error, KonnectError), repr(error)
                self.failed[name] = error
        self.running.clear()

    @rule(outage=st.sampled_from([0.0, 0.05]))
    def restart(self, outage: float) -> None:
        self.sandbox.restart(outage=outage)

    @rule()
    def reopen(self) -> None:
        before, self.konnect, self.reopened = self.konnect, self.client(), True
        self.portal.call(before.aclose)

    @invariant()
    def nothing_was_created_twice(self) -> None:
        if hasattr(self, "sandbox"):
            calls = self.sandbox.ledger.calls_to("CreateDebugSession")
            assert max(Counter(call.arguments["http_path"] for call in calls).values(), default=0) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        with self.stack:
            self.join()
            self.faults.coming.clear()
            self.portal.call(self.read, self.konnect, "/read/last")  # the client is as good as new
            self.compare()
            self.faults.coming.append("expire")
            for _ in range(2):
                error = self.portal.start_task_soon(self.read, self.konnect, "").exception(PATIENCE)
                assert isinstance(error, Unauthorized)
            self.portal.call(self.konnect.aclose)

    def compare(self) -> None:
        """What the client says against what the sandbox knows."""
        injected = set(self.sandbox.ledger.faults)
        at_server = {str(s.criteria["http_path"]): s.id for s in self.sandbox.debug_sessions.all()}
        assert self.known.items() <= at_server.items(), "an id that does not exist"
        for name, error in self.failed.items():
            assert isinstance(error, KonnectError)
            if name.startswith("/read"):
                explained = [kind for kind, causes in NOT_ABSORBED.items() if causes & injected]
                explained += [ConfigError, Unreachable] if self.reopened else []  # closed under them
                assert isinstance(error, tuple(explained)), f"{error!r} for {injected}"
            elif name not in self.known and name in at_server:
                assert "is not known" in error.hint, f"{error!r} hides a debug session"
        assert not self.watched & set(self.sandbox.debug_sessions_running()), "still running"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whatever_happens_the_books_agree(backend: str) -> None:
    machine = type("ClientAndSandbox", (ClientAndSandbox,), {"backend": backend})
    few = settings(
        max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    machine.TestCase.settings = few
    machine.TestCase("runTest").runTest()
