"""How checks are run: in order, within their limits, and not when they cannot mean anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from konnect_agent import events
from konnect_agent.diagnosis import Diagnosis, diagnose
from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Check, Seen, check, ok, skipped, warning
from konnect_agent.diagnosis.checks import CHECKS
from konnect_agent.diagnosis.result import family_of
from konnect_agent.errors import ConfigError, Forbidden, KonnectError, Unauthorized, Unreachable

pytestmark = pytest.mark.anyio


Run = Callable[..., Awaitable[Diagnosis]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make only these checks."""

    async def diagnosed(*checks: Check) -> Diagnosis:
        monkeypatch.setattr("konnect_agent.diagnosis.engine.CHECKS", checks)
        return await diagnose("kpat_abc", url="http://127.0.0.1:1/")

    return diagnosed


@check()
async def fine(case: Case) -> Seen:
    return ok("all is well", figure=1)


@check()
async def broken(case: Case) -> Seen:
    raise Unreachable("Nobody is there.", hint="Look for somebody.")


@check()
async def pointless(case: Case) -> Seen:
    return skipped("nothing to see")


@check(needs=(fine, broken))
async def later(case: Case) -> Seen:
    raise AssertionError("not reached")


@check(needs=(later,))
async def much_later(case: Case) -> Seen:
    raise AssertionError("not reached")


@check(needs=(pointless,))
async def regardless(case: Case) -> Seen:
    return warning("well, well", advice="Look at it.")


@check(limit=0.05)
async def endless(case: Case) -> Seen:
    await anyio.sleep_forever()
    return ok("never")


async def test_what_needs_a_failed_check_is_skipped_with_the_first_cause(run: Run) -> None:
    diagnosis = await run(fine, broken, later, much_later)
    assert [each.status for each in diagnosis.checks] == ["ok", "failure", "skipped", "skipped"]
    assert diagnosis["broken"].model_dump(exclude={"duration_s"}) == {
        "name": "broken", "status": "failure", "seen": "Nobody is there.", "advice": "Look for somebody.",
        "family": "connection", "error": "Unreachable", "hop": None, "facts": {},
    }  # fmt: skip
    assert diagnosis["later"].seen == diagnosis["much_later"].seen == "not checked, because broken failed"


async def test_a_check_that_has_nothing_to_say_is_no_obstacle(run: Run) -> None:
    diagnosis = await run(pointless, regardless)
    assert (diagnosis.status, diagnosis.family) == ("warning", None)
    assert diagnosis["regardless"].advice == "Look at it."


async def test_a_check_that_takes_too_long_has_failed_and_the_next_one_runs(run: Run) -> None:
    diagnosis = await run(endless, fine)
    assert (diagnosis["endless"].error, diagnosis["endless"].seen) == ("TimedOut", "Not done within 0.05 s.")
    assert diagnosis["fine"].status == "ok"


async def test_a_cancellation_ends_it_at_once() -> None:
    with anyio.move_on_after(0) as scope:
        await diagnose("kpat_abc", url="http://127.0.0.1:1/")
    assert scope.cancelled_caught


async def test_a_mistake_in_a_check_is_not_a_diagnosis(run: Run) -> None:
    @check()
    async def mistaken(case: Case) -> Seen:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(mistaken)


async def test_what_a_check_saw_is_told_without_secrets(run: Run) -> None:
    @check()
    async def talkative(case: Case) -> Seen:
        return ok("saw kpat_Secret0Token", password="hunter2", note="spat_Another0Secret")

    found = (await run(talkative))["talkative"]
    assert found.seen == "saw [redacted]"
    assert found.facts == {"password": "[redacted]", "note": "[redacted]"}


async def test_whoever_listens_hears_every_check_as_a_step(run: Run) -> None:
    heard: list[events.Event] = []
    with events.listening(heard.append):
        await run(fine, broken)
    steps = [event for event in heard if isinstance(event, events.StepFinished)]
    assert [(step.path, step.status) for step in steps] == [(("fine",), "ok"), (("broken",), "failed")]


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (ConfigError("x"), "configuration"),
        (Unauthorized("x", status=401), "permission"),
        (Forbidden("x", status=403), "permission"),
        (Unreachable("x"), "connection"),
    ],
)
async def test_the_first_failure_says_whose_matter_it_is(error: KonnectError, family: str, run: Run) -> None:
    @check()
    async def first(case: Case) -> Seen:
        raise error

    assert (await run(fine, first, broken)).family == family == family_of(error)


def test_every_check_comes_after_those_it_needs_and_has_a_name_of_its_own() -> None:
    for place, each in enumerate(CHECKS):
        assert set(each.needs) <= set(CHECKS[:place])
        assert each.run.__doc__
    assert len({each.name for each in CHECKS}) == len(CHECKS)
