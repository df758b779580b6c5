"""The run tree: steps, calls, nesting, failures, and what a report says of itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from konnect_agent import Konnect, NotFound, ServerError, events
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.coverage import fan_out
from patterns.workflow import Report, Result, keep, missed, step, workflow

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
