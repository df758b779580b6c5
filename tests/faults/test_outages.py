"""A server that lets nobody in is one fact for all who call: who waits shares what one caller finds out."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, TimedOut, Unreachable
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import TOKEN, Request, ScriptedServer, rpc, tool_result

pytestmark = pytest.mark.anyio

PLANE = "3a5b1c0e-0000-4000-8000-000000000002"


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


@pytest.mark.parametrize("why", ["in line", "reconnecting"])
async def test_a_creation_that_was_never_sent_says_that_none_was_started(connect: Connect, why: str) -> None:
    def script(request: Request) -> None:
        if why == "reconnecting":
            request.answer("", status=404)  # the mcp session is lost
        request.hold()

    def listing(request: Request) -> None:
        if why == "reconnecting" and request.number > 1:
            request.reset()
        else:
            request.usual()

    errors: list[KonnectError] = []

    async def blocked(konnect: Konnect) -> None:
        with suppress(KonnectError):
            await konnect.call("GetControlPlane")

    async def create(konnect: Konnect) -> None:
        with anyio.fail_after(30), pytest.raises(KonnectError) as caught:
            await konnect.debug_sessions.create(PLANE, http_path="/x", session_duration=60)
        errors.append(caught.value)

    with ScriptedServer(script, others={"tools/list": listing}) as server:
        async with connect(server, max_in_flight=1, deadline=0.3, max_attempts=50) as konnect:
            other = konnect if why == "reconnecting" else connect(server, max_in_flight=1)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(blocked, other)
                await run_sync(server.arrived("tools/call").wait)
                await create(konnect)
                tasks.cancel_scope.cancel()
            await other.aclose()
        sent = [request.message["params"]["name"] for request in server.of("tools/call")]
    assert sent == ["GetControlPlane"]
    assert errors[0].hint.startswith("No debug session was started.")


@pytest.mark.parametrize("name", ["CreateDebugSession", "konnect_create_debug_session"])
async def test_a_creation_is_never_replayed_whatever_its_mark(connect: Connect, name: str) -> None:
    def marked(request: Request) -> None:
        tool = {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
        request.answer(rpc(request.id, result={"tools": [tool]}))

    with ScriptedServer(lambda request: request.reset(), others={"tools/list": marked}) as server:
        async with connect(server, max_attempts=4) as konnect:
            for asked in {"CreateDebugSession", name}:
                with pytest.raises(Unreachable):
                    await konnect.call(asked)
        assert len(server.of("tools/call")) == len({"CreateDebugSession", name})


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("context deadline exceeded", False),
        ("connection reset by peer", False),
        ("An unexpected error occurred", False),
        ("you do not have permission to create it", True),
        ("rate limit exceeded", True),
    ],
)
async def test_a_creation_refused_in_words_says_whether_a_session_may_exist(
    connect: Connect, words: str, known: bool
) -> None:
    def script(request: Request) -> None:
        result = tool_result({}, is_error=True) | {"content": [{"type": "text", "text": words}]}
        request.answer(rpc(request.id, result=result))

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            with pytest.raises(KonnectError) as caught:
                await konnect.debug_sessions.create(PLANE, http_path="/x", session_duration=60)
    assert caught.value.hint.startswith("No debug session was started.") is known
    assert ("one may be running" in caught.value.hint) is not known


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
