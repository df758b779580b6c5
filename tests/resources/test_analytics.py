"""Rows of requests: the id form the server takes, what was cut, and rows in older shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import InvalidArguments, Konnect, ToolError, Undecodable
from konnect_agent.ids import CompositeId

from ..handmade import TOKEN, Arguments, Handmade, Serve, as_json, refused, structured

pytestmark = pytest.mark.anyio

CP = "0a3a1b0e-0000-4000-8000-00000000cafe"
ID = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
PAIR = f"{CP}:{ID}"
ROW = {"request_id": "r-1", "response_http_status": "503", "consumer": PAIR, "request_uri": "/x"}


def asked_ids(server: Handmade) -> list[Any]:
    """The ids of every call so far."""
    return [arguments.get("consumer_id", arguments.get("consumer_ids")) for _, arguments in server.calls]


def taking(*accepted: Any, otherwise: CallToolResult) -> Mapping[str, Any]:
    """A GetAnalytics that has a row for these ids only."""

    def answer(arguments: Arguments) -> CallToolResult:
        wanted = arguments.get("consumer_id", arguments.get("consumer_ids"))
        return structured({"data": [ROW]}) if wanted in accepted else otherwise

    return {"GetAnalytics": answer}


REFUSAL = refused("Invalid arguments: consumer_id does not have the form asked for")
NOTHING = structured({"data": []})


@pytest.mark.parametrize("otherwise", [REFUSAL, NOTHING])
async def test_a_server_of_plain_ids_is_asked_again_once_and_then_remembered(
    serve: Serve, otherwise: CallToolResult
) -> None:
    server = serve(taking(ID, [ID], otherwise=otherwise))
    async with Konnect(TOKEN, url=server.url) as konnect:
        first = await konnect.analytics.get_consumer_requests(ID, time_range="1H", control_plane_id=CP)
        second = await konnect.analytics.query_api_requests("1H", consumer_ids=[PAIR])
    assert [row.request_id for row in (*first.rows, *second.rows)] == ["r-1", "r-1"]
    assert asked_ids(server) == [PAIR, ID, [ID]]


async def test_a_server_of_pairs_is_never_asked_with_plain_ids(serve: Serve) -> None:
    server = serve(taking(PAIR, [PAIR], otherwise=REFUSAL))
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.analytics.query_api_requests("1H", consumer_ids=[PAIR])
        await konnect.analytics.get_consumer_requests(PAIR, time_range="1H")
        await konnect.analytics.get_consumer_requests(ID, time_range="1H", control_plane_id=CP)
    assert asked_ids(server) == [[PAIR], PAIR, PAIR]


async def test_no_rows_in_either_form_is_no_rows(serve: Serve) -> None:
    server = serve(taking(otherwise=NOTHING))
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.get_consumer_requests(PAIR, time_range="1H")
    assert (found.rows, found.truncated) == ((), False)
    assert asked_ids(server) == [PAIR, ID]


async def test_a_refusal_of_both_forms_is_the_first_one(serve: Serve) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        return refused(f"Invalid arguments: not {arguments['consumer_id']}")

    server = serve({"GetAnalytics": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match=f"not {PAIR}"):
            await konnect.analytics.get_consumer_requests(PAIR, time_range="1H")


async def test_a_plain_id_alone_is_asked_for_once(serve: Serve) -> None:
    server = serve(taking(otherwise=NOTHING))
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.analytics.get_consumer_requests(ID, time_range="1H")
        await konnect.analytics.query_api_requests("1H")
    assert asked_ids(server) == [ID, None]


@pytest.mark.parametrize(
    ("answer", "truncated"),
    [
        ({"data": [ROW] * 3}, True),
        ({"data": [ROW] * 2}, False),
        ({"data": [ROW] * 2, "meta": {"truncated": True}}, True),
        ({"requests": [ROW] * 2, "metadata": {"next_cursor": "abc"}}, True),
        ({"results": [ROW] * 2, "meta": {"total_count": 9}}, True),
        ({"results": [ROW] * 2, "meta": {"size": 2, "offset": 0}}, False),
    ],
)
async def test_a_list_that_may_have_been_cut_says_so(serve: Serve, answer: Any, truncated: bool) -> None:
    server = serve({"GetAnalytics": structured(answer)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=3)
    assert (found.truncated, found.limit) == (truncated, 3)


async def test_what_stands_beside_the_rows_is_kept_as_the_summary(serve: Serve) -> None:
    statistics = {"total_requests": 40, "failed_requests": 3}
    server = serve({"GetAnalytics": structured({"result": {"data": [ROW], "statistics": statistics}})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.get_consumer_requests(ID, time_range="1H")
    assert found.summary == {"statistics": statistics}


async def test_a_row_of_the_retired_server_is_read(serve: Serve) -> None:
    row = {
        "requestId": "r-9", "timestamp": "2026-03-04T12:00:00.123Z", "httpMethod": "GET", "uri": "/x",
        "statusCode": 502, "consumerId": PAIR, "serviceId": f"{CP}:{CP}", "routeId": None,
        "latency": {"totalMs": 12, "gatewayMs": 2, "upstreamMs": None}, "authType": "key-auth",
        "service": {"port": "80", "protocol": "http"}, "controlPlane": {"id": CP, "group": None},
    }  # fmt: skip
    server = serve({"GetAnalytics": as_json({"metadata": {"totalRequests": 1}, "requests": [row]})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        (found,) = (await konnect.analytics.query_api_requests("1H")).rows
    assert (found.request_id, found.http_method, found.request_uri, found.status) == ("r-9", "GET", "/x", 502)
    assert (found.latencies_response_ms, found.latencies_upstream_ms) == (12, None)
    assert (found.consumer_id, found.service_id, found.route_id) == (
        CompositeId(CP, ID),
        CompositeId(CP, CP),
        None,
    )
    assert (found.control_plane_id, found.auth_type, found.failed) == (CP, "key-auth", True)
    assert found.request_start is not None
    assert found.request_start.isoformat() == "2026-03-04T12:00:00.123000+00:00"


async def test_a_row_of_nulls_with_an_unreadable_status_is_still_a_row(serve: Serve) -> None:
    row = {
        "request_id": "r-1",
        "response_http_status": "",
        "upstream_status": "n/a",
        "route": None,
        "consumer": "",
    }
    server = serve({"GetAnalytics": structured({"data": [row, {**ROW, "response_http_status": 204}]})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        first, second = (await konnect.analytics.query_api_requests("1H")).rows
    assert (first.status, first.failed, first.consumer_id, first.control_plane_id) == (
        None,
        False,
        None,
        None,
    )
    assert (second.status, second.control_plane_id) == (204, CP)


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"foo": 1}, "$[0]"),
        ({"request_id": {"a": 1}}, "$[0].request_id"),
    ],
)
async def test_what_is_no_row_is_undecodable_and_says_where(serve: Serve, row: Any, path: str) -> None:
    server = serve({"GetAnalytics": structured({"data": [row, row]})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable) as caught:
            await konnect.analytics.query_api_requests("1H")
    assert caught.value.path.startswith(path)
    assert caught.value.operation == "analytics.query_api_requests"


async def test_a_latency_nobody_can_read_costs_no_row(serve: Serve) -> None:
    server = serve({"GetAnalytics": structured({"data": [{**ROW, "latencies_response_ms": "slow"}]})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        (row,) = (await konnect.analytics.query_api_requests("1H")).rows
    assert (row.latencies_response_ms, row.unread) == (None, {"latencies_response_ms": "slow"})


async def test_one_value_is_a_list_of_one_and_not_its_letters(serve: Serve) -> None:
    server = serve({"GetAnalytics": NOTHING})
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.analytics.query_api_requests(
            "1H", http_methods="get", consumer_ids="abc", status_codes=500
        )
    ((_, sent),) = server.calls
    assert (sent["http_methods"], sent["consumer_ids"], sent["status_codes"]) == (["GET"], ["abc"], [500])


@pytest.mark.parametrize(
    "wrong",
    [
        {"http_methods": 5}, {"consumer_ids": [None]}, {"route_ids": b"x"}, {"status_codes": 5.5},
        {"status_codes": [True]}, {"max_results": "9"},
    ],
)  # fmt: skip
async def test_values_of_a_wrong_type_are_refused_before_anything_is_sent(serve: Serve, wrong: Any) -> None:
    server = serve({"GetAnalytics": NOTHING})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments):
            await konnect.analytics.query_api_requests("1H", **wrong)
    assert server.calls == []


def capped(most: int, *, refusing: bool) -> Mapping[str, Any]:
    """A GetAnalytics with plenty of rows, of which it gives so many at once."""

    def answer(arguments: Arguments) -> CallToolResult:
        asked = arguments.get("max_results", 100)
        if refusing and asked > most:
            return refused(f"Input validation error: {asked} is greater than the maximum of {most}")
        return structured({"data": [ROW] * min(asked, most)})

    return {"GetAnalytics": answer}


@pytest.mark.parametrize("most", [30, 500])
async def test_a_server_that_refuses_so_many_rows_is_asked_for_its_most(serve: Serve, most: int) -> None:
    server = serve(capped(most, refusing=True))
    async with Konnect(TOKEN, url=server.url) as konnect:
        for _ in range(2):
            found = await konnect.analytics.query_api_requests("1H", max_results=1000)
            assert (len(found.rows), found.truncated, found.limit) == (most, True, most)
        few = await konnect.analytics.query_api_requests("1H", max_results=3)
    assert (len(few.rows), few.limit) == (3, 3)
    assert [sent["max_results"] for _, sent in server.calls] == [1000, most, most, 3]


async def test_a_schema_that_allows_fewer_rows_is_kept_without_being_refused(serve: Serve) -> None:
    limit = {"anyOf": [{"type": "integer", "maximum": 200}, {"type": "null"}]}
    schema = {"type": "object", "properties": {"operation": {}, "time_range": {}, "max_results": limit}}
    server = serve(capped(200, refusing=True), schemas={"GetAnalytics": schema})
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=1000)
    assert (len(found.rows), found.truncated, found.limit) == (200, True, 200)
    assert [sent["max_results"] for _, sent in server.calls] == [200]


@pytest.mark.parametrize("words", ["max_results out of range", "Invalid max_results: must be a sane number"])
async def test_a_server_that_does_not_say_its_most_is_asked_for_its_own_number(
    serve: Serve, words: str
) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        return refused(words) if arguments.get("max_results", 0) > 100 else structured({"data": [ROW] * 100})

    server = serve({"GetAnalytics": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        for _ in range(2):
            found = await konnect.analytics.query_api_requests("1H", max_results=1000)
            assert (len(found.rows), found.truncated, found.limit) == (100, True, 100)
    assert [sent.get("max_results") for _, sent in server.calls] == [1000, None, 100]


async def test_no_more_rows_come_than_were_asked_for(serve: Serve) -> None:
    server = serve({"GetAnalytics": refused("max_results out of range")})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolError, match="out of range"):
            await konnect.analytics.query_api_requests("1H", max_results=50)
    assert len(server.calls) == 1


async def test_a_refusal_of_something_else_stays_one(serve: Serve) -> None:
    server = serve({"GetAnalytics": refused("Invalid arguments: status_codes takes at most 10")})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="at most 10"):
            await konnect.analytics.query_api_requests("1H", max_results=1000)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("given", "truncated"),
    [
        (100, True),
        (200, True),
        (250, True),
        (500, True),
        (99, False),
        (101, False),
        (10, False),
        (300, False),
    ],
)
async def test_a_list_as_long_as_servers_like_to_cut_them_counts_as_cut(
    serve: Serve, given: int, truncated: bool
) -> None:
    server = serve(capped(given, refusing=False))
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=1000)
    assert (len(found.rows), found.truncated, found.limit) == (given, truncated, 1000)


async def test_ids_that_are_no_uuids_are_pairs_with_a_control_plane_that_was_seen(serve: Serve) -> None:
    plane, consumer = "konnect:cp:1", "konnect:consumer:1"
    row = {**ROW, "control_plane": plane, "consumer": f"{plane}:{consumer}"}

    def answer(arguments: Arguments) -> CallToolResult:
        plain = arguments.get("consumer_id") in (None, consumer)
        return structured({"data": [row]}) if plain else NOTHING

    server = serve({"GetAnalytics": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        (seen,) = (await konnect.analytics.query_api_requests("1H")).rows
        assert seen.consumer_id == CompositeId(plane, consumer)
        found = await konnect.analytics.get_consumer_requests(str(seen.consumer_id), time_range="1H")
        again = await konnect.analytics.get_consumer_requests(
            consumer, time_range="1H", control_plane_id=plane
        )
    assert len(found.rows) == len(again.rows) == 1
    assert asked_ids(server) == [None, f"{plane}:{consumer}", consumer, consumer]
