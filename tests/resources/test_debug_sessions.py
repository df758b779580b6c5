"""The life of a debug session as its user sees it, and that none is left behind."""

from __future__ import annotations

import anyio
import pytest
from mcp_types import CallToolResult

from konnect_agent import DebugCriteria, DebugSessionFailed, DebugStatus, Konnect, Undecodable, Unreachable
from konnect_agent.events import Event, Polled, listening
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import SLOW_PATH, World

from ..conftest import Client
from ..handmade import TOKEN, Arguments, Serve, as_json, structured, told

pytestmark = pytest.mark.anyio

CRITERIA = DebugCriteria(http_path=SLOW_PATH, http_latency=">=1000ms", session_duration=60)
SESSION = "5d0c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"


@pytest.fixture
def plane_id(world: World) -> str:
    return world.control_plane("storefront-production").id


async def test_a_session_is_created_watched_and_summarized(
    world: World, client: Client, plane_id: str
) -> None:
    seen: list[Event] = []
    with Sandbox(world=world, time_scale=600) as sandbox:
        async with client(sandbox) as konnect:
            sessions = konnect.debug_sessions
            with listening(seen.append):
                async with sessions.running(plane_id, CRITERIA) as session:
                    done = await sessions.wait(session.id or "", control_plane_id=plane_id, duration=60)
            assert done.status is DebugStatus.COMPLETED
            summary = await sessions.summarize(session.id or "", control_plane_id=plane_id)
            assert "rate-limiting-advanced" in summary.data["bottlenecks"][0]["name"]
        assert len(sandbox.ledger.debug_sessions_created) == 1
        assert sandbox.ledger.debug_sessions_stopped == ()
    looks = [event for event in seen if isinstance(event, Polled)]
    assert len(looks) <= 10
    assert looks[-1].status == "completed"
    assert looks[0].remaining_s is not None
    assert [look.elapsed_s for look in looks] == sorted(look.elapsed_s for look in looks)


async def test_a_session_that_timed_out_is_a_failure_and_is_not_stopped(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=2000, ending="timed_out") as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(DebugSessionFailed, match="ended as timed_out") as caught:
                async with konnect.debug_sessions.running(plane_id, CRITERIA) as session:
                    await konnect.debug_sessions.wait(session.id or "", control_plane_id=plane_id)
        assert caught.value.status == "timed_out"
        assert (caught.value.debug_session_id,) == sandbox.ledger.debug_sessions_created
        assert "data planes" in caught.value.hint
        assert "stop_session" not in {call.arguments.get("operation") for call in sandbox.ledger.calls}


async def test_a_stuck_session_is_given_up_at_the_hard_stop_and_stopped(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=2000, ending="stuck") as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(DebugSessionFailed, match="stuck: still in_progress") as caught:
                async with konnect.debug_sessions.running(plane_id, CRITERIA) as session:
                    await konnect.debug_sessions.wait(session.id or "", control_plane_id=plane_id, grace=60)
        assert caught.value.status == "in_progress"
        assert (caught.value.debug_session_id,) == sandbox.ledger.debug_sessions_created
        assert sandbox.ledger.debug_sessions_stopped == sandbox.ledger.debug_sessions_created


async def test_a_session_stopped_by_somebody_else_is_a_failure(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=100) as sandbox:
        async with client(sandbox) as konnect:
            sessions = konnect.debug_sessions
            session = await sessions.create(plane_id, CRITERIA)
            await sessions.stop(session.id or "", control_plane_id=plane_id)
            with pytest.raises(DebugSessionFailed, match="ended as cancelled"):
                await sessions.wait(session.id or "", control_plane_id=plane_id)


async def test_an_existing_session_is_resumed_by_its_id(world: World, client: Client, plane_id: str) -> None:
    with Sandbox(world=world, time_scale=2000) as sandbox:
        async with client(sandbox) as konnect:
            session_id = (await konnect.debug_sessions.create(plane_id, CRITERIA)).id or ""
        async with client(sandbox) as konnect:
            done = await konnect.debug_sessions.wait(session_id, control_plane_id=plane_id)
        assert (done.id, done.status) == (session_id, DebugStatus.COMPLETED)
        assert len(sandbox.ledger.debug_sessions_created) == 1


async def test_cancelling_a_wait_leaves_no_session_running(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=1) as sandbox:
        async with client(sandbox) as konnect:
            started = anyio.Event()

            async def debug() -> None:
                async with konnect.debug_sessions.running(plane_id, CRITERIA) as session:
                    started.set()
                    await konnect.debug_sessions.wait(session.id or "", control_plane_id=plane_id)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(debug)
                await started.wait()
                tasks.cancel_scope.cancel()
        assert sandbox.debug_sessions_running() == ()
        assert sandbox.ledger.debug_sessions_stopped == sandbox.ledger.debug_sessions_created
        assert len(sandbox.ledger.debug_sessions_created) == 1


async def test_cancelling_a_creation_on_its_way_leaves_no_session_running(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=1, latency=0.1) as sandbox:
        async with client(sandbox) as konnect:
            with anyio.move_on_after(0.03) as scope:
                async with konnect.debug_sessions.running(plane_id, CRITERIA):
                    pytest.fail("the block was entered although it was cancelled before")
            assert scope.cancelled_caught
        assert sandbox.debug_sessions_running() == ()
        assert len(sandbox.ledger.debug_sessions_stopped) == len(sandbox.ledger.debug_sessions_created) == 1


