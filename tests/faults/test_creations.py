"""The creation of a debug session that fails or is interrupted: sent once at most, and what is said of it."""

from __future__ import annotations

import threading
from contextlib import suppress

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, TimedOut, Unreachable
from konnect_agent.models import DebugCriteria
from konnect_agent.sandbox import Ledger, Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, Script, ScriptedServer, rpc

pytestmark = pytest.mark.anyio

PLANE = "3a5b1c0e-0000-4000-8000-000000000002"
CRITERIA = DebugCriteria(http_path="/x", session_duration=600)


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


def in_words(text: str) -> Script:
    """The tool calls its own answer an error."""
    return lambda request: request.answer(
        rpc(request.id, result={"content": [{"type": "text", "text": text}], "isError": True})
    )


def as_rpc_error(code: int, message: str) -> Script:
    return lambda request: request.answer(rpc(request.id, error={"code": code, "message": message}))


def as_status(status: int, **headers: str) -> Script:
    return lambda request: request.answer("{}", status=status, **headers)


async def created(konnect: Konnect, way: str) -> None:
    """Create a debug session in one of the two ways there are."""
    if way == "create":
        await konnect.debug_sessions.create(PLANE, http_path="/x", session_duration=60)
    else:
        await konnect.call("CreateDebugSession", {"control_plane_id": PLANE})


PROVABLE: list[Script] = [
    as_rpc_error(-32602, "Invalid params"),
    as_rpc_error(-32601, "Method not found"),
    as_rpc_error(-32600, "Invalid request"),
    *(as_status(status) for status in (401, 403, 405, 413, 415, 429)),
]
NOT_PROVABLE: list[Script] = [
    in_words("context deadline exceeded"),
    in_words("An unexpected error occurred"),
    in_words("Debug session was created, but no data plane nodes found yet"),
    in_words("session started; fetching its status: too many requests"),
    in_words("Created debug session ID but reading it back failed: not found"),
    in_words("permission denied on 1 of 3 nodes"),
    in_words("missing trace sampler id in response"),
    in_words("HTTP error 403: activating the session"),
    as_rpc_error(-32603, "not found"),
    as_rpc_error(-32000, "session created; invalid state"),
    as_rpc_error(-32000, "too many requests"),
    *(as_status(status) for status in (400, 404, 409, 422, 499, 500, 503)),
    *(as_status(status, location="/other") for status in (302, 303)),
    as_status(307, location="/"),
]


@pytest.mark.parametrize("way", ["create", "call"])
@pytest.mark.parametrize(
    ("script", "provable"), [*((each, True) for each in PROVABLE), *((each, False) for each in NOT_PROVABLE)]
)
async def test_none_was_started_is_only_said_when_it_is_provable(
    connect: Connect, script: Script, provable: bool, way: str
) -> None:
    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            with pytest.raises(KonnectError) as caught:
                await created(konnect, way)
    assert ("No debug session was started." in caught.value.hint) is provable
    assert ("one may be running" in caught.value.hint) is not provable


@pytest.mark.parametrize("way", ["create", "call"])
async def test_a_creation_that_found_no_connection_was_not_sent(connect: Connect, way: str) -> None:
    with ScriptedServer(Request.usual, others={"initialize": Request.hold}) as server:
        konnect = connect(server, call_timeout=0.1, max_attempts=1)
        with anyio.fail_after(20), pytest.raises(TimedOut) as caught:
            await created(konnect, way)
        with pytest.raises(TimedOut) as connecting:
            await konnect.connect()
        await konnect.aclose()
    assert caught.value.hint.startswith("No debug session was started.")
    assert not caught.value.sent
    assert connecting.value.sent  # what was asked for there is the connection


async def test_an_interrupted_creation_that_stood_in_line_is_never_sent(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            released.wait(20)
        request.result("fine")

    async def interrupted(konnect: Konnect) -> None:
        with anyio.move_on_after(0.1):
            async with konnect.debug_sessions.running(PLANE, CRITERIA):
                pytest.fail("it stands in line")

    released = threading.Event()
    with ScriptedServer(script) as server, anyio.fail_after(20):
        async with connect(server, max_in_flight=1) as konnect:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(konnect.call, "GetControlPlane")
                await run_sync(server.arrived("tools/call").wait)
                await interrupted(konnect)
                released.set()
            await konnect.call("GetControlPlane")
        sent = [request.message["params"]["name"] for request in server.of("tools/call")]
    assert sent == ["GetControlPlane"] * 2


async def test_an_interrupted_creation_that_found_no_connection_is_never_sent(
    connect: Connect, world: World
) -> None:
    plane = world.control_plane("storefront-production").id
    left: list[BaseException] = []

    async def debug(konnect: Konnect) -> None:
        try:
            async with konnect.debug_sessions.running(plane, CRITERIA):
                pytest.fail("nobody is let in")
        except BaseException as error:
            left.append(error)
            raise

    with Sandbox(world=world) as sandbox, anyio.fail_after(30):
        async with connect(sandbox, max_attempts=1000) as konnect:
            await run_sync(sandbox.stop)
            with anyio.move_on_after(0.2):
                await debug(konnect)
            await run_sync(sandbox.start)
            for _ in range(3):  # what dialed before these would have been sent by now
                assert await konnect.control_planes.list()
        assert not sandbox.ledger.calls_to("CreateDebugSession")
    assert len(left) == 1
    assert not getattr(left[0], "__notes__", None)  # there is nothing to tell


async def test_an_interrupted_creation_on_its_way_is_waited_for_and_stopped(
    connect: Connect, world: World
) -> None:
    plane = world.control_plane("storefront-production").id
    with Sandbox(world=world, latency=0.3) as sandbox, anyio.fail_after(30):
        async with connect(sandbox) as konnect, anyio.create_task_group() as tasks:

            async def debug() -> None:
                async with konnect.debug_sessions.running(plane, CRITERIA):
                    pytest.fail("it was interrupted")

            tasks.start_soon(debug)
            await run_sync(sandbox.ledger.wait_until, arrived)
            tasks.cancel_scope.cancel()
        assert len(sandbox.ledger.debug_sessions_created) == 1
        assert not sandbox.debug_sessions_running()


def arrived(ledger: Ledger) -> bool:
    """Whether the creation is at the server."""
    return len(ledger.calls_to("CreateDebugSession")) == 1
