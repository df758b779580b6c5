"""Pattern 1 over real HTTP: confirm, create, poll, summarize; and never leave a session behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from konnect_agent import (
    ConfirmationDeclined,
    DebugSessionFailed,
    Forbidden,
    InvalidArguments,
    Konnect,
    NoMatch,
    ToolUnavailable,
    events,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import SLOW_PATH, World
from patterns import DebugPlan, debug_performance

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
SLOW: dict[str, Any] = {"http_path": SLOW_PATH, "http_latency": ">=1000ms"}


def yes(_: DebugPlan) -> bool:
    return True


async def test_the_steps_are_kongs_and_the_worst_bottleneck_comes_first(konnect: Konnect) -> None:
    report = await debug_performance(konnect, "storefront-production", confirm=yes, **SLOW)

    assert report.status == "complete"
    assert [each.name for each in report.steps] == [
        "select control plane", "confirm", "create debug session", "wait until completed", "summarize",
    ]  # fmt: skip
    tools = [call.arguments.get("operation", call.tool) for each in report.steps for call in each.calls]
    assert tools[:2] == ["get_by_name", "CreateDebugSession"]
    assert tools[2:-1] == ["fetch_status"] * len(tools[2:-1])
    assert tools[-1] == "summarize_session"
    assert report.steps[2].extracted["debug_session_id"] == report.result.debug_session.id
    worst, *rest = report.result.bottlenecks
    assert (worst.name, worst.kind) == ("kong.access.plugin.rate-limiting-advanced", "plugin")
    assert all(worst.share >= other.share for other in rest if worst.share and other.share)
    assert report.result.latency["total"]["p95_ms"] > 1000
    assert report.result.summary["samples"] == worst.count


async def test_the_confirmation_sees_everything_that_would_start(sandbox: Sandbox, konnect: Konnect) -> None:
    seen: list[DebugPlan] = []

    async def look(plan: DebugPlan) -> bool:
        seen.append(plan)
        return True

    await debug_performance(
        konnect,
        "storefront-production",
        confirm=look,
        service="users-api",
        session_duration=30,
        max_samples=7,
    )
    (plan,) = seen
    shown = str(plan)
    assert plan.control_plane.name == "storefront-production"
    assert (
        plan.criteria.service_id
        == sandbox.world.control_plane("storefront-production").find("services", "users-api")["id"]
    )
    for part in ("storefront-production", "30 s", "7 samples", plan.criteria.service_id or "", "127.0.0.1"):
        assert part in shown


@pytest.mark.parametrize("answer", [False, None, 1, "yes"])
async def test_anything_but_true_declines_and_sends_nothing(
    world: World, client: Client, answer: Any
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(ConfirmationDeclined) as caught:
                await debug_performance(konnect, "storefront-production", confirm=lambda _: answer, **SLOW)
        assert own.ledger.calls_to("CreateDebugSession") == ()
    report = caught.value.report
    assert (report.status, report.error.type) == ("declined", "ConfirmationDeclined")
    assert report.result.criteria["http_latency"] == ">=1000ms"
    assert report.result.debug_session.id is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"http_latency": "1000"}, {"http_latency": "<=5ms"}, {"session_duration": 9},
        {"session_duration": 1801}, {"http_method": "HEAD"}, {"http_status_code": 42}, {"http_path": "slow"},
        {"max_samples": 0},
    ],
)  # fmt: skip
async def test_criteria_that_cannot_be_right_are_refused_before_anything_is_sent(
    world: World, client: Client, wrong: dict[str, Any]
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments, match=next(iter(wrong))):
                await debug_performance(konnect, "storefront-production", confirm=yes, **wrong)
        assert own.ledger.calls == ()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"http_latency": ">= 1000 MS"}, {"http_latency": ">=1000ms"}),
        ({"http_method": "post"}, {"http_method": "POST"}),
        ({"http_status_code": 500}, {"http_status_code": "500"}),
    ],
)
async def test_criteria_go_out_in_the_documented_spelling(
    world: World, client: Client, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            await debug_performance(konnect, "storefront-production", confirm=yes, **given)
        (call,) = own.ledger.calls_to("CreateDebugSession")
    assert sent.items() <= call.arguments.items()


async def test_an_existing_session_is_resumed_without_creating_one(world: World, client: Client) -> None:
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            plane = (await konnect.control_planes.find("storefront-production")).id
            session = await konnect.debug_sessions.create(plane, http_path=SLOW_PATH)
            report = await debug_performance(
                konnect, "storefront-production", confirm=lambda _: False, debug_session_id=session.id
            )
        assert len(own.ledger.debug_sessions_created) == 1
    assert report.result.debug_session.id == session.id
    assert report.result.bottlenecks


@pytest.mark.parametrize(("ending", "status"), [("timed_out", "timed_out"), ("stuck", "in_progress")])
async def test_a_session_that_never_completes_is_an_error_that_says_so(
    world: World, client: Client, ending: Any, status: str
) -> None:
    with Sandbox(world=world, time_scale=600, ending=ending) as own:
        async with client(own) as konnect:
            with pytest.raises(DebugSessionFailed) as caught:
                await debug_performance(
                    konnect, "storefront-production", confirm=yes, session_duration=10, **SLOW
                )
        assert own.debug_sessions_running() == ()
    assert caught.value.status == status
    assert caught.value.report.status == "failed"
    assert caught.value.report.result.debug_session.status == status


async def test_a_cancelled_workflow_stops_the_session_it_started(world: World, client: Client) -> None:
    with Sandbox(world=world, time_scale=1) as own:
        async with client(own) as konnect:
            with anyio.CancelScope() as scope:

                def cancel_once_polling(event: events.Event) -> None:
                    if isinstance(event, events.Polled):
                        scope.cancel()

                with events.listening(cancel_once_polling):
                    await debug_performance(
                        konnect, "storefront-production", confirm=yes, session_duration=10, **SLOW
                    )
            assert scope.cancelled_caught
        assert own.debug_sessions_running() == ()
        assert own.ledger.debug_sessions_stopped == own.ledger.debug_sessions_created != ()


async def test_an_unknown_control_plane_names_what_is_close(konnect: Konnect) -> None:
    with pytest.raises(NoMatch) as caught:
        await debug_performance(konnect, "zzz-nothing-like-it", confirm=yes)
    assert caught.value.report.steps[0].status == "failed"


async def test_a_session_nobody_could_watch_or_stop_is_not_started(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("ActiveTracingSession",)) as own:
        async with client(own) as konnect:
            with pytest.raises(ToolUnavailable):
                await debug_performance(konnect, "storefront-production", confirm=yes)
        assert own.ledger.calls == ()


@pytest.mark.parametrize("empty", ["debug_session_id", "service", "control_plane"])
async def test_an_empty_argument_is_refused_not_taken_for_a_missing_one(
    world: World, client: Client, empty: str
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            given: dict[str, Any] = {"control_plane": "storefront-production", empty: ""}
            with pytest.raises(InvalidArguments):
                await debug_performance(konnect, confirm=yes, **given)
        assert own.ledger.calls_to("CreateDebugSession") == ()


async def test_a_name_that_is_only_close_is_said_to_be_in_the_plan(konnect: Konnect) -> None:
    plans: list[DebugPlan] = []
    with pytest.raises(ConfirmationDeclined):
        await debug_performance(
            konnect, "storefront-productoin", confirm=lambda plan: bool(plans.append(plan))
        )
    assert not plans[0].is_exact
    assert "fuzzy" in str(plans[0])


async def test_inputs_for_another_control_plane_are_refused(konnect: Konnect, world: World) -> None:
    other = world.control_plane("payments-staging").id
    with pytest.raises(InvalidArguments):
        await debug_performance(
            konnect, "storefront-production", confirm=yes, inputs={"control_plane_id": other}
        )


async def test_a_resumed_session_is_given_no_criteria_it_may_not_have(world: World, client: Client) -> None:
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            plane = world.control_plane("storefront-production").id
            session = await konnect.debug_sessions.create(plane, http_path=SLOW_PATH)
            report = await debug_performance(konnect, plane, confirm=yes, debug_session_id=session.id)
    assert report.result.criteria == {}


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_asyncios_own_cancellation_while_creating_leaves_no_session_behind(
    world: World, client: Client, how: str
) -> None:
    """No scope's shield holds these back, so the creation must not depend on the task that asked for it."""

    async def main(own: Sandbox) -> None:
        async with client(own) as konnect:
            sent = asyncio.Event()

            async def debug() -> None:
                def notice(event: events.Event) -> None:
                    if isinstance(event, events.CallStarted) and event.tool == "CreateDebugSession":
                        sent.set()

                with events.listening(notice):
                    await debug_performance(konnect, "storefront-production", confirm=yes)

            work = asyncio.create_task(debug())
            await sent.wait()
            if how == "cancel":
                work.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await work
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(work, 0)

    with Sandbox(world=world, time_scale=1, faults=Faults("ok,slow:1,ok:99")) as own:
        asyncio.run(main(own))
        assert own.debug_sessions_running() == ()
        assert own.ledger.debug_sessions_stopped == own.ledger.debug_sessions_created != ()


async def test_a_session_that_could_not_be_stopped_is_named(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox(world=world, time_scale=1, faults=Faults("ok,ok,403:99")) as own:
        async with client(own) as konnect:
            with pytest.raises(Forbidden), caplog.at_level("WARNING", "konnect_agent"):
                await debug_performance(konnect, "storefront-production", confirm=yes, session_duration=10)
    (session_id,) = own.ledger.debug_sessions_created
    assert session_id in caplog.text
    assert "may still be running" in caplog.text
