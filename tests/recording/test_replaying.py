"""A replay comes to the same report as the run it is a recording of, without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from konnect_agent import Konnect, McpAccessDisabled, NotRecorded
from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World
from patterns import Report, audit_configuration, debug_performance, investigate_endpoint

from ..code_mode.process import Process
from .taped import SHOP, Run, lines, outcome, patterns_on, rewritten, timeless

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
PATTERNS = tuple(patterns_on({"any": {}}))


async def twice(konnect: Konnect, tape: Path, run: Run) -> Report[Any]:
    """The report of `run` at a server that is gone afterwards, having checked that a replay has the same."""
    there = await outcome(konnect, run)
    here = await outcome(Konnect.replay(tape), run)
    assert timeless(here) == timeless(there)
    return here


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("generation", ["classic", "spring", "code-mode"])
async def test_every_pattern_has_the_same_report(
    tmp_path: Path, world: World, client: Client, generation: Generation, pattern: str
) -> None:
    tape = tmp_path / "run.jsonl"
    with Sandbox(world=world, generation=generation, time_scale=600) as own:
        report = await twice(client(own, record=tape), tape, patterns_on(world.alerts)[pattern])
    assert report.status in ("complete", "incomplete")


@pytest.mark.parametrize("pattern", PATTERNS[:3])
@pytest.mark.parametrize(
    "setup",
    [
        {},
        {"limit": 7, "failing": {"list-plugin": (429, 503), "list-consumer": (500,)}},
        {"catches": False, "forbidden": ("payments-production",)},
        {"missing": ("list-vault", "list-consumer_group"), "masked": True},
    ],
    ids=str,
)
async def test_so_it_has_where_calls_travel_in_blocks_made_up_by_time(
    tmp_path: Path, world: World, code_mode: Process, pattern: str, setup: dict[str, Any]
) -> None:
    tape = tmp_path / "run.jsonl"
    served = code_mode.open(world=world, **setup)
    await twice(served.client(record=tape), tape, patterns_on(world.alerts)[pattern])
    assert any("round_trip" in line for line in lines(tape))


def test_the_event_loop_makes_no_difference(tmp_path: Path, world: World, code_mode: Process) -> None:
    async def replay(tape: Path) -> str:
        return timeless(await outcome(Konnect.replay(tape), audit_configuration))

    async def record(tape: Path) -> str:
        return timeless(await outcome(served.client(record=tape), audit_configuration))

    served = code_mode.open(world=world, limit=20)
    for recorded, replayed in (("asyncio", "trio"), ("trio", "asyncio")):
        tape = tmp_path / f"{recorded}.jsonl"
        there = anyio.run(record, tape, backend=recorded)
        assert anyio.run(replay, tape, backend=replayed) == there


async def no_route(konnect: Konnect) -> Report[Any]:
    return await investigate_endpoint(konnect, "/no/such/path", control_plane=SHOP)


async def nowhere(konnect: Konnect) -> Report[Any]:
    return await audit_configuration(konnect, control_planes=["nowhere at all"])


async def declined(konnect: Konnect) -> Report[Any]:
    return await debug_performance(konnect, SHOP, confirm=lambda _: False)


async def traced(konnect: Konnect) -> Report[Any]:
    return await debug_performance(konnect, SHOP, confirm=lambda _: True)


@pytest.mark.parametrize(
    ("settings", "run"),
    [
        ({"forbidden": ["payments-production"]}, audit_configuration),
        ({"hide": ["GetVault"]}, audit_configuration),
        ({"faults": "503:2,429,ok:2,reset"}, audit_configuration),
        ({"faults": "500:400"}, no_route),
        ({}, no_route),
        ({}, nowhere),
        ({}, declined),
        ({"ending": "timed_out"}, traced),
        ({"ending": "stuck"}, traced),
        ({"hide": ["ActiveTracingSession"]}, traced),
    ],
    ids=lambda given: str(getattr(given, "__name__", given)),
)
async def test_what_failed_fails_again_in_the_same_words(
    tmp_path: Path, world: World, client: Client, settings: dict[str, Any], run: Run
) -> None:
    tape = tmp_path / "run.jsonl"
    given: dict[str, Any] = {"time_scale": 600, **settings}
    if "faults" in settings:
        given["faults"] = Faults(settings["faults"], retry_after=None)
    with Sandbox(world=world, **given) as own:
        report = await twice(client(own, record=tape, max_attempts=3), tape, run)
    assert report.status != "complete"


async def test_a_connection_that_was_refused_is_refused_again(
    tmp_path: Path, world: World, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    with Sandbox(world=world, mcp_disabled=True) as own, pytest.raises(McpAccessDisabled) as there:
        await Konnect.open(config=client(own).config, record=tape)
    with pytest.raises(McpAccessDisabled) as here:
        await Konnect.replay(tape).connect()
    assert vars(here.value) == vars(there.value)


async def test_a_debug_session_in_real_time_takes_none(tmp_path: Path, world: World, client: Client) -> None:
    tape = tmp_path / "run.jsonl"
    run = patterns_on(world.alerts)["debug"]
    with Sandbox(world=world, time_scale=600) as own:
        await outcome(client(own, record=tape), run)
    header, *rest = lines(tape)
    slow = rewritten(tape, [header | {"time_scale": 1.0}, *rest])
    with anyio.fail_after(20):  # the session lasts 30
        report = await outcome(Konnect.replay(slow), run)
    assert report.status == "complete"


async def test_a_replay_needs_neither_token_nor_network_and_is_what_it_was(
    tmp_path: Path, sandbox: Sandbox, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KONNECT_TOKEN", raising=False)
    tape = tmp_path / "run.jsonl"
    async with client(sandbox, record=tape, max_in_flight=2) as konnect:
        tools, generation, planes = (
            await konnect.tools(),
            await konnect.generation(),
            await konnect.control_planes.list(),
        )
        date, era = konnect.date(), konnect.era
    async with Konnect.replay(tape) as konnect:
        assert (await konnect.tools()).tools == tools.tools
        assert await konnect.generation() == generation
        assert await konnect.control_planes.list() == planes
        assert (konnect.date(), konnect.era) == (date, era)
        assert (konnect.endpoint, konnect.config.max_in_flight) == (sandbox.url, 2)


async def test_what_was_not_asked_is_named_with_how_to_record_it(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    async with client(sandbox, record=tape) as konnect:
        await konnect.control_planes.list()
    async with Konnect.replay(tape) as konnect:
        with pytest.raises(
            NotRecorded, match=r"run\.jsonl has no call of GetService with .*\"an-id\""
        ) as caught:
            await konnect.services.list("an-id")
        assert konnect.not_recorded == (caught.value,)
    assert "--record FILE" in caught.value.hint


async def test_a_workflow_that_goes_on_without_an_answer_leaves_it_to_be_seen(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    async with client(sandbox, record=tape) as konnect:
        await audit_configuration(konnect, control_planes=[SHOP])
    without = [line for line in lines(tape) if line.get("tool") != "GetVault"]
    async with Konnect.replay(rewritten(tape, without)) as konnect:
        report = await audit_configuration(konnect, control_planes=[SHOP])
    assert report.status == "incomplete"
    assert {missing.error.type for missing in report.coverage.missing} == {"NotRecorded"}
    assert len(konnect.not_recorded) == 1


async def test_answers_to_the_same_question_come_in_their_order_and_the_last_one_stays(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    async with client(sandbox, record=tape) as konnect:
        for _ in range(2):
            await konnect.control_planes.list()
    header, connected, first, second, end = lines(tape)
    first["answer"]["data"], second["answer"]["data"] = (
        first["answer"]["data"][:1],
        second["answer"]["data"][:2],
    )
    edited = [header, connected, first, second]
    async with Konnect.replay(rewritten(tape, [*edited, end])) as konnect:
        assert [len(await konnect.control_planes.list()) for _ in range(4)] == [1, 2, 2, 2]
    async with Konnect.replay(rewritten(tape, edited)) as konnect:
        assert [len(await konnect.control_planes.list()) for _ in range(2)] == [1, 2]
        with pytest.raises(NotRecorded, match=r"only 2 answers .* the run was interrupted"):
            await konnect.control_planes.list()


async def test_what_changes_something_is_answered_as_often_as_it_was_done(
    tmp_path: Path, world: World, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    with Sandbox(world=world, time_scale=600) as own:
        plane = own.world.control_planes[0].id
        async with client(own, record=tape) as konnect:
            session = await konnect.debug_sessions.create(plane)
    async with Konnect.replay(tape) as konnect:
        assert await konnect.debug_sessions.create(plane) == session
        with pytest.raises(NotRecorded, match="only one answer to CreateDebugSession"):
            await konnect.debug_sessions.create(plane)


async def test_concurrent_questions_are_answered_in_the_order_of_the_recording(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    ids = [plane.id for plane in sandbox.world.control_planes]
    tape, answered = tmp_path / "run.jsonl", list[str]()
    async with client(sandbox, record=tape) as konnect:
        for plane_id in ids:
            await konnect.routes.list(plane_id)

    async def ask(plane_id: str) -> None:
        await konnect.routes.list(plane_id)
        answered.append(plane_id)

    async with Konnect.replay(tape) as konnect, anyio.create_task_group() as tasks:
        for plane_id in reversed(ids):
            tasks.start_soon(ask, plane_id)
    assert answered == ids


async def test_a_program_that_asks_less_or_in_another_order_is_answered_all_the_same(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    ids = [plane.id for plane in sandbox.world.control_planes]
    tape = tmp_path / "run.jsonl"
    async with client(sandbox, record=tape) as konnect:
        listed = [await konnect.routes.list(plane_id) for plane_id in ids]
    async with Konnect.replay(tape) as konnect:
        for place in (2, 0, 1):
            assert await konnect.routes.list(ids[place]) == listed[place]
