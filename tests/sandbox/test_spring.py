from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.spring import TOOLS
from konnect_agent.sandbox.world import World

from .conftest import Caller, Connect

pytestmark = pytest.mark.anyio
SHOP = "storefront-production"
DAY = {"type": "relative", "time_range": "24H"}
LAST_DAY = {"type": "relative", "time_range": "24h"}


async def every_row(caller: Caller, **query: Any) -> list[Entity]:
    """All rows of a query, by its cursors."""
    rows: list[Entity] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await caller.ok("QueryAPIRequests", **query, **cursor)
        rows += answer["data"]
        assert answer["meta"]["size"] == len(answer["data"])
        if answer["meta"]["cursor"] is None:
            return rows
        cursor = {"cursor": answer["meta"]["cursor"]}


async def test_the_analytics_tools_are_seven_others(connect: Connect) -> None:
    async with Sandbox() as classic, connect(classic) as caller:
        before = {tool.name for tool in (await caller.client.list_tools()).tools}
    async with Sandbox(generation="spring") as sandbox, connect(sandbox) as caller:
        names = {tool.name for tool in (await caller.client.list_tools()).tools}
    assert names - before == {tool.name for tool in TOOLS}
    assert before - names == {"GetAnalytics"}
    assert len(TOOLS) == 7


