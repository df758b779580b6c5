"""Alert investigation is composition: its report holds the reports of the patterns it called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from konnect_agent import ConfirmationDeclined, Konnect, NotFound
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import investigate_alert

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]


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
