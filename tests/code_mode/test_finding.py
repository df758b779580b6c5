"""Finding operations on servers whose `search` and `get_schema` answer, or refuse, in ways of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import InvalidArguments, Konnect, NotFound, ToolUnavailable

from ..handmade import TOKEN, Serve, as_json, refused, told
from .offering import (
    BODY,
    CP,
    LISTED,
    NO_REQUESTS,
    PLANE,
    TEXT,
    describing,
    executed,
    offered,
    operation,
    requests,
    services,
)

pytestmark = pytest.mark.anyio
ROUTED = {
    "operationId": "query_requests",
    "method": "POST",
    "path": "/v2/api-requests",
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}


@pytest.mark.parametrize(
    "answer",
    [
        {"operations": [ROUTED]},
        {"operations": [{**ROUTED, "parameters": [{"name": "trace", "in": "header", "schema": TEXT}]}]},
        {"openapi": "3.0.3", "paths": {"/v2/api-requests": {"post": ROUTED}}},
    ],
)
async def test_the_request_body_of_an_openapi_operation_is_its_body_argument(
    serve: Serve, answer: dict[str, Any]
) -> None:
    server = offered(serve, as_json(answer), execute=NO_REQUESTS)
    await requests(server, status_codes=[503])
    ((name, inputs),) = ((sent["operation"], sent["inputs"]) for sent in executed(server))
    assert (name, list(inputs)) == ("query_requests", ["body"])
    assert inputs["body"]["filters"] == [{"field": "status_code", "operator": "in", "value": [503]}]


async def test_without_any_schema_a_body_goes_as_body_and_never_flat(serve: Serve) -> None:
    server = offered(serve, told("- query_requests: Returns API requests"), execute=NO_REQUESTS)
    await requests(server, status_codes=[503])
    assert [list(sent["inputs"]) for sent in executed(server)] == [["body"]]


async def test_a_filter_that_the_operation_does_not_take_is_said_and_nothing_is_sent(serve: Serve) -> None:
    flat = {"properties": {"time_range": {"type": "object"}, "size": {"type": "integer"}}}
    server = offered(serve, describing(operation("query_requests", flat)), execute=NO_REQUESTS)
    with pytest.raises(ToolUnavailable, match=r"filters, size: its query_requests takes time_range, size\."):
        await requests(server, status_codes=[503])
    assert executed(server) == []


async def test_fields_that_all_stand_at_the_top_are_sent_there(serve: Serve) -> None:
    flat: dict[str, Any] = {"properties": {name: {} for name in ("timeRange", "filters", "size")}}
    row = {"request_id": "r", "response_http_status": "503"}
    full = as_json({"results": [{**row, "request_id": f"r-{n}"} for n in range(1000)]})
    server = offered(serve, describing(operation("query_requests", flat)), execute=full)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        found = await konnect.analytics.query_api_requests("24H", status_codes=[503], max_results=3000)
    assert (len(found.rows), found.truncated) == (1000, True)
    assert [sorted(sent["inputs"]) for sent in executed(server)] == [["filters", "size", "timeRange"]]


OTHERS = [operation(f"list_other_{n}") for n in range(30)]


@pytest.mark.parametrize(("most", "strict"), [(100, True), (10, False), (1, False), (1, True)])
async def test_a_get_schema_that_refuses_long_lists_or_unknown_names_is_asked_for_less(
    serve: Serve, most: int, strict: bool
) -> None:
    known = [*OTHERS[:5], operation("list_service"), *OTHERS[5:]]
    search = told("\n".join(f"- {each['name']}: {each['description']}" for each in known))
    server = offered(serve, describing(*known, most=most, strict=strict), search=search)
    assert await services(server) == ["users"]
    assert [sent["operation"] for sent in executed(server)] == ["list_service"]


async def test_a_get_schema_that_refuses_everything_is_left_alone_after_a_while(serve: Serve) -> None:
    search = told("\n".join(f"- {each['name']}: {each['description']}" for each in OTHERS))
    server = offered(serve, refused("not today"), search=search)
    with pytest.raises(
        ToolUnavailable, match=r"list_other_7 and 22 more \(which get_schema did not describe\)"
    ):
        await services(server)
    assert len([name for name, _ in server.calls if name == "get_schema"]) < 60
    assert executed(server) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"list_service": PLANE},
        {"schemas": {"list_service": {"description": "Lists services", "inputSchema": PLANE}}},
        {"list_service": {"summary": "Lists", "parameters": [
            {"name": "controlPlaneId", "in": "path", "required": True, "schema": TEXT}]}},
    ],
)  # fmt: skip
async def test_schemas_under_the_names_that_were_asked_for_are_read(
    serve: Serve, answer: dict[str, Any]
) -> None:
    server = offered(serve, as_json(answer))
    assert await services(server) == ["users"]
    assert [sent["inputs"] for sent in executed(server)] == [{"controlPlaneId": CP}]


async def test_the_schema_of_the_one_that_was_asked_for_needs_no_name(serve: Serve) -> None:
    server = offered(
        serve, as_json(PLANE), search=told("- list_service: Lists services"), names={"operation_name": TEXT}
    )
    assert await services(server) == ["users"]
    assert server.calls[1] == ("get_schema", {"operation_name": "list_service"})


async def test_names_that_a_get_schema_does_not_know_are_not_confirmed(serve: Serve) -> None:
    server = offered(
        serve,
        as_json({"not_found": ["list_service"], "unknown": {"names": ["list_service"]}}),
        search=as_json(["list_service"]),
    )
    with pytest.raises(ToolUnavailable, match=r"found list_service \(which get_schema did not describe\)\."):
        await services(server)
    assert executed(server) == []


@pytest.mark.parametrize(
    "answer",
    [
        as_json(["get_all_services"]),
        as_json({"results": ["get_all_services"], "count": 1}),
        as_json([{"id": "get_all_services", "summary": "Lists services"}]),
        as_json({"hits": [{"title": "Lists services", "id": "get_all_services", "score": 0.7}]}),
        as_json({"hits": [{"name": "List services", "operationId": "get_all_services"}]}),
        told("1. get_all_services - Lists services\n2. list_other_1 - Lists others"),
        told("- **get_all_services** — Lists services"),
        told("Found 2:\n* `get_all_services` – Lists services\n10) list_other_1"),
    ],
)
async def test_what_a_search_lists_is_read_in_other_forms(serve: Serve, answer: CallToolResult) -> None:
    server = offered(serve, describing(operation("get_all_services"), *OTHERS), search=answer)
    assert await services(server) == ["users"]
    assert [sent["operation"] for sent in executed(server)] == ["get_all_services"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (told("No tools matched the query."), "found nothing"),
        (as_json({"query": "list services", "results": []}), "found nothing"),
        (as_json([]), "found nothing"),
        (told("Try the operation for services."), "found an answer that names no operation"),
        (as_json({"pages": [17, 18]}), "found an answer that names no operation"),
    ],
)
async def test_only_a_search_that_found_nothing_is_said_to_have_found_nothing(
    serve: Serve, answer: CallToolResult, said: str
) -> None:
    with pytest.raises(ToolUnavailable, match=f"'list services of a control plane' {said}\\."):
        await services(offered(serve, describing(), search=answer))


@pytest.mark.parametrize(
    ("taken", "sent"),
    [
        ({"intent": TEXT, "detail": TEXT}, {"intent": "list services of a control plane"}),
        ({"queries": {"type": "array", "items": TEXT}}, {"queries": ["list services of a control plane"]}),
    ],
)
async def test_a_search_is_asked_under_the_name_it_has(
    serve: Serve, taken: dict[str, Any], sent: dict[str, Any]
) -> None:
    server = offered(serve, describing(), search_takes=taken)
    with pytest.raises(ToolUnavailable):
        await services(server)
    assert [arguments for name, arguments in server.calls if name == "search"] == [sent]


@pytest.mark.parametrize("name", ["operation_names", "wanted"])
async def test_a_get_schema_is_asked_under_the_name_it_has(serve: Serve, name: str) -> None:
    taken = {"detail": {"enum": ["brief", "full"]}, name: {"anyOf": [{"type": "array"}, {"type": "null"}]}}
    server = offered(serve, describing(operation("list_service"), name=name), names=taken)
    assert await services(server) == ["users"]
    assert server.calls[0][1].keys() == {"detail", name}


async def found(serve: Serve, *operations: Mapping[str, Any], asks: str) -> Sequence[dict[str, Any]]:
    """What is executed on a server with these operations, all of which its search lists."""
    search = as_json([each["name"] for each in operations])
    answer = NO_REQUESTS if asks == "requests" else LISTED
    server = offered(serve, describing(*operations), search=search, execute=answer)
    await (requests if asks == "requests" else services)(server)
    return executed(server)


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("list_gateway_services", "services"),
        ("config_list_service", "services"),
        ("control_planes_config_list_service", "services"),
        ("api_requests_query", "requests"),
        ("analytics_query_requests", "requests"),
        ("api_requests", "requests"),
        ("post_api_requests", "requests"),
        ("list_api_requests", "requests"),
    ],
)
async def test_an_operation_under_another_name_is_known_by_its_words_and_schema(
    serve: Serve, name: str, asks: str
) -> None:
    schema = BODY if asks == "requests" else PLANE
    calls = await found(serve, operation(name, schema), *OTHERS[:2], asks=asks)
    assert [sent["operation"] for sent in calls] == [name]


async def test_an_operation_is_known_by_its_path_whatever_its_name(serve: Serve) -> None:
    at = "/v2/control-planes/{controlPlaneId}/core-entities/services"
    calls = await found(
        serve,
        operation("op_18", method="delete", path=at),
        operation("op_17", method="get", path=at),
        operation("op_19", method="get", path=at + "/{ServiceId}/routes"),
        asks="services",
    )
    assert [sent["operation"] for sent in calls] == ["op_17"]


@pytest.mark.parametrize(
    "operations",
    [
        [operation("create_gateway_services")],
        [operation("gateway_services") | {"description": "Creates a service"}],
        [operation("gateway_services") | {"description": "Services of a control plane"}],
        [operation("list_gateway_services", method="DELETE", path="/v2/services")],
        [operation("post_gateway_services")],
        [operation("mesh_list_service")],
        [operation("list_gateway_services", {"properties": {"meshId": TEXT}, "required": ["meshId"]})],
    ],
)
async def test_what_may_write_or_is_of_something_else_is_not_taken(
    serve: Serve, operations: list[dict[str, Any]]
) -> None:
    search = as_json([each["name"] for each in operations])
    server = offered(serve, describing(*operations), search=search)
    with pytest.raises(ToolUnavailable, match="it has no operation that does the same"):
        await services(server)
    assert executed(server) == []


async def test_of_several_that_are_equally_alike_none_is_taken_and_all_are_named(serve: Serve) -> None:
    both = [operation("list_gateway_services"), operation("config_list_service")]
    server = offered(serve, describing(*both), search=as_json([each["name"] for each in both]))
    with pytest.raises(
        ToolUnavailable, match="which of list_gateway_services, config_list_service does the same"
    ):
        await services(server)
    assert executed(server) == []


def failing(words: str) -> CallToolResult:
    return refused(f"Error calling tool 'list_service': HTTP error 404: Not Found - {words}")


@pytest.mark.parametrize(
    "words",
    [
        "{'status': 404, 'title': 'Not Found', 'detail': 'no control plane has the id {controlPlaneId}'}",
        "GET /v2/control-planes/%7BcontrolPlaneId%7D/core-entities/services",
    ],
)
async def test_a_path_left_unfilled_says_that_schema_and_server_disagree(serve: Serve, words: str) -> None:
    snake = {"properties": {"control_plane_id": TEXT}, "required": ["control_plane_id"]}
    server = offered(serve, describing(operation("list_service", snake)), execute=failing(words))
    with pytest.raises(
        InvalidArguments, match=r"disagree: .* has control_plane_id, and controlPlaneId in its"
    ):
        await services(server)


@pytest.mark.parametrize(
    "words",
    [
        f"{{'status': 404, 'title': 'Not Found', 'detail': 'no control plane has the id {CP}'}}",
        "no route GET /v2/control-planes/{controlPlaneId}/core-entities/services",
    ],
)
async def test_what_was_filled_in_and_is_not_there_is_not_found(serve: Serve, words: str) -> None:
    server = offered(serve, describing(operation("list_service")), execute=failing(words))
    with pytest.raises(NotFound):
        await services(server)
