"""What the server said, and when it said it, reaches the caller: in an HTTP status or inside a success."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from konnect_agent import events
from konnect_agent.errors import (
    ACCESS_HINT,
    TOKEN_HINT,
    Forbidden,
    HttpError,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    SessionLost,
    ToolError,
    ToolUnavailable,
    Unauthorized,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer, rpc

pytestmark = pytest.mark.anyio

TRACE = "kong:trace:1234567890"


def problem(status: int, **more: Any) -> str:
    """Kong's documented error body."""
    said = {"status": status, "title": "Teapot", "instance": TRACE, "detail": "short and stout"}
    return json.dumps(said | more)


async def failure(connect: Connect, server: ScriptedServer, **settings: Any) -> KonnectError:
    async with connect(server, **{"max_attempts": 1, **settings}) as konnect:
        with pytest.raises(KonnectError) as caught:
            await konnect.call("GetControlPlane", {"operation": "list"})
        return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, InvalidArguments, "input schema"),
        (401, Unauthorized, "kpat_"),
        (403, Forbidden, "AI Settings"),
        (408, ServerError, "support"),
        (422, InvalidArguments, "input schema"),
        (429, RateLimited, "fewer calls"),
        (500, ServerError, "support"),
        (502, ServerError, "support"),
        (503, ServerError, "support"),
        (504, ServerError, "support"),
        (418, HttpError, ""),
    ],
)
async def test_a_status_becomes_its_class_with_everything_the_server_said(
    connect: Connect, status: int, kind: type[HttpError | ToolError], hint: str
) -> None:
    def refuse(request: Request) -> None:
        kind = "application/problem+json"
        request.answer(problem(status), status=status, content_type=kind, X_Kong_Request_Id="k0ng-1d")

    with ScriptedServer(refuse) as server:
        error = await failure(connect, server)
    assert type(error) is kind
    assert error.status == status
    assert (error.title, error.detail, error.trace) == ("Teapot", "short and stout", TRACE)
    assert f"HTTP {status}" in str(error)
    assert "short and stout" in str(error)
    assert TRACE in str(error)
    assert hint in error.hint
    assert (error.operation, error.endpoint, error.attempts) == ("GetControlPlane", server.url, 1)
    assert error.request_id == "k0ng-1d"


async def test_a_lost_mcp_session_keeps_the_trace(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.answer(problem(404), status=404)) as server:
        error = await failure(connect, server)
    assert isinstance(error, SessionLost)
    assert (error.detail, error.trace) == ("short and stout", TRACE)


async def test_a_failure_is_known_by_the_id_that_was_sent_with_the_request(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.answer(problem(500), status=500)) as server:
        error = await failure(connect, server)
        (sent,) = server.of("tools/call")
    assert error.request_id
    assert sent.headers["x-request-id"] == error.request_id


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"message": "No API key found in request", "status": 401}),
        json.dumps({"message": "No API key found in request"}),
        json.dumps({"error": {"message": "No API key found in request"}}),
        "No API key found in request",
    ],
)
async def test_older_error_bodies_are_understood(connect: Connect, body: str) -> None:
    with ScriptedServer(lambda request: request.answer(body, status=401)) as server:
        error = await failure(connect, server)
    assert isinstance(error, Unauthorized)
    assert "No API key found in request" in error.message


@pytest.mark.parametrize("body", ["", "<html><body>Bad gateway</body></html>", "\x00{", "[" * 5000])
async def test_a_body_that_says_nothing_still_leaves_the_status(connect: Connect, body: str) -> None:
    with ScriptedServer(lambda request: request.answer(body, status=502)) as server:
        error = await failure(connect, server)
    assert isinstance(error, ServerError)
    assert error.status == 502
    assert "<html>" not in str(error)