async def test_an_error_in_the_block_stops_the_session_and_stays_itself(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, time_scale=1) as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(ZeroDivisionError):
                async with konnect.debug_sessions.running(plane_id, CRITERIA):
                    raise ZeroDivisionError
        assert sandbox.debug_sessions_running() == ()


async def test_a_session_that_cannot_be_stopped_does_not_hide_the_error(
    world: World, client: Client, plane_id: str
) -> None:
    async def debug(konnect: Konnect) -> None:
        async with konnect.debug_sessions.running(plane_id, CRITERIA):
            sandbox.stop()
            raise ZeroDivisionError

    with Sandbox(world=world, time_scale=1) as sandbox:
        async with client(sandbox, max_attempts=1) as konnect:
            with pytest.raises(ZeroDivisionError):
                await debug(konnect)


async def test_a_creation_whose_answer_was_lost_is_not_repeated_and_says_so(
    world: World, client: Client, plane_id: str
) -> None:
    with Sandbox(world=world, faults="lost") as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(Unreachable) as caught:
                await konnect.debug_sessions.create(plane_id, CRITERIA)
        assert caught.value.sent
        assert "Whether a debug session was started is not known" in caught.value.hint
        assert len(sandbox.ledger.debug_sessions_created) == 1


CREATED: list[CallToolResult] = [
    structured({"debug_session_id": SESSION}),
    structured({"result": {"debugSessionId": SESSION, "status": "PENDING"}}),
    structured({"id": "request-7", "session": {"id": "x"}, "data": {"session_id": SESSION}}),
    structured({"debug_session": {"id": SESSION, "state": "pending"}, "control_plane": {"id": CP}}),
    structured({"result": f"Started debug session {SESSION}."}),
    as_json({"data": [{"id": SESSION}]}),
    as_json(SESSION),
    told(f"Created on control plane {CP}: debug session {SESSION}"),
    told(SESSION),
    told("The debug session was created.", f'{{"message": "its id is {SESSION}"}}'),
]


@pytest.mark.parametrize("answer", CREATED)
async def test_the_new_session_is_recognised_however_it_is_announced(
    serve: Serve, answer: CallToolResult
) -> None:
    server = serve({"CreateDebugSession": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        session = await konnect.debug_sessions.create(CP, CRITERIA)
    assert (session.id, session.status) == (SESSION, DebugStatus.PENDING)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "answer", [told("Done."), structured({"ok": True}), told(), as_json([]), as_json({"id": True})]
)
async def test_an_announcement_without_an_id_is_undecodable_and_warns(
    serve: Serve, answer: CallToolResult
) -> None:
    server = serve({"CreateDebugSession": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable, match="no debug session id") as caught:
            await konnect.debug_sessions.create(CP, CRITERIA)
    assert "is not known" in caught.value.hint
    assert len(server.calls) == 1


STATUSES: list[tuple[CallToolResult, DebugStatus]] = [
    (told("completed"), DebugStatus.COMPLETED),
    (told('"in_progress"'), DebugStatus.IN_PROGRESS),
    (told("Status: IN PROGRESS"), DebugStatus.IN_PROGRESS),
    (told("The session timed out."), DebugStatus.TIMED_OUT),
    (structured({"status": "Canceled"}), DebugStatus.CANCELLED),
    (structured({"result": "pending"}), DebugStatus.PENDING),
    (structured({"status": "ok", "data": {"status": "completed"}}), DebugStatus.COMPLETED),
    (
        structured({"success": True, "session": {"id": SESSION, "state": "inProgress"}}),
        DebugStatus.IN_PROGRESS,
    ),
    (as_json([{"debug_session_status": "timed-out"}]), DebugStatus.TIMED_OUT),
    (structured({"status": "warming_up"}), DebugStatus.UNKNOWN),
    (structured({"status": "waiting for data planes"}), DebugStatus.UNKNOWN),
    (told("draining"), DebugStatus.UNKNOWN),
]


@pytest.mark.parametrize(("answer", "status"), STATUSES)
async def test_a_status_is_read_wherever_it_stands(
    serve: Serve, answer: CallToolResult, status: DebugStatus
) -> None:
    server = serve({"ActiveTracingSession": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        session = await konnect.debug_sessions.fetch_status(SESSION, control_plane_id=CP)
    assert session.status is status
    assert not (status is DebugStatus.UNKNOWN and session.status.is_final)


@pytest.mark.parametrize(
    "answer",
    [
        told("The session has not completed yet."),
        told("It may be completed or cancelled."),
        told("One moment please"),
        structured({"ok": True}),
        told(),
        as_json([1, 2]),
    ],
)
async def test_an_answer_without_a_status_is_undecodable(serve: Serve, answer: CallToolResult) -> None:
    server = serve({"ActiveTracingSession": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable, match="no status"):
            await konnect.debug_sessions.fetch_status(SESSION, control_plane_id=CP)


async def test_statuses_nobody_knows_count_as_running(serve: Serve) -> None:
    words = iter(["queued", "warming_up", "almost there", "completed"])

    def answer(arguments: Arguments) -> CallToolResult:
        return structured({"status": next(words)})

    server = serve({"ActiveTracingSession": answer})
    async with Konnect(TOKEN, url=server.url, time_scale=3000) as konnect:
        done = await konnect.debug_sessions.wait(SESSION, control_plane_id=CP)
    assert done.status is DebugStatus.COMPLETED
    assert len(server.calls) == 4
