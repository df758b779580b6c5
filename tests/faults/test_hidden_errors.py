"""What calls itself a success and is none, and what only talks about refusals; what a tool's words mean."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.errors import (
    Forbidden,
    HttpError,
    KonnectError,
    NotFound,
    RateLimited,
    ServerError,
    ToolError,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer, rpc, tool_result

pytestmark = pytest.mark.anyio

TRACE = "kong:trace:1234567890"


async def failure(connect: Connect, server: ScriptedServer, **settings: Any) -> KonnectError:
    async with connect(server, **{"max_attempts": 1, **settings}) as konnect:
        with pytest.raises(KonnectError) as caught:
            await konnect.call("GetControlPlane", {"operation": "list"})
        return caught.value


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"status": 429, "title": "Rate Limited", "instance": TRACE, "detail": "slow down"}, RateLimited),
        ({"status": 403, "title": "Permission denied", "instance": TRACE, "detail": "slow down"}, Forbidden),
        ({"status": 503, "title": "Unavailable", "instance": TRACE, "detail": "slow down"}, ServerError),
        ({"error": {"status": 429, "message": "slow down", "instance": TRACE}}, RateLimited),
        ({"result": {"status": 429, "detail": "slow down", "instance": TRACE}}, RateLimited),
        ([{"status": 429, "title": "Rate Limited", "instance": TRACE, "detail": "slow down"}], RateLimited),
    ],
)
async def test_an_error_inside_a_success_is_an_error(
    connect: Connect, data: Any, kind: type[HttpError]
) -> None:
    with ScriptedServer(lambda request: request.result(data)) as server:
        error = await failure(connect, server)
    assert isinstance(error, kind)
    assert "slow down" in str(error)
    assert error.trace == TRACE
    assert error.request_id


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("HTTP error 429: Too Many Requests - {'status': 429, 'detail': 'slow down'}", RateLimited),
        ("Error: API Error (Status 404): not found", NotFound),
        ("Too many requests", RateLimited),
        ("access denied", Forbidden),
        ("something only this tool knows", ToolError),
    ],
)
async def test_a_tool_that_says_no_in_words_is_understood(
    connect: Connect, text: str, kind: type[KonnectError]
) -> None:
    refused = {"content": [{"type": "text", "text": text}], "isError": True}
    with ScriptedServer(lambda request: request.answer(rpc(request.id, result=refused))) as server:
        error = await failure(connect, server)
    assert isinstance(error, kind)


@pytest.mark.parametrize(
    "said",
    [
        "API rate limit exceeded",
        "You have exceeded your rate limit",
        "HTTP 429 Too Many Requests",
        "Error: 429 Too Many Requests",
        "Request failed with status code 429",
        {"message": "API rate limit exceeded", "retry_after": 0},
        {"code": "RATE_LIMITED", "message": "slow down"},
        {"code": "rate-limit-exceeded", "message": "slow down"},
        {"code": "SERVICE_UNAVAILABLE", "message": "come back later"},
        {"error": {"code": "TOO_MANY_REQUESTS", "message": "slow down"}},
        {"success": False, "message": "Rate limit"},
        {"message": "An unexpected error occurred", "request_id": "a1"},
        {"message": "failure to get a peer from the ring-balancer"},
        "<html>\n<head><title>503 Service Temporarily Unavailable</title></head>\n<body>nginx</body></html>",
    ],
)
async def test_a_hidden_refusal_in_the_words_of_a_gateway_is_tried_again(connect: Connect, said: Any) -> None:
    def script(request: Request) -> None:
        request.result(said if request.number == 1 else "fine")

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "fine"


@pytest.mark.parametrize("is_error", [False, True])
async def test_the_wait_that_a_hidden_rate_limit_asks_for_is_kept(connect: Connect, is_error: bool) -> None:
    said = {"status": 429, "title": "Rate Limited", "detail": "slow down", "retry_after": 7}
    answer = tool_result(said, is_error=is_error)
    with ScriptedServer(lambda request: request.answer(rpc(request.id, result=answer))) as server:
        error = await failure(connect, server)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    "said",
    [
        "429 Too Many Requests is what the plugin answers.",
        "Rate limiting\nAPI rate limit exceeded is the message of the plugin.",
        {"message": "The plugin answers 'API rate limit exceeded'."},
        {"message": "API rate limit exceeded", "config": {"minute": 5}},
        {"code": "RATE_LIMITED", "message": "slow down", "plugins": [{"name": "rate-limiting"}]},
        {"code": "OK", "message": "Rate limit"},
        {"code": "EUR", "message": "slow down"},
        {"message": "The debug session timed out."},
        [{"status": 429, "title": "Rate Limited", "detail": "slow", "route": "orders", "count": 3}],
        "<html><head><title>429 Too Many Requests in Kong Gateway explained</title></head></html>",
    ],
)
async def test_what_is_said_about_refusals_is_an_answer(connect: Connect, said: Any) -> None:
    with ScriptedServer(lambda request: request.result(said)) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == said


async def test_a_status_without_a_body_keeps_the_words_beside_it(connect: Connect) -> None:
    text = "Error calling tool 'execute': Exception: HTTP error 500: The shards are on fire - {}"
    said = {"content": [{"type": "text", "text": text}], "isError": True}
    with ScriptedServer(lambda request: request.answer(rpc(request.id, result=said))) as server:
        error = await failure(connect, server)
    assert isinstance(error, ServerError)
    assert "The shards are on fire" in str(error)


async def test_a_hidden_rate_limit_is_waited_out(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults="hidden-429:3") as sandbox:
        async with connect(sandbox) as konnect:
            assert await konnect.control_planes.list()
        assert sandbox.ledger.faults == ("hidden-429",) * 3


async def test_an_entity_that_mentions_errors_is_no_error(connect: Connect) -> None:
    plane = {"id": "8e5e8bd8-6b0a-4a0b-9c6d-0d6a3b0a1c55", "name": "error 429: too many requests"}
    with ScriptedServer(
        lambda request: request.answer(rpc(request.id, result=tool_result({"data": [plane]})))
    ) as server:
        async with connect(server) as konnect:
            assert (await konnect.control_planes.list())[0].name == plane["name"]