async def test_rows_come_page_by_page(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        assert await every_row(caller, time_range=DAY, size=1000) == list(world.requests)
        oldest = await every_row(caller, time_range=DAY, size=999, order="ascending")
        assert oldest == list(reversed(world.requests))
        first = await caller.ok("QueryAPIRequests", time_range=DAY)
        assert len(first["data"]) == 100
        other = await caller.refusal(
            "QueryAPIRequests", time_range=DAY, order="ascending", cursor=first["meta"]["cursor"]
        )
        assert "cursor: is not the cursor of a previous page of this query" in other


KEPT: dict[str, tuple[Any, str, Callable[[Any], bool]]] = {
    "status_code in": ([500, 502], "response_http_status", lambda found: found in ("500", "502")),
    "status_code !=": (200, "response_http_status", lambda found: found != "200"),
    "status_code_grouped in": (["5xx"], "response_http_status", lambda found: found[0] == "5"),
    "http_method not_in": (["GET"], "http_method", lambda found: found != "GET"),
    "latencies_response_ms >=": (1000, "latencies_response_ms", lambda found: found >= 1000),
    "request_uri starts_with": ("/api/b", "request_uri", lambda found: found.startswith("/api/b")),
    "header_user_host ends_with": ("pay.saltmarsh.example", "header_host", lambda found: found[:4] == "pay."),
    "upstream_status_code =": (503, "upstream_status", lambda found: found == 503),
    "consumer empty": (None, "consumer", lambda found: found is None),
    "consumer not_empty": (None, "consumer", lambda found: found is not None),
}


@pytest.mark.parametrize("condition", KEPT)
async def test_filters_keep_what_they_say(connect: Connect, world: World, condition: str) -> None:
    field, operator = condition.split()
    value, column, kept = KEPT[condition]
    written = {"field": field, "operator": operator} | ({} if value is None else {"value": value})
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        rows = await every_row(caller, time_range=DAY, filters=[written], size=1000)
    assert rows == [row for row in world.requests if kept(row[column])]
    assert 0 < len(rows) < len(world.requests)


async def test_filters_hold_all_at_once_and_name_entities_by_pairs(connect: Connect, world: World) -> None:
    shop = world.control_plane(SHOP)
    route, kiosk = shop.find("routes", "basket")["id"], shop.find("consumers", "harbour-kiosk")["id"]
    both = [
        {"field": "route", "operator": "=", "value": f"{shop.id}:{route}"},
        {"field": "consumer", "operator": "in", "value": [f"{shop.id}:{kiosk}"]},
    ]
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        rows = await every_row(caller, time_range=DAY, filters=both)
        assert {(row["route"], row["consumer"]) for row in rows} == {
            (f"{shop.id}:{route}", f"{shop.id}:{kiosk}")
        }
        plain = [{"field": "consumer", "operator": "in", "value": [kiosk]}]
        refused = await caller.refusal("QueryAPIRequests", time_range=DAY, filters=plain)
        assert "filters.0.value" in refused
        assert "<control plane id>:<id>" in refused


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("QueryAPIRequests", {"time_range": "24H"}, ["time_range", "object"]),
        ("QueryAPIRequests", {"time_range": LAST_DAY}, ["time_range.time_range", "24h"]),
        ("QueryAPIRequests", {"time_range": {"type": "relative"}}, ["time_range", "required"]),
        (
            "QueryAPIRequests",
            {"time_range": {"type": "absolute", "start": "2026-01-01"}},
            ["end", "required"],
        ),
        ("QueryAPIRequests", {"time_range": DAY | {"tz": "Mars/Olympus"}}, ["tz", "no time zone"]),
        (
            "QueryAPIRequests",
            {"time_range": {"type": "absolute", "start": "yesterday", "end": "today"}},
            ["time_range.start", "ISO 8601"],
        ),
        (
            "QueryAPIRequests",
            {"time_range": {"type": "absolute", "start": "2026-01-02", "end": "2026-01-01"}},
            ["time_range.end", "not after start"],
        ),
        ("QueryAPIRequests", {"time_range": DAY, "size": 1001}, ["size", "maximum"]),
        ("QueryAPIRequests", {"time_range": DAY, "cursor": "x"}, ["cursor"]),
        ("QueryAPIRequests", {"time_range": DAY, "status_codes": [500]}, ["status_codes", "unexpected"]),
        (
            "QueryAPIRequests",
            {"time_range": DAY, "filters": [{"field": "http_method", "operator": "<", "value": "A"}]},
            ["filters.0.operator", "http_method"],
        ),
        (
            "QueryAPIRequests",
            {"time_range": DAY, "filters": [{"field": "status_code", "operator": "in", "value": 500}]},
            ["filters.0.value", "array"],
        ),
        (
            "QueryAPIRequests",
            {"time_range": DAY, "filters": [{"field": "consumer", "operator": "empty", "value": 1}]},
            ["filters.0.value", "not accepted"],
        ),
        ("QueryAnalytics", {"time_range": DAY}, ["time_range.time_range", "24H"]),
        ("QueryAnalytics", {"time_range": LAST_DAY, "metrics": ["speed"]}, ["metrics.0", "speed"]),
        (
            "QueryAnalytics",
            {"time_range": LAST_DAY, "dimensions": ["route", "consumer", "http_method"]},
            ["dimensions"],
        ),
        ("QueryAnalytics", {"time_range": LAST_DAY, "granularity": "yearly"}, ["granularity", "yearly"]),
        ("QueryAnalytics", {"time_range": LAST_DAY, "limit": 5001}, ["limit", "maximum"]),
        ("GetConsumerRequests", {"consumer_id": "a:b", "time_range": "24H"}, ["consumer_id", "form"]),
        ("GetConsumerRequests", {"time_range": "24H"}, ["consumer_id", "required"]),
    ],
)
async def test_unacceptable_arguments_are_named_with_the_reason(
    connect: Connect, world: World, tool: str, arguments: dict[str, Any], words: list[str]
) -> None:
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        text = await caller.refusal(tool, **arguments)
        assert text.startswith(f"Invalid arguments for tool {tool}: ")
        assert [word for word in words if word not in text] == []


async def test_only_failures_or_only_successes_of_a_consumer(connect: Connect, world: World) -> None:
    kiosk = world.control_plane(SHOP).find("consumers", "harbour-kiosk")["id"]
    asked: dict[str, Any] = {"consumer_id": kiosk, "time_range": "24H", "max_results": 1000}
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        failed = await caller.ok("GetConsumerRequests", **asked, failureOnly=True)
        assert len(failed["data"]) == failed["statistics"]["failed_requests"] > 0
        both = await caller.refusal("GetConsumerRequests", **asked, failureOnly=True, successOnly=True)
        assert "failureOnly: excludes successOnly" in both


