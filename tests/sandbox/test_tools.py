from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.answers import Envelope
from konnect_agent.sandbox.tools import TOOLS, Spelling

from .conftest import Connect

pytestmark = pytest.mark.anyio
SHOP = "storefront-production"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("json_response", [False, True])
async def test_both_eras_are_served_as_json_and_as_events(
    connect: Connect, mode: str, json_response: bool
) -> None:
    async with Sandbox(json_response=json_response) as sandbox, connect(sandbox, mode) as caller:
        listed = await caller.client.list_tools()
        assert {tool.name for tool in listed.tools} == {tool.name for tool in TOOLS}
        answer = await caller.ok("GetControlPlane", operation="list")
        assert len(answer["data"]) == len(sandbox.world.control_planes)


@pytest.mark.parametrize(("era", "version"), [("2025", "2025-11-25"), ("2026", "2026-07-28")])
async def test_a_server_of_one_era_is_found_by_a_client_of_both(
    connect: Connect, era: str, version: str
) -> None:
    async with Sandbox(eras=[era]) as sandbox, connect(sandbox, "auto") as caller:
        assert caller.client.protocol_version == version
        await caller.ok("GetControlPlane", operation="list")


async def test_only_reads_are_marked_read_only(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        listed = await caller.client.list_tools()
        hints = {tool.name: tool.annotations and tool.annotations.read_only_hint for tool in listed.tools}
        writing = {name for name, read_only in hints.items() if not read_only}
        assert writing == {"CreateDebugSession", "ActiveTracingSession"}


@pytest.mark.parametrize(
    ("spelling", "prefix", "name"),
    [("snake", "", "get_control_plane"), ("kebab", "konnect-", "konnect-get-control-plane")],
)
async def test_tool_names_can_be_spelled_otherwise(
    connect: Connect, spelling: Spelling, prefix: str, name: str
) -> None:
    async with Sandbox(spelling=spelling, prefix=prefix) as sandbox, connect(sandbox) as caller:
        assert await caller.ok(name, operation="list")
        assert "Unknown tool" in await caller.refusal("GetControlPlane", operation="list")
        assert [call.tool for call in sandbox.ledger.calls] == ["GetControlPlane"]


async def test_a_hidden_tool_is_neither_listed_nor_callable(connect: Connect) -> None:
    async with Sandbox(hide=["GetAnalytics"]) as sandbox, connect(sandbox) as caller:
        assert "GetAnalytics" not in {tool.name for tool in (await caller.client.list_tools()).tools}
        refused = await caller.refusal("GetAnalytics", operation="query_api_requests", time_range="1H")
        assert refused == "Unknown tool: 'GetAnalytics'"


async def test_the_trace_filter_goes_by_either_documented_name(connect: Connect) -> None:
    for name in ("phase_filter", "plugin_filter"):
        async with Sandbox(trace_filter=name) as sandbox, connect(sandbox) as caller:
            tools = {tool.name: tool for tool in (await caller.client.list_tools()).tools}
            properties = tools["ActiveTracingSession"].input_schema["properties"]
            assert {"phase_filter", "plugin_filter"} & set(properties) == {name}


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("GetControlPlane", {}, ["operation", "required"]),
        ("GetControlPlane", {"operation": "list", "page": 2}, ["page", "unexpected"]),
        ("GetControlPlane", {"operation": "get_by_route"}, ["path", "required"]),
        ("GetControlPlane", {"operation": "get_by_id", "id": "payments"}, ["id", "payments"]),
        ("GetConsumer", {"operation": "list", "consumer_name": "web-shop"}, ["consumer_name", "get_by_name"]),
        ("GetConsumer", {"operation": "get_by_name"}, ["consumer_name", "required"]),
        ("GetPlugin", {"operation": "get_by_name"}, ["operation", "get_by_name"]),
        ("GetAnalytics", {"operation": "query_api_requests", "time_range": "24h"}, ["time_range", "24h"]),
        ("GetAnalytics", {"operation": "get_consumer_requests", "time_range": "1H"}, ["consumer_id"]),
        (
            "GetAnalytics",
            {"operation": "query_api_requests", "time_range": "1H", "failureOnly": True},
            ["failureOnly", "get_consumer_requests"],
        ),
        (
            "GetAnalytics",
            {"operation": "query_api_requests", "time_range": "1H", "status_codes": ["500"]},
            ["status_codes", "integer"],
        ),
        ("CreateDebugSession", {"http_status_code": 500}, ["http_status_code", "string"]),
        ("CreateDebugSession", {"http_latency": "1000"}, ["http_latency", ">=1000ms"]),
        ("CreateDebugSession", {"http_method": "get"}, ["http_method", "GET"]),
        ("CreateDebugSession", {"session_duration": 9}, ["session_duration", "minimum"]),
        ("CreateDebugSession", {"session_duration": 1801}, ["session_duration", "maximum"]),
        ("KnowledgeBaseSearch", {"query": ""}, ["query"]),
    ],
)
async def test_unacceptable_arguments_are_named_with_the_reason(
    connect: Connect, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        if tool in ("GetConsumer", "GetPlugin", "CreateDebugSession"):
            arguments = arguments | {"control_plane_id": sandbox.world.control_plane(SHOP).id}
        text = await caller.refusal(tool, **arguments)
        assert [word for word in words if word not in text] == []
        assert sandbox.ledger.calls[0].outcome == "error"
        assert sandbox.ledger.debug_sessions_created == ()


async def test_entities_are_listed_and_found_by_id_and_exact_name(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        plane = sandbox.world.control_plane(SHOP)
        for tool, kind, name in (
            ("GetService", "services", "users-api"),
            ("GetRoute", "routes", "users"),
            ("GetConsumer", "consumers", "web-shop"),
            ("GetVault", "vaults", "hcv"),
        ):
            listed = await caller.ok(tool, control_plane_id=plane.id, operation="list")
            assert listed["data"] == list(plane.listing(kind))
            singular = kind[:-1]
            by_name: dict[str, str] = {f"{singular}_name": name}
            one = await caller.ok(tool, control_plane_id=plane.id, operation="get_by_name", **by_name)
            by_id: dict[str, str] = {f"{singular}_id": one["id"]}
            assert await caller.ok(tool, control_plane_id=plane.id, operation="get_by_id", **by_id) == one
            shouted: dict[str, str] = {f"{singular}_name": name.upper()}
            refused = await caller.refusal(
                tool, control_plane_id=plane.id, operation="get_by_name", **shouted
            )
            assert json.loads(refused)["status"] == 404


async def test_control_planes_are_found_by_name_route_and_group(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        by_name = await caller.ok("GetControlPlane", operation="get_by_name", name="payments-staging")
        assert by_name["id"] == sandbox.world.control_plane("payments-staging").id
        by_route = await caller.ok("GetControlPlane", operation="get_by_route", path="/api/users/42")
        assert [one["name"] for one in by_route["data"]] == [SHOP]
        group = sandbox.world.control_plane("fulfilment")
        members = await caller.ok("GetControlPlaneGroup", operation="list", control_plane_group_id=group.id)
        assert {one["id"] for one in members["data"]} == set(group.members)
        other = sandbox.world.control_plane(SHOP).id
        assert "not a control plane group" in await caller.refusal(
            "GetControlPlaneGroup", operation="list", control_plane_group_id=other
        )


async def test_an_unknown_or_forbidden_control_plane_answers_a_problem(connect: Connect) -> None:
    async with Sandbox(forbidden=["partners-ingress"]) as sandbox, connect(sandbox) as caller:
        unknown = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
        missing = json.loads(await caller.refusal("GetService", operation="list", control_plane_id=unknown))
        assert missing["status"] == 404
        assert "control_plane_id" in missing["detail"]
        closed = sandbox.world.control_plane("partners-ingress").id
        denied = json.loads(await caller.refusal("GetService", operation="list", control_plane_id=closed))
        assert (denied["status"], denied["title"]) == (403, "Permission denied")
        listed = await caller.ok("GetControlPlane", operation="list")
        assert closed in {one["id"] for one in listed["data"]}


@pytest.mark.parametrize("envelope", ["data", "result", "plural", "bare", "blocks"])
async def test_every_envelope_carries_the_same_entities(connect: Connect, envelope: Envelope) -> None:
    async with Sandbox(envelope=envelope) as sandbox, connect(sandbox) as caller:
        plane = sandbox.world.control_plane(SHOP)
        arguments = {"control_plane_id": plane.id, "operation": "list"}
        result = await caller.client.call_tool("GetVault", arguments)
        texts = [json.loads(getattr(block, "text", "")) for block in result.content]
        expected: dict[Envelope, tuple[Any, Any]] = {
            "data": (texts[0], {"data": list(plane.vaults)}),
            "result": (result.structured_content, {"result": list(plane.vaults)}),
            "plural": (result.structured_content, {"metadata": {"count": 3}, "vaults": list(plane.vaults)}),
            "bare": ((texts, result.structured_content), ([list(plane.vaults)], None)),
            "blocks": ((texts, result.structured_content), (list(plane.vaults), None)),
        }
        found, wanted = expected[envelope]
        assert found == wanted


async def test_analytics_filters_combine_and_cut_at_the_newest(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        world, plane = sandbox.world, sandbox.world.control_plane(SHOP)
        route = plane.find("routes", "my-recommendations")["id"]
        consumer = plane.find("consumers", "web-shop")["id"]
        for route_id, consumer_id in ((route, consumer), (f"{plane.id}:{route}", f"{plane.id}:{consumer}")):
            answer = await caller.ok(
                "GetAnalytics",
                operation="query_api_requests",
                time_range="24H",
                status_codes=[500, 502, 503],
                excluded_status_codes=[503],
                http_methods=["GET"],
                route_ids=[route_id],
                consumer_ids=[consumer_id],
                max_results=1000,
            )
            wanted = [
                row
                for row in world.requests
                if row["route"] == f"{plane.id}:{route}"
                and row["consumer"] == f"{plane.id}:{consumer}"
                and row["response_http_status"] in ("500", "502")
            ]
            assert answer["data"] == wanted
            assert wanted
        newest = await caller.ok("GetAnalytics", operation="query_api_requests", time_range="24H")
        assert newest["data"] == list(world.requests[:100])
        service = plane.find("services", "checkout")["id"]
        of_service = await caller.ok(
            "GetAnalytics", operation="query_api_requests", time_range="6H", service_ids=[service]
        )
        assert {row["gateway_service"] for row in of_service["data"]} == {f"{plane.id}:{service}"}


async def test_a_shorter_time_range_sees_fewer_requests(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        sizes: list[int] = []
        for time_range in ("15M", "1H", "6H"):
            answer = await caller.ok(
                "GetAnalytics", operation="query_api_requests", time_range=time_range, max_results=1000
            )
            sizes.append(answer["meta"]["size"])
        assert 0 < sizes[0] < sizes[1] < sizes[2]


async def test_consumer_requests_come_with_statistics(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        plane = sandbox.world.control_plane(SHOP)
        kiosk = plane.find("consumers", "harbour-kiosk")["id"]
        asked = {"operation": "get_consumer_requests", "time_range": "24H", "consumer_id": kiosk}
        failed = await caller.ok("GetAnalytics", **asked, failureOnly=True, max_results=1000)
        assert {row["response_http_status"] for row in failed["data"]} >= {"401"}
        assert failed["statistics"]["failed_requests"] == len(failed["data"])
        fine = await caller.ok("GetAnalytics", **asked, successOnly=True, max_results=1000)
        assert fine["statistics"]["successful_requests"] == len(fine["data"])


async def test_the_knowledge_base_answers_plain_text(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        (text,) = await caller.texts("KnowledgeBaseSearch", query="why is rate limiting with redis slow?")
        assert text.startswith("Rate limiting\n")
        (nothing,) = await caller.texts("KnowledgeBaseSearch", query="quaternions")
        assert nothing == "No matching documentation was found."
