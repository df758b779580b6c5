"""The order of answers, whoever asks first."""

from __future__ import annotations

from itertools import permutations
from threading import Event

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint

from konnect_agent.recording.turns import Turns

pytestmark = pytest.mark.anyio


class Line:
    """Tasks that come to their places, and the order they left in."""

    def __init__(self) -> None:
        self.turns, self.left = Turns(), list[int]()

    async def pass_through(self, *places: int) -> None:
        for place in places:
            await self.turns.come(place)
            self.left.append(place)
            self.turns.gone(place)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_places_are_left_in_their_order_whoever_came_first(order: tuple[int, ...]) -> None:
    line = Line()
    async with anyio.create_task_group() as tasks:
        for place in order:
            tasks.start_soon(line.pass_through, place)
    assert line.left == [0, 1, 2, 3]


async def test_a_place_nobody_comes_to_holds_nobody_up_for_ever() -> None:
    line = Line()
    async with anyio.create_task_group() as tasks:
        for place in (9, 4, 6):
            tasks.start_soon(line.pass_through, place)
    assert line.left == [4, 6, 9]


async def test_who_comes_late_goes_at_once() -> None:
    line = Line()
    await line.pass_through(5)
    await line.pass_through(2)
    await line.pass_through(6)
    assert line.left == [5, 2, 6]


async def test_whoever_got_an_answer_goes_on_before_the_next_one_gets_his() -> None:
    line = Line()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(line.pass_through, 1, 3, 5)
        tasks.start_soon(line.pass_through, 0, 2, 4)
    assert line.left == [0, 1, 2, 3, 4, 5]


async def test_work_in_a_thread_is_waited_for() -> None:
    line, proceed = Line(), Event()

    async def after_work() -> None:
        await to_thread.run_sync(proceed.wait)
        await line.pass_through(0)

    async def let_it_proceed() -> None:
        for _ in range(500):  # far more turns than the others need to settle
            await checkpoint()
        proceed.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(after_work)
        tasks.start_soon(line.pass_through, 1)
        tasks.start_soon(let_it_proceed)
    assert line.left == [0, 1]


async def test_one_who_gives_up_leaves_his_place_to_the_others() -> None:
    line = Line()
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(line.pass_through, 2)
            tasks.start_soon(line.pass_through, 3)
            scope.cancel()
            await line.pass_through(1)
    assert line.left == [2, 3]


async def test_two_may_come_to_the_same_place() -> None:
    line = Line()
    async with anyio.create_task_group() as tasks:
        for place in (3, 3, 2):
            tasks.start_soon(line.pass_through, place)
    assert line.left == [2, 3, 3]
