"""The run tree: steps, calls, nesting, failures, and what a report says of itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, cast

import anyio
import jsonschema
import pytest

from konnect_agent import ConfirmationDeclined, Konnect, NotFound, ServerError, events
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import (
    analyze_consumers,
    audit_configuration,
    debug_performance,
    investigate_alert,
    investigate_endpoint,
)
from patterns.command.contract import Pattern
from patterns.command.schema import schema_of
from patterns.coverage import fan_out
from patterns.workflow import Report, Result, Step, keep, missed, step, workflow

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]


class Planes(Result):
    """What the test workflows find."""

    names: tuple[str, ...] = ()
    inner: Report[Result] | None = None


@workflow("list_planes", Planes)
async def list_planes(konnect: Konnect) -> Planes:
    """Two calls in one step, from two tasks."""
    async with step("list") as this:
        found = await fan_out("lists", [1, 2], lambda _: konnect.control_planes.list(), width=2)
        this.extract(control_plane_id="one", nothing=None)
    return Planes(names=tuple(str(len(each)) for each in found if not isinstance(each, Exception)))


@workflow("nested", Planes)
async def nested(konnect: Konnect) -> Planes:
    """A workflow inside a step of another."""
    async with step("outer"):
        report = await list_planes(konnect)
    return report.result


@workflow("failing", Planes)
async def failing(konnect: Konnect) -> Planes:
    """Fails after something was found."""
    keep(Planes(names=("kept",)))
    async with step("look"):
        await konnect.control_planes.get("00000000-0000-4000-8000-000000000000")
    return Planes()


@workflow("partial", Planes)
async def partial(konnect: Konnect) -> Planes:
    """Cannot see everything."""
    missed("the moon", ServerError("HTTP 500", status=500))
    return Planes()


async def test_calls_made_by_tasks_of_a_step_belong_to_it(konnect: Konnect) -> None:
    report = await list_planes(konnect)
    (only,) = report.steps
    assert [(call.tool, call.outcome, call.attempts) for call in only.calls] == [
        ("GetControlPlane", "ok", 1)
    ] * 2
    assert only.extracted == {"control_plane_id": "one"}
    assert (report.status, report.endpoint) == ("complete", konnect.endpoint)


async def test_a_workflow_inside_another_is_a_step_of_it(konnect: Konnect) -> None:
    report = await nested(konnect)
    assert [each.name for each in report.steps] == ["outer"]
    assert [each.name for each in report.steps[0].steps] == ["list_planes"]
    assert [each.name for each in report.steps[0].steps[0].steps] == ["list"]
    assert len(report.steps[0].steps[0].steps[0].calls) == 2


async def test_a_failure_raises_one_error_with_the_unfinished_report(konnect: Konnect) -> None:
    with pytest.raises(NotFound) as caught:
        await failing(konnect)
    report = caught.value.report
    assert (report.status, report.error.type) == ("failed", "NotFound")
    assert report.result.names == ("kept",)
    assert (report.steps[0].status, report.steps[0].calls[0].outcome) == ("failed", "NotFound")
    assert report.error.hint


async def test_what_was_missed_makes_a_report_incomplete(konnect: Konnect) -> None:
    report = await partial(konnect)
    assert report.status == "incomplete"
    assert not report.coverage.complete
    assert report.coverage.missing[0].what == "the moon"


async def test_steps_are_told_as_they_happen(konnect: Konnect) -> None:
    heard: list[events.Event] = []
    with events.listening(heard.append):
        await nested(konnect)
    paths = [event.path for event in heard if isinstance(event, events.StepStarted)]
    assert paths == [("outer",), ("outer", "list_planes", "list")]
    assert any(isinstance(event, events.Advanced) and event.done == event.total == 2 for event in heard)


async def test_a_piece_that_fails_never_costs_the_others(world: World, client: Client) -> None:
    with Sandbox(world=world, forbidden=("payments-staging",)) as own:
        async with client(own) as konnect:
            planes = await konnect.control_planes.list()
            found = await fan_out("routes", planes, lambda each: konnect.routes.list(each.id or ""), width=3)
    failed = [plane.name for plane, each in zip(planes, found, strict=True) if isinstance(each, Exception)]
    assert failed == ["payments-staging"]


class Interrupted(BaseException):
    """Like KeyboardInterrupt, which pytest would take for itself."""


@pytest.mark.parametrize("kind", [RuntimeError, Interrupted])
async def test_what_is_no_error_of_the_tree_leaves_a_fan_out_as_itself(kind: type[BaseException]) -> None:
    async def work(item: int) -> int:
        raise kind(item)

    with pytest.raises(kind):
        await fan_out("numbers", [1, 2, 3], work, width=2)


async def test_work_that_returns_nothing_keeps_its_place() -> None:
    async def work(item: int) -> int | None:
        return item if item % 2 else None

    assert await fan_out("numbers", [1, 2, 3], work, width=2) == [1, None, 3]


# The contract of a whole run, for each pattern.


def patterns_of(world: World) -> dict[str, Callable[[Konnect], Awaitable[Report[Any]]]]:
    """Every pattern with arguments that find something in the organisation."""
    alert = str(next(iter(world.alerts)))
    return {
        "debug_performance": lambda konnect: debug_performance(
            konnect,
            "storefront-production",
            confirm=lambda plan: True,
            http_path="/slow",
            session_duration=10,
        ),
        "investigate_endpoint": lambda konnect: investigate_endpoint(konnect, "/api/users", method="GET"),
        "analyze_consumers": lambda konnect: analyze_consumers(konnect, "storefront-production"),
        "audit_configuration": audit_configuration,
        "investigate_alert": lambda konnect: investigate_alert(konnect, alert, confirm=lambda plan: True),
    }


EXTRACTING = ("debug_performance", "investigate_endpoint", "analyze_consumers", "investigate_alert")
EVERY = (*EXTRACTING, "audit_configuration")


def leaves(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step of a tree, outermost first."""
    for each in steps:
        yield each
        yield from leaves(each.steps)


