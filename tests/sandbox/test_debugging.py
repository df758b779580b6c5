from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.debugging import DebugSessions, Ending
from konnect_agent.sandbox.summaries import summarize
from konnect_agent.sandbox.world import SLOW_PATH, World

from .conftest import Caller, Connect

SHOP = "storefront-production"
WAITING = "kong.access.plugin.rate-limiting-advanced"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sampled(world: World, control_plane: str = SHOP, **criteria: Any) -> list[dict[str, Any]]:
    """The traces of a completed debug session."""
    clock = Clock()
    sessions = DebugSessions(world, time_scale=1.0, clock=clock)
    session = sessions.create({"control_plane_id": world.control_plane(control_plane).id} | criteria)
    clock.now = 3600.0
    return sessions.traces(session)


@pytest.mark.parametrize(
    ("ending", "last"), [("completed", "completed"), ("timed_out", "timed_out"), ("stuck", "in_progress")]
)
def test_a_debug_session_goes_through_the_documented_statuses(
    world: World, ending: Ending, last: str
) -> None:
    clock = Clock()
    sessions = DebugSessions(world, time_scale=10.0, ending=ending, clock=clock)
    session = sessions.create({"control_plane_id": world.control_plane(SHOP).id, "session_duration": 100})
    seen: list[str] = []
    for clock.now in (0.0, 5.0, 9.99, 10.0):
        seen.append(sessions.status(session))
    assert seen == ["pending", "in_progress", "in_progress", last]


def test_only_a_running_debug_session_can_be_stopped(world: World) -> None:
    clock = Clock()
    sessions = DebugSessions(world, time_scale=1.0, clock=clock)
    stopped, finished = (
        sessions.create({"control_plane_id": world.control_plane(SHOP).id}) for _ in range(2)
    )
    clock.now = 30.0
    assert sessions.running() == (stopped.id, finished.id)
    assert sessions.stop(stopped)
    clock.now = 60.0
    assert not sessions.stop(finished)
    assert [sessions.status(session) for session in (stopped, finished)] == ["cancelled", "completed"]
    assert 0 < len(sessions.traces(stopped)) < len(sessions.traces(finished))


def test_samples_meet_every_criterion(world: World) -> None:
    traces = sampled(world, http_path="/api/users", http_method="GET", http_status_code="401", max_samples=5)
    assert len(traces) == 5
    for trace in traces:
        assert trace["http_path"].startswith("/api/users/")
        assert (trace["http_method"], trace["http_status_code"]) == ("GET", 401)
    service = world.control_plane(SHOP).find("services", "reports")["id"]
    slow = sampled(world, service_id=service, http_latency=">=1000ms")
    assert {trace["http_path"] for trace in slow} == {SLOW_PATH}
    assert min(trace["latency"]["total"] for trace in slow) >= 1000


def test_longer_debug_sessions_sample_more(world: World) -> None:
    short = sampled(world, http_path=SLOW_PATH, session_duration=10)
    assert 0 < len(short) < len(sampled(world, http_path=SLOW_PATH, session_duration=120))


def test_nothing_is_sampled_where_nothing_matches(world: World) -> None:
    assert sampled(world, http_path="/checkout") == []
    assert sampled(world, "innovation-lab") == []
    assert summarize([])["bottlenecks"] == []


def test_traffic_of_a_group_is_seen_by_the_group_and_not_by_its_members(world: World) -> None:
    assert sampled(world, "fulfilment-warehouse") == []
    assert sampled(world, "fulfilment")


def test_a_trace_adds_up_to_its_request(world: World) -> None:
    for criteria in ({"http_path": SLOW_PATH}, {"http_status_code": "502"}, {"http_status_code": "401"}, {}):
        for trace in sampled(world, **criteria):
            latency = trace["latency"]
            parts = latency["client"] + latency["internal"] + latency["upstream"] + latency["3p"]["total_io"]
            assert parts == pytest.approx(latency["total"], abs=1.0)
            (root,) = [span for span in trace["spans"] if span["parent_span_id"] is None]
            assert (root["name"], root["duration_ms"]) == ("kong", latency["total"])
            ids = {span["span_id"] for span in trace["spans"]}
            assert {span["parent_span_id"] for span in trace["spans"]} - {None} <= ids
            assert all(span["duration_ms"] >= 0 for span in trace["spans"])


def test_the_slow_path_waits_for_one_plugin(world: World) -> None:
    summary = summarize(sampled(world, http_path=SLOW_PATH, http_latency=">=1000ms"))
    worst = summary["bottlenecks"][0]
    assert (worst["name"], worst["kind"]) == (WAITING, "plugin")
    assert worst["share"] > 0.8
    owner = world.control_plane(SHOP).find("plugins", "rate-limiting-advanced")
    assert worst["plugin_name"] == owner["name"]
    assert summary["bottlenecks"][1]["within"] == WAITING
    assert summary["latency_analysis"]["total"]["p95_ms"] > 2000
    assert summary["latency_analysis"]["3p"]["p50_ms"] > summary["latency_analysis"]["upstream"]["p95_ms"]


