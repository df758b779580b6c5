"""The right region, the clock and the round trip, from what the other checks have seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from konnect_agent.diagnosis.checks.surroundings import MOST_SKEW
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..faults.scripted import Request
from .conftest import Examine
from .servers import ServerOfAnotherTime, ahead

pytestmark = pytest.mark.anyio


async def test_an_empty_list_is_a_hint_at_the_other_regions(world: World, examine: Examine) -> None:
    with Sandbox(world=replace(world, control_planes=())) as sandbox:
        diagnosis = await examine(sandbox)
    found = diagnosis["region"]
    assert (found.status, diagnosis.status) == ("warning", "warning")
    assert "Nothing crosses regions" in found.advice
    assert "Try --region us, eu, au, in or global." in found.advice


@pytest.mark.parametrize(
    ("seconds", "words"), [(3600.0, "s behind the server's"), (-3600.0, "s ahead of the server's")]
)
async def test_a_clock_that_is_off_is_a_warning(seconds: float, words: str, examine: Examine) -> None:
    with ServerOfAnotherTime(ahead(seconds)) as server:
        found = (await examine(server))["clock"]
    assert found.status == "warning"
    assert found.facts["skew_s"] == pytest.approx(-seconds, abs=5)
    assert words in found.seen
    assert "NTP" in found.advice


@pytest.mark.parametrize("seconds", [0.0, MOST_SKEW - 5, 5 - MOST_SKEW])
async def test_a_clock_that_is_off_by_less_does_no_harm(seconds: float, examine: Examine) -> None:
    with ServerOfAnotherTime(ahead(seconds)) as server:
        found = (await examine(server))["clock"]
    assert (found.status, found.facts["skew_s"]) == ("ok", pytest.approx(-seconds, abs=4))


async def test_a_clock_is_compared_even_when_the_token_is_refused(examine: Examine) -> None:
    def refuse(request: Request) -> None:
        request.answer("{}", status=401)

    others = dict.fromkeys(("initialize", "server/discover"), refuse)
    with ServerOfAnotherTime(ahead(600), others={**others}) as server:
        diagnosis = await examine(server)
    assert diagnosis["authentication"].status == "failure"
    assert diagnosis["clock"].status == "warning"


@pytest.mark.parametrize("date", ["", "half past nine", "Thu, 99 Foo 2026 99:99:99 GMT"])
async def test_a_server_that_does_not_say_the_time_is_not_guessed_at(date: str, examine: Examine) -> None:
    with ServerOfAnotherTime(lambda: date) as server:
        diagnosis = await examine(server)
    assert diagnosis["control_planes"].status == "ok"
    assert (diagnosis["clock"].status, diagnosis["clock"].facts) == ("skipped", {})


async def test_the_round_trip_is_a_median_of_the_calls_that_were_made(world: World, examine: Examine) -> None:
    with Sandbox(world=world, latency=0.02) as sandbox:
        found = (await examine(sandbox))["round_trip"]
        assert found.facts["calls"] == len(sandbox.ledger.calls)
    assert 0.02 <= found.facts["median_s"] < 5
    assert found.seen.endswith(f"ms, median of {found.facts['calls']} calls")
