"""A server that limits its answers is asked for less at once, and what came in parts is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, KonnectError, ToolError, Undecodable

from ..handmade import TOKEN, Arguments, Handmade, Serve, as_json, refused, told

pytestmark = pytest.mark.anyio
CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SERVICES = [{"id": f"s-{number}", "name": f"service-{number}"} for number in range(90)]
REQUESTS = [{"request_id": f"r-{number}", "status_code": "500"} for number in range(1400)]
WORDS = (
    "result too large: 262,144 bytes exceed the maximum of 20,000",
    "Error calling tool 'execute': MemoryError: memory limit exceeded: 104857601 bytes",
    "size: 1000 exceeds the maximum page size",
)
Limit = Callable[[CallToolResult], CallToolResult]
Answers = Callable[[dict[str, Any]], CallToolResult]


def listed(**parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": parameters}


def operation(name: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": "List entities.", "inputSchema": listed(**parameters)}


TEXT, NUMBER, OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
LIST_SERVICE = operation("list_service", controlPlaneId=TEXT, size={**NUMBER, "maximum": 1000}, offset=TEXT)
QUERY_REQUESTS = operation("query_requests", body=OBJECT)


def page_of_services(inputs: dict[str, Any]) -> CallToolResult:
    start = int(inputs.get("offset", "after-0").removeprefix("after-"))
    end = start + inputs["size"]
    return as_json({"data": SERVICES[start:end], "offset": f"after-{end}" if end < len(SERVICES) else None})


def part_of_requests(query: dict[str, Any]) -> CallToolResult:
    start = query.get("offset", 0)
    return as_json({"results": REQUESTS[start : start + query["size"]]})


def limited(
    serve: Serve,
    limit: Limit,
    *,
    query: dict[str, Any] = QUERY_REQUESTS,
    services: Answers = page_of_services,
    requests: Answers = part_of_requests,
) -> Handmade:
    """A server in code mode, each of whose answers goes through `limit`."""

    def execute(arguments: Arguments) -> CallToolResult:
        inputs = arguments["inputs"]
        if arguments["operation"] == "list_service":
            return limit(services(inputs))
        return limit(requests(inputs.get("body", inputs)))

    return serve(
        {
            "search": told("No tools matched the query."),
            "get_schema": as_json([LIST_SERVICE, query]),
            "execute": execute,
        },
        schemas={
            "search": listed(query=TEXT),
            "get_schema": listed(tools={"type": "array"}, detail=TEXT),
            "execute": listed(operation=TEXT, inputs=OBJECT),
        },
    )


def text_of(result: CallToolResult) -> str:
    return json.loads(result.model_dump_json())["content"][0]["text"]


def refusing(words: str, *, above: int) -> Limit:
    return lambda result: result if len(text_of(result)) <= above else refused(words)


def cutting(*, above: int) -> Limit:
    return lambda result: told(text_of(result)[:above])


def sizes(server: Handmade) -> list[int]:
    inputs = [arguments["inputs"] for name, arguments in server.calls if name == "execute"]
    return [each.get("body", each)["size"] for each in inputs]


@pytest.mark.parametrize("limit", [*(refusing(words, above=2000) for words in WORDS), cutting(above=2000)])
async def test_a_list_that_is_too_much_at_once_comes_in_shorter_pages(serve: Serve, limit: Limit) -> None:
    server = limited(serve, limit)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        found = await konnect.services.list(CP)
    assert [service.id for service in found] == [service["id"] for service in SERVICES]
    assert found.complete
    assert sizes(server)[:4] == [1000, 250, 62, 15]


@pytest.mark.parametrize("limit", [*(refusing(words, above=2000) for words in WORDS), cutting(above=2000)])
async def test_requests_that_are_too_much_at_once_come_in_smaller_parts(serve: Serve, limit: Limit) -> None:
    server = limited(serve, limit)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=300)
    assert [row.request_id for row in found.rows] == [row["request_id"] for row in REQUESTS[:300]]
    assert sizes(server)[:3] == [300, 75, 18]


@pytest.mark.parametrize(
    ("limit", "error"), [(refusing(WORDS[0], above=0), ToolError), (cutting(above=5), Undecodable)]
)
async def test_what_is_too_much_however_small_is_the_servers_own_error(
    serve: Serve, limit: Limit, error: type[KonnectError]
) -> None:
    server = limited(serve, limit)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        with pytest.raises(error):
            await konnect.services.list(CP)
    assert sizes(server) == [1000, 250, 62, 15, 3]


async def test_other_refusals_are_no_reason_to_ask_for_less(serve: Serve) -> None:
    server = limited(serve, refusing("the analytics backend is sad", above=0))
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        with pytest.raises(ToolError, match="sad"):
            await konnect.services.list(CP)
    assert sizes(server) == [1000]


async def test_requests_that_cannot_be_asked_for_in_parts_are_marked_as_cut(serve: Serve) -> None:
    flat = operation("query_requests", time_range=OBJECT, filters={"type": "array"}, size=NUMBER)
    server = limited(serve, refusing(WORDS[0], above=2000), query=flat)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=300)
    assert len(found.rows) == 18
    assert found.truncated


async def test_requests_of_a_server_that_stands_still_are_not_repeated(serve: Serve) -> None:
    def same(query: dict[str, Any]) -> CallToolResult:
        return part_of_requests({**query, "offset": 0})

    server = limited(serve, lambda result: result, requests=same)
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.analytics.query_api_requests("1H", max_results=3000)
    assert len(found.rows) == len({row.request_id for row in found.rows}) == 1000
    assert found.truncated
    assert len(sizes(server)) == 2


@pytest.mark.parametrize("count", [-1, 0, 1])
@pytest.mark.parametrize("most", [1000, 100])
async def test_a_list_just_as_long_as_a_page_may_go_on(serve: Serve, most: int, count: int) -> None:
    """Without a word about the rest, a full page is no proof that this was all.

    Full is what was asked for, and what Konnect gives who does not ask (fact sheet 1.3, documented).
    """
    count += most
    services = [{"id": f"s-{number}"} for number in range(count)]

    def first(inputs: dict[str, Any]) -> CallToolResult:
        return as_json({"data": services[: min(inputs["size"], most)]})

    server = limited(serve, lambda result: result, services=first)
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.services.list(CP)
    assert len(found) == min(count, most)
    assert found.complete is (count < most)


@pytest.mark.parametrize(
    "size",
    [
        {"type": "integer", "maximum": 50},
        {"anyOf": [{"type": "integer", "maximum": 50}, {"type": "null"}], "default": None},
    ],
)
async def test_pages_are_as_long_as_the_schema_allows_however_it_says_so(
    serve: Serve, size: dict[str, Any]
) -> None:
    server = limited(serve, lambda result: result)
    described = operation("list_service", controlPlaneId=TEXT, size=size, offset=TEXT)
    server.answers = {**server.answers, "get_schema": as_json([described])}
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.services.list(CP)
    assert (len(found), found.complete) == (len(SERVICES), True)
    assert sizes(server) == [50, 50]
