"""Opening, closing, and what a person is told when something is wrong; over real HTTP."""

from __future__ import annotations

import re
import socket
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from konnect_agent import (
    Config,
    ConfigError,
    ConnectionFailed,
    HttpError,
    InvalidArguments,
    Konnect,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    TimedOut,
    ToolError,
    ToolUnavailable,
    Unauthorized,
    Unreachable,
    redaction,
)
from konnect_agent.events import CallFinished, CallStarted, Event, HttpAnswered, listening
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Client
from .handmade import TOKEN, Serve, as_json, refused, structured, told

pytestmark = pytest.mark.anyio
SHOP = "storefront-production"
OTHER_TOKEN = "kpat_Somebody0Elses0Token"


@asynccontextmanager
async def one_error_of_the_tree(kind: type[KonnectError]) -> AsyncGenerator[list[KonnectError]]:
    """The block must raise exactly this class, alone: no group around it, no token in it."""
    caught: list[KonnectError] = []
    with pytest.raises(KonnectError) as raised:
        yield caught
    assert type(raised.value) is kind
    error = raised.value
    shown = "".join(traceback.format_exception(error))
    assert "ExceptionGroup" not in shown
    assert not re.search(redaction.TOKEN, shown + error.hint)
    assert error.hint
    caught.append(error)


async def test_a_client_may_be_opened_and_closed_in_different_tasks(sandbox: Sandbox) -> None:
    opened: list[Konnect] = []

    async def first_cell() -> None:
        opened.append(await Konnect.open(sandbox.token, url=sandbox.url))

    async def second_cell() -> None:
        assert len(await opened[0].control_planes.list()) == 8

    async def last_cell() -> None:
        await opened[0].aclose()

    for cell in (first_cell, second_cell, last_cell):
        async with anyio.create_task_group() as notebook:
            notebook.start_soon(cell)


async def test_closing_twice_is_fine_and_a_closed_client_says_so(sandbox: Sandbox, client: Client) -> None:
    konnect = client(sandbox, max_attempts=1)
    async with konnect:
        assert konnect.era is not None
    await konnect.aclose()
    async with one_error_of_the_tree(ConfigError) as caught:
        await konnect.control_planes.list()
    assert "closed" in str(caught[0])


async def test_a_client_that_was_never_opened_connects_by_itself(sandbox: Sandbox, client: Client) -> None:
    konnect = client(sandbox)
    assert konnect.era is None
    assert await konnect.generation() == "classic"
    assert konnect.endpoint == sandbox.url
    await konnect.aclose()


async def test_closing_a_client_that_was_never_opened_is_fine(sandbox: Sandbox, client: Client) -> None:
    await client(sandbox).aclose()


