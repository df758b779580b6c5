"""What answers at the URL: an MCP server, a refusal, or something else altogether."""

from __future__ import annotations

import pytest

from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.world import World

from ..faults.scripted import Request, ScriptedServer, rpc
from .conftest import Examine, failures, skipped_because
from .servers import answers

pytestmark = pytest.mark.anyio

LOGIN = "<!doctype html><title>Sign in</title><p>Who are you?"


@pytest.mark.parametrize("generation", ["classic", "spring", "code-mode"])
async def test_every_generation_is_well(generation: Generation, world: World, examine: Examine) -> None:
    with Sandbox(world=world, generation=generation) as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis.status == "ok", diagnosis
    assert {each.name for each in diagnosis.checks if each.status == "skipped"} == {"dns", "tls"}
    assert diagnosis["generation"].facts["generation"] == generation
    assert diagnosis["protocol"].facts == {"era": "2026-07-28", "server": "kong-konnect"}


async def test_an_older_server_is_well_too(world: World, examine: Examine) -> None:
    with Sandbox(world=world, eras=["2025"], json_response=True) as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis.status == "ok"
    assert diagnosis["protocol"].facts["era"].startswith("2025-")


async def test_a_revoked_token_is_told_apart_from_an_unreachable_server(
    world: World, examine: Examine
) -> None:
    with Sandbox(world=world) as sandbox:
        sandbox.revoke_token()
        diagnosis = await examine(sandbox)
    assert failures(diagnosis) == ["authentication"]
    assert diagnosis["endpoint"].seen == "a server answers, with HTTP 401"
    assert "expired or revoked" in diagnosis["authentication"].advice
    assert "control_planes" in skipped_because(diagnosis, "authentication")
    assert diagnosis.family == "permission"
    assert sandbox.token not in diagnosis.model_dump_json()


async def test_the_organizations_switch_is_the_first_thing_to_look_at_when_access_is_denied(
    world: World, examine: Examine
) -> None:
    with Sandbox(world=world, mcp_disabled=True) as sandbox:
        diagnosis = await examine(sandbox)
    assert failures(diagnosis) == ["organization"]
    assert diagnosis["authentication"].status == "ok"
    assert "access denied" in diagnosis["organization"].seen
    assert "AI Settings" in diagnosis["organization"].advice
    assert diagnosis["organization"].error == "McpAccessDisabled"
    assert diagnosis.family == "permission"


@pytest.mark.parametrize(
    ("status", "headers", "error", "family"),
    [
        (200, {"content_type": "text/html"}, "Undecodable", "connection"),
        (401, {"content_type": "text/html"}, "Unauthorized", "permission"),
        (403, {"content_type": "text/html"}, "Forbidden", "permission"),
        (404, {"content_type": "text/html"}, "HttpError", "connection"),
        (307, {"location": "https://login.example/?token=kpat_Secret0Token"}, "HttpError", "connection"),
        (500, {}, "ServerError", "connection"),
        (503, {}, "ServerError", "connection"),
        (429, {"retry_after": "7"}, "RateLimited", "connection"),
    ],
)
async def test_something_else_that_answers_is_told_as_such(
    status: int, headers: dict[str, str], error: str, family: str, examine: Examine
) -> None:
    def login(request: Request) -> None:
        request.answer(LOGIN, status=status, **headers)

    others = dict.fromkeys(("initialize", "server/discover"), login)
    with ScriptedServer(answers, others={**others}) as server:
        diagnosis = await examine(server)
    assert failures(diagnosis) == ["endpoint"]
    assert (diagnosis["endpoint"].error, diagnosis.family) == (error, family)
    assert diagnosis["endpoint"].advice
    assert "Secret0Token" not in diagnosis.model_dump_json()


async def test_a_login_page_is_a_hint_at_a_proxy(examine: Examine) -> None:
    def login(request: Request) -> None:
        request.answer(LOGIN, status=403, content_type="text/html")

    with ScriptedServer(answers, others={"initialize": login, "server/discover": login}) as server:
        diagnosis = await examine(server)
    assert "an HTML page" in diagnosis["endpoint"].seen
    assert "a proxy or a login page answers in the server's place" in diagnosis["endpoint"].advice


async def test_tools_that_are_missing_are_named_with_the_documented_reasons(
    world: World, examine: Examine
) -> None:
    with Sandbox(world=world, hide=["GetVault", "CreateDebugSession"]) as sandbox:
        diagnosis = await examine(sandbox)
    found = diagnosis["tools"]
    assert (found.status, found.facts["missing"]) == ("warning", ["GetVault", "CreateDebugSession"])
    assert found.seen.startswith("9 of 11 documented tools")
    assert "entitlement" in found.advice
    assert diagnosis.status == "warning"


async def test_tools_nobody_lists_are_not_missed(world: World, examine: Examine) -> None:
    with Sandbox(world=world, hide=["GetControlPlaneGroup", "FetchAlertingEventDetails"]) as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis["tools"].seen == "11 of 11 documented tools"


@pytest.mark.parametrize("names", [(), ("search_flights", "book_hotel")])
async def test_a_server_with_none_of_kongs_tools_is_not_konnect(
    names: tuple[str, ...], examine: Examine
) -> None:
    def listing(request: Request) -> None:
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        request.answer(rpc(request.id, result={"tools": tools}))

    with ScriptedServer(answers, others={"tools/list": listing}) as server:
        diagnosis = await examine(server)
    assert failures(diagnosis) == ["generation"]
    assert (", ".join(names) or "no tools at all") in diagnosis["generation"].seen
    assert "control_planes" in skipped_because(diagnosis, "generation")


async def test_nothing_is_tried_twice(world: World, examine: Examine) -> None:
    with Sandbox(world=world, faults="503:1") as sandbox:
        diagnosis = await examine(sandbox)
        assert diagnosis["control_planes"].error == "ServerError"
        assert len(sandbox.ledger.calls) == 2  # documentation and request data need no control plane


async def test_a_server_that_dies_on_the_way_is_told_by_what_came_after(
    world: World, examine: Examine
) -> None:
    with Sandbox(world=world, faults="ok:2,reset:99") as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis["services"].status == "ok"
    assert "routes" in failures(diagnosis)
    assert diagnosis["routes"].error == "Unreachable"


async def test_a_servers_name_is_kept_as_it_is_whatever_it_is(examine: Examine) -> None:
    def introduce(request: Request) -> None:
        result = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "\x1b[2Jevil", "version": "1"},
        }
        request.answer(rpc(request.id, result=result))

    with ScriptedServer(answers, others={"initialize": introduce}) as server:
        diagnosis = await examine(server)
    assert diagnosis["protocol"].facts == {"era": "2025-11-25", "server": "\x1b[2Jevil"}
