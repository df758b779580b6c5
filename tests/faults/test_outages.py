"""A server that lets nobody in is one fact for all who call: who waits shares what one caller finds out."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect, events
from konnect_agent.errors import ConfigError, KonnectError, TimedOut, Unreachable
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import TOKEN, Request, Script, ScriptedServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def nobody() -> Iterator[str]:
    """The URL of a server that never lets anybody in: its queue is full, and nobody is taken from it."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            yield f"http://127.0.0.1:{full.getsockname()[1]}/"
        finally:
            for each in waiting:
                each.close()


async def errors_of(konnect: Konnect, calls: int) -> list[KonnectError]:
    """What so many calls at once fail of."""
    errors: list[KonnectError] = []

    async def one() -> None:
        with pytest.raises(KonnectError) as caught:
            await konnect.call("GetControlPlane")
        errors.append(caught.value)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(calls):
                tasks.start_soon(one)
    return errors


async def test_all_who_wait_for_a_connection_share_its_failure(nobody: str) -> None:
    konnect = Konnect(token=TOKEN, url=nobody, connect_timeout=0.1, max_attempts=2, first_wait=0.01)
    begun = anyio.current_time()
    errors = await errors_of(konnect, 40)
    took = anyio.current_time() - begun
    assert {(type(error), getattr(error, "limit", None), error.attempts) for error in errors} == {
        (TimedOut, "connect", 2)
    }
    assert len(set(map(id, errors))) == len(errors)  # each caller has its own to write on
    assert took < 40 * 2 * 0.1 / 4  # four at a time, each for itself


async def test_calls_that_stand_in_line_when_the_server_goes_away_share_its_failure(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world) as sandbox:
        async with connect(sandbox, max_attempts=3, first_wait=0.2, max_wait=0.2) as konnect:
            await run_sync(sandbox.stop)
            errors = await errors_of(konnect, 200)
            await run_sync(sandbox.start)
            assert await konnect.control_planes.list()
    assert {(type(error), error.operation) for error in errors} == {(Unreachable, "connect")}


async def test_a_short_outage_costs_those_in_line_no_attempt(connect: Connect, world: World) -> None:
    """Twelve outages in a row are more than one call may be tried; no call meets them all."""
    outcomes: Counter[str] = Counter()
    faults = Faults(",".join(["refused,ok:3"] * 12), outage=0.03)
    with Sandbox(world=world, faults=faults) as sandbox:
        async with connect(sandbox, max_attempts=8, first_wait=0.05) as konnect:

            async def one() -> None:
                try:
                    await konnect.control_planes.list()
                    outcomes["good"] += 1
                except KonnectError as error:
                    outcomes[repr(error)] += 1

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    for _ in range(60):
                        tasks.start_soon(one)
        assert sandbox.ledger.faults == ("refused",) * 12
    assert outcomes == {"good": 60}


async def test_a_connection_that_comes_back_keeps_the_mcp_session_the_server_still_knows(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, eras=("2025",), faults=Faults("refused:1", outage=0.05)) as sandbox:
        async with connect(sandbox) as konnect:
            for _ in range(3):
                await konnect.control_planes.list()
        assert sandbox.ledger.http["initialize"] == 1


async def test_connecting_counts_towards_the_deadline_of_the_call(connect: Connect) -> None:
    def slowly(request: Request) -> None:
        server.closing.wait(0.3)
        request.usual()

    server = ScriptedServer(lambda request: request.hold(), others={"initialize": slowly})
    with server, anyio.fail_after(30):
        konnect = connect(server, deadline=0.5)
        begun = anyio.current_time()
        (error,) = await errors_of(konnect, 1)
        took = anyio.current_time() - begun
        await konnect.aclose()
    assert isinstance(error, TimedOut)
    assert error.limit == "deadline"
    assert 0.5 <= took < 0.8  # what it would take if connecting had a deadline of its own


async def test_a_deadline_while_waiting_to_try_again_tells_what_had_failed(connect: Connect) -> None:
    problem = '{"status": 429, "title": "Rate Limited", "instance": "kong:trace:77"}'

    def throttle(request: Request) -> None:
        request.answer(problem, status=429, retry_after="60")

    with ScriptedServer(throttle) as server:
        async with connect(server, deadline=0.3, max_wait=0.2) as konnect:
            errors = await errors_of(konnect, 6)
    for error in errors:
        told = (getattr(error, "status", None), getattr(error, "retry_after", None), error.trace)
        if error.attempts:  # the others never had their turn
            assert told == (429, 60.0, "kong:trace:77")
            assert "0.3 s in total (deadline)" in str(error)
        else:
            assert isinstance(error, TimedOut)
    assert any(error.attempts for error in errors)


