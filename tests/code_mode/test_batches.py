"""Whatever a server does to a block, every call gets its own answer, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.dialects.code_mode.batches import MOST_CALLS, Answer, Batches
from konnect_agent.dialects.code_mode.block import Call
from konnect_agent.errors import (
    Forbidden,
    InvalidArguments,
    KonnectError,
    RateLimited,
    ServerError,
    TooLarge,
    ToolError,
)
from konnect_agent.wording import classified

AT_ONCE = 4
WORDS = (
    "Error calling tool 'execute': Tool call limit exceeded: at most {limit} call_tool() invocations.",
    "call limit of {limit} reached",
    "Exceeded maximum of {limit} tool calls per execution",
    "Too many calls: a block may make {limit} calls",
    "RuntimeError: tool_calls exceed what is allowed",
)
OTHER_WORDS = (
    "Maximum number of operations (7) exceeded",
    "quota exhausted",
    "budget of 7 api calls spent",
    "you have used 8 of 7 allowed requests",
)


@dataclass
class Pretended:
    """A server that allows `limit` calls in a block and says so in these `words`.

    Calls in `refused` fail, those in `busy` once.
    A block is answered after `turns` of the event loop, and when `gate` is open.
    """

    limit: int = 1000
    words: str = WORDS[0]
    catches: bool = True
    refused: frozenset[int] = frozenset()
    busy: set[int] = field(default_factory=set[int])
    turns: int = 3
    gate: anyio.Event | None = None
    blocks: list[list[int]] = field(default_factory=list[list[int]])
    under_way: int = 0
    most_under_way: int = 0

    async def run(self, calls: Sequence[Call]) -> list[Answer]:
        """A block, which is run a second time when it ends with a 429, as the connection does it."""
        try:
            return await self._once(calls)
        except RateLimited:
            return await self._once(calls)

    async def _once(self, calls: Sequence[Call]) -> list[Answer]:
        numbers: list[int] = [call.arguments["number"] for call in calls]
        self.blocks.append(numbers)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _ in range(self.turns):
                await anyio.lowlevel.checkpoint()
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.under_way -= 1
        found = [self._answer(number, place) for place, number in enumerate(numbers)]
        failed = next((answer for answer in found if isinstance(answer, KonnectError)), None)
        if failed is not None and (len(calls) == 1 or not self.catches):
            raise failed
        return found

    def _answer(self, number: int, place: int) -> Answer:
        operation = called(number).operation
        if place >= self.limit:
            return classified(self.words.format(limit=self.limit))
        if number in self.refused:
            return Forbidden(f"HTTP 403: not {number}", status=403, inside=operation)
        if number in self.busy:
            self.busy.remove(number)
            return RateLimited("HTTP 429", status=429, inside=operation)
        return number * 10


def called(number: int) -> Call:
    return Call(f"operation_{number % 4}", {"number": number})


async def make(batches: Batches, number: int, answers: dict[int, Any]) -> None:
    try:
        answers[number] = await batches.make(called(number))
    except KonnectError as error:
        answers[number] = error


async def made(batches: Batches, numbers: Iterable[int]) -> dict[int, Any]:
    """What comes of calls made at once, errors as themselves."""
    answers: dict[int, Any] = {}
    async with anyio.create_task_group() as making:
        for number in numbers:
            making.start_soon(make, batches, number, answers)
    return answers


SERVERS = st.builds(
    Pretended,
    limit=st.sampled_from([1, 2, 7, 50, 1000]),
    words=st.sampled_from(WORDS),
    catches=st.booleans(),
    refused=st.frozensets(st.integers(0, 180), max_size=5),
    busy=st.sets(st.integers(0, 180), max_size=5),
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(server=SERVERS, asked=st.integers(0, 180))
def test_every_call_gets_its_own_answer(backend: str, server: Pretended, asked: int) -> None:
    async def run() -> dict[int, Any]:
        return await made(Batches(server.run, at_once=AT_ONCE), range(asked))

    answers = anyio.run(run, backend=backend)
    assert answers.keys() == set(range(asked))
    for number, answer in answers.items():
        if number in server.refused:
            assert isinstance(answer, Forbidden)
            assert answer.message == f"HTTP 403: not {number}"
        else:
            assert answer == number * 10
    assert max(map(len, server.blocks), default=0) <= MOST_CALLS
    assert server.most_under_way <= AT_ONCE


@pytest.mark.anyio
async def test_what_is_asked_at_the_same_time_goes_out_in_full_blocks() -> None:
    server = Pretended()
    await made(Batches(server.run, at_once=AT_ONCE), range(250))
    assert sorted(map(len, server.blocks)) == [MOST_CALLS] * 5
    assert server.most_under_way == AT_ONCE


@pytest.mark.anyio
async def test_what_is_asked_while_a_block_is_under_way_waits_for_its_answer_and_goes_together() -> None:
    server = Pretended(gate=anyio.Event())
    batches, answers = Batches(server.run, at_once=AT_ONCE), dict[int, Any]()
    async with anyio.create_task_group() as making:
        for number in range(8):
            making.start_soon(make, batches, number, answers)
            await anyio.wait_all_tasks_blocked()
        assert server.blocks == [[0]]
        assert server.gate is not None
        server.gate.set()
    assert server.blocks == [[0], [1, 2, 3, 4, 5, 6, 7]]
    assert answers == {number: number * 10 for number in range(8)}


@pytest.mark.anyio
@pytest.mark.parametrize("kept", range(4))
async def test_a_cancelled_caller_hands_back_the_block_it_had_sent(kept: int) -> None:
    server = Pretended(gate=anyio.Event())
    batches, answers = Batches(server.run, at_once=AT_ONCE), dict[int, Any]()
    async with anyio.create_task_group() as making:
        scopes = [anyio.CancelScope() for _ in range(4)]
        for number, scope in enumerate(scopes):
            making.start_soon(_make_within, scope, batches, number, answers)
        await anyio.wait_all_tasks_blocked()
        assert [set(block) for block in server.blocks] == [{0, 1, 2, 3}]
        for number, scope in enumerate(scopes):
            if number != kept:
                scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert server.gate is not None
        server.gate.set()
    assert answers == {kept: kept * 10}
    assert server.under_way == 0


@pytest.mark.anyio
async def test_everybody_may_be_cancelled() -> None:
    server = Pretended(gate=anyio.Event())
    batches = Batches(server.run, at_once=AT_ONCE)
    with anyio.move_on_after(0) as scope:
        await made(batches, range(120))
    assert scope.cancelled_caught
    assert server.under_way == 0
    server.gate = None
    assert await made(batches, range(3)) == {0: 0, 1: 10, 2: 20}


@pytest.mark.anyio
@pytest.mark.parametrize("words", WORDS)
async def test_a_limit_that_was_met_is_kept(words: str) -> None:
    server = Pretended(limit=7, words=words)
    batches = Batches(server.run, at_once=AT_ONCE)
    await made(batches, range(50))
    server.blocks.clear()
    await made(batches, range(21))
    assert list(map(len, server.blocks)) == [7, 7, 7]


@pytest.mark.anyio
@pytest.mark.parametrize("words", OTHER_WORDS)
async def test_what_is_said_of_different_operations_alike_is_a_limit(words: str) -> None:
    server = Pretended(limit=7, words=words)
    batches = Batches(server.run, at_once=AT_ONCE)
    assert await made(batches, range(50)) == {number: number * 10 for number in range(50)}
    server.blocks.clear()
    await made(batches, range(21))
    assert list(map(len, server.blocks)) == [7, 7, 7]


@pytest.mark.anyio
async def test_what_is_said_of_one_operation_only_is_no_limit() -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        return [ToolError("not enabled") if c.operation == "operation_3" else 1 for c in calls]

    blocks: list[int] = []
    answers = await made(Batches(run, at_once=AT_ONCE), range(40))
    assert sum(isinstance(answer, ToolError) for answer in answers.values()) == 10
    assert blocks == [40]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("words", "most"), [*((each, 5) for each in WORDS[:3]), *((each, 4) for each in WORDS[3:])]
)
async def test_a_limit_that_ends_the_block_is_kept_or_half_of_what_was_tried(words: str, most: int) -> None:
    server = Pretended(limit=5, words=words, catches=False)
    batches = Batches(server.run, at_once=AT_ONCE)
    assert await made(batches, range(50)) == {number: number * 10 for number in range(50)}
    server.blocks.clear()
    await made(batches, range(20))
    assert max(map(len, server.blocks)) == most


@pytest.mark.anyio
async def test_blocks_get_shorter_where_the_api_throttles_what_is_in_them() -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        if len(calls) > 13:
            raise RateLimited("HTTP 429", status=429, inside=calls[13].operation)
        return [call.arguments["number"] for call in calls]

    blocks: list[int] = []
    batches = Batches(run, at_once=AT_ONCE)
    assert await made(batches, range(50)) == {number: number for number in range(50)}
    assert blocks == [50, 25, 13, 12, 13, 12]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",
    [
        "rate limit exceeded: at most 100 calls per minute",
        "call_tool('x') failed: too many calls: at most 100",
        "at most 5 calls per second",
    ],
)
async def test_a_figure_that_did_not_bind_ends_in_single_calls(words: str) -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        raise RateLimited(words, status=429, inside=calls[0].operation)

    blocks: list[int] = []
    answers = await made(Batches(run, at_once=AT_ONCE), range(20))
    assert {type(answer) for answer in answers.values()} == {RateLimited}
    assert len(blocks) <= 40


@pytest.mark.anyio
async def test_blocks_grow_back_when_the_throttling_is_over() -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        if len(blocks) < 4:
            raise RateLimited("HTTP 429", status=429, inside=calls[0].operation)
        return [call.arguments["number"] for call in calls]

    blocks: list[int] = []
    batches = Batches(run, at_once=1)
    assert await made(batches, range(500)) == {number: number for number in range(500)}
    assert blocks[:4] == [50, 25, 13, 7]
    blocks[:3] = []
    await made(batches, range(150))
    assert blocks[-3:] == [50, 50, 50]


@pytest.mark.anyio
async def test_the_number_of_calls_that_a_server_can_answer_at_once_is_kept() -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        if len(calls) > 13:
            raise TooLarge("The answer is larger than 64 MiB.", size=1 << 27, cap=1 << 26)
        return [call.arguments["number"] for call in calls]

    blocks: list[int] = []
    batches = Batches(run, at_once=AT_ONCE)
    assert await made(batches, range(100)) == {number: number for number in range(100)}
    blocks.clear()
    await made(batches, range(26))
    assert blocks == [13, 13]


@pytest.mark.anyio
@pytest.mark.parametrize("error", [Forbidden("HTTP 403", status=403), ServerError("HTTP 500", status=500)])
async def test_an_error_that_does_not_name_its_operation_costs_no_other_its_answer(
    error: KonnectError,
) -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        numbers: list[int] = [call.arguments["number"] for call in calls]
        if 17 in numbers:
            raise error
        return list(numbers)

    error.inside = "execute"  # as the connection says of every answer of a tool
    answers = await made(Batches(run, at_once=AT_ONCE), range(25))
    assert answers.pop(17) is error
    assert answers == {number: number for number in range(25) if number != 17}


@pytest.mark.anyio
@pytest.mark.parametrize("inside", [None, "execute"])
async def test_a_server_that_is_down_is_not_asked_for_every_call(inside: str | None) -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        raise ServerError("HTTP 503", status=503, inside=inside)

    blocks: list[int] = []
    answers = await made(Batches(run, at_once=AT_ONCE), range(50))
    assert {type(answer) for answer in answers.values()} == {ServerError}
    assert len(blocks) <= 3


@pytest.mark.anyio
@pytest.mark.parametrize("refused", [{3}, {3, 14, 25, 36, 47}])
async def test_all_that_asks_a_refused_control_plane_goes_alone(refused: set[int]) -> None:
    """No `execute` up to version 3.4 can catch an error: what is refused ends its block (fact sheet 1.2)."""

    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        for call in calls:
            if call.arguments["plane"] in told:
                raise Forbidden("HTTP 403", status=403, inside=call.operation)
        return [call.arguments["plane"] for call in calls]

    blocks: list[int] = []
    told = {str(plane) for plane in refused}
    batches = Batches(run, at_once=AT_ONCE)
    answers = dict[tuple[int, int], Any]()

    async def ask(plane: int, kind: int) -> None:
        try:
            answers[plane, kind] = await batches.make(Call(f"list_{kind}", {"plane": str(plane)}))
        except KonnectError as error:
            answers[plane, kind] = error

    async with anyio.create_task_group() as asking:
        for plane in range(50):
            for kind in range(5):
                asking.start_soon(ask, plane, kind)
    for (plane, _), answer in answers.items():
        assert isinstance(answer, Forbidden) if plane in refused else answer == str(plane)
    assert len(blocks) <= 5 + 14 * len(refused)


@pytest.mark.anyio
async def test_one_of_the_throttled_calls_goes_alone_before_the_others_go_together() -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        numbers: list[int] = [call.arguments["number"] for call in calls]
        blocks.append(len(calls))
        throttled = RateLimited("HTTP 429", status=429)
        return [throttled if number >= 20 and len(blocks) == 1 else number for number in numbers]

    blocks: list[int] = []
    assert await made(Batches(run, at_once=AT_ONCE), range(50)) == {number: number for number in range(50)}
    assert blocks == [50, 1, 29]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "words",
    [
        "tags: at most 3 are accepted",
        "Error calling tool 'x': size exceeds the maximum of 5",
        "HTTP 400: call limit",
    ],
)
async def test_a_refusal_with_a_number_in_it_is_no_limit(words: str) -> None:
    async def run(calls: Sequence[Call]) -> list[Answer]:
        blocks.append(len(calls))
        return [InvalidArguments(words) for _ in calls]

    blocks: list[int] = []
    answers = await made(Batches(run, at_once=AT_ONCE), range(20))
    assert {type(answer) for answer in answers.values()} == {InvalidArguments}
    assert blocks == [20]


async def _make_within(
    scope: anyio.CancelScope, batches: Batches, number: int, answers: dict[int, Any]
) -> None:
    with scope:
        await make(batches, number, answers)
