"""An mcp session the server has forgotten is replaced once for everybody; only reads are sent again."""

from __future__ import annotations

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect
from konnect_agent.errors import HttpError, SessionLost, Unauthorized
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import MCP_SESSION, Request, ScriptedServer, rpc

pytestmark = pytest.mark.anyio


async def many(konnect: Konnect, number: int) -> list[int]:
    """How many control planes each of `number` simultaneous calls sees."""
    seen: list[int] = []

    async def one() -> None:
        seen.append(len(await konnect.control_planes.list()))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(number):
                tasks.start_soon(one)
    return seen


async def test_a_lost_mcp_session_is_replaced_once_for_all_waiting_calls(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, eras=("2025",), faults="ok:1,drop-session:1") as sandbox:
        async with connect(sandbox, max_in_flight=8) as konnect:
            await konnect.control_planes.list()
            assert await many(konnect, 30) == [len(world.control_planes)] * 30
        assert sandbox.ledger.http["initialize"] == 2


async def test_after_a_restart_everybody_meets_in_one_new_mcp_session(connect: Connect, world: World) -> None:
    with Sandbox(world=world, eras=("2025",)) as sandbox:
        async with connect(sandbox, max_in_flight=8) as konnect:
            await konnect.control_planes.list()
            await run_sync(sandbox.restart)
            assert len(await many(konnect, 30)) == 30
        assert sandbox.ledger.http["initialize"] == 2


async def test_the_calls_in_flight_keep_their_answers_when_another_one_loses_the_mcp_session(
    connect: Connect,
) -> None:
    def script(request: Request) -> None:
        if request.number == 1:  # answered only after the session was lost and replaced
            request.wait_for("initialize", 2)
            request.result("patient")
        elif request.number == 2:
            request.answer(
                rpc(request.id, error={"code": -32600, "message": "Session not found"}), status=404
            )
        else:
            request.result("again")

    answers: list[object] = []
    with ScriptedServer(script) as server:
        async with connect(server) as konnect:

            async def one() -> None:
                answers.append(await konnect.call("GetControlPlane"))

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(one)
                    await run_sync(server.arrived("tools/call", 1).wait)
                    tasks.start_soon(one)
        assert sorted(map(str, answers)) == ["again", "patient"]
        assert len(server.of("tools/call")) == 3
        assert len(server.of("initialize")) == 2


async def test_a_write_is_not_sent_again_into_the_new_mcp_session(connect: Connect, world: World) -> None:
    plane = world.control_plane("storefront-production").id
    with Sandbox(world=world, eras=("2025",), faults="drop-session:1") as sandbox:
        async with connect(sandbox) as konnect:
            with pytest.raises(SessionLost) as caught:
                await konnect.debug_sessions.create(plane, http_path="/slow")
            assert "not known" in caught.value.hint
            assert sandbox.ledger.http["tools/call"] == 1
            assert await konnect.control_planes.list()
            assert await konnect.debug_sessions.create(plane, http_path="/slow")
        assert len(sandbox.ledger.debug_sessions_created) == 1


async def test_a_server_that_forgets_every_mcp_session_ends_in_session_lost(connect: Connect) -> None:
    def forget(request: Request) -> None:
        request.answer("", status=404)

    with ScriptedServer(forget) as server:
        async with connect(server, max_attempts=3) as konnect:
            with anyio.fail_after(30), pytest.raises(SessionLost) as caught:
                await konnect.call("GetControlPlane")
        assert len(server.of("initialize")) == 3
    assert caught.value.attempts == 3
    assert caught.value.status == 404


async def test_the_tools_are_read_again_with_a_new_mcp_session(connect: Connect) -> None:
    def listed(request: Request) -> None:
        name = "GetControlPlane" if request.number == 1 else "get_control_plane"
        tool = {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
        request.answer(rpc(request.id, result={"tools": [tool]}))

    def script(request: Request) -> None:
        if request.number == 1:
            request.answer("", status=404)
        else:
            request.result([])

    with ScriptedServer(script, others={"tools/list": listed}) as server:
        async with connect(server) as konnect:
            await konnect.call("GetControlPlane")
            assert (await konnect.tools()).names == ("get_control_plane",)


async def test_arguments_go_under_the_names_that_the_new_mcp_session_tells(connect: Connect) -> None:
    """The tools may be called the same, and take something else."""

    def listed(request: Request) -> None:
        names = ("operation", "control_plane_id" if request.number == 1 else "controlPlaneId")
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        request.answer(rpc(request.id, result={"tools": [{"name": "GetService", "inputSchema": schema}]}))

    def script(request: Request) -> None:
        if request.number == 2:
            request.answer("", status=404)
        else:
            request.result({"services": []})

    with ScriptedServer(script, others={"tools/list": listed}) as server:
        async with connect(server) as konnect:
            for _ in range(3):
                await konnect.services.list("cp")
        sent = [request.message["params"]["arguments"] for request in server.of("tools/call")]
    assert "control_plane_id" in sent[0]
    assert "controlPlaneId" in sent[-1]


KONGS_OWN = {"server": "kong/3.9.1", "x_kong_response_latency": "0"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, ""),
        (404, rpc(None, error={"code": -32600, "message": "Session not found"})),
        (400, rpc(None, error={"code": -32000, "message": "Bad Request: No valid session ID provided"})),
    ],
)
async def test_a_lost_mcp_session_is_replaced_whatever_marks_a_gateway_leaves_on_the_answer(
    connect: Connect, status: int, body: str
) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.answer(body, status=status, **KONGS_OWN)
        else:
            request.result("fine")

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"
        assert len(server.of("initialize")) == 2


async def test_what_a_gateway_says_in_its_own_words_is_not_about_the_mcp_session(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.answer('{"message": "no Route matched with those values"}', status=404, **KONGS_OWN)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            with pytest.raises(HttpError, match="no Route matched") as caught:
                await konnect.call("GetControlPlane")
        assert len(server.of("initialize")) == 1
    assert caught.value.hop == "the gateway"


async def test_the_mcp_session_is_ended_at_the_server_when_the_client_is_closed(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server) as konnect:
            await konnect.call("GetControlPlane")
        (ended,) = server.of("DELETE")
    assert ended.headers["mcp-session-id"] == MCP_SESSION


async def test_no_connection_is_held_for_messages_nobody_listens_to(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server) as konnect:
            await konnect.call("GetControlPlane")
        assert server.of("GET") == []


async def test_a_token_that_is_refused_by_the_new_mcp_session_is_told_at_once(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, eras=("2025",)) as sandbox:
        async with connect(sandbox) as konnect:
            await konnect.control_planes.list()
            await run_sync(sandbox.restart)
            sandbox.revoke_token()
            with pytest.raises(Unauthorized):
                await konnect.control_planes.list()


async def test_a_rate_of_lost_mcp_sessions_loses_no_result(connect: Connect, world: World) -> None:
    with Sandbox(world=world, eras=("2025",), faults=Faults("0.1:drop-session")) as sandbox:
        async with connect(sandbox, max_attempts=20) as konnect:
            assert await many(konnect, 60) == [len(world.control_planes)] * 60
        assert sandbox.ledger.http["initialize"] <= 1 + len(sandbox.ledger.faults)