def test_a_failing_upstream_shows_its_connection_attempts(world: World) -> None:
    (first, *_) = sampled(world, http_path="/api/recommendations", http_status_code="502")
    attempts = [span for span in first["spans"] if span["name"] == "kong.find_upstream"]
    assert [span["attributes"]["try_count"] for span in attempts] == [1, 2, 3]
    assert "kong.read_headers_from_upstream" not in {span["name"] for span in first["spans"]}


def test_a_refused_request_ends_in_the_plugin_that_refused_it(world: World) -> None:
    (first, *_) = sampled(world, http_path="/api/search", http_status_code="401")
    enders = {
        span["name"]
        for span in first["spans"]
        if span["attributes"].get("proxy.kong.plugin.http.response.status_code") == 401
    }
    assert enders == {"kong.access.plugin.key-auth"}


async def completed(caller: Caller, **tracing: str) -> None:
    """Poll until the debug session is completed."""
    status = ""
    while status != "completed":
        status = (await caller.ok("ActiveTracingSession", operation="fetch_status", **tracing))["status"]
        assert status in ("pending", "in_progress", "completed")


@pytest.mark.anyio
async def test_an_alert_leads_to_a_summary_over_the_wire(connect: Connect) -> None:
    async with Sandbox(time_scale=600) as sandbox, connect(sandbox) as caller:
        alert = await caller.ok("FetchAlertingEventDetails", alert_event_id=next(iter(sandbox.world.alerts)))
        created = await caller.ok("CreateDebugSession", **alert["debug_session_inputs"])
        tracing = {
            "control_plane_id": alert["control_plane_id"],
            "debug_session_id": created["debug_session_id"],
        }
        assert sandbox.debug_sessions_running() == (created["debug_session_id"],)
        early = json.loads(
            await caller.refusal("ActiveTracingSession", operation="summarize_session", **tracing)
        )
        assert early["status"] == 409
        await completed(caller, **tracing)

        summary = await caller.ok("ActiveTracingSession", operation="summarize_session", **tracing)
        assert summary["bottlenecks"][0]["name"] == WAITING
        assert summary["criteria"]["http_path"] == alert["path"]
        traces = (await caller.ok("ActiveTracingSession", operation="compact_traces", **tracing))["data"]
        assert len(traces) == summary["samples"]
        unique = (await caller.ok("ActiveTracingSession", operation="compressed_traces", **tracing))["data"]
        assert sum(one["count"] for one in unique) == len(traces)
        assert len(unique) < len(traces)

        egress = await caller.ok(
            "ActiveTracingSession", operation="compact_traces", phase="egress", **tracing
        )
        assert "kong.phase.access" not in {span["name"] for span in egress["data"][0]["spans"]}
        plugin = summary["bottlenecks"][0]["plugin_id"]
        only = await caller.ok(
            "ActiveTracingSession", operation="compact_traces", phase_filter=plugin, **tracing
        )
        assert only["data"][0]["spans"][0]["name"] == WAITING
        assert sandbox.debug_sessions_running() == ()


@pytest.mark.anyio
async def test_a_stopped_debug_session_is_cancelled_and_counted(connect: Connect) -> None:
    async with Sandbox(time_scale=1) as sandbox, connect(sandbox) as caller:
        plane = sandbox.world.control_plane(SHOP).id
        created = await caller.ok("CreateDebugSession", control_plane_id=plane)
        tracing = {"control_plane_id": plane, "debug_session_id": created["debug_session_id"]}
        for _ in range(2):
            stopped = await caller.ok("ActiveTracingSession", operation="stop_session", **tracing)
            assert stopped["status"] == "cancelled"
        assert sandbox.ledger.debug_sessions_stopped == sandbox.ledger.debug_sessions_created
        assert sandbox.debug_sessions_running() == ()


@pytest.mark.anyio
async def test_a_debug_session_belongs_to_its_control_plane(connect: Connect) -> None:
    async with Sandbox() as sandbox, connect(sandbox) as caller:
        created = await caller.ok("CreateDebugSession", control_plane_id=sandbox.world.control_plane(SHOP).id)
        refused = await caller.refusal(
            "ActiveTracingSession",
            operation="fetch_status",
            control_plane_id=sandbox.world.control_plane("payments-staging").id,
            debug_session_id=created["debug_session_id"],
        )
        assert json.loads(refused)["status"] == 404
