"""Consumer analysis over rows no document promises: filters ignored, and ids written as the server likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect
from patterns import ConsumersResult, Report, analyze_consumers
from patterns.report import render

from ..handmade import TOKEN, Arguments, Serve, refused, structured

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Answer = Callable[[Arguments], CallToolResult]

ONE, TWO = "0a3a1b0e-0000-4000-8000-00000000cafe", "0b3a1b0e-0000-4000-8000-00000000beef"
ALICE, BOB = "5a000000-0000-4000-8000-00000000000a", "5b000000-0000-4000-8000-00000000000b"
USERS, PATHLESS = "7a000000-0000-4000-8000-00000000000a", "7b000000-0000-4000-8000-00000000000b"
SERVICE = "9a000000-0000-4000-8000-00000000000a"
NOW = datetime.now(UTC).replace(microsecond=0)
PLANES = [{"id": ONE, "name": "one"}, {"id": TWO, "name": "two"}]
CONSUMERS = [{"id": ALICE, "username": "alice", "custom_id": "a-1"}, {"id": BOB, "username": "bob"}]
ROUTES = [{"id": USERS, "name": "users", "paths": ["/users"], "service": {"id": SERVICE}}]


def row(
    consumer: Any = ALICE, *, plane: str = ONE, status: Any = "503", age: float = 1, **fields: Any
) -> Row:
    """A documented row of `plane`, `age` hours old; a plain consumer id becomes a pair."""
    pair = f"{plane}:{consumer}" if isinstance(consumer, str) and ":" not in consumer else consumer
    written = {
        "request_start": (NOW - timedelta(hours=age)).isoformat(), "response_http_status": status,
        "http_method": "GET", "request_uri": "/users", "control_plane": plane, "consumer": pair,
        "route": f"{plane}:{USERS}", "gateway_service": f"{plane}:{SERVICE}",
    }  # fmt: skip
    return written | fields


def analytics(rows: Iterable[Row], *, heeds: str = "status_codes consumer_id failureOnly") -> Answer:
    """GetAnalytics over these rows, with the filters it does not ignore; statuses are read as numbers."""
    kept = list(rows)

    def answer(arguments: Arguments) -> CallToolResult:
        given = {name: value for name, value in arguments.items() if name in heeds.split()}
        found = [each for each in kept if _passes(each, given)][: arguments.get("max_results", 100)]
        return structured({"requests": found})

    return answer


def _passes(each: Row, given: Mapping[str, Any]) -> bool:
    status = each.get("response_http_status")
    if status is not None and int(status) not in given.get("status_codes", [int(status)]):
        return False
    if status is not None and given.get("failureOnly") and int(status) < 400:
        return False
    asked_for = given.get("consumer_id", "").lower()
    return str(each.get("consumer")).lower().endswith(asked_for.rpartition(":")[2])


def entities(word: str, listed: list[dict[str, Any]], name: str = "name") -> Answer:
    """An entity tool of one list in control plane ONE: list, get_by_id and get_by_name."""

    def answer(arguments: Arguments) -> CallToolResult:
        here = listed if arguments.get("control_plane_id") == ONE else []
        if arguments["operation"] == "list":
            return structured({f"{word}s": here})
        wanted = (arguments.get(f"{word}_id"), arguments.get(f"{word}_name"))
        found = next((each for each in here if each["id"] in wanted or each.get(name) in wanted), None)
        return structured({word: found}) if found else refused(f"{word} not found")

    return answer


def control_planes(arguments: Arguments) -> CallToolResult:
    if arguments["operation"] == "list":
        return structured({"control_planes": PLANES})
    found = next((each for each in PLANES if each["name"] == arguments.get("name")), None)
    return structured({"control_plane": found}) if found else refused("not found")


def organisation(answer: Answer, *, plugins: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Two control planes, alice and bob in the first, and these analytics."""
    return {
        "GetControlPlane": control_planes, "GetAnalytics": answer,
        "GetConsumer": entities("consumer", CONSUMERS, "username"),
        "GetRoute": entities("route", ROUTES), "GetPlugin": entities("plugin", plugins or []),
    }  # fmt: skip


