"""Pattern 3 over real HTTP: who fails, how, and behind which plugins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from konnect_agent import InvalidArguments, Konnect
from konnect_agent.ids import split_composite
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import analyze_consumers

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
STATUSES = (401, 500, 502, 503)


async def test_the_ranking_agrees_with_the_rows(sandbox: Sandbox, konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES, top=10)

    plane = sandbox.world.control_plane("storefront-production")
    rows = [
        row for row in sandbox.world.requests
        if int(row["response_http_status"]) in STATUSES and row["control_plane"] == plane.id
    ]  # fmt: skip
    expected = Counter(split_composite(row["consumer"]).id for row in rows if row["consumer"])
    found = {entry.id: entry.failures for entry in report.result.consumers}
    assert found == dict(expected)
    assert [entry.failures for entry in report.result.consumers] == sorted(expected.values(), reverse=True)
    assert report.result.unattributed.failures == sum(1 for row in rows if not row["consumer"])
    assert report.result.rows == len(rows)
    assert report.result.elsewhere > 0
    for entry in report.result.consumers:
        assert sum(entry.by_status.values()) == sum(entry.by_route.values()) == entry.failures


async def test_the_steps_are_kongs_with_failure_only_for_each_top_consumer(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES, top=2)

    assert [each.name for each in report.steps] == [
        "select control plane", "failing requests", "rank consumers", "top consumers", "plugins",
    ]  # fmt: skip
    looks = [call.arguments for call in report.steps[3].calls]
    assert [look["failureOnly"] for look in looks if look["operation"] == "get_consumer_requests"] == [
        True
    ] * 2
    assert [look["operation"] for look in looks].count("get_by_id") == 2
    assert len(report.result.consumers) == 2
    kiosk = report.result.consumers[0]
    assert (kiosk.username, kiosk.by_status, kiosk.exists) == ("harbour-kiosk", {"401": kiosk.failures}, True)
    assert kiosk.request_count is not None
    assert all(request.status == 401 for request in kiosk.requests)


async def test_the_authentication_a_consumer_meets_is_found_though_it_is_not_scoped_to_it(
    konnect: Konnect,
) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES)
    kiosk = next(entry for entry in report.result.consumers if entry.username == "harbour-kiosk")
    assert {(plugin.name, plugin.scope) for plugin in kiosk.plugins} == {
        ("openid-connect", "service"), ("rate-limiting", "consumer"),
    }  # fmt: skip


async def test_a_consumer_that_no_longer_exists_stays_in_the_ranking_marked(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "payments-production", top=10)
    gone = [entry for entry in report.result.consumers if entry.exists is False]
    assert len(gone) == 1
    assert gone[0].failures > 0
    assert gone[0].username is None
    assert report.status == "complete"


async def test_a_cut_list_is_said_to_be_one(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", max_results=50)
    assert report.status == "incomplete"
    assert report.result.truncated
    assert report.coverage.truncated
    assert "newest, not all" in " ".join(report.result.notes)


async def test_without_a_control_plane_the_whole_region_counts(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, top=20)
    assert report.result.control_plane.id is None
    assert report.result.elsewhere == 0
    assert len({entry.control_plane_id for entry in report.result.consumers}) > 1


async def test_a_consumer_that_may_not_be_seen_is_missing_not_gone(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetConsumer",)) as own:
        async with client(own) as konnect:
            report = await analyze_consumers(konnect, "storefront-production", top=1)
    assert report.status == "incomplete"
    assert report.result.consumers[0].exists is None
    assert report.coverage.missing[0].error.type == "ToolUnavailable"


@pytest.mark.parametrize(
    "wrong", [{"time_range": "2H"}, {"status_codes": (42,)}, {"status_codes": ()}, {"top": 0}]
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    world: World, client: Client, wrong: dict[str, object]
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await analyze_consumers(konnect, **wrong)  # pyright: ignore[reportArgumentType]
        assert own.ledger.calls == ()
