"""Consumer analysis over rows no document promises: filters ignored, rows that say little, equal ones."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult

from patterns.report import render

from ..handmade import Arguments, Serve, structured
from .analytics import (
    ALICE,
    BOB,
    ONE,
    PATHLESS,
    SERVICE,
    TWO,
    USERS,
    Row,
    analytics,
    analyzed,
    failures,
    organisation,
    row,
)

pytestmark = pytest.mark.anyio


async def test_successes_nobody_asked_for_are_no_failures(serve: Serve) -> None:
    rows = [row(status="200") for _ in range(9)] + [row(), row(BOB, status="500")]
    report = await analyzed(serve, organisation(analytics(rows, heeds="consumer_id")))
    result = report.result
    assert failures(report) == {"alice": 1, "bob": 1}
    assert (result.rows, result.unasked, report.status) == (2, 9, "complete")
    assert result.consumers[0].by_status == {"503": 1}
    assert [request.status for request in result.consumers[0].requests] == [503]
    assert "9 of 11 rows have another status" in " ".join(result.notes)
    assert "9 of 11 rows have another status" in str(render(report, "text"))


async def test_a_page_full_of_what_nobody_asked_for_is_a_cut_list(serve: Serve) -> None:
    rows = [row(status="200") for _ in range(10)] + [row()]
    report = await analyzed(serve, organisation(analytics(rows, heeds="")), max_results=10)
    assert (report.result.rows, report.result.unasked) == (0, 10)
    assert (report.status, report.result.truncated) == ("incomplete", True)
    assert report.coverage.truncated == ("failing requests (the newest 0 were counted)",)


async def test_only_the_asked_status_counts_as_failing(serve: Serve) -> None:
    rows = [row(status=status) for status in ("404", "429", "503", 503, "502")]
    report = await analyzed(serve, organisation(analytics(rows, heeds="")), status_codes=(503,))
    assert failures(report) == {"alice": 2}
    assert report.result.consumers[0].request_count == 5  # all of its failures, whatever was asked for


async def test_rows_from_before_the_time_range_are_left_out(serve: Serve) -> None:
    rows = [row(age=hours) for hours in (0, 5, 24, 25, 100)]
    report = await analyzed(serve, organisation(analytics(rows)))
    assert (report.result.rows, report.result.unasked) == (3, 2)
    assert report.result.consumers[0].request_count == 3


@pytest.mark.parametrize("days", [300, -300])
async def test_a_server_in_another_time_keeps_its_rows(serve: Serve, days: int) -> None:
    rows = [row(age=days * 24 + hours) for hours in (0, 5, 23)]
    report = await analyzed(serve, organisation(analytics(rows)))
    assert (report.result.rows, report.result.unasked) == (3, 0)


async def test_one_clock_ahead_of_time_makes_no_other_row_old(serve: Serve) -> None:
    rows = [row(age=-24 * 365), row(age=0), row(age=23)]
    report = await analyzed(serve, organisation(analytics(rows)))
    assert (report.result.rows, report.result.unasked) == (3, 0)


async def test_rows_that_do_not_say_are_believed_of_a_server_that_filters(serve: Serve) -> None:
    rows = [row(), row() | {"response_http_status": None, "request_start": None}]
    report = await analyzed(serve, organisation(analytics(rows)))
    assert report.result.consumers[0].by_status == {"503": 1, "unknown": 1}
    report = await analyzed(serve, organisation(analytics([*rows, row(status="200")], heeds="consumer_id")))
    assert report.result.consumers[0].by_status == {"503": 1}
    assert report.result.unasked == 2


async def test_requests_of_others_are_not_shown_as_a_consumers_own(serve: Serve) -> None:
    rows = [row(), row(BOB), row(BOB, status="500"), row(None)]
    report = await analyzed(serve, organisation(analytics(rows, heeds="status_codes")))
    assert {each.username: each.request_count for each in report.result.consumers} == {"alice": 1, "bob": 2}


async def test_no_answer_about_failures_that_were_counted_is_not_zero(serve: Serve) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        rows = [row()] if arguments["operation"] == "query_api_requests" else []
        return structured({"requests": rows})

    report = await analyzed(serve, organisation(answer))
    assert report.result.consumers[0].request_count is None
    assert [each.what for each in report.coverage.missing] == [f"the requests of consumer {ALICE}"]


async def test_more_than_a_thousand_consumers_are_ranked_and_ties_have_one_order(serve: Serve) -> None:
    ids = [f"5a000000-0000-4000-8000-{number:012x}" for number in range(1200)]
    rows = [row(consumer) for consumer in ids]
    found: list[list[str | None]] = []
    for shuffled in (rows, rows[::-1]):
        report = await analyzed(serve, organisation(analytics(shuffled)), max_results=5000)
        found.append([each.id for each in report.result.consumers])
    assert found == [ids[:5]] * 2
    assert "1200 consumers failed; these are the first 5." in report.result.notes
    assert report.result.rows == 1200


async def test_the_same_id_and_name_in_two_control_planes_are_two_consumers(serve: Serve) -> None:
    rows = [row(), row(), row(plane=TWO)]
    report = await analyzed(serve, organisation(analytics(rows)), control_plane=None)
    assert [
        (each.control_plane_id, each.failures, each.request_count) for each in report.result.consumers
    ] == [
        (ONE, 2, 2),
        (TWO, 1, 1),
    ]


async def test_the_latest_requests_are_the_newest_in_whatever_order_they_came(serve: Serve) -> None:
    rows = [row(age=hours / 10, request_id=f"r-{hours}") for hours in (50, 3, 1, 2, *range(60, 90))]
    report = await analyzed(serve, organisation(analytics([*rows, row(request_start=None)])))
    shown = [request.id for request in report.result.consumers[0].requests]
    assert (shown[:4], len(shown)) == (["r-1", "r-2", "r-3", "r-50"], 20)


async def test_a_request_without_a_route_is_counted_without_one(serve: Serve) -> None:
    rows = [row(route=None, gateway_service=None), row()]
    report = await analyzed(serve, organisation(analytics(rows)))
    (alice,) = report.result.consumers
    assert alice.by_route == {USERS: 1, "none": 1}
    assert {(each.id, each.name) for each in alice.routes} == {(USERS, "users"), (None, None)}


async def test_plugins_of_consumer_groups_are_named_and_not_claimed(serve: Serve) -> None:
    group = {"id": "6a000000-0000-4000-8000-00000000000a"}
    plugins = [
        {"id": "p-1", "name": "rate-limiting", "consumer_group": group, "service": {"id": SERVICE}},
        {"id": "p-2", "name": "key-auth", "service": {"id": SERVICE}},
        {"id": "p-3", "name": "acl", "consumer_group": group, "route": {"id": PATHLESS}},
        {"id": "p-4", "name": "cors", "consumer_group": group, "enabled": False},
    ]
    report = await analyzed(serve, organisation(analytics([row()]), plugins=plugins))
    assert [plugin.name for plugin in report.result.consumers[0].plugins] == ["key-auth"]
    (note,) = report.result.notes
    assert "their own rate-limiting here" in note
    assert "rate-limiting here" in str(render(report, "text")).replace("\n", " ")


async def test_a_route_that_no_longer_exists_is_known_by_the_ids_in_the_row(serve: Serve) -> None:
    plugins = [
        {"id": "p-1", "name": "key-auth", "service": {"id": SERVICE}},
        {"id": "p-2", "name": "jwt", "route": {"id": PATHLESS}},
        {"id": "p-3", "name": "hmac-auth", "route": {"id": USERS}},
    ]
    rows = [row(route=f"{ONE}:{PATHLESS}")]
    report = await analyzed(serve, organisation(analytics(rows), plugins=plugins))
    (alice,) = report.result.consumers
    assert [plugin.name for plugin in alice.plugins] == ["jwt", "key-auth"]
    assert [(each.id, each.name) for each in alice.routes] == [(PATHLESS, None)]


async def test_a_plugin_of_the_consumer_that_does_not_run_says_why(serve: Serve) -> None:
    plugins = [
        {"id": "p-1", "name": "acl", "consumer": {"id": ALICE}, "route": {"id": PATHLESS}},
        {"id": "p-2", "name": "cors", "consumer": {"id": ALICE}, "enabled": False},
    ]
    report = await analyzed(serve, organisation(analytics([row()]), plugins=plugins))
    acl, cors = report.result.consumers[0].plugins
    assert (acl.name, acl.scope) == ("acl", "consumer+route")
    assert acl.because.endswith("does not run on the routes where it fails.")
    assert (cors.name, cors.because) == ("cors", "It is scoped to this consumer, and is disabled.")


async def test_a_row_that_comes_twice_is_one_request(serve: Serve) -> None:
    once = [row(request_id=f"r-{n}", age=n) for n in range(3)]
    report = await analyzed(serve, organisation(analytics([*once, *once[:2], once[0]])))
    (alice,) = report.result.consumers
    assert (alice.failures, alice.request_count, report.result.rows) == (3, 3, 3)
    assert (report.result.repeated, report.result.unasked, report.status) == (3, 0, "complete")
    assert "3 of 6 rows are repetitions of others: each request counts once." in report.result.notes


@pytest.mark.parametrize(
    "alike",
    [
        [row(), row()],
        [row(request_id=""), row(request_id="")],
        [row(request_id="-", age=1), row(request_id="-", age=2)],
        [row(request_id="r-1", status="500"), row(request_id="r-1", status="503")],
        [row(request_id="r-1"), row(BOB, request_id="r-1")],
    ],
)
async def test_requests_that_only_look_alike_are_counted_each(serve: Serve, alike: list[Row]) -> None:
    report = await analyzed(serve, organisation(analytics(alike)))
    assert (report.result.rows, report.result.repeated) == (2, 0)


@pytest.mark.parametrize("unreadable", [None, "error", "", {"code": 503}])
async def test_failures_without_a_status_are_counted_and_told(serve: Serve, unreadable: Any) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        return structured({"requests": [row(), row(status=unreadable), row(status=unreadable)]})

    report = await analyzed(serve, organisation(answer))
    assert report.result.consumers[0].by_status == {"unknown": 2, "503": 1}
    (missing,) = report.coverage.missing
    assert (report.status, missing.what) == ("incomplete", "the statuses of failing requests")
    assert "2 of 3 rows have no readable status" in missing.error.message