def checked(report: Report[Any]) -> dict[str, Any]:
    """The report as plain data, valid against the schema of its pattern."""
    written = json.loads(report.model_dump_json())
    jsonschema.validate(written, schema_of(cast("Pattern", report.pattern)))
    return written


def asked(calls: Iterable[tuple[str, Any]]) -> Counter[str]:
    return Counter(json.dumps([tool, arguments], sort_keys=True) for tool, arguments in calls)


@pytest.mark.parametrize("pattern", EVERY)
async def test_the_tree_holds_every_call_that_the_server_got_and_no_other(
    world: World, client: Client, pattern: str
) -> None:
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            report = await patterns_of(world)[pattern](konnect)
        got = asked((call.tool, call.arguments) for call in own.ledger.calls)
    steps = list(leaves(report.steps))
    calls = [call for each in steps for call in each.calls]
    assert asked((call.tool, dict(call.arguments)) for call in calls) == got
    assert {(call.outcome, call.attempts) for call in calls} == {("ok", 1)}
    assert {each.status for each in steps} <= {"ok", "incomplete"}
    checked(report)


@pytest.mark.parametrize("pattern", EXTRACTING)
async def test_every_id_that_was_extracted_is_passed_on(world: World, client: Client, pattern: str) -> None:
    with Sandbox(world=world, time_scale=600) as own:
        async with client(own) as konnect:
            report = await patterns_of(world)[pattern](konnect)
        told = json.dumps([call.arguments for call in own.ledger.calls])
    extracted = {name: value for each in leaves(report.steps) for name, value in each.extracted.items()}
    assert extracted
    never_passed_on = {"route_id", "entity_id"}
    assert [
        name for name, value in extracted.items() if value not in told and name not in never_passed_on
    ] == []


@pytest.mark.parametrize("pattern", EVERY)
@pytest.mark.parametrize("good", [0, 1, 2, 3])
async def test_a_failure_in_the_middle_leaves_a_report_of_the_way_there(
    world: World, client: Client, pattern: str, good: int
) -> None:
    faults = f"ok:{good},500:200" if good else "500:200"
    with Sandbox(world=world, time_scale=600, faults=faults) as own:
        async with client(own, max_attempts=2) as konnect:
            try:
                report = await patterns_of(world)[pattern](konnect)
            except ServerError as error:
                report = error.report
                assert (report.status, report.error.type) == ("failed", "ServerError")
                assert [each.status for each in report.steps][-1] == "failed"
            else:
                assert report.status == "incomplete"
                assert report.coverage.missing
    written = checked(report)
    calls = [call for each in leaves(report.steps) for call in each.calls]
    assert [call.outcome for call in calls if call.outcome == "ok"] == ["ok"] * good
    assert {call.attempts for call in calls if call.outcome != "ok"} <= {1, 2}
    assert written["result"] is not None


async def test_a_call_that_had_to_be_repeated_says_how_often(world: World, client: Client) -> None:
    with Sandbox(world=world, faults="503:2") as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api/users")
    first = report.steps[0].calls[0]
    assert (first.outcome, first.attempts) == ("ok", 3)
    assert report.status == "complete"


async def test_declining_inside_another_pattern_declines_the_whole(world: World, client: Client) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(ConfirmationDeclined) as caught:
                await investigate_alert(konnect, str(next(iter(world.alerts))), confirm=lambda plan: False)
    report = caught.value.report
    checked(report)
    assert (report.pattern, report.status) == ("investigate_alert", "declined")
    assert {each.status for each in leaves(report.steps[1:])} <= {"declined", "ok"}
    assert report.result.alert


@pytest.mark.parametrize("tool", ["GetRoute", "GetService", "GetPlugin"])
async def test_cancelled_in_the_middle_nothing_is_left_behind(konnect: Konnect, tool: str) -> None:
    heard: list[events.StepFinished] = []
    with anyio.CancelScope() as scope:

        def listen(event: events.Event) -> None:
            if isinstance(event, events.CallStarted) and event.tool == tool:
                scope.cancel()
            if isinstance(event, events.StepFinished):
                heard.append(event)

        with events.listening(listen):
            await investigate_endpoint(konnect, "/api/users", method="GET")
    assert scope.cancelled_caught
    assert heard[-1].status == "failed"
    report = await investigate_endpoint(konnect, "/api/users", method="GET")
    assert report.status == "complete"
    assert [each.name for each in report.steps] == ["control plane by route", "routes", "service", "plugins"]
    assert [len(each.calls) for each in report.steps] == [1, 1, 1, 1]
