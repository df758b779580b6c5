"""Alert investigation is composition: its report holds the reports of the patterns it called."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from konnect_agent import ConfirmationDeclined, InvalidArguments, Konnect, NotFound
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import DebugPlan, debug_performance, investigate_alert
from patterns.alerts import AlertResult
from patterns.workflow import Report

from ..handmade import TOKEN, Serve, as_json

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]

SHOP = "storefront-production"
ALERT = "00000000-0000-4000-8000-00000000a1e7"


async def investigated(world: World, client: Client, **alert: Any) -> tuple[Report[AlertResult], list[Any]]:
    """The report on an alert of that form, and what was sent to CreateDebugSession."""
    raw = {"id": ALERT, "name": "An alert", **alert}
    with Sandbox(world=replace(world, alerts={ALERT: raw}), time_scale=600) as own:
        async with client(own) as konnect:
            report = await investigate_alert(konnect, ALERT, confirm=lambda _: True)
        return report, [call.arguments for call in own.ledger.calls_to("CreateDebugSession")]


async def test_debug_session_inputs_go_unchanged_into_create_debug_session(
    world: World, client: Client
) -> None:
    alert = next(alert for alert in world.alerts.values() if alert.get("debug_session_inputs"))
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            report = await investigate_alert(konnect, alert["id"], confirm=lambda _: True)
        (call,) = own.ledger.calls_to("CreateDebugSession")
    assert call.arguments == alert["debug_session_inputs"]
    assert report.result.performance
    assert report.result.endpoint
    assert report.result.performance.result.bottlenecks
    assert report.result.endpoint.result.route
    assert report.result.endpoint.result.route.id == alert["entity_id"]
    nested = [each.name for step in report.steps for each in step.steps]
    assert nested == ["debug_performance", "investigate_endpoint"]


async def test_declining_sends_nothing_and_still_shows_the_alert(world: World, client: Client) -> None:
    alert = next(alert for alert in world.alerts.values() if alert.get("debug_session_inputs"))
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(ConfirmationDeclined) as caught:
                await investigate_alert(konnect, alert["id"], confirm=lambda _: False)
        assert own.ledger.calls_to("CreateDebugSession") == ()
    assert caught.value.report.status == "declined"
    assert caught.value.report.pattern == "investigate_alert"
    assert caught.value.report.result.alert["name"] == alert["name"]


async def test_an_alert_without_inputs_or_path_is_reported_as_it_is(konnect: Konnect, world: World) -> None:
    alert = next(alert for alert in world.alerts.values() if "path" not in alert)
    report = await investigate_alert(konnect, alert["id"], confirm=lambda _: False)
    assert report.status == "complete"
    assert report.result.performance is None
    assert report.result.endpoint is None


async def test_an_unknown_alert_is_not_found(konnect: Konnect) -> None:
    with pytest.raises(NotFound):
        await investigate_alert(konnect, "00000000-0000-4000-8000-000000000000", confirm=lambda _: True)


async def test_a_debug_session_that_fails_does_not_cost_the_endpoint(world: World, client: Client) -> None:
    alert = next(alert for alert in world.alerts.values() if alert.get("debug_session_inputs"))
    with Sandbox(world=world, hide=("CreateDebugSession",)) as own:
        async with client(own) as konnect:
            report = await investigate_alert(konnect, alert["id"], confirm=lambda _: True)
    assert report.status == "incomplete"
    assert report.coverage.missing[0].what == "the debug session"
    assert report.result.endpoint


async def test_inputs_in_any_wrapping_are_the_inputs(world: World, client: Client) -> None:
    plane = world.control_plane(SHOP)
    inputs = {"control_plane_id": plane.id, "http_path": "/api/search", "session_duration": 10}
    camel = {"controlPlaneId": plane.id, "httpPath": "/api/search", "sessionDuration": 10}
    for wrapped in (json.dumps(inputs), [inputs], camel, json.dumps([camel])):
        report, sent = await investigated(world, client, debugSessionInputs=wrapped)
        assert (report.status, sent) == ("complete", [inputs])
        assert report.result.endpoint
        assert report.result.endpoint.result.route
        assert report.result.endpoint.result.route.name == "search"
        assert report.result.endpoint.result.control_plane.id == plane.id


@pytest.mark.parametrize("none", [None, "", {}, [], "[]"])
async def test_no_inputs_are_no_debug_session(world: World, client: Client, none: Any) -> None:
    plane = world.control_plane(SHOP)
    alert = {"control_plane_id": plane.id, "path": "/api/search", "debug_session_inputs": none}
    report, sent = await investigated(world, client, **alert)
    assert (report.status, sent, report.result.performance) == ("complete", [], None)
    assert report.result.endpoint


@pytest.mark.parametrize(
    "odd", ["not available", 7, [{"http_path": "/a"}, {"http_path": "/b"}], '{"http_path']
)
async def test_inputs_that_cannot_be_read_are_told_and_cost_nothing_else(
    world: World, client: Client, odd: Any
) -> None:
    plane = world.control_plane(SHOP)
    alert = {"control_plane_id": plane.id, "path": "/api/search", "debug_session_inputs": odd}
    report, sent = await investigated(world, client, **alert)
    assert (report.status, sent) == ("incomplete", [])
    (missing,) = report.coverage.missing
    assert (missing.what, missing.error.type) == ("the debug session", "Undecodable")
    assert report.result.endpoint


@pytest.mark.parametrize("entity_type", ["route", "ROUTE", "gateway_route", "gatewayRoute"])
async def test_an_alert_about_a_route_leads_to_its_path(
    world: World, client: Client, entity_type: str
) -> None:
    plane = world.control_plane("payments-production")
    payments = plane.find("routes", "payments")
    for entity in ({"control_plane_id": plane.id, "entity_id": payments["id"]},
                   {"entity_id": f"{plane.id}:{payments['id']}"},
                   {"control_plane": {"id": plane.id, "name": "x"}, "entityId": payments["id"]}):  # fmt: skip
        report, _ = await investigated(world, client, entity_type=entity_type, **entity)
        assert report.status == "complete"
        assert report.result.endpoint
        found = report.result.endpoint.result
        assert found.route
        assert (found.request.path, found.route.id) == ("/payments", payments["id"])


async def test_an_alert_about_a_service_leads_to_its_only_route(world: World, client: Client) -> None:
    plane = world.control_plane(SHOP)
    reports = plane.find("services", "reports")
    entity = {"entity_id": reports["id"].upper(), "entity_type": "gateway_service"}
    report, _ = await investigated(world, client, control_plane_id=plane.id, **entity)
    assert report.result.endpoint
    assert report.result.endpoint.result.request.path == "/slow"


@pytest.mark.parametrize(
    ("plane", "entity", "why"),
    [
        (SHOP, ("services", "users-api"), "has 2 routes"),
        (SHOP, ("routes", "basket"), "no plain path"),
        (None, ("routes", "checkout"), "which control plane"),
        ("payments-production", ("routes", "checkout"), "has no route"),
    ],
)
async def test_an_alert_that_leads_to_no_path_says_why(
    world: World, client: Client, plane: str | None, entity: tuple[Any, str], why: str
) -> None:
    kind, name = entity
    found = world.control_plane(SHOP).find(kind, name)
    alert = {"entity_id": found["id"], "entity_type": kind.removesuffix("s")}
    if plane:
        alert["control_plane_id"] = world.control_plane(plane).id
    report, _ = await investigated(world, client, **alert)
    assert (report.status, report.result.endpoint) == ("incomplete", None)
    (missing,) = report.coverage.missing
    assert missing.what.startswith("the endpoint of the ")
    assert why in missing.error.message


async def test_a_control_plane_known_by_its_name_only_is_found(world: World, client: Client) -> None:
    report, _ = await investigated(world, client, control_plane={"name": SHOP}, path="/api/search")
    assert report.status == "complete"
    assert report.result.endpoint
    assert report.result.endpoint.result.control_plane.name == SHOP


async def test_ids_that_are_numbers_are_ids_like_any_other(serve: Serve) -> None:
    inputs = {"control_plane_id": 1001, "service_id": 2001, "session_duration": 10}
    server = serve(
        {
            "FetchAlertingEventDetails": as_json({"id": 1, "debug_session_inputs": inputs}),
            "GetControlPlane": as_json({"id": 1001, "name": "prod"}),
            "CreateDebugSession": as_json({"debug_session_id": ALERT}),
            "ActiveTracingSession": as_json({"status": "completed", "bottlenecks": []}),
        }
    )
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        report = await investigate_alert(konnect, "1", confirm=lambda _: True)
    assert report.result.performance
    (sent,) = [arguments for tool, arguments in server.calls if tool == "CreateDebugSession"]
    assert sent == {"control_plane_id": "1001", "service_id": "2001", "session_duration": 10}


@pytest.mark.parametrize(
    "inputs",
    [
        {"http_status_code": "5XX"}, {"http_status_code": ">=500"}, {"http_status_code": [500, 502]},
        {"http_method": "HEAD"}, {"http_latency": ">1000ms"}, {"http_latency": 1000},
        {"session_duration": 5}, {"session_duration": "10s"}, {"session_duration": 1e9},
        {"http_path": "api/users"}, {"http_path": "/api/*/x y"}, {"max_samples": 0}, {"service_id": ""},
        {"http_status_code": "500", "http_method": "GET", "http_latency": ">=1000ms", "more": {"a": [None]}},
    ],
)  # fmt: skip
async def test_what_an_alert_carries_is_shown_and_sent_whatever_it_says(
    serve: Serve, inputs: dict[str, Any]
) -> None:
    server = serve(
        {
            "FetchAlertingEventDetails": as_json(
                {"id": ALERT, "control_plane_id": "cp-1", "debug_session_inputs": inputs}
            ),
            "GetControlPlane": as_json({"id": "cp-1", "name": "prod"}),
            "CreateDebugSession": as_json({"debug_session_id": "ds-1"}),
            "ActiveTracingSession": as_json({"status": "completed", "samples": 0, "bottlenecks": []}),
        }
    )
    plans: list[DebugPlan] = []

    def seen(plan: DebugPlan) -> bool:
        plans.append(plan)
        return True

    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        report = await investigate_alert(konnect, ALERT, confirm=seen)
    (sent,) = [arguments for tool, arguments in server.calls if tool == "CreateDebugSession"]
    assert sent == {"control_plane_id": "cp-1", **inputs}
    (plan,) = plans
    assert all(str(value) in str(plan) for value in inputs.values())
    assert report.result.performance
    assert report.result.performance.status == "complete"
    assert report.result.performance.result.debug_session.status == "completed"


async def test_what_a_person_adds_to_an_alert_is_checked(serve: Serve) -> None:
    server = serve({"GetControlPlane": as_json([])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="http_method"):
            await debug_performance(
                konnect,
                "prod",
                confirm=lambda _: True,
                http_method="HEAD",
                inputs={"http_status_code": "5XX"},
            )
    assert server.calls == []


async def test_a_composite_service_id_goes_out_as_it_came(world: World, client: Client) -> None:
    plane = world.control_plane(SHOP)
    pair = f"{plane.id}:{plane.find('services', 'search')['id']}"
    inputs = {"control_plane_id": plane.id, "service_id": pair, "session_duration": 10}
    _, sent = await investigated(world, client, debug_session_inputs=inputs)
    assert sent == [inputs]


async def test_an_alert_nested_too_deep_to_show_is_investigated_all_the_same(serve: Serve) -> None:
    deep: dict[str, Any] = {"password": "hunter2"}
    for _ in range(300):
        deep = {"a": deep}
    plane = {"id": "cp-1", "name": "prod"}
    alert = {"id": "a", "control_plane": plane, "path": "/x", "more": deep}
    server = serve(
        {
            "FetchAlertingEventDetails": as_json(alert),
            "GetControlPlane": as_json(plane),
            "GetControlPlaneGroup": as_json([]),
            "GetRoute": as_json([{"id": "r", "name": "x", "paths": ["/x"]}]),
            "GetPlugin": as_json([]),
        }
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_alert(konnect, "a", confirm=lambda _: False)
    assert report.result.endpoint
    assert report.result.endpoint.result.served
    assert "hunter2" not in report.model_dump_json()
