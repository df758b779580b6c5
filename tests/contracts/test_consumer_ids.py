"""Consumer analysis over ids no document promises: which control plane a row is of, and who sent it."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult

from ..handmade import Arguments, Serve, refused, structured
from .analytics import (
    ALICE,
    CONSUMERS,
    ONE,
    PLANES,
    SERVICE,
    TWO,
    USERS,
    Answer,
    Row,
    analytics,
    analyzed,
    failures,
    organisation,
    row,
)

pytestmark = pytest.mark.anyio

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
