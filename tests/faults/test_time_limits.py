"""Each time limit fires by itself, says its name, and leaves a client that goes on."""

from __future__ import annotations

import anyio
import pytest

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, TimedOut
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer, event, rpc

pytestmark = pytest.mark.anyio


async def timed_out(konnect: Konnect) -> TimedOut:
    with anyio.fail_after(30), pytest.raises(KonnectError) as caught:
        await konnect.call("GetControlPlane")
    assert isinstance(caught.value, TimedOut), repr(caught.value)
    return caught.value


def first_silent_then_fine(request: Request) -> None:
    if request.number == 1:
        request.hold()
    else:
        request.result("fine")


async def test_a_call_that_is_not_answered_says_call_timeout(connect: Connect) -> None:
    with ScriptedServer(first_silent_then_fine) as server:
        async with connect(server, call_timeout=0.1, max_attempts=1) as konnect:
            error = await timed_out(konnect)
            assert await konnect.call("GetControlPlane") == "fine"
        assert len(server.of("initialize")) == 1
    assert error.limit == "call"
    assert "0.1 s (call_timeout)" in str(error)
    assert error.request_id
    assert error.sent


async def test_an_answer_that_stops_in_the_middle_says_idle_timeout(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.head(content_length="1000")
            request.write('{"jsonrpc": ')
            request.hold()
        else:
            request.result("fine")

    with ScriptedServer(script) as server:
        async with connect(server, idle_timeout=0.1, max_attempts=1) as konnect:
            error = await timed_out(konnect)
            assert await konnect.call("GetControlPlane") == "fine"
    assert error.limit == "idle"
    assert "0.1 s" in str(error)
    assert "idle_timeout" in str(error)


async def test_an_answer_may_take_longer_to_begin_than_it_may_pause(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            server.closing.wait(0.3)
            request.result("late")
        else:
            request.hold()

    server = ScriptedServer(script)
    with server:
        async with connect(server, idle_timeout=0.05, call_timeout=5, max_attempts=1) as konnect:
            assert await konnect.call("GetControlPlane") == "late"
        async with connect(server, idle_timeout=0.05, call_timeout=0.2, max_attempts=1) as konnect:
            assert (await timed_out(konnect)).limit == "call"


async def test_an_event_stream_that_falls_silent_says_idle_timeout(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream")
        request.write(": ping\n\n")
        request.hold()

    with ScriptedServer(script) as server:
        async with connect(server, idle_timeout=0.1, max_attempts=1) as konnect:
            assert (await timed_out(konnect)).limit == "idle"


async def test_a_server_that_talks_without_answering_says_call_timeout(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream")
        chatter = event('{"jsonrpc": "2.0", "method": "notifications/message", "params": {}}')
        while not server.closing.wait(0.01):
            request.write(chatter)

    server = ScriptedServer(script)
    with server:
        async with connect(server, call_timeout=0.2, idle_timeout=5, max_attempts=1) as konnect:
            assert (await timed_out(konnect)).limit == "call"


async def test_all_attempts_together_say_deadline(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults=Faults("503:100000", retry_after="0")) as sandbox:
        async with connect(sandbox, deadline=0.3, max_attempts=100_000) as konnect:
            with anyio.fail_after(30), pytest.raises(KonnectError) as caught:
                await konnect.control_planes.list()
    assert caught.value.attempts > 1
    if isinstance(caught.value, TimedOut):
        assert caught.value.limit == "deadline"
        assert "0.3 s in total (deadline)" in str(caught.value)


async def test_an_attempt_under_way_at_the_deadline_says_deadline(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server, deadline=0.15, call_timeout=5) as konnect:
            error = await timed_out(konnect)
    assert error.limit == "deadline"
    assert error.attempts == 1
    assert "0.15 s in total (deadline)" in str(error)


async def test_waiting_for_a_place_counts_towards_the_deadline(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server, deadline=0.2, max_in_flight=1, call_timeout=60) as konnect:
            limits: list[str] = []

            async def one() -> None:
                limits.append((await timed_out(konnect)).limit)

            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(one)
        assert len(server.of("tools/call")) == 1
    assert limits == ["deadline"] * 3


async def test_a_handshake_that_hangs_is_ended(connect: Connect) -> None:
    with ScriptedServer(lambda r: r.result([]), others={"initialize": lambda r: r.hold()}) as server:
        konnect = connect(server, deadline=0.3)
        with anyio.fail_after(30), pytest.raises(TimedOut) as caught:
            await konnect.connect()
        await konnect.aclose()
    assert caught.value.operation == "connect"


async def test_a_handshake_that_hangs_once_is_tried_again(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.hold()
        request.usual()

    with ScriptedServer(lambda r: r.result("fine"), others={"initialize": script}) as server:
        with anyio.fail_after(30):
            async with connect(server, call_timeout=0.2) as konnect:
                assert await konnect.call("GetControlPlane") == "fine"
        assert len(server.of("initialize")) == 2


async def test_a_time_limit_is_also_pythons_own_timeout_error(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server, call_timeout=0.05, max_attempts=1) as konnect:
            with pytest.raises(TimeoutError):
                await konnect.call("GetControlPlane")


async def test_a_callers_own_time_limit_is_left_to_the_caller(connect: Connect) -> None:
    with ScriptedServer(first_silent_then_fine) as server:
        async with connect(server) as konnect:
            with anyio.move_on_after(0.1) as own:
                await konnect.call("GetControlPlane")
            assert own.cancelled_caught
            assert await konnect.call("GetControlPlane") == "fine"


async def test_a_read_that_hung_once_is_tried_again(connect: Connect) -> None:
    with ScriptedServer(first_silent_then_fine) as server:
        async with connect(server, call_timeout=0.1) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"


async def test_a_write_that_hung_is_not_tried_again(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server, call_timeout=0.1) as konnect:
            with pytest.raises(TimedOut) as caught:
                await konnect.call("CreateDebugSession")
        assert len(server.of("tools/call")) == 1
    assert caught.value.attempts == 1


async def test_a_server_that_swallows_notifications_holds_nobody_up(connect: Connect) -> None:
    def answer(request: Request) -> None:
        if request.number == 1:
            request.hold()
        request.answer(rpc(request.id, result={"content": [{"type": "text", "text": "fine"}]}))

    with ScriptedServer(answer, others={"notifications/cancelled": lambda r: r.hold()}) as server:
        async with connect(server) as konnect:
            with anyio.move_on_after(0.05):
                await konnect.call("GetControlPlane")
            with anyio.fail_after(20):
                assert await konnect.call("GetControlPlane") == "fine"
