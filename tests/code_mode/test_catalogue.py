"""Finding operations: at every detail, under other names, and not at all, which says what was searched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from konnect_agent import InvalidArguments, Konnect, ToolUnavailable, Undecodable
from konnect_agent.dialects.code_mode.descriptions import operations
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import audit_configuration, debug_performance

from .process import Process, Served

pytestmark = pytest.mark.anyio
RENAMED = {
    "list-control-planes": "list-all-control-planes",
    "list-service": "get-all-services",
    "list-route": "fetch-routes",
    "list-plugin": "plugins-list",
    "get-plugin": "plugin-by-id",
    "list-consumer": "kong-list-consumer",
}


def wrote(served: Served) -> list[str]:
    return [name for name, _ in served.operations if re.match("create|delete", name)]


async def described(konnect: Konnect) -> None:
    """Every detail of both tools names the same operations, and all but the briefest the same arguments."""
    known = ["list_service", "get_route", "query_requests", "create_debug_session"]
    parameters: dict[str, list[list[str]]] = {}
    for detail in ("brief", "detailed", "full"):
        told = await konnect.call("get_schema", {"tools": [*known, "no_such"], "detail": detail})
        tools = operations(told)
        assert [tool.name for tool in tools] == known
        parameters[detail] = [list(tool.parameters) for tool in tools]
        found = await konnect.call("search", {"query": "list services", "detail": detail, "limit": 3})
        assert operations(found)[0].name == "list_service"
        assert operations(await konnect.call("search", {"query": "quaternion", "detail": detail})) == []
    assert parameters["brief"] == [[]] * 4
    assert parameters["detailed"] == parameters["full"]
    assert parameters["full"][0][0] == "controlPlaneId"
    assert parameters["full"][2] == ["body"]
    assert operations(await konnect.call("get_schema", {"tools": ["no_such"]})) == []


async def test_descriptions_are_read_at_every_detail(world: World, code_mode: Process) -> None:
    async with code_mode.open().client() as konnect:
        await described(konnect)
    with Sandbox(world=world, generation="code-mode") as sandbox:
        async with Konnect(sandbox.token, url=sandbox.url) as konnect:
            await described(konnect)


async def test_discovery_happens_once(code_mode: Process) -> None:
    served = code_mode.open()
    shop = served.world.control_plane("storefront-production").id
    async with served.client() as konnect:
        for _ in range(2):
            await konnect.services.list(shop)
            await konnect.vaults.list(shop)
    assert served.round_trips == {"get_schema": 1, "execute": 4}


async def test_renamed_operations_are_searched_for_and_recognised(code_mode: Process) -> None:
    served = code_mode.open(renamed=RENAMED)
    shop = served.world.control_plane("storefront-production")
    async with served.client() as konnect:
        assert len(await konnect.control_planes.list()) == len(served.world.control_planes)
        for kind in ("services", "routes", "plugins", "consumers"):
            listed = await getattr(konnect, kind).list(shop.id)
            assert [entity.id for entity in listed] == [entity["id"] for entity in shop.listing(kind)]
        plugin = shop.plugins[0]
        assert (await konnect.plugins.get(plugin["id"], control_plane_id=shop.id)).name == plugin["name"]
    assert served.round_trips["search"] <= len(RENAMED)
    assert wrote(served) == []


async def test_an_operation_that_only_sounds_alike_is_not_taken(code_mode: Process) -> None:
    served = code_mode.open(missing=("get-service", "list-plugin"))
    shop = served.world.control_plane("storefront-production")
    async with served.client() as konnect:
        with pytest.raises(ToolUnavailable, match=r"'get a service' found .*delete_service"):
            await konnect.services.get(shop.services[0]["id"], control_plane_id=shop.id)
        with pytest.raises(
            ToolUnavailable, match=r"'list plugins of a control plane' found .*list_plugin_with"
        ):
            await konnect.plugins.list(shop.id)
    assert served.operations == []


async def test_without_operations_for_debug_sessions_it_is_said_what_was_searched(code_mode: Process) -> None:
    served = code_mode.open(missing=("create-debug-session", "active-tracing-session"))
    shop = served.world.control_plane("storefront-production")
    async with served.client() as konnect:
        with pytest.raises(ToolUnavailable) as raised:
            await konnect.debug_sessions.create(shop.id, http_path="/slow")
        assert raised.value.operation == "debug_sessions.create"
        assert "No operation of this server answers debug_sessions.create." in raised.value.message
        assert "Searched: 'create debug session' found create_service" in raised.value.message
        with pytest.raises(ToolUnavailable, match="debug_sessions"):
            await debug_performance(konnect, shop.name, http_path="/slow", confirm=lambda plan: True)
    assert wrote(served) == []


async def test_a_search_that_finds_nothing_is_said(code_mode: Process) -> None:
    served = code_mode.open(only=())
    async with served.client() as konnect:
        with pytest.raises(ToolUnavailable, match="Searched: 'list control planes' found nothing"):
            await konnect.control_planes.list()
        with pytest.raises(ToolUnavailable, match="'list control planes' found nothing; 'list routes"):
            await konnect.control_planes.get_by_route("/api/users")
        with pytest.raises(ToolUnavailable, match="found nothing"):
            await audit_configuration(konnect)


DISAGREEING: Mapping[str, tuple[Mapping[str, Any], type[Exception], str]] = {
    "shorter pages": ({"largest": 10}, InvalidArguments, "list_service: HTTP 400 .*size: at most 10"),
    "words": ({"answering": {"list-service": {"data": "later"}}}, Undecodable, "later"),
    "a number": ({"answering": {"list-service": {"data": 7}}}, Undecodable, "7"),
    "a problem": (
        {"answering": {"list-service": {"status": 400, "title": "Bad", "detail": "cannot list"}}},
        InvalidArguments,
        "cannot list",
    ),
}


@pytest.mark.parametrize("case", DISAGREEING)
async def test_a_server_that_is_not_as_its_schema_says_is_an_error_that_shows_it(
    code_mode: Process, case: str
) -> None:
    settings, error, words = DISAGREEING[case]
    served = code_mode.open(**settings)
    async with served.client() as konnect:
        with pytest.raises(error, match=words):
            await konnect.services.list(served.world.control_plane("storefront-production").id)
