"""Consumer analysis over rows that do not say which control plane they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from mcp_types import CallToolResult

from patterns import ConsumersResult, Report

from ..handmade import Arguments, Serve, refused, structured
from .analytics import (
    ALICE,
    BOB,
    ONE,
    PATHLESS,
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

GONE = "7c000000-0000-4000-8000-00000000000c"


def silent(consumer: str | None = ALICE, **fields: Any) -> Row:
    """A row with plain ids and no control plane."""
    plain = {"consumer": consumer, "route": USERS, "gateway_service": SERVICE, "control_plane": None}
    return row() | plain | fields


def alone(answer: Answer, plane: Mapping[str, Any] = PLANES[0]) -> dict[str, Any]:
    """An organisation with a single control plane."""
    planes = structured({"control_planes": [plane]})
    return organisation(answer) | {"GetControlPlane": planes}


def routes(held: Mapping[str, Sequence[str] | None]) -> Answer:
    """A GetRoute by control plane id; None for a control plane that refuses to list."""

    def answer(arguments: Arguments) -> CallToolResult:
        ids = held[arguments["control_plane_id"]]
        listed = [{"id": each, "name": "users", "paths": ["/users"]} for each in ids or ()]
        return refused("403 Forbidden") if ids is None else structured({"routes": listed})

    return answer


def counts(report: Report[ConsumersResult]) -> tuple[int | None, int, int]:
    return report.result.rows, report.result.elsewhere, report.result.unplaced


@pytest.mark.parametrize("name", ["one", None])
async def test_they_are_of_the_only_control_plane_there_is(serve: Serve, name: str | None) -> None:
    rows = [silent(), silent(BOB, route=GONE), silent(None, route=None)]
    report = await analyzed(serve, alone(analytics(rows)), control_plane=name)
    assert (failures(report), counts(report), report.status) == (
        {"alice": 1, "bob": 1},
        (3, 0, 0),
        "complete",
    )
    assert report.result.unattributed.failures == 1
    assert "3 failing requests do not say which" in " ".join(report.result.notes)


async def test_a_control_plane_that_another_row_names_is_one_more_than_is_visible(serve: Serve) -> None:
    rows = [silent(), silent(None, route=GONE), row(plane=TWO)]
    report = await analyzed(serve, alone(analytics(rows)))
    assert (failures(report), counts(report), report.status) == ({"alice": 1}, (1, 1, 1), "incomplete")


async def test_pairs_of_ids_that_are_no_uuids_are_taken_apart(serve: Serve) -> None:
    rows = [silent("cp-1:consumer-3", route=None)]
    consumer = structured({"consumer": {"id": "consumer-3", "username": "carol"}})
    answers = alone(analytics(rows), {"id": "cp-1", "name": "one"}) | {"GetConsumer": consumer}
    report = await analyzed(serve, answers)
    (carol,) = report.result.consumers
    assert (carol.id, carol.username, carol.control_plane_id) == ("consumer-3", "carol", "cp-1")
    assert report.status == "complete"


@pytest.mark.parametrize("name", ["one", None])
async def test_they_are_of_the_only_one_that_has_their_route_or_consumer(
    serve: Serve, name: str | None
) -> None:
    rows = [silent(), silent(BOB, route=None), silent(BOB, route=GONE), silent(None)]
    answers = organisation(analytics(rows)) | {"GetRoute": routes({ONE: [USERS], TWO: [PATHLESS]})}
    report = await analyzed(serve, answers, control_plane=name)
    assert (failures(report), counts(report), report.status) == (
        {"bob": 2, "alice": 1},
        (4, 0, 0),
        "complete",
    )
    assert {each.control_plane_id for each in report.result.consumers} == {ONE}


async def test_those_whose_route_only_another_one_has_are_elsewhere(serve: Serve) -> None:
    answers = organisation(analytics([silent(), silent(None, route=PATHLESS)]))
    report = await analyzed(serve, answers | {"GetRoute": routes({ONE: [USERS], TWO: [PATHLESS]})})
    assert (counts(report), report.status) == ((1, 1, 0), "complete")


@pytest.mark.parametrize(
    "held",
    [
        {ONE: [USERS], TWO: [USERS]},  # the same id twice
        {ONE: [], TWO: []},
        {ONE: None, TWO: [USERS]},  # it may be in both
        {ONE: None, TWO: None},
    ],
)
async def test_what_cannot_be_told_is_left_out_and_said_to_be(
    serve: Serve, held: Mapping[str, Sequence[str] | None]
) -> None:
    rows = [silent("5d000000-0000-4000-8000-00000000000d"), silent(None)]
    report = await analyzed(serve, organisation(analytics(rows)) | {"GetRoute": routes(held)})
    assert (counts(report), report.status) == ((0, 0, 2), "incomplete")
    assert "2 failing requests do not say" in " ".join(report.result.notes)
    assert "failing requests without a control plane" in {each.what for each in report.coverage.missing}


async def test_a_consumer_that_came_for_a_name_tells_nothing(serve: Serve) -> None:
    report = await analyzed(serve, organisation(analytics([silent("alice", route=None)])))
    assert counts(report) == (0, 0, 1)


async def test_rows_that_say_where_they_are_of_cost_no_lookup(serve: Serve) -> None:
    report = await analyzed(serve, organisation(analytics([row(), row(plane=TWO)])))
    (step,) = (step for step in report.steps if step.name == "failing requests")
    assert [call.tool for call in step.calls] == ["GetAnalytics"]


async def test_the_ids_of_the_best_stand_under_their_plain_names(serve: Serve) -> None:
    rows = [row(), row(), row(BOB)]
    report = await analyzed(serve, organisation(analytics(rows)), control_plane=None)
    (step,) = (step for step in report.steps if step.name == "rank consumers")
    assert step.extracted == {"control_plane_id": ONE, "consumer_id": ALICE, "consumer_id_2": BOB}
