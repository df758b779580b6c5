from __future__ import annotations

import asyncio

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from konnect_agent.pacing import Pacer, lane, shared_pacer, urgent

pytestmark = pytest.mark.anyio


async def test_no_more_than_the_ceiling_are_in_flight() -> None:
    pacer, release, most = Pacer(3), anyio.Event(), 0

    async def call() -> None:
        nonlocal most
        async with pacer.slot():
            most = max(most, pacer.in_flight)
            await release.wait()

    async with anyio.create_task_group() as calls:
        for _ in range(10):
            calls.start_soon(call)
        await wait_all_tasks_blocked()
        assert pacer.in_flight == 3
        release.set()
    assert (most, pacer.in_flight) == (3, 0)


async def test_lanes_take_turns() -> None:
    pacer, order = Pacer(1), list[str]()
    release = anyio.Event()

    async def hold() -> None:
        async with pacer.slot():
            await release.wait()

    async def call(who: str) -> None:
        lane.set(who)
        async with pacer.slot():
            order.append(who)

    async with anyio.create_task_group() as calls:
        calls.start_soon(hold)
        await wait_all_tasks_blocked()
        for who in ["big"] * 6 + ["small"] * 2:
            calls.start_soon(call, who)
        await wait_all_tasks_blocked()
        release.set()
    assert sorted(order) == ["big"] * 6 + ["small"] * 2
    assert order.index("small") <= 1
    assert order[:4].count("small") == 2


async def test_a_throttle_halves_the_width_and_successes_widen_it_again() -> None:
    pacer = Pacer(8)
    pacer.throttled()
    assert pacer.width == 4
    for _ in range(10):
        pacer.throttled()
    assert pacer.width == 1
    for _ in range(400):
        pacer.succeeded()
    assert pacer.width == 8


async def test_ten_windows_of_successes_widen_by_about_one() -> None:
    pacer = Pacer(8)
    pacer.throttled()
    for _ in range(40):
        pacer.succeeded()
    assert 4.8 <= pacer.width <= 5.0


async def test_calls_that_were_under_way_together_are_throttled_once() -> None:
    pacer = Pacer(8)
    async with pacer.slot() as one, pacer.slot() as other:
        pacer.throttled(entered=one)
        pacer.throttled(entered=other)
    assert pacer.width == 4
    async with pacer.slot() as later:
        pacer.throttled(entered=later)
    assert pacer.width == 2


async def test_an_urgent_call_waits_neither_for_a_place_nor_for_the_end_of_a_retry_after() -> None:
    pacer = Pacer(1)
    pacer.throttled(600.0)
    with anyio.move_on_after(0), urgent():
        async with pacer.slot(), pacer.slot():
            assert pacer.in_flight == 2
    assert pacer.in_flight == 0


async def test_a_retry_after_holds_everybody_back_together() -> None:
    pacer, begun = Pacer(4), anyio.current_time()
    pacer.throttled(0.05)
    pacer.throttled(0.01)
    entered: list[float] = []

    async def call() -> None:
        async with pacer.slot():
            entered.append(anyio.current_time() - begun)

    async with anyio.create_task_group() as calls:
        for _ in range(3):
            calls.start_soon(call)
    assert min(entered) >= 0.05


async def test_a_cancelled_call_gives_its_place_to_the_next() -> None:
    pacer, entered = Pacer(1), list[str]()
    release = anyio.Event()

    async def call(who: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with pacer.slot():
                entered.append(who)
                await release.wait()

    scopes = {who: anyio.CancelScope() for who in ("first", "waiting", "last")}
    async with anyio.create_task_group() as calls:
        for who, scope in scopes.items():
            calls.start_soon(call, who, scope)
            await wait_all_tasks_blocked()
        scopes["waiting"].cancel()
        scopes["first"].cancel()
        await wait_all_tasks_blocked()
        assert entered == ["first", "last"]
        release.set()
    assert pacer.in_flight == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_call_cancelled_in_the_moment_of_its_turn_loses_no_place() -> None:
    """Only asyncio's own cancellation can come between the turn and the one whose turn it is."""
    pacer = Pacer(1)

    async def wait_in_line() -> None:
        async with pacer.slot():
            pytest.fail("the cancelled call went on")

    async with pacer.slot():
        waiting = asyncio.create_task(wait_in_line())
        await wait_all_tasks_blocked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pacer.in_flight == 0


async def test_connections_to_one_endpoint_with_one_token_share_the_pacer() -> None:
    pacer = shared_pacer("https://eu", "kpat_a", 4)
    assert shared_pacer("https://eu", "kpat_a", 4) is pacer
    assert shared_pacer("https://eu", "kpat_b", 4) is not pacer
    assert shared_pacer("https://us", "kpat_a", 4) is not pacer


async def test_the_smallest_ceiling_asked_for_holds() -> None:
    assert shared_pacer("https://au", "kpat_a", 6).ceiling == 6
    assert shared_pacer("https://au", "kpat_a", 2).ceiling == 2
    assert shared_pacer("https://au", "kpat_a", 6).width == 2
