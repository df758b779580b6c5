"""What goes out, documented names and values, optional ones only when given; and what is refused before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from konnect_agent import DebugCriteria, InvalidArguments, Konnect, KonnectError, NotFound
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..conftest import Client

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
ID = "7a0c51de-1111-4222-8333-944455566677"
Call = Callable[[Konnect], Awaitable[Any]]

SENT: list[tuple[Call, str, dict[str, Any]]] = [
    (lambda k: k.control_planes.list(), "GetControlPlane", {"operation": "list"}),
    (lambda k: k.control_planes.get(f" {CP} "), "GetControlPlane", {"operation": "get_by_id", "id": CP}),
    (
        lambda k: k.control_planes.get_by_name("prod"),
        "GetControlPlane",
        {"operation": "get_by_name", "name": "prod"},
    ),
    (
        lambda k: k.control_planes.get_by_route("/api/users"),
        "GetControlPlane",
        {"operation": "get_by_route", "path": "/api/users"},
    ),
    (
        lambda k: k.control_plane_groups.list(CP),
        "GetControlPlaneGroup",
        {"operation": "list", "control_plane_group_id": CP},
    ),
    (lambda k: k.services.list(CP), "GetService", {"operation": "list", "control_plane_id": CP}),
    (
        lambda k: k.services.get(ID, control_plane_id=CP),
        "GetService",
        {"operation": "get_by_id", "control_plane_id": CP, "service_id": ID},
    ),
    (
        lambda k: k.routes.get_by_name("users", control_plane_id=CP),
        "GetRoute",
        {"operation": "get_by_name", "control_plane_id": CP, "route_name": "users"},
    ),
    (
        lambda k: k.plugins.get(f"{CP}:{ID}", control_plane_id=CP),
        "GetPlugin",
        {"operation": "get_by_id", "control_plane_id": CP, "plugin_id": ID},
    ),
    (
        lambda k: k.consumers.get_by_name("web shop ", control_plane_id=CP),
        "GetConsumer",
        {"operation": "get_by_name", "control_plane_id": CP, "consumer_name": "web shop "},
    ),
    (lambda k: k.consumer_groups.list(CP), "GetConsumerGroup", {"operation": "list", "control_plane_id": CP}),
    (
        lambda k: k.vaults.get_by_name("env", control_plane_id=CP),
        "GetVault",
        {"operation": "get_by_name", "control_plane_id": CP, "vault_name": "env"},
    ),
    (
        lambda k: k.analytics.query_api_requests("24h"),
        "GetAnalytics",
        {"operation": "query_api_requests", "time_range": "24H"},
    ),
    (
        lambda k: k.analytics.query_api_requests(
            "7D",
            status_codes=(500, 502),
            excluded_status_codes=[503],
            http_methods=["get"],
            service_ids=[ID],
            max_results=5,
        ),
        "GetAnalytics",
        {
            "operation": "query_api_requests", "time_range": "7D", "status_codes": [500, 502],
            "excluded_status_codes": [503], "http_methods": ["GET"], "service_ids": [ID], "max_results": 5,
        },
    ),
    (
        lambda k: k.analytics.get_consumer_requests(ID, time_range="1H", failure_only=True),
        "GetAnalytics",
        {"operation": "get_consumer_requests", "time_range": "1H", "consumer_id": ID, "failureOnly": True},
    ),
    (
        lambda k: k.analytics.get_consumer_requests(ID, time_range="1H", success_only=True, max_results=1),
        "GetAnalytics",
        {
            "operation": "get_consumer_requests", "time_range": "1H", "consumer_id": ID, "successOnly": True,
            "max_results": 1,
        },
    ),
    (lambda k: k.debug_sessions.create(CP), "CreateDebugSession", {"control_plane_id": CP}),
    (
        lambda k: k.debug_sessions.create(
            CP, http_path="/slow", http_method="post", http_status_code=500, http_latency=" >= 1000 MS",
            service_id=f"{CP}:{ID}", session_duration=10, max_samples=3,
        ),
        "CreateDebugSession",
        {
            "control_plane_id": CP, "http_path": "/slow", "http_method": "POST", "http_status_code": "500",
            "http_latency": ">=1000ms", "service_id": ID, "session_duration": 10, "max_samples": 3,
        },
    ),
    (
        lambda k: k.debug_sessions.create(
            CP, DebugCriteria(http_path="/a", session_duration=60), max_samples=7
        ),
        "CreateDebugSession",
        {"control_plane_id": CP, "http_path": "/a", "session_duration": 60, "max_samples": 7},
    ),
    (
        lambda k: k.debug_sessions.fetch_status(ID, control_plane_id=CP),
        "ActiveTracingSession",
        {"operation": "fetch_status", "control_plane_id": CP, "debug_session_id": ID},
    ),
    (
        lambda k: k.debug_sessions.summarize(ID, control_plane_id=CP),
        "ActiveTracingSession",
        {"operation": "summarize_session", "control_plane_id": CP, "debug_session_id": ID},
    ),
    (
        lambda k: k.debug_sessions.compact_traces(ID, control_plane_id=CP),
        "ActiveTracingSession",
        {"operation": "compact_traces", "control_plane_id": CP, "debug_session_id": ID},
    ),
    (
        lambda k: k.debug_sessions.compact_traces(ID, control_plane_id=CP, phase="egress", plugin_id=CP),
        "ActiveTracingSession",
        {
            "operation": "compact_traces", "control_plane_id": CP, "debug_session_id": ID, "phase": "egress",
            "phase_filter": CP,
        },
    ),
    (
        lambda k: k.debug_sessions.compressed_traces(ID, control_plane_id=CP),
        "ActiveTracingSession",
        {"operation": "compressed_traces", "control_plane_id": CP, "debug_session_id": ID},
    ),
    (
        lambda k: k.debug_sessions.stop(ID, control_plane_id=CP),
        "ActiveTracingSession",
        {"operation": "stop_session", "control_plane_id": CP, "debug_session_id": ID},
    ),
    (lambda k: k.alerts.get(ID), "FetchAlertingEventDetails", {"alert_event_id": ID}),
    (lambda k: k.knowledge_base.search("vaults?"), "KnowledgeBaseSearch", {"query": "vaults?"}),
]  # fmt: skip

REFUSED: dict[str, Call] = {
    "an empty control plane id": lambda k: k.services.list(""),
    "a blank control plane id": lambda k: k.services.list("  "),
    "no control plane id": lambda k: k.services.list(None),  # pyright: ignore[reportArgumentType]
    "an empty entity id": lambda k: k.routes.get("", control_plane_id=CP),
    "an empty name": lambda k: k.consumers.get_by_name(" ", control_plane_id=CP),
    "nothing to find": lambda k: k.control_planes.find(""),
    "a path without a slash": lambda k: k.control_planes.get_by_route("api/users"),
    "no path": lambda k: k.control_planes.get_by_route(""),
    "a time range nobody documents": lambda k: k.analytics.query_api_requests("30D"),
    "no time range": lambda k: k.analytics.query_api_requests(""),
    "a status that is none": lambda k: k.analytics.query_api_requests("1H", status_codes=[99]),
    "a status beyond 599": lambda k: k.analytics.query_api_requests("1H", excluded_status_codes=[600]),
    "a status class": lambda k: k.analytics.query_api_requests("1H", status_codes=["5XX"]),  # pyright: ignore[reportArgumentType]
    "no results at all": lambda k: k.analytics.query_api_requests("1H", max_results=0),
    "only successes and only failures": lambda k: k.analytics.get_consumer_requests(
        ID, time_range="1H", success_only=True, failure_only=True
    ),
    "no consumer": lambda k: k.analytics.get_consumer_requests(" ", time_range="1H"),
    "a latency without >=": lambda k: k.debug_sessions.create(CP, http_latency="1000ms"),
    "a latency in seconds": lambda k: k.debug_sessions.create(CP, http_latency=">=1s"),
    "nine seconds": lambda k: k.debug_sessions.create(CP, session_duration=9),
    "more than half an hour": lambda k: k.debug_sessions.create(CP, session_duration=1801),
    "a method nobody can trace": lambda k: k.debug_sessions.create(CP, http_method="TRACE"),
    "a status text": lambda k: k.debug_sessions.create(CP, http_status_code="5xx"),
    "a relative path": lambda k: k.debug_sessions.create(CP, http_path="slow"),
    "no samples": lambda k: k.debug_sessions.create(CP, max_samples=0),
    "criteria for another control plane": lambda k: k.debug_sessions.create(
        CP, DebugCriteria.of({"control_plane_id": ID, "http_path": "/slow"})
    ),
    "a debug session without a control plane": lambda k: k.debug_sessions.create(""),
    "a third phase": lambda k: k.debug_sessions.compact_traces(ID, control_plane_id=CP, phase="access"),
    "no debug session": lambda k: k.debug_sessions.stop("", control_plane_id=CP),
    "a debug session of no length": lambda k: k.debug_sessions.wait(ID, control_plane_id=CP, duration=0),
    "an empty alert": lambda k: k.alerts.get(""),
    "an empty question": lambda k: k.knowledge_base.search(" \n"),
}


async def test_arguments_go_out_as_documented_and_only_when_given(world: World, client: Client) -> None:
    with Sandbox(world=world) as sandbox:
        async with client(sandbox) as konnect:
            for call, tool, arguments in SENT:
                before = len(sandbox.ledger.calls)
                with suppress(KonnectError):  # these ids exist nowhere; what was sent is the matter here
                    await call(konnect)
                arrivals = sandbox.ledger.calls[before:]
                assert [(arrival.tool, dict(arrival.arguments)) for arrival in arrivals] == [
                    (tool, arguments)
                ]
                assert "Invalid arguments" not in arrivals[0].answer


async def test_the_plugin_filter_takes_the_name_the_server_uses(world: World, client: Client) -> None:
    with Sandbox(world=world, trace_filter="plugin_filter") as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(NotFound, match="no control plane has the id"):
                await konnect.debug_sessions.compact_traces(ID, control_plane_id=CP, plugin_id=CP)
        (arrival,) = sandbox.ledger.calls
        assert arrival.arguments["plugin_filter"] == CP
        assert "phase_filter" not in arrival.arguments


async def test_what_an_alert_brings_goes_unchanged_into_the_debug_session(
    world: World, client: Client
) -> None:
    inputs = next(
        alert["debug_session_inputs"] for alert in world.alerts.values() if "debug_session_inputs" in alert
    )
    with Sandbox(world=world) as sandbox:
        async with client(sandbox) as konnect:
            session = await konnect.debug_sessions.create(
                inputs["control_plane_id"], DebugCriteria.of(inputs)
            )
            await konnect.debug_sessions.stop(session.id or "", control_plane_id=inputs["control_plane_id"])
        assert sandbox.ledger.calls[0].arguments == inputs


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
async def test_bad_arguments_are_refused_before_anything_is_sent(
    call: Call, sandbox: Sandbox, konnect: Konnect
) -> None:
    before = len(sandbox.ledger.calls)
    with pytest.raises(InvalidArguments) as caught:
        await call(konnect)
    assert caught.value.hint
    assert len(sandbox.ledger.calls) == before
