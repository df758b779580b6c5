from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from math import inf, nan
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from konnect_agent.errors import InvalidArguments, RateLimited, ServerError, TimedOut, Unreachable
from konnect_agent.polling import Schedule, watch

QUICK = Schedule(60, grace=60, scale=400)


def answering(*answers: Any) -> Callable[[], Awaitable[Any]]:
    """A look that sees the answers one after the other; exceptions are raised, the last one repeats."""
    remaining = list(answers)

    async def look() -> Any:
        await anyio.lowlevel.checkpoint()
        answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def is_done(value: str) -> bool:
    return value == "completed"


def test_a_schedule_prints_its_looks() -> None:
    times = "1, 20, 40, 60.25, 61, 61.75, 62.5, 63.25, 64.375, 66.0625, 68.5938, 72.3906, ... 120"
    assert str(Schedule(60)) == f"17 looks at {times} s"
    assert str(Schedule(10, grace=0)) == "2 looks at 1, 10 s"


@pytest.mark.parametrize(
    "wrong", [(0, 60, 1), (-1, 60, 1), (60, -1, 1), (60, 60, 0), (inf, 60, 1), (60, nan, 1)]
)
def test_a_job_that_cannot_be_watched_is_refused(wrong: Iterable[float]) -> None:
    with pytest.raises(InvalidArguments):
        Schedule(*wrong)


@pytest.mark.anyio
async def test_watching_ends_with_the_first_accepted_value() -> None:
    seen: list[str] = []
    look = answering("pending", "in_progress", "completed", "never seen")
    found = await watch(look, until=is_done, schedule=QUICK, seen=lambda value, _: seen.append(value))
    assert found == "completed"
    assert seen == ["pending", "in_progress", "completed"]


@pytest.mark.anyio
async def test_the_hard_stop_returns_the_last_value() -> None:
    seen: list[str] = []
    assert (
        await watch(answering("stuck"), until=is_done, schedule=QUICK, seen=lambda v, _: seen.append(v))
        == "stuck"
    )
    assert 2 <= len(seen) <= len(list(QUICK.looks()))


@pytest.mark.anyio
async def test_a_failure_that_may_pass_is_only_a_look_lost() -> None:
    look = answering(
        Unreachable("gone"),
        ServerError("down", status=503),
        "pending",
        RateLimited("x", status=429),
        "completed",
    )
    assert await watch(look, until=is_done, schedule=QUICK) == "completed"


@pytest.mark.anyio
async def test_a_failure_at_the_hard_stop_is_raised() -> None:
    with pytest.raises(Unreachable, match="still gone"):
        await watch(answering("pending", Unreachable("still gone")), until=is_done, schedule=QUICK)


@pytest.mark.anyio
async def test_a_failure_that_will_not_pass_ends_the_watch_at_once() -> None:
    with pytest.raises(InvalidArguments, match="wrong id"):
        await watch(answering(InvalidArguments("wrong id"), "completed"), until=is_done, schedule=QUICK)


@pytest.mark.anyio
async def test_looks_missed_during_a_long_one_are_not_made_up_for() -> None:
    """The first look takes until every other time has passed: only the last one follows."""
    schedule, started, looks = Schedule(60, scale=100_000), anyio.current_time(), 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        await anyio.sleep_until(started + (60 + 60) / 100_000 + 0.001)
        return "in_progress"

    assert await watch(look, until=is_done, schedule=schedule, started=started) == "in_progress"
    assert looks == 2


@pytest.mark.anyio
async def test_a_look_that_is_never_answered_does_not_outlast_the_hard_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("konnect_agent.polling._LAST_LOOK", 0.01)  # seconds, instead of five
    with anyio.fail_after(5), pytest.raises(TimedOut, match="was not answered"):
        await watch(anyio.sleep_forever, until=bool, schedule=QUICK)