async def analyzed(
    serve: Serve, answers: Mapping[str, Any], control_plane: str | None = "one", **arguments: Any
) -> Report[ConsumersResult]:
    server = serve(answers)
    async with Konnect(TOKEN, url=server.url) as konnect:
        return await analyze_consumers(konnect, control_plane, **arguments)


def failures(report: Report[ConsumersResult]) -> dict[str | None, int]:
    return {each.username: each.failures for each in report.result.consumers}


# A server that ignores a filter.


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


# Control planes and ids written in other ways.


@pytest.mark.parametrize(
    "written", ["one", ONE.upper(), f"{ONE}:{SERVICE}", {"name": "one"}, {"id": ONE}, None, "somewhere else"]
)
async def test_a_row_is_of_the_control_plane_however_that_is_written(serve: Serve, written: Any) -> None:
    report = await analyzed(serve, organisation(analytics([row(control_plane=written)])))
    assert (report.result.rows, report.result.elsewhere, report.result.unplaced) == (1, 0, 0)


@pytest.mark.parametrize("written", ["one", ONE.upper(), f"{ONE}:{SERVICE}", f"{SERVICE}:{ONE}"])
async def test_the_control_plane_of_plain_ids_is_the_one_beside_them(serve: Serve, written: str) -> None:
    plain = {"consumer": ALICE, "route": USERS, "gateway_service": SERVICE, "control_plane": written}
    report = await analyzed(serve, organisation(analytics([row() | plain])))
    (alice,) = report.result.consumers
    assert (alice.username, alice.control_plane_id, alice.request_count) == ("alice", ONE, 1)


@pytest.mark.parametrize("written", ["two", "One", "one:eu", "on", TWO, TWO.upper(), f"{TWO}:{SERVICE}"])
async def test_a_row_of_another_control_plane_stays_out(serve: Serve, written: str) -> None:
    plain = {"consumer": ALICE, "route": USERS, "gateway_service": SERVICE, "control_plane": written}
    report = await analyzed(serve, organisation(analytics([row() | plain])))
    assert (report.result.rows, report.result.elsewhere) == (0, 1)


GROUP = {"id": TWO, "name": "both", "config": {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}}


def grouped(answer: Answer, members: CallToolResult) -> dict[str, Any]:
    """The first control plane and a group; `members` is what that group is said to have."""

    def planes(arguments: Arguments) -> CallToolResult:
        asked_for = [plane for plane in (PLANES[0], GROUP) if plane["name"] == arguments.get("name")]
        if arguments["operation"] == "list":
            return structured({"control_planes": [PLANES[0], GROUP]})
        return structured({"control_plane": asked_for[0]}) if asked_for else refused("not found")

    return organisation(answer) | {"GetControlPlane": planes, "GetControlPlaneGroup": members}


async def test_rows_of_a_group_are_of_the_member_whose_route_they_took(serve: Serve) -> None:
    rows = [row(control_plane=TWO), row(control_plane=None, control_plane_group=TWO)]
    answers = grouped(analytics(rows), structured({"members": PLANES[:1]}))
    for name in ("one", "both"):
        report = await analyzed(serve, answers, control_plane=name)
        assert (failures(report), report.result.rows, report.status) == ({"alice": 2}, 2, "complete")


async def test_rows_of_a_group_whose_members_are_hidden_are_counted_all_the_same(serve: Serve) -> None:
    answers = grouped(analytics([row(control_plane_group=TWO)]), refused("403 Forbidden"))
    report = await analyzed(serve, answers, control_plane="both")
    assert (failures(report), report.status) == ({"alice": 1}, "incomplete")
    assert {each.what for each in report.coverage.missing} == {"members"}


async def test_a_cut_list_of_members_leaves_the_report_incomplete(serve: Serve) -> None:
    cut = structured({"members": PLANES[:1], "meta": {"page": {"total": 9}}})
    report = await analyzed(serve, grouped(analytics([row()]), cut), control_plane="both")
    assert (failures(report), report.status) == ({"alice": 1}, "incomplete")
    assert report.coverage.truncated == ("members of both",)