async def test_a_body_that_breaks_off_or_never_ends_still_leaves_the_status(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(503, content_length="10000000", retry_after="7")
        request.write("x" * (1000 if request.number == 1 else 1_000_000))
        request.cut()

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            for _ in range(2):
                with pytest.raises(ServerError) as caught:
                    await konnect.call("GetControlPlane")
                assert (caught.value.status, caught.value.retry_after) == (503, 7)


async def test_the_fields_of_a_bad_request_are_named(connect: Connect) -> None:
    wrong = [{"field": "http_latency", "reason": "must look like >=1000ms", "source": "body"}]
    body = problem(400, invalid_parameters=wrong)
    with ScriptedServer(lambda request: request.answer(body, status=400)) as server:
        error = await failure(connect, server)
    assert isinstance(error, InvalidArguments)
    assert "http_latency: must look like >=1000ms" in str(error)
    assert TRACE in str(error)
    assert error.trace == TRACE


async def test_what_is_not_found_carries_the_trace_too(connect: Connect) -> None:
    hidden = {"status": 404, "title": "Not Found", "instance": TRACE, "detail": "no such route"}
    with ScriptedServer(lambda request: request.result(hidden)) as server:
        error = await failure(connect, server)
    assert isinstance(error, NotFound)
    assert error.trace == TRACE


async def test_the_title_of_a_problem_is_told_beside_its_detail(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.answer(problem(503), status=503)) as server:
        error = await failure(connect, server)
    assert "HTTP 503 Teapot: short and stout" in str(error)


async def test_the_servers_own_request_id_is_not_sent_to_it_with_the_next_attempt(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.answer("", status=503, x_request_id="its own")
        else:
            request.result("fine")

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"
        first, second = server.of("tools/call")
    assert first.headers["x-request-id"] == second.headers["x-request-id"] != "its own"


async def test_a_json_rpc_refusal_in_an_http_error_keeps_its_words(connect: Connect) -> None:
    def refuse(request: Request) -> None:
        request.answer(rpc(request.id, error={"code": -32602, "message": "no such operation"}), status=400)

    with ScriptedServer(refuse) as server:
        error = await failure(connect, server)
    assert "no such operation" in str(error)


async def test_an_unknown_tool_is_told_with_what_is_there(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server) as konnect:
            with pytest.raises(ToolUnavailable) as caught:
                await konnect.call("GetFeatureFlag")
    assert "GetControlPlane" in caught.value.available


@pytest.mark.parametrize("header", ["2", "2.0"])
async def test_retry_after_in_seconds_is_kept(connect: Connect, header: str) -> None:
    with ScriptedServer(lambda r: r.answer(problem(429), status=429, Retry_After=header)) as server:
        error = await failure(connect, server)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 2


async def test_retry_after_as_a_date_becomes_seconds(connect: Connect) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with ScriptedServer(lambda r: r.answer(problem(503), status=503, Retry_After=later)) as server:
        error = await failure(connect, server)
    assert isinstance(error, ServerError)
    assert error.retry_after is not None
    assert 3500 < error.retry_after <= 3600


@pytest.mark.parametrize("header", ["soon", "-5", "nan", "Wed, 99 Foo 2020 25:61:00 GMT", "1e999"])
async def test_an_unreadable_retry_after_is_no_reason_to_wait(connect: Connect, header: str) -> None:
    with ScriptedServer(lambda r: r.answer(problem(429), status=429, Retry_After=header)) as server:
        error = await failure(connect, server)
    assert isinstance(error, RateLimited)
    assert not error.retry_after


@pytest.mark.parametrize("asked", ["3600", format_datetime(datetime(2999, 1, 1, tzinfo=UTC), usegmt=True)])
async def test_nobody_waits_longer_than_configured_however_much_the_server_asks(
    connect: Connect, world: World, asked: str
) -> None:
    waits: list[float] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CallRetried):
            waits.append(event.wait_s)

    with Sandbox(world=world, faults=Faults("429:2", retry_after=asked)) as sandbox:
        async with connect(sandbox, max_wait=0.02) as konnect:
            with events.listening(listen):
                assert await konnect.control_planes.list()
    assert len(waits) == 2
    assert all(0.02 <= wait <= 0.04 for wait in waits)  # what was asked for, clamped, and the jitter on top


async def test_what_passes_is_tried_again_until_it_has_passed(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults=Faults("429,500,502,503,reset", retry_after="0")) as sandbox:
        async with connect(sandbox) as konnect:
            assert await konnect.control_planes.list()
        assert sandbox.ledger.faults == ("429", "500", "502", "503", "reset")


async def test_what_does_not_pass_is_raised_with_the_number_of_attempts(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, faults=Faults("503:99", retry_after="0")) as sandbox:
        async with connect(sandbox, max_attempts=4) as konnect:
            with pytest.raises(ServerError) as caught:
                await konnect.control_planes.list()
    assert caught.value.attempts == 4
    assert "after 4 attempts" in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422])
async def test_what_will_not_pass_is_not_tried_again(connect: Connect, status: int) -> None:
    with ScriptedServer(lambda request: request.answer(problem(status), status=status)) as server:
        await failure(connect, server, max_attempts=8)
        assert len(server.of("tools/call")) == 1


async def test_a_refused_token_is_told_while_connecting(connect: Connect, world: World) -> None:
    sandbox = Sandbox(world=world, token="kpat_Another0Organisation")
    with sandbox, pytest.raises(Unauthorized) as caught:
        await connect(sandbox, token="kpat_Expired0Long0Ago").connect()
    assert caught.value.hint == TOKEN_HINT
    assert caught.value.status == 401
    assert "A valid token is required" in str(caught.value)


async def test_a_token_that_is_revoked_meanwhile_is_told(connect: Connect, world: World) -> None:
    with Sandbox(world=world) as sandbox:
        async with connect(sandbox) as konnect:
            await konnect.control_planes.list()
            sandbox.revoke_token()
            with pytest.raises(Unauthorized):
                await konnect.control_planes.list()


async def test_the_organizations_switch_is_the_first_thing_to_check(connect: Connect, world: World) -> None:
    with Sandbox(world=world, mcp_disabled=True) as sandbox, pytest.raises(McpAccessDisabled) as caught:
        await connect(sandbox).connect()
    assert caught.value.hint == ACCESS_HINT
    assert caught.value.hint.index("AI Settings") < caught.value.hint.index("roles")


@pytest.mark.parametrize("code", [-32000, -32001])  # what the SDK calls its own broken connections
async def test_a_code_of_the_servers_own_is_no_broken_connection(connect: Connect, code: int) -> None:
    with ScriptedServer(
        lambda r: r.answer(rpc(r.id, error={"code": code, "message": "not today"}))
    ) as server:
        error = await failure(connect, server, max_attempts=3)
        assert len(server.of("tools/call")) == 1
    assert type(error) is ToolError