async def test_what_is_urgent_does_not_wait_while_others_rest_between_two_dials(
    connect: Connect, world: World
) -> None:
    plane = world.control_plane("storefront-production").id
    read: list[int] = []

    async def reader(konnect: Konnect) -> None:
        read.append(len(await konnect.control_planes.list()))

    def rests(event: events.Event) -> None:
        if isinstance(event, events.CallRetried):
            assert event.tool == "connect"
            resting.set()

    resting = anyio.Event()
    with Sandbox(world=world) as sandbox, anyio.fail_after(20):
        async with connect(sandbox) as konnect:
            session = await konnect.debug_sessions.create(plane, http_path="/x", session_duration=600)
        await run_sync(sandbox.stop)
        konnect = connect(sandbox, first_wait=1e6, max_wait=1e6, deadline=1e9)
        async with anyio.create_task_group() as tasks:
            with events.listening(rests):
                tasks.start_soon(reader, konnect)
                await resting.wait()
            await run_sync(sandbox.start)
            await konnect.debug_sessions.stop(session.id or "", control_plane_id=plane)
        await konnect.aclose()
        assert not sandbox.debug_sessions_running()
    assert len(read) == 1  # who rested takes the connection that was made


async def test_those_who_leave_do_not_end_the_dial_of_those_who_stay(connect: Connect) -> None:
    served = anyio.Event()

    def slowly(request: Request) -> None:
        if request.number == 1:
            server.closing.wait(0.3)
        request.usual()

    async def caller(konnect: Konnect, patience: float) -> None:
        with anyio.move_on_after(patience):
            await konnect.call("GetControlPlane")
            served.set()

    server = ScriptedServer(lambda request: request.result("fine"), others={"initialize": slowly})
    with server, anyio.fail_after(20):
        konnect = connect(server)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caller, konnect, 0.1)  # the one who found out that there is no connection
            await run_sync(server.arrived("initialize").wait)
            tasks.start_soon(caller, konnect, 20)
        await konnect.aclose()
        assert len(server.of("initialize")) == 1
    assert served.is_set()


@pytest.mark.parametrize("where", ["in line", "resting", "dialing", "in flight"])
async def test_closing_ends_every_call_at_once_wherever_it_waits(connect: Connect, where: str) -> None:
    def script(request: Request) -> None:
        if where == "resting":
            request.answer("{}", status=503, retry_after="60")
        request.hold()

    others: dict[str, Script] = {"initialize": Request.hold} if where == "dialing" else {}
    errors: list[KonnectError] = []

    async def one(konnect: Konnect) -> None:
        errors.extend(await errors_of(konnect, 1))

    with ScriptedServer(script, others=others) as server, anyio.fail_after(20):
        konnect = connect(server, max_in_flight=1, max_wait=60, deadline=600)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, konnect)
            kind = "initialize" if where == "dialing" else "tools/call"
            await run_sync(server.arrived(kind).wait)
            if where == "in line":
                tasks.start_soon(one, konnect)
            await anyio.wait_all_tasks_blocked()
            await konnect.aclose()
    for error in errors:
        assert "closed" in error.message
        assert error.hint == "Open a new Konnect."
    unsent = {"in line": 1, "dialing": 1}.get(where, 0)
    assert sum(isinstance(error, ConfigError) for error in errors) == unsent


async def test_closing_ends_calls_on_a_retired_mcp_session_too(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.hold()
        elif request.number == 2:
            request.answer("{}", status=404)
        else:
            request.result("fine")

    async def close() -> None:
        await run_sync(server.arrived("tools/call").wait)
        assert await konnect.call("GetControlPlane") == "fine"
        await konnect.aclose()

    errors: list[KonnectError] = []
    server = ScriptedServer(script)
    with server, anyio.fail_after(30):
        konnect = connect(server)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close)
            errors += await errors_of(konnect, 1)
    assert list(map(type, errors)) == [Unreachable]  # no ConfigError, which would say that nothing was sent
