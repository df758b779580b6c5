"""A server that changes its era under a client: the mcp session is over, and a new one is negotiated."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent.errors import InvalidArguments, KonnectError, SessionLost, ToolError
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, Script, ScriptedServer, rpc, tool_result

pytestmark = pytest.mark.anyio

REQUIRED = "is missing the required envelope key(s): io.modelcontextprotocol/protocolVersion"
OVER: dict[str, Script] = {
    "the code of the specification": lambda r: r.answer(
        rpc(r.id, error={"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}}), status=400
    ),
    "the same with a 200": lambda r: r.answer(rpc(r.id, error={"code": -32022, "message": "no"})),
    "words of an older server": lambda r: r.answer(
        rpc(
            "server-error", error={"code": -32600, "message": "Bad Request: Unsupported protocol version: x"}
        ),
        status=400,
    ),
    "another code": lambda r: r.answer(
        rpc(None, error={"code": -32000, "message": "Bad Request: Server not initialized"}), status=400
    ),
    "plain words": lambda r: r.answer(
        "Bad Request: Unsupported protocol version (supported versions: 2025-06-18)", status=400
    ),
    "the name of a header": lambda r: r.answer(
        rpc(r.id, error={"code": -32000, "message": "Bad Request: Mcp-Session-Id header is required"}),
        status=400,
    ),
    "an expectation": lambda r: r.answer("Unexpected message, expect initialize request", status=422),
    "no mcp session": lambda r: r.answer("Bad Request: Missing session ID", status=400),
    "no envelope": lambda r: r.answer(
        rpc(r.id, error={"code": -32602, "message": f"params._meta {REQUIRED}"}), status=400
    ),
}


@pytest.mark.parametrize(("before", "after"), [("2026", "2025"), ("2025", "2026")])
async def test_a_server_that_comes_back_in_another_era_is_understood_again(
    connect: Connect, world: World, before: str, after: str
) -> None:
    old = Sandbox(world=world, eras=(before,))
    old.start()
    async with connect(old) as konnect:
        await konnect.control_planes.list()
        await run_sync(old.stop)
        port = int(old.url.rsplit(":", 1)[1].strip("/"))
        with Sandbox(world=world, eras=(after,), port=port) as new:
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(konnect.control_planes.list)
            assert konnect.era is not None
            assert konnect.era.startswith(after)
            assert len(await konnect.control_planes.list()) == len(world.control_planes)
            assert new.ledger.http["server/discover"] == 1


@pytest.mark.parametrize("how", OVER)
async def test_a_server_that_no_longer_speaks_what_was_agreed_on_is_asked_for_what_it_speaks(
    connect: Connect, how: str
) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            OVER[how](request)
        else:
            request.result("fine")

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"
        assert len(server.of("initialize")) == 2


async def test_a_server_that_never_speaks_what_it_agrees_to_is_given_up_on(connect: Connect) -> None:
    with ScriptedServer(OVER["words of an older server"]) as server:
        async with connect(server, max_attempts=3) as konnect:
            with pytest.raises(SessionLost, match="Unsupported protocol version") as caught:
                await konnect.call("GetControlPlane")
        assert len(server.of("initialize")) == 3
    assert caught.value.status == 400


async def test_a_write_is_not_sent_again_to_a_server_of_another_era(connect: Connect) -> None:
    with ScriptedServer(OVER["the code of the specification"]) as server:
        async with connect(server) as konnect:
            with pytest.raises(SessionLost):
                await konnect.call("CreateDebugSession")
        assert len(server.of("tools/call")) == 1


def in_an_error(request: Request, words: str) -> None:
    request.answer(rpc(request.id, error={"code": -32602, "message": words}), status=400)


def in_a_result(request: Request, words: str) -> None:
    request.answer(rpc(request.id, result=tool_result(words, is_error=True)))


@pytest.mark.parametrize(
    ("said", "words", "kind"),
    [
        (in_an_error, "invalid upstream: unsupported protocol version", InvalidArguments),
        (in_an_error, "config.allow_headers: mcp-session-id is reserved", InvalidArguments),
        (in_an_error, "protocol is required", InvalidArguments),
        (in_a_result, "Unsupported protocol version", ToolError),
    ],
)
async def test_a_tool_that_speaks_of_protocols_ends_no_mcp_session(
    connect: Connect, said: Callable[[Request, str], None], words: str, kind: type[KonnectError]
) -> None:
    with ScriptedServer(lambda request: said(request, words)) as server:
        async with connect(server) as konnect:
            with pytest.raises(kind):
                await konnect.call("GetControlPlane")
        assert len(server.of("initialize")) == 1
