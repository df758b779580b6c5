"""Calls in flight: never more than allowed, fewer when the server is throttled, fair between workflows."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Event

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, RateLimited
from konnect_agent.pacing import Pacer, lane
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World
from patterns.workflow import Result, workflow

from .conftest import Connect
from .scripted import Request, ScriptedServer

SIGNALS = st.lists(st.sampled_from(["throttled", "succeeded"]), max_size=200)


@given(ceiling=st.integers(1, 64), signals=SIGNALS)
def test_the_width_stays_between_one_and_the_ceiling(ceiling: int, signals: list[str]) -> None:
    pacer = Pacer(ceiling)
    for signal in signals:
        before = pacer.width
        getattr(pacer, signal)()
        assert 1 <= pacer.width <= ceiling
        if signal == "throttled":
            assert pacer.width == max(1, before / 2)
        else:
            assert before <= pacer.width <= before + 1


@given(ceiling=st.integers(1, 32), throttles=st.integers(1, 12))
def test_the_width_recovers_by_about_one_per_ten_windows_of_successes(ceiling: int, throttles: int) -> None:
    pacer = Pacer(ceiling)
    for _ in range(throttles):
        pacer.throttled()
    needed = 0
    while pacer.width < ceiling:
        pacer.succeeded()
        needed += 1
    assert needed <= 10 * ceiling * (ceiling + 1) / 2 + ceiling


class Board:
    """How many hold a place, and how many did at most."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.holding = self.most = 0

    async def call(self, who: Hashable, *, ticks: int = 0) -> None:
        lane.set(who)
        async with self.pacer.slot():
            self.holding += 1
            self.most = max(self.most, self.holding)
            try:
                for _ in range(ticks):
                    await checkpoint()
            finally:
                self.holding -= 1


@settings(max_examples=60, deadline=None)
@given(
    ceiling=st.integers(1, 5),
    calls=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from(["stay", "stay", "cancel"])),
        max_size=30,
    ),
    throttle_after=st.integers(0, 30),
)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_places_are_never_lost_nor_given_twice(
    backend: str, ceiling: int, calls: list[tuple[int, int, str]], throttle_after: int
) -> None:
    """Whatever is cancelled or throttled meanwhile: afterwards all places are free again."""

    async def run() -> None:
        pacer = Pacer(ceiling)
        board = Board(pacer)
        admitted = 0

        async def one(who: int, ticks: int, fate: str) -> None:
            nonlocal admitted
            with anyio.CancelScope() as scope:
                if fate == "cancel":
                    scope.deadline = anyio.current_time()
                await board.call(who, ticks=ticks)
            admitted += 1
            if admitted == throttle_after:
                pacer.throttled()

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for who, ticks, fate in calls:
                    tasks.start_soon(one, who, ticks, fate)
        assert board.most <= ceiling
        assert pacer.in_flight == 0
        for _ in range(int(pacer.width)):
            with anyio.fail_after(5):
                await board.call("again")

    anyio.run(run, backend=backend)


class Asked(Result):
    """Nothing in particular."""


@workflow("ask", Asked)
async def ask(konnect: Konnect, who: str, number: int) -> Asked:
    """So many calls at once."""
    async with anyio.create_task_group() as tasks:
        for _ in range(number):
            tasks.start_soon(konnect.call, "GetControlPlane", {"who": who})
    return Asked()


@pytest.mark.anyio
async def test_a_workflow_with_three_calls_does_not_wait_for_one_with_a_hundred(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            everybody_waits.wait(20)
        request.result("fine")

    async def run(konnect: Konnect, who: str, number: int) -> None:
        await ask(konnect, who, number)

    everybody_waits = Event()
    with ScriptedServer(script) as server:
        async with connect(server, max_in_flight=1) as konnect, anyio.create_task_group() as tasks:
            tasks.start_soon(run, konnect, "many", 100)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(run, konnect, "few", 3)
            await anyio.wait_all_tasks_blocked()
            everybody_waits.set()
        order = [request.message["params"]["arguments"]["who"] for request in server.of("tools/call")]
    assert max(position for position, who in enumerate(order) if who == "few") <= 6
    assert len(order) == 103


@pytest.mark.anyio
@pytest.mark.parametrize("width", [1, 3, 4])
async def test_the_server_never_sees_more_calls_at_once_than_allowed(
    connect: Connect, world: World, width: int
) -> None:
    with Sandbox(world=world, latency=0.01) as sandbox:
        async with connect(sandbox, max_in_flight=width) as konnect, anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(konnect.control_planes.list)
        assert sandbox.ledger.most_in_flight == width


@pytest.mark.anyio
async def test_clients_with_the_same_token_share_the_places(connect: Connect, world: World) -> None:
    with Sandbox(world=world, latency=0.01) as sandbox:
        async with (
            connect(sandbox, max_in_flight=3) as one,
            connect(sandbox, max_in_flight=3) as other,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(15):
                tasks.start_soon(one.control_planes.list)
                tasks.start_soon(other.control_planes.list)
        assert sandbox.ledger.most_in_flight == 3


@pytest.mark.anyio
async def test_four_calls_are_in_flight_by_default(connect: Connect, world: World) -> None:
    with Sandbox(world=world, latency=0.01) as sandbox:
        async with connect(sandbox) as konnect, anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(konnect.control_planes.list)
        assert sandbox.ledger.most_in_flight == 4


@pytest.mark.anyio
async def test_a_throttled_client_sends_half_as_much_and_recovers(connect: Connect) -> None:
    """The server throttles the first, then counts; in the end it waits until it has eight in hand again."""
    at_once: list[int] = []
    eight = Event()

    def script(request: Request) -> None:
        at_once.append(server.in_hand)
        if request.number <= 6:
            request.answer("", status=429, retry_after="0")
            return
        if request.number > 400:
            if server.in_hand == 8:
                eight.set()
            eight.wait(10)
        request.result("fine")

    server = ScriptedServer(script)
    with server:
        client = connect(server, max_in_flight=8, max_attempts=50)
        async with client as konnect, anyio.create_task_group() as tasks:
            for _ in range(440):
                tasks.start_soon(konnect.call, "GetControlPlane")
    assert max(at_once[12:24]) <= 5
    assert eight.is_set()
    assert max(at_once) == 8


@pytest.mark.anyio
async def test_a_throttle_that_does_not_end_is_told_with_what_to_do(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults=Faults("429:1000", retry_after="0")) as sandbox:
        async with connect(sandbox, max_attempts=3) as konnect:
            with pytest.raises(KonnectError) as caught:
                await konnect.control_planes.list()
    assert isinstance(caught.value, RateLimited)
    assert "max_in_flight" in caught.value.hint