async def test_an_error_in_the_block_stays_itself(sandbox: Sandbox, client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client(sandbox):
            raise ZeroDivisionError


async def test_many_calls_at_once_share_one_session(world: World, client: Client) -> None:
    with Sandbox(world=world, latency=0.01) as sandbox:
        async with client(sandbox, max_in_flight=3) as konnect, anyio.create_task_group() as calls:
            for plane in world.control_planes * 3:
                calls.start_soon(konnect.services.list, plane.id)
        assert len(sandbox.ledger.calls) == 24
        assert 1 < sandbox.ledger.most_in_flight <= 3
        assert sandbox.ledger.http["tools/list"] == 1


async def test_cancelling_a_call_raises_nothing_else_and_the_client_lives_on(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, latency=0.2) as sandbox:
        async with client(sandbox) as konnect:
            with anyio.move_on_after(0.05) as scope:
                await konnect.control_planes.list()
            assert scope.cancelled_caught
            assert len(await konnect.control_planes.list()) == 8


async def test_a_wrong_token_is_unauthorized(sandbox: Sandbox, client: Client) -> None:
    async with one_error_of_the_tree(Unauthorized) as caught:
        await client(sandbox, token=OTHER_TOKEN).connect()
    assert isinstance(caught[0], HttpError)
    assert (caught[0].status, caught[0].attempts, caught[0].endpoint) == (401, 1, sandbox.url)
    assert (caught[0].trace or "").startswith("kong:trace:")
    assert "A valid token is required" in str(caught[0])


async def test_a_token_revoked_in_the_middle_is_unauthorized(world: World, client: Client) -> None:
    with Sandbox(world=world) as sandbox:
        async with client(sandbox) as konnect:
            await konnect.control_planes.list()
            sandbox.revoke_token()
            async with one_error_of_the_tree(Unauthorized):
                await konnect.control_planes.list()


async def test_an_organisation_with_mcp_switched_off_says_what_to_switch(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, mcp_disabled=True) as sandbox:
        async with one_error_of_the_tree(McpAccessDisabled) as caught:
            await client(sandbox).connect()
        assert "AI Settings" in caught[0].hint


async def test_nothing_listening_is_unreachable(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
    konnect = Konnect(TOKEN, url=url, max_attempts=1)
    async with one_error_of_the_tree(Unreachable) as caught:
        await konnect.connect()
    assert isinstance(caught[0], ConnectionFailed)
    assert not caught[0].sent
    assert "firewall" in caught[0].hint
    assert caught[0].endpoint == url
    async with one_error_of_the_tree(Unreachable):
        await konnect.control_planes.list()
    await konnect.aclose()


async def test_a_server_that_never_answers_is_a_time_out_that_names_the_limit(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, latency=5) as sandbox:
        impatient = client(sandbox, call_timeout=0.05, max_attempts=1)
        async with impatient as konnect, one_error_of_the_tree(TimedOut) as caught:
            await konnect.control_planes.list()
        assert isinstance(caught[0], TimedOut)
        assert caught[0].limit == "call"
        assert isinstance(caught[0], TimeoutError)


async def test_a_missing_tool_names_what_is_offered_and_why(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=["FetchAlertingEventDetails", "GetVault"]) as sandbox:
        async with client(sandbox) as konnect:
            async with one_error_of_the_tree(ToolUnavailable) as caught:
                await konnect.vaults.list(world.control_plane(SHOP).id)
            async with one_error_of_the_tree(ToolUnavailable):
                await konnect.call("FetchAlertingEventDetails", {})
        assert isinstance(caught[0], ToolUnavailable)
        assert "GetService" in caught[0].available
        assert "GetService" in str(caught[0])
        assert "entitlement" in caught[0].hint
        assert sandbox.ledger.calls == ()


async def test_a_tool_that_appears_later_is_found(serve: Serve) -> None:
    server = serve({"GetControlPlane": as_json([])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolUnavailable):
            await konnect.knowledge_base.search("?")
        server.answers = {"GetControlPlane": as_json([]), "KnowledgeBaseSearch": told("now here")}
        assert await konnect.knowledge_base.search("?") == "now here"


async def test_a_tool_that_went_away_is_unavailable(serve: Serve) -> None:
    server = serve({"GetControlPlane": refused("Unknown tool: 'GetControlPlane'")})
    async with Konnect(TOKEN, url=server.url) as konnect, one_error_of_the_tree(ToolUnavailable):
        await konnect.control_planes.list()


async def test_a_refusal_keeps_the_servers_words_and_says_where(konnect: Konnect, world: World) -> None:
    plane = world.control_plane(SHOP)
    async with one_error_of_the_tree(NotFound) as caught:
        await konnect.services.get_by_name("nonesuch", control_plane_id=plane.id)
    error = caught[0]
    assert isinstance(error, ToolError)
    assert "service_name: storefront-production has no service 'nonesuch'" in error.message
    assert "konnect:trace:" in error.message
    assert (error.operation, error.endpoint, error.attempts) == (
        "GetService.get_by_name",
        konnect.endpoint,
        1,
    )
    assert error.request_id
    assert str(error).startswith("GetService.get_by_name: ")


async def test_invalid_arguments_keep_the_servers_words(konnect: Konnect) -> None:
    async with one_error_of_the_tree(InvalidArguments) as caught:
        await konnect.services.list("not-a-uuid")
    assert "control_plane_id: 'not-a-uuid'" in caught[0].message


async def test_any_tool_can_be_called_under_its_live_or_its_documented_name(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, spelling="snake", prefix="kong_") as sandbox:
        async with client(sandbox) as konnect:
            for name in ("kong_get_control_plane", "GetControlPlane", "get-control-plane"):
                answer = await konnect.call(name, {"operation": "list"})
                assert [plane["name"] for plane in answer["data"]] == [
                    plane.name for plane in world.control_planes
                ]
            with pytest.raises(InvalidArguments, match="operation"):
                await konnect.call("GetControlPlane")
            assert "kong_get_control_plane" in (await konnect.tools()).names


async def test_a_call_hands_back_plain_data_whatever_it_is(serve: Serve) -> None:
    server = serve({"number": structured({"result": 7}), "words": told("just words"), "nothing": told()})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert await konnect.call("number", {"a": [1, {"b": None}]}) == {"result": 7}
        assert await konnect.call("words") == "just words"
        assert await konnect.call("nothing") is None
    assert server.calls[0] == ("number", {"a": [1, {"b": None}]})


async def test_every_call_is_told_to_whoever_listens_without_its_secrets(serve: Serve) -> None:
    server = serve({"login": as_json({"ok": True}), "fail": refused("it broke")})
    heard: list[Event] = []
    async with Konnect(TOKEN, url=server.url) as konnect:
        with listening(heard.append):
            await konnect.call("login", {"password": "hunter2", "user": "me", "note": f"Bearer {TOKEN}"})
            with pytest.raises(ToolError):
                await konnect.call("fail")
    assert "hunter2" not in str(heard)
    assert TOKEN not in str(heard)
    finished = [event for event in heard if isinstance(event, CallFinished)]
    assert [(event.tool, event.outcome, event.attempts) for event in finished] == [
        ("login", "ok", 1),
        ("fail", "ToolError", 1),
    ]
    assert [type(event) for event in heard] == [CallStarted, HttpAnswered, CallFinished] * 2
    assert finished[0].arguments["user"] == "me"


async def test_requests_go_out_through_a_client_of_ones_own(sandbox: Sandbox) -> None:
    seen: list[str] = []

    async def note(request: httpx2.Request) -> None:
        seen.append(request.headers["authorization"])

    async with httpx2.AsyncClient(event_hooks={"request": [note]}) as http:
        async with Konnect(sandbox.token, url=sandbox.url, http_client=http) as konnect:
            await konnect.control_planes.list()
        assert not http.is_closed
    assert set(seen) == {f"Bearer {sandbox.token}"}


async def test_two_clients_of_one_config_are_independent(sandbox: Sandbox) -> None:
    config = Config(sandbox.token, url=sandbox.url)
    async with Konnect(config=config) as one, Konnect(config=config) as other:
        await one.aclose()
        assert await other.control_planes.list()


@pytest.mark.parametrize(
    "settings", [{"eras": ["2025"]}, {"eras": ["2025"], "json_response": True}, {"eras": ["2026"]}]
)
async def test_errors_are_the_same_in_both_eras(
    world: World, client: Client, settings: dict[str, Any]
) -> None:
    with Sandbox(world=world, **settings) as sandbox:
        async with one_error_of_the_tree(Unauthorized):
            await client(sandbox, token=OTHER_TOKEN).connect()
        async with client(sandbox) as konnect:
            async with one_error_of_the_tree(NotFound):
                await konnect.control_planes.get_by_name("nonesuch")
            sandbox.revoke_token()
            async with one_error_of_the_tree(Unauthorized):
                await konnect.control_planes.list()


@pytest.mark.parametrize(("tool", "arguments"), [(None, None), (5, {}), (" ", {}), ("x", [1]), ("x", "y")])
async def test_what_is_no_name_and_no_object_is_refused_before_anything_is_sent(
    sandbox: Sandbox, tool: Any, arguments: Any
) -> None:
    async with Konnect(sandbox.token, url=sandbox.url) as konnect:
        before = len(sandbox.ledger.calls)
        with pytest.raises(InvalidArguments):
            await konnect.call(tool, arguments)
        assert len(sandbox.ledger.calls) == before


@pytest.mark.parametrize("token", [123, b"kpat_x", ["kpat_x"]])
async def test_a_token_that_is_no_text_is_refused(token: Any) -> None:
    with pytest.raises(ConfigError, match="no text"):
        Konnect(token)
