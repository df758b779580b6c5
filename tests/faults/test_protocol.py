"""JSON-RPC and MCP as servers really speak them: questions of their own, refusals, older eras, redirects."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import anyio
import pytest
from anyio.to_thread import run_sync

import konnect_agent
from konnect_agent import Konnect
from konnect_agent.errors import (
    ConnectionFailed,
    HttpError,
    InvalidArguments,
    KonnectError,
    NotFound,
    ServerError,
    TimedOut,
    ToolError,
    ToolUnavailable,
    Undecodable,
)

from .conftest import Connect
from .scripted import MCP_SESSION, TOKEN, Request, Script, ScriptedServer, event, rpc, tool_result

pytestmark = pytest.mark.anyio


def fine(request: Request) -> None:
    request.result("fine")


def accepted(request: Request) -> None:
    request.answer(b"", status=202)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("ping", {"result": {}}),
        ("sampling/createMessage", {"error": {"code": -32601, "message": "Method not found"}}),
    ],
)
@pytest.mark.parametrize("about", [7, "seven"])
async def test_what_the_server_asks_in_the_middle_of_an_answer_is_answered(
    connect: Connect, method: str, answer: dict[str, object], about: int | str
) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream", connection="close")
        request.write(event(rpc(about, method=method)))
        request.wait_for("POST")  # a message without a method
        request.write(event(rpc(request.id, result=tool_result("fine"))))
        request.cut()

    with ScriptedServer(script, others={"POST": accepted}) as server:
        async with connect(server, max_attempts=1) as konnect:
            with anyio.fail_after(20):
                assert await konnect.call("GetControlPlane") == "fine"
        (reply,) = server.of("POST")
    assert reply.message == {"jsonrpc": "2.0", "id": about, **answer}
    assert reply.headers["mcp-session-id"] == MCP_SESSION
    assert reply.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_server_that_takes_no_answer_to_its_question_still_answers_ours(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.stream(event(rpc(7, method="ping")), event(rpc(request.id, result=tool_result("fine"))))

    with ScriptedServer(script, others={"POST": Request.reset}) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"


def as_json(request: Request, error: dict[str, object]) -> None:
    request.answer(rpc(request.id, error=error))


def as_event(request: Request, error: dict[str, object]) -> None:
    request.stream(event(rpc(request.id, error=error)))


def as_http_error(request: Request, error: dict[str, object]) -> None:
    request.answer(rpc(None, error=error), status=400)


@pytest.mark.parametrize("said", [as_json, as_event, as_http_error])
@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (-32700, "Parse error", Undecodable),
        (-32601, "Method not found", ToolUnavailable),
        (-32602, "Unknown tool: 'GetControlPlane'", ToolUnavailable),
        (-32602, "operation is required", InvalidArguments),
        (-32603, "the database did not answer", ServerError),
        (-32603, "HTTP error 403: Forbidden", HttpError),
        (-32000, "something only this server knows", ToolError),
    ],
)
async def test_a_json_rpc_error_is_told_by_its_code_and_words(
    connect: Connect,
    said: Callable[[Request, dict[str, object]], None],
    code: int,
    words: str,
    kind: type[KonnectError],
) -> None:
    error: dict[str, object] = {"code": code, "message": words}
    with ScriptedServer(lambda request: said(request, error)) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(KonnectError) as caught:
                await konnect.call("GetControlPlane")
        (sent,) = server.of("tools/call")
    assert isinstance(caught.value, kind)
    assert words in str(caught.value)
    assert caught.value.request_id == sent.headers["x-request-id"]


async def test_an_internal_error_of_the_server_may_pass(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number <= 2:
            as_json(request, {"code": -32603, "message": "out of order"})
        else:
            fine(request)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"


NO_HANDSHAKE: dict[str, Script] = {
    "400": lambda r: r.answer("bad request", status=400),
    "400 with a problem": lambda r: r.answer('{"status": 400, "detail": "no such version"}', status=400),
    "400 with a JSON-RPC error": lambda r: r.answer(
        rpc(r.id, error={"code": -32600, "message": "Unsupported protocol version"}), status=400
    ),
    "a JSON-RPC error": lambda r: r.answer(rpc(r.id, error={"code": -32602, "message": "no such version"})),
    "404": lambda r: r.answer("", status=404),
    "405": lambda r: r.answer("", status=405),
    "a login page": lambda r: r.answer("<html><h1>Sign in</h1></html>", content_type="text/html"),
    "another version": lambda r: r.answer(
        rpc(
            r.id,
            result={
                "protocolVersion": "1999-01-01",
                "capabilities": {},
                "serverInfo": {"name": "x", "version": "1"},
            },
        )
    ),
    "a result that is none": lambda r: r.answer(rpc(r.id, result={"protocolVersion": 7})),
}


@pytest.mark.parametrize("how", NO_HANDSHAKE)
async def test_a_server_that_refuses_the_handshake_is_told_as_a_failed_connection(
    connect: Connect, how: str
) -> None:
    others = {"server/discover": NO_HANDSHAKE[how], "initialize": NO_HANDSHAKE[how]}
    with ScriptedServer(fine, others=others) as server:
        with anyio.fail_after(20), pytest.raises((ConnectionFailed, HttpError, Undecodable)) as caught:
            await connect(server, max_attempts=2).connect()
        assert len(server.of("initialize")) == 1  # it will not be of another mind
    assert not isinstance(caught.value, InvalidArguments)
    assert caught.value.operation == "connect"
    assert "URL" in caught.value.hint or isinstance(caught.value, Undecodable)


async def test_a_server_that_says_nothing_to_the_question_of_newer_ones_is_taken_for_an_older_one(
    connect: Connect,
) -> None:
    with ScriptedServer(fine, others={"server/discover": Request.hold}) as server:
        async with connect(server, max_attempts=1, call_timeout=1.0) as konnect:
            assert konnect.era == "2025-11-25"
            assert await konnect.call("GetControlPlane") == "fine"


async def test_a_call_made_while_the_connection_is_replaced_knows_the_tools(connect: Connect) -> None:
    def listed(request: Request) -> None:
        if request.number == 2:
            second_listing.set()
            may_list.wait(20)
        request.usual()

    def script(request: Request) -> None:
        if request.number == 1:
            request.answer("", status=404)
        else:
            fine(request)

    second_listing, may_list = Event(), Event()
    answers: list[object] = []
    with ScriptedServer(script, others={"tools/list": listed}) as server:
        async with connect(server) as konnect:

            async def one() -> None:
                answers.append(await konnect.call("GetControlPlane"))

            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(one)
                    await run_sync(second_listing.wait)
                    tasks.start_soon(one)
                    await anyio.wait_all_tasks_blocked()
                    may_list.set()
    assert answers == ["fine", "fine"]


async def test_a_call_that_is_given_up_is_taken_back_at_the_server(connect: Connect) -> None:
    with ScriptedServer(Request.hold) as server:
        async with connect(server, call_timeout=0.1, max_attempts=1) as konnect:
            with pytest.raises(TimeoutError):
                await konnect.call("GetControlPlane")
            with anyio.fail_after(20):
                await run_sync(server.arrived("notifications/cancelled").wait)
        (call,), (taken_back,) = server.of("tools/call"), server.of("notifications/cancelled")
    assert taken_back.message["params"]["requestId"] == call.id
    assert taken_back.headers["mcp-session-id"] == MCP_SESSION


async def test_a_redirect_on_the_same_origin_is_followed_with_the_whole_message(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.path == "/":
            request.answer("", status=307, location="/mcp")
        else:
            request.result(request.message["params"]["arguments"])

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await konnect.call("GetControlPlane", {"n": 1}) == {"n": 1}
        first, second = server.of("tools/call")
    assert second.headers["authorization"] == first.headers["authorization"] == f"Bearer {TOKEN}"


async def test_silence_in_the_middle_of_an_answer_takes_the_call_back_too(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream")
        request.write(": coming\n\n")
        request.hold()

    with ScriptedServer(script) as server:
        async with connect(server, idle_timeout=0.1, max_attempts=1) as konnect:
            with pytest.raises(TimedOut) as caught:
                await konnect.call("GetControlPlane")
            with anyio.fail_after(20):
                await run_sync(server.arrived("notifications/cancelled").wait)
        (call,), (taken_back,) = server.of("tools/call"), server.of("notifications/cancelled")
    assert caught.value.limit == "idle"
    assert taken_back.message["params"]["requestId"] == call.id


@pytest.mark.parametrize("location", ["/", "/{}"])
async def test_what_is_sent_round_in_circles_is_sent_twice_at_most(connect: Connect, location: str) -> None:
    def script(request: Request) -> None:
        request.answer("", status=307, location=location.format(request.number))

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            with pytest.raises(HttpError, match="round in circles"):
                await konnect.call("CreateDebugSession")
        assert len(server.of("tools/call")) == (1 if location == "/" else 2)


def test_a_program_that_forgets_to_close_its_client_ends_all_the_same() -> None:
    async def forgetful() -> object:
        return await Konnect(token=server.token, url=server.url).call("GetControlPlane")

    with ScriptedServer(fine, others={"DELETE": Request.hold}) as server:
        ended = Thread(target=lambda: asyncio.run(forgetful()), daemon=True)
        ended.start()
        ended.join(10)  # of the minute that a silent server may take
        assert not ended.is_alive()


@pytest.mark.parametrize("words", ["Bad Request: No valid session ID provided", "Session not found"])
async def test_an_mcp_session_that_is_unknown_in_other_words_is_replaced(
    connect: Connect, words: str
) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.answer(rpc(None, error={"code": -32000, "message": words}), status=400)
        else:
            fine(request)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"
        assert len(server.of("initialize")) == 2


async def test_a_debug_session_that_is_unknown_is_no_lost_mcp_session(connect: Connect) -> None:
    def script(request: Request) -> None:
        words = "The debug session not found"
        request.answer(rpc(request.id, error={"code": -32602, "message": words}), status=400)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            with pytest.raises(NotFound):
                await konnect.call("GetControlPlane")
        assert len(server.of("initialize")) == 1


@pytest.mark.parametrize(
    ("status", "location"), [(302, "/mcp"), (303, "/mcp"), (307, "/"), (307, "http://me:secret@127.0.0.1/")]
)
async def test_a_redirect_that_changes_the_message_or_never_ends_is_not_followed(
    connect: Connect, status: int, location: str
) -> None:
    def script(request: Request) -> None:
        request.answer("", status=status, location=location)

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with anyio.fail_after(20), pytest.raises(HttpError, match="redirected to") as caught:
                await konnect.call("GetControlPlane")
        assert all(request.message for request in server.requests if request.kind != "DELETE")
    assert caught.value.status == status
    assert "secret" not in str(caught.value)


async def test_a_cookie_of_the_load_balancer_is_sent_back(connect: Connect) -> None:
    def listed(request: Request) -> None:
        result = {"tools": [{"name": "GetControlPlane", "inputSchema": {"type": "object"}}]}
        request.answer(rpc(request.id, result=result), set_cookie="node=7; Path=/")

    with ScriptedServer(fine, others={"tools/list": listed}) as server:
        async with connect(server) as konnect:
            await konnect.call("GetControlPlane")
        (call,) = server.of("tools/call")
    assert call.headers["cookie"] == "node=7"


UNREADABLE: dict[str, Script] = {
    "no JSON": lambda r: r.answer("{{{"),
    "an event that is no JSON": lambda r: r.stream(event("{{{")),
    "no message": lambda r: r.answer('{"hello": "world"}'),
    "content that is none": lambda r: r.answer(rpc(r.id, result={"content": 7})),
    "a block that is none": lambda r: r.answer(rpc(r.id, result={"content": [{"type": "text", "text": 7}]})),
}
PROGRAM = """
import anyio, sys
from konnect_agent import Konnect
from konnect_agent.errors import KonnectError

async def main(url, token):
    async with Konnect(token=token, url=url, max_attempts=1) as konnect:
        try:
            await konnect.call("GetControlPlane")
        except KonnectError as error:
            print(type(error).__name__)

anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_told_to_the_caller_and_to_nobody_else(how: str) -> None:
    """In a process without any logging of its own, where Python would print what libraries warn of."""
    packages = str(Path(konnect_agent.__file__).parents[1])
    with ScriptedServer(UNREADABLE[how]) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, server.url, server.token],
            capture_output=True, text=True, timeout=60, check=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": packages},
        )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("Undecodable", "")
