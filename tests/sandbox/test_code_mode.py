from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.operations import OPERATIONS
from konnect_agent.sandbox.organisation import Draft, Entity
from konnect_agent.sandbox.world import World

from .conftest import Caller, Connect

pytestmark = pytest.mark.anyio
SHOP = "storefront-production"
UNKNOWN = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"


async def executed(caller: Caller, operation: str, **inputs: Any) -> Any:
    return await caller.ok("execute", operation=operation, inputs=inputs)


async def problem(caller: Caller, operation: str, **inputs: Any) -> Entity:
    """The body of the problem that an operation is answered with, out of Python's notation."""
    words = await caller.refusal("execute", operation=operation, inputs=inputs)
    inside = r"Error calling tool '(\w+)': HTTP error (\d{3}): [^-]+ - (.*)"
    matched = re.fullmatch(f"Error calling tool 'execute': Exception: {inside}", words)
    assert matched, words
    body = ast.literal_eval(matched[3])
    assert (matched[1], int(matched[2])) == (operation, body["status"])
    return body


async def test_three_tools_and_the_knowledge_base_are_offered(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        tools = {tool.name: tool for tool in (await caller.client.list_tools()).tools}
        assert set(tools) == {"search", "get_schema", "execute", "KnowledgeBase"}
        assert set(tools["execute"].input_schema["properties"]) == {"operation", "inputs"}
        assert (tools["search"].output_schema or {})["x-fastmcp-wrap-result"] is True
    hidden = ["KnowledgeBase", "CreateDebugSession", "list_vault"]
    async with (
        Sandbox(world=world, generation="code-mode", hide=hidden) as sandbox,
        connect(sandbox) as caller,
    ):
        assert len((await caller.client.list_tools()).tools) == 3
        missing = await caller.ok("get_schema", tools=["create_debug_session", "list_vault"])
        assert missing == {"result": "Tools not found: create_debug_session, list_vault"}
        refused = await caller.refusal("execute", operation="list_vault", inputs={})
        assert refused == "Error calling tool 'execute': Exception: Unknown tool: list_vault"


async def test_a_search_ranks_by_shared_words(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        total = len(OPERATIONS)

        async def search(query: str, **more: Any) -> str:
            answer = await caller.ok("search", query=query, **more)
            assert await caller.texts("search", query=query, **more) == [answer["result"]]
            return answer["result"]

        found = (await search("get one vault", limit=3)).splitlines()
        assert found[:2] == [f"3 of {total} tools:", ""]
        assert found[2] == "- get_vault: Get a Vault using ID or name."
        assert await search("quaternions") == f"0 of {total} tools:\n\nNo tools matched the query."
        assert await search("") == f"0 of {total} tools:\n\nNo tools matched the query."
        assert await search("quaternions", detail="full") == "[]"
        tagged = json.loads(await search("list", tags=["Vaults"], detail="full"))
        assert [tool["name"] for tool in tagged] == ["list_vault"]
        assert tagged[0]["inputSchema"]["required"] == ["controlPlaneId"]


async def test_a_schema_is_told_at_every_detail(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        asked = {"tools": ["get_route", "query_requests", "get_users_me", "no_such"]}
        told = (await caller.ok("get_schema", **asked))["result"]
        assert "### get_route\n\nGet a Route using ID or name.\n\n**Parameters**\n" in told
        assert "- `controlPlaneId` (string, required)\n- `RouteId` (string, required)\n" in told
        assert "**Returns**\n- `result` (object)" in told
        assert "- `body` (object, required)" in told
        assert "*(no parameters)*" in told
        assert told.endswith("\n\nTools not found: no_such")
        full = json.loads((await caller.ok("get_schema", **asked, detail="full"))["result"])
        assert [tool.get("name") for tool in full] == [*asked["tools"][:3], None]
        assert full[-1] == {"not_found": ["no_such"]}
        brief = (await caller.ok("get_schema", tools=["get_vault"], detail="brief"))["result"]
        assert brief == "- get_vault: Get a Vault using ID or name."


async def test_lists_come_in_their_own_envelopes_page_by_page(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        shop, group = world.control_plane(SHOP), world.control_plane("fulfilment")
        routes: list[Entity] = []
        page: Entity = {"offset": None}
        while "offset" in page:
            page = await executed(caller, "list_route", controlPlaneId=shop.id, size=4, offset=page["offset"])
            assert len(page["data"]) <= 4
            assert (page["next"] is None) == ("offset" not in page)
            routes += page["data"]
        assert routes == list(shop.routes)
        planes = await executed(caller, "list_control_planes", **{"page[size]": 3, "page[number]": 3})
        assert planes["data"] == [plane.entity for plane in world.control_planes[6:]]
        assert planes["meta"]["page"] == {"number": 3, "size": 3, "total": 8}
        path = {"controlPlaneId": group.id, "page[size]": 1}
        first = await executed(caller, "get_control_planes_id_group_memberships", **path)
        assert first["meta"]["page"]["total"] == 2
        after = re.search(r"page%5Bafter%5D=([^&]+)", first["meta"]["page"]["next"])
        assert after is not None
        second = await executed(
            caller,
            "get_control_planes_id_group_memberships",
            **path,
            **{"page[after]": after[1].replace("%3D", "=")},
        )
        assert {one["data"][0]["id"] for one in (first, second)} == set(group.members)
        assert second["meta"]["page"] == {"size": 1, "next": None}


async def test_a_page_has_a_hundred_entities_unless_told_otherwise(connect: Connect) -> None:
    draft = Draft(seed=7, name="crowded", description="")
    for number in range(150):
        draft.consumer(f"consumer-{number}", tags=("even",) if number % 2 == 0 else ("odd", "third"))
    world = World(seed=7, now=World.story(7).now, control_planes=(draft.done(),))
    plane = world.control_planes[0]
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        first = await executed(caller, "list_consumer", controlPlaneId=plane.id)
        assert len(first["data"]) == 100
        for tags, many in (("even", 75), ("even,odd", 0), ("even/odd", 150), ("odd,third", 75)):
            listed = await executed(caller, "list_consumer", controlPlaneId=plane.id, tags=tags, size=1000)
            assert len(listed["data"]) == many
        named = {"filter[name][eq]": "consumer-7"}
        (found,) = (await executed(caller, "list_consumer", controlPlaneId=plane.id, **named))["data"]
        assert found["username"] == "consumer-7"


async def test_one_entity_is_got_by_id_or_by_its_name(connect: Connect, world: World) -> None:
    shop = world.control_plane(SHOP)
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        path = {"controlPlaneId": shop.id}
        for word, argument, name in (
            ("service", "ServiceId", "checkout"),
            ("consumer", "ConsumerId", "ios-app"),
            ("vault", "VaultId", "shop-env"),
        ):
            by_name = await executed(caller, f"get_{word}", **path, **{argument: name})
            by_id = await executed(caller, f"get_{word}", **path, **{argument: by_name["id"]})
            assert by_name == by_id
            assert by_name in shop.listing(f"{word}s")
        route = await executed(caller, "get_route", **path, RouteId="checkout")
        assert route == {"result": shop.find("routes", "checkout")}
        group = await executed(caller, "get_consumer_group", **path, ConsumerGroupId="kiosks")
        assert group == {"consumer_group": shop.find("consumer_groups", "kiosks")}
        plane = await executed(caller, "get_control_plane", **path)
        assert plane == {"result": shop.entity}
        plugin = shop.plugins[0]
        assert (await problem(caller, "get_plugin", **path, PluginId=plugin["name"]))["status"] == 404
        scoped = await executed(
            caller, "list_plugin_with_route", **path, RouteId=shop.find("routes", "users")["id"]
        )
        assert [each["name"] for each in scoped["data"]] == ["rate-limiting"]
        service = shop.find("services", "basket")["id"]
        routes = await executed(caller, "list_route_with_service", **path, ServiceId=service)
        assert {each["name"] for each in routes["data"]} == {"basket", "basket-items"}


async def test_what_an_operation_does_not_know_is_dropped_and_what_it_needs_is_not_asked_for(
    connect: Connect, world: World
) -> None:
    shop = world.control_plane(SHOP)
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        listed = await executed(caller, "list_vault", controlPlaneId=shop.id, control_plane_id="?", page=9)
        assert listed["data"] == list(shop.vaults)
        missing = await problem(caller, "list_vault", control_plane_id=shop.id)
        assert (missing["status"], missing["title"]) == (404, "Not Found")
        assert "{controlPlaneId}" in missing["detail"]
        flat = await executed(caller, "query_requests", size=3)
        assert flat["meta"]["size"] == 100  # the fields of a body that is a choice have to be in `body`
        assert (await executed(caller, "query_requests", body={"size": 3}))["meta"]["size"] == 3


async def test_refusals_are_problems(connect: Connect, world: World) -> None:
    shop = world.control_plane(SHOP)
    sandbox = Sandbox(world=world, generation="code-mode", forbidden=["partners-ingress"])
    async with sandbox, connect(sandbox) as caller:
        closed = world.control_plane("partners-ingress").id
        denied = await problem(caller, "list_service", controlPlaneId=closed)
        assert (denied["status"], denied["title"]) == (403, "Permission denied")
        assert denied["instance"].startswith("konnect:trace:")
        for inputs in ({"size": 0}, {"size": 1001}, {"size": "many"}, {"offset": "bm9uc2Vuc2U="}):
            invalid = await problem(caller, "list_service", controlPlaneId=shop.id, **inputs)
            assert invalid["detail"] == "Invalid Parameters"
            assert invalid["invalid_parameters"][0]["field"] in inputs
        for operation in ("create_service", "delete_service"):
            inputs = {"controlPlaneId": shop.id, "ServiceId": "checkout"}
            assert (await problem(caller, operation, **inputs))["status"] == 403
        body = {"time_range": {"type": "relative", "time_range": "24h"}, "size": 1001}
        invalid = await problem(caller, "query_requests", body=body)
        assert {each["field"] for each in invalid["invalid_parameters"]} == {"time_range.time_range", "size"}
        assert (await problem(caller, "metrics", body={}))["status"] == 400
        tool = await caller.refusal("execute", operation="create_debug_session", inputs={"http_latency": "1"})
        assert "Error calling tool 'create_debug_session': Invalid arguments" in tool


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("execute", {}, ["1 validation error for call[execute]", "operation"]),
        ("execute", {"operation": "metrics", "code": "1"}, ["1 validation error for call[execute]", "code"]),
        (
            "search",
            {"query": 7, "detail": "much"},
            ["2 validation errors for call[search]", "query", "detail"],
        ),
        ("get_schema", {"tools": "list_service"}, ["call[get_schema]", "tools", "array"]),
    ],
)
async def test_unacceptable_arguments_of_the_three_tools_are_validation_errors(
    connect: Connect, world: World, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        text = await caller.refusal(tool, **arguments)
        assert [word for word in words if word not in text] == []


async def test_request_logs_page_by_offset_and_take_the_older_filters(connect: Connect, world: World) -> None:
    day = {"type": "relative", "time_range": "24H"}
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        part = await executed(caller, "query_requests", body={"time_range": day, "size": 10, "offset": 20})
        assert part["results"] == list(world.requests[20:30])
        assert {key: part["meta"][key] for key in ("size", "offset")} == {"size": 10, "offset": 20}
        by_field = {"field": "status_code", "operator": "in", "value": [401]}
        by_dimension = {"dimension": "status_code", "type": "in", "values": [401]}
        answers = [
            await executed(caller, "query_requests", body={"time_range": day, "filters": [each]})
            for each in (by_field, by_dimension)
        ]
        assert answers[0]["results"] == answers[1]["results"]
        assert answers[0]["results"]


async def test_the_ledger_knows_the_operations(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="code-mode") as sandbox, connect(sandbox) as caller:
        shop = world.control_plane(SHOP)
        created = await executed(caller, "create_debug_session", control_plane_id=shop.id)
        await problem(caller, "list_service", controlPlaneId=UNKNOWN)
        assert [(each.tool, each.outcome) for each in sandbox.ledger.operations] == [
            ("create_debug_session", "ok"),
            ("list_service", "error"),
        ]
        assert [call.tool for call in sandbox.ledger.calls] == ["execute", "execute"]
        assert sandbox.ledger.debug_sessions_created == (created["debug_session_id"],)
        me = await executed(caller, "get_users_me")
        assert me["email"].endswith("@saltmarsh.example")
        assert (await executed(caller, "get_organizations_me"))["name"] == "Saltmarsh Goods"