async def test_an_id_decides_over_a_name(serve: Serve) -> None:
    report = await analyzed(serve, organisation(analytics([row(plane=TWO, control_plane="one")])))
    assert (report.result.rows, report.result.elsewhere) == (0, 1)


async def test_a_name_of_a_control_plane_leads_to_its_consumers(serve: Serve) -> None:
    plain = {"consumer": ALICE, "route": USERS, "gateway_service": SERVICE, "control_plane": "one"}
    rows = [row() | plain]
    report = await analyzed(serve, organisation(analytics(rows)), control_plane=None)
    (alice,) = report.result.consumers
    assert (alice.username, alice.exists, alice.control_plane_id) == ("alice", True, ONE)
    assert alice.routes[0].name == "users"


async def test_two_spellings_of_an_id_are_one_consumer_and_one_route(serve: Serve) -> None:
    shouted = {"route": f"{ONE}:{USERS}".upper(), "consumer": f"{ONE}:{ALICE}".upper()}
    rows = [row(), row() | shouted]
    report = await analyzed(serve, organisation(analytics(rows)))
    (alice,) = report.result.consumers
    assert (alice.username, alice.failures, alice.exists, alice.request_count) == ("alice", 2, True, 2)
    assert alice.by_route == {USERS: 2}


# Who sent it.


@pytest.mark.parametrize(
    "nobody", ["-", "", f"{ONE}:", f"{ONE}:null", f"{ONE}:-", "null", None, {"id": None}, {}]
)
async def test_nobody_is_no_consumer_that_no_longer_exists(serve: Serve, nobody: Any) -> None:
    rows = [row(), row() | {"consumer": nobody}]
    report = await analyzed(serve, organisation(analytics(rows)))
    assert failures(report) == {"alice": 1}
    assert report.result.unattributed.failures == 1
    assert report.status == "complete"


async def test_a_consumer_in_a_form_nobody_knows_is_not_nobody(serve: Serve) -> None:
    report = await analyzed(serve, organisation(analytics([row(consumer=[["x"]])])))
    assert report.status == "incomplete"
    assert [each.what for each in report.coverage.missing] == ["consumers"]


@pytest.mark.parametrize("fields", [{"consumer": {"username": "alice"}}, {"consumer": "alice"}])
async def test_a_consumer_known_by_name_is_looked_up_by_it(serve: Serve, fields: Row) -> None:
    report = await analyzed(serve, organisation(analytics([row() | fields], heeds="status_codes")))
    (alice,) = report.result.consumers
    assert (alice.id, alice.username, alice.custom_id, alice.exists) == (ALICE, "alice", "a-1", True)
    assert (alice.failures, alice.request_count) == (1, 1)
    assert report.status == "complete"


async def test_a_name_that_is_nearly_another_is_not_taken_for_it(serve: Serve) -> None:
    rows = [row() | {"consumer": {"username": "alic"}}]
    report = await analyzed(serve, organisation(analytics(rows)))
    (alic,) = report.result.consumers
    assert (alic.username, alic.id, alic.custom_id, alic.exists) == ("alic", None, None, None)
    assert alic.request_count is None
    assert [each.what for each in report.coverage.missing] == [
        "the consumer alic",
        "the requests of consumer alic",
    ]


async def test_another_consumer_than_the_one_asked_for_is_not_believed(serve: Serve) -> None:
    answers = organisation(analytics([row()])) | {"GetConsumer": structured({"consumer": CONSUMERS[1]})}
    report = await analyzed(serve, answers)
    (alice,) = report.result.consumers
    assert (alice.id, alice.username, alice.exists) == (ALICE, None, None)
    assert [each.what for each in report.coverage.missing] == [f"the consumer {ALICE}"]


async def test_a_deleted_consumer_keeps_the_name_its_rows_give_it(serve: Serve) -> None:
    gone = {"id": "5c000000-0000-4000-8000-00000000000c", "username": "carol"}
    report = await analyzed(serve, organisation(analytics([row(consumer=gone)])))
    (carol,) = report.result.consumers
    assert (carol.username, carol.exists, carol.id) == ("carol", False, gone["id"])


# Many, equal, and without.


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