async def test_groups_are_counted_and_the_rest_is_put_together(connect: Connect, world: World) -> None:
    counted = Counter(row["control_plane"] for row in world.requests)
    asked: dict[str, Any] = {"time_range": LAST_DAY, "dimensions": ["control_plane"]}
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        whole = await caller.ok("QueryAnalytics", **asked)
        events = [row["event"] for row in whole["data"]]
        assert {event["control_plane"]: event["request_count"] for event in events} == counted
        assert [event["request_count"] for event in events] == sorted(counted.values(), reverse=True)
        names = {key: value["name"] for key, value in whole["meta"]["display"]["control_plane"].items()}
        assert names == {plane.id: plane.name for plane in world.control_planes if plane.id in counted}
        best = await caller.ok("QueryAnalytics", **asked, limit=2)
        events = [row["event"] for row in best["data"]]
        assert [event["control_plane"] for event in events][2:] == ["____OTHER____"]
        assert sum(event["request_count"] for event in events) == len(world.requests)
        least = await caller.ok("QueryAnalytics", **asked, limit=1, descending=False)
        assert least["data"][0]["event"]["request_count"] == min(counted.values())


async def test_buckets_of_time_add_up(connect: Connect, world: World) -> None:
    metrics = ["request_count", "error_rate", "response_latency_p95", "upstream_latency_average"]
    asked: dict[str, Any] = {"time_range": LAST_DAY, "metrics": metrics}
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        hourly = await caller.ok("QueryAnalytics", **asked, granularity="hourly")
        (whole,) = (await caller.ok("QueryAnalytics", **asked))["data"]
        assert sum(row["event"]["request_count"] for row in hourly["data"]) == len(world.requests)
        stamps = [datetime.fromisoformat(row["timestamp"]) for row in hourly["data"]]
        assert stamps == sorted(stamps)
        assert {stamp.minute for stamp in stamps} == {0}
        assert 24 <= len(stamps) <= 25
        failed = [row for row in world.requests if row["response_http_status"] >= "400"]
        assert whole["event"]["error_rate"] == round(100 * len(failed) / len(world.requests), 4)
        latencies = sorted(row["latencies_response_ms"] for row in world.requests)
        slower = sum(latency > whole["event"]["response_latency_p95"] for latency in latencies)
        assert slower <= 0.05 * len(latencies)
        short = await caller.ok("QueryAnalytics", time_range=LAST_DAY, granularity="tenSecondly")
        assert len(short["data"]) == 500
        assert short["meta"]["truncated"] is True
        assert short["meta"]["advice"]


async def test_models_and_agents_have_no_traffic(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        for tool in ("QueryLLMAnalytics", "QueryAgenticAnalytics"):
            assert (await caller.ok(tool, time_range=LAST_DAY))["data"] == []


async def test_data_sources_tell_what_their_tools_take(connect: Connect, world: World) -> None:
    async with Sandbox(world=world, generation="spring") as sandbox, connect(sandbox) as caller:
        config = await caller.ok("DatasourceConfig")
        assert set(config["datasources"]) == {"api-usage", "llm-usage", "agentic-usage", "requests"}
        one = await caller.ok("DatasourceConfig", datasource="api-usage")
        assert list(one["datasources"]) == ["api-usage"]
        usage = one["datasources"]["api-usage"]
        for dimension in usage["dimensions"]:
            arguments = {"dimensions": [dimension], "metrics": usage["metrics"][:3]}
            assert (await caller.ok(usage["tool"], time_range=LAST_DAY, **arguments))["data"]
        span = await caller.ok("QueryExploreTimeRange", time_range=LAST_DAY)
        assert span["min_granularity_ms"] == 60_000
