"""Consumer analysis where the list of rows is cut: the server's own counts, as far as they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect
from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.world import World
from patterns import ConsumersResult, Report, analyze_consumers

from ..handmade import Arguments, Serve, refused, structured
from .analytics import ALICE, BOB, TWO, USERS, Answer, Row, analytics, analyzed, failures, organisation, row

pytestmark = pytest.mark.anyio
SHOP = "storefront-production"
STATUSES = (401, 500, 502, 503)
OF_ROWS = {"requests", "request_count", "request_count_is_minimum", "statistics"}
COLUMNS = {"status_code": "response_http_status"}
EVERY = ("status_code", "control_plane", "consumer")

# Bob fails last, and alice most: the three newest rows tell nothing of her.
ROWS = [
    *(row(BOB, age=0.1 * n) for n in range(1, 5)),
    *(row(ALICE, age=n) for n in range(1, 15)),
    *(row(None, age=n) for n in range(1, 3)),
    *(row(ALICE, plane=TWO, age=n) for n in range(1, 6)),
]
CROWD = [row(f"5c000000-0000-4000-8000-{n:012d}") for n in range(30)]


def counts(
    rows: Iterable[Row], *, heeds: Sequence[str] = EVERY, most: int = 500, nobody: bool = True
) -> Answer:
    """QueryAnalytics over these rows, with the filters it does not ignore, and with a group for `nobody`."""
    kept = list(rows)

    def heeded(each: Row, wanted: Arguments) -> bool:
        field: str = wanted["field"]
        value = each.get(COLUMNS.get(field, field))
        if wanted["field"] not in heeds:
            return True
        return value is None if wanted["operator"] == "empty" else str(value) in map(str, wanted["value"])

    def answer(arguments: Arguments) -> CallToolResult:
        found = [each for each in kept if all(heeded(each, wanted) for wanted in arguments["filters"])]
        dimensions: list[str] = arguments.get("dimensions", [])
        if "consumer" in dimensions and not nobody:
            found = [each for each in found if each["consumer"]]
        groups: Counter[tuple[Any, ...]] = Counter()
        for each in found:
            start = each["request_start"][:13] + ":00:00Z" if not dimensions else "2026-01-01T00:00:00Z"
            groups[start, *(each.get(COLUMNS.get(name, name)) or "empty" for name in dimensions)] += 1
        ranked = groups.most_common()
        if rest := sum(count for _, count in ranked[most:]):
            ranked = [*ranked[:most], (("2026-01-01T00:00:00Z", *["____OTHER____"] * len(dimensions)), rest)]
        data = [
            {"timestamp": at, "event": dict(zip(dimensions, values, strict=True)) | {"request_count": count}}
            for (at, *values), count in ranked
        ]
        return structured({"data": data, "meta": {"query_id": "q"}})

    return answer


async def cut(serve: Serve, aggregates: Any, **arguments: Any) -> Report[ConsumersResult]:
    answers = {**organisation(analytics(ROWS)), "QueryAnalytics": aggregates}
    return await analyzed(serve, answers, max_results=3, **arguments)


@pytest.mark.parametrize("control_plane", [SHOP, None])
@pytest.mark.parametrize("generation", ["spring", "code-mode"])
async def test_a_cut_list_and_a_whole_one_come_to_the_same(
    world: World, generation: Generation, control_plane: str | None
) -> None:
    def lasting(report: Report[ConsumersResult]) -> dict[str, Any]:
        result = report.result
        consumers = [each.model_dump(exclude=OF_ROWS) for each in result.consumers]
        return {**dict(result), "consumers": consumers, "recounted": None, "notes": None}

    with Sandbox(world=world, generation=generation) as sandbox:
        async with Konnect(sandbox.token, url=sandbox.url) as konnect:
            whole = await analyze_consumers(konnect, control_plane, status_codes=STATUSES)
            few = await analyze_consumers(konnect, control_plane, status_codes=STATUSES, max_results=20)
    assert lasting(few) == lasting(whole)
    assert (few.status, few.coverage.truncated) == ("complete", ())
    assert few.coverage.aggregated == ("failing requests by consumer, status, route and hour",)
    assert "the rows are examples" in few.result.notes[0]
    assert (whole.coverage.aggregated, whole.result.recounted) == ((), False)


@pytest.mark.parametrize("nobody", [True, False])
async def test_the_worst_consumer_is_found_though_none_of_its_rows_came(serve: Serve, nobody: bool) -> None:
    report = await cut(serve, counts(ROWS, nobody=nobody))
    assert failures(report) == {"alice": 14, "bob": 4}
    alice = report.result.consumers[0]
    assert (alice.by_status, alice.by_route) == ({"503": 14}, {USERS: 14})
    assert [route.name for route in alice.routes] == ["users"]
    assert sum(alice.by_hour.values()) == 14
    assert (report.result.rows, report.result.elsewhere, report.result.unattributed.failures) == (20, 5, 2)


async def test_a_consumer_meets_the_plugins_of_routes_that_only_the_server_counted(serve: Serve) -> None:
    plugin = {"id": "p-1", "name": "key-auth", "enabled": True, "route": {"id": USERS}}
    answers = {
        **organisation(analytics(ROWS), plugins=[plugin]),
        "QueryAnalytics": counts(ROWS),
        "GetAnalytics": analytics(ROWS[:4]),
    }
    report = await analyzed(serve, answers, max_results=3)
    assert [plugin.name for plugin in report.result.consumers[0].plugins] == ["key-auth"]


@pytest.mark.parametrize(
    ("aggregates", "said"),
    [
        (counts(ROWS[2:]), "2 by consumer, 3 in all"),
        (counts([*ROWS, row(ALICE, status="404")], heeds=("control_plane", "consumer")), "other statuses"),
        (counts(ROWS, heeds=("status_code", "consumer")), "25 by consumer, 20 in all"),
        (counts(ROWS, heeds=("status_code", "control_plane")), "20 by status_code, 14 in all"),
        (refused("unknown filter field control_plane"), "unknown filter field"),
        (structured({"data": [{"timestamp": "2026-01-01T00:00:00Z", "event": {}}]}), "request_count"),
    ],
    ids=["fewer than rows", "statuses", "control planes", "consumers", "refused", "no counts"],
)
async def test_counts_that_do_not_hold_are_said_to_and_the_rows_stand(
    serve: Serve, aggregates: Any, said: str
) -> None:
    report = await cut(serve, aggregates)
    assert failures(report) == {"bob": 3}
    assert report.result.truncated
    assert not report.result.recounted
    assert report.coverage.truncated == ("failing requests (the newest 3 were counted)",)
    missing = report.coverage.missing[0]
    assert missing.what == "the server's own counts of failing requests"
    assert said in missing.error.message


async def test_more_consumers_than_one_answer_holds_are_said_to_be_there(serve: Serve) -> None:
    report = await cut(serve, counts([*ROWS, *CROWD], most=3), top=2)
    assert failures(report) == {"alice": 14, "bob": 4}
    assert report.result.rows == 50
    assert report.coverage.truncated == ("failing consumers (the first 2 were counted)",)


async def test_a_list_that_was_not_cut_is_counted_by_its_rows(serve: Serve) -> None:
    answers = {**organisation(analytics(ROWS)), "QueryAnalytics": refused("is not asked")}
    report = await analyzed(serve, answers, max_results=900)
    assert (failures(report), report.status) == ({"alice": 14, "bob": 4}, "complete")
