"""Descriptions of operations in other forms; what cannot be read is never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, ToolUnavailable

from ..handmade import TOKEN, Handmade, Serve, as_json, told
from .offering import CP, LISTED, PLANE, TEXT, describing, executed, offered, operation, requests, services
from .running import executing

pytestmark = pytest.mark.anyio
TAKES = {
    "type": "object",
    "properties": {"control_plane_id": TEXT, "size": {"type": "integer", "maximum": 500}},
    "required": ["control_plane_id"],
}
LIST = "- `control_plane_id` (string, required)\n- `size` (integer)"
AT = "/v2/control-planes/{control_plane_id}/core-entities/services"
ID = {"name": "control_plane_id", "in": "path", "required": True, "schema": TEXT}
SIZE = {"name": "size", "in": "query", "schema": {"$ref": "#/components/schemas/Size"}}
NUMBER = {"type": "integer", "maximum": 500}
GET_ONE = operation("get_service", {"properties": {"control_plane_id": TEXT, "ServiceId": TEXT}})


def fenced(schema: Any) -> str:
    return f"```json\n{json.dumps(schema, indent=2)}\n```"


@pytest.mark.parametrize(
    "answer",
    [
        told(f"### list_service\n\nLists.\n\n{fenced(TAKES)}"),
        told(f"### list_service\n\n**Parameters**\n\n{fenced(TAKES)}\n\n**Returns**\n\n{fenced(PLANE)}"),
        told("### list_service\n\n| Name | Type | Required |\n|---|---|---|\n"
             "| `control_plane_id` | string | yes |\n| size | integer | no |"),
        told("### list_service\n\nLists.\n\n#### Parameters\n\n- **control_plane_id** (string, required): x\n"
             "- size: integer, not required\n  - minimum: 1"),
        told(f"# list_service\n\nLists.\n\n**Parameters**\n{LIST}"),
        told(f"# Konnect\n\n### list_service — GET {AT}\n\n**Parameters**\n{LIST}"),
        told(f"### list_service\n\nLists.\n\n**Parameters**\n{LIST}".replace("\n", "\r\n")),
        as_json([{"operation_id": "list_service", "path_parameters": {"control_plane_id": {"type": "string"}},
                  "queryParameters": {"size": NUMBER}}]),
        as_json([{"name": "list_service", "parameters": {"control_plane_id": "string, required",
                                                         "size": "integer"}}]),
        as_json([{"name": "list_service", "parameters": {"control_plane_id": {**TEXT, "required": True},
                                                         "size": NUMBER}}]),
        as_json([{"name": "list_service", "inputSchema": json.dumps(TAKES)}]),
        as_json([{"name": "list_service", "inputSchema": {"allOf": [TAKES]}}]),
        as_json([{"name": "list_service", "inputSchema": {"$ref": "#/$defs/A", "$defs": {"A": TAKES}}}]),
        as_json({"paths": {AT: {"parameters": [ID], "get": {"operationId": "list_service",
                                                            "parameters": [SIZE]}}},
                 "components": {"schemas": {"Size": NUMBER}}}),
    ],
)  # fmt: skip
async def test_what_an_operation_takes_is_read_in_other_forms(serve: Serve, answer: CallToolResult) -> None:
    server = offered(serve, answer)
    assert await services(server) == ["users"]
    ((name, inputs),) = ((sent["operation"], sent["inputs"]) for sent in executed(server))
    assert (name, inputs.pop("control_plane_id")) == ("list_service", CP)
    assert list(inputs) == ["size"]


async def test_what_takes_nothing_is_not_asked_for_a_control_plane(serve: Serve) -> None:
    server = offered(serve, told("### list_service\n\nLists.\n\n*(no parameters)*"))
    with pytest.raises(ToolUnavailable, match=r"its list_service takes nothing\."):
        await services(server)
    assert executed(server) == []


NAMES_ONLY = (
    as_json(
        [{"name": "get_service", "description": "Gets"}, {"name": "list_service", "description": "Lists"}]
    ),
    told("### get_service\n\nGets.\n\n### list_service\n\nLists, in prose of its own."),
    told("get_service: Gets\nlist_service: Lists"),
)


@pytest.mark.parametrize("answer", NAMES_ONLY)
async def test_without_any_arguments_told_the_very_operation_is_asked_as_documented(
    serve: Serve, answer: CallToolResult
) -> None:
    server = offered(serve, answer)
    assert await services(server) == ["users"]
    assert executed(server) == [{"operation": "list_service", "inputs": {"controlPlaneId": CP}}]


@pytest.mark.parametrize(
    "answer",
    [
        told("### get_service\n\nGets or lists services."),
        as_json([{"name": "get_service", "inputSchema": {}}]),
        as_json([GET_ONE]),
        told("### v2_list_service\n\nLists."),
        told("- list_service: not found\n- get_service: Gets"),
    ],
)
async def test_no_other_operation_stands_for_a_list(serve: Serve, answer: CallToolResult) -> None:
    search = as_json(["get_service", "v2_list_service"])
    server = offered(serve, answer, search=search)
    with pytest.raises(ToolUnavailable, match=r"'list services of a control plane' found .*get_service"):
        await services(server)
    assert executed(server) == []


@pytest.mark.parametrize(
    ("words", "is_taken"),
    [(f"GET {AT}", True), (f"removes what GET {AT} lists", False), (f"POST {AT}", False)],
)
async def test_the_endpoint_in_a_heading_tells_what_an_operation_is(
    serve: Serve, words: str, is_taken: bool
) -> None:
    text = told(f"### op_17 — {words}\n\nServices.\n\n**Parameters**\n{LIST}")
    server = offered(serve, text, search=told("- op_17: Services"))
    if is_taken:
        assert await services(server) == ["users"]
    else:
        with pytest.raises(ToolUnavailable, match="it has no operation that does the same"):
            await services(server)
    assert [sent["operation"] for sent in executed(server)] == ["op_17"] * is_taken


async def test_what_changes_something_is_not_sent_with_arguments_nobody_confirmed(serve: Serve) -> None:
    server = offered(
        serve, told("- create_debug_session: Starts one"), search=as_json(["create_debug_session"])
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(
            ToolUnavailable,
            match=r"create_debug_session \(whose arguments get_schema told in no known form\)",
        ):
            await konnect.debug_sessions.create(CP, http_path="/slow")
    assert executed(server) == []


async def test_an_argument_that_the_server_would_drop_is_said_and_nothing_is_sent(serve: Serve) -> None:
    takes = {"properties": {"time_range": {"type": "object"}}}
    server = offered(serve, describing(operation("query_api_requests", takes)))
    with pytest.raises(ToolUnavailable, match="query_api_requests takes no filters"):
        await requests(server, status_codes=[503])
    assert executed(server) == []


async def test_an_operation_goes_by_the_name_that_search_gives_it(serve: Serve) -> None:
    server = offered(serve, as_json([operation("list-service")]), search=as_json(["list_service"]))
    assert await services(server) == ["users"]
    assert [sent["operation"] for sent in executed(server)] == ["list_service"]


@pytest.mark.parametrize(
    "answer",
    [
        told("| Operation | Description |\n|---|---|\n| `v2_list_service` | Lists services |"),
        told("| Tag | Operation |\n| --- | --- |\n| Services | v2_list_service |"),
        told("v2_list_service: Lists services\nmetrics: Queries"),
        told(f"- v2_list_service (GET {AT}): Lists services"),
        told("- [GET] v2_list_service: Lists services"),
        told("- `v2_list_service(controlPlaneId, size)` -> dict: Lists services"),
        told("- name: v2_list_service\n  description: Lists services"),
        told("name,description\nv2_list_service,Lists services"),
        told("<tool><name>v2_list_service</name><description>Lists services</description></tool>"),
        as_json({"v2_list_service": {"description": "Lists"}, "metrics": {"description": "Queries"}}),
        as_json({"matches": {"v2_list_service": "Lists services", "v2_metrics": "Queries"}}),
        as_json({"items": [{"name": "Services", "operationId": "v2_list_service"}]}),
    ],
)
async def test_what_a_search_found_is_read_in_other_forms(serve: Serve, answer: CallToolResult) -> None:
    server = offered(serve, describing(operation("v2_list_service")), search=answer)
    assert await services(server) == ["users"]
    assert [sent["operation"] for sent in executed(server)] == ["v2_list_service"]


@pytest.mark.parametrize(
    "answer",
    [
        told("Note: nothing fits. Try other words: services, routes"),
        as_json({"search_query": "list services", "results": []}),
    ],
)
async def test_words_about_a_search_name_no_operation(serve: Serve, answer: CallToolResult) -> None:
    with pytest.raises(ToolUnavailable, match="'list services of a control plane' found nothing"):
        await services(offered(serve, describing(), search=answer))


def renamed(serve: Serve, *names: str) -> Handmade:
    """A server whose three tools, or the first of them, have these names."""
    answers = (
        told("No tools."),
        as_json([operation("list_service")]),
        executing({"data": [{"id": "s-1", "name": "users"}]}),
    )
    taken = ({"query": TEXT}, {"tools": {"type": "array"}}, {"code": TEXT})
    return serve(
        dict(zip(names, answers, strict=False)),
        schemas={
            name: {"type": "object", "properties": each} for name, each in zip(names, taken, strict=False)
        },
    )


@pytest.mark.parametrize(
    "names",
    [
        ("search", "get_schemas", "execute"),
        ("search", "get_schema", "execute_code"),
        ("search_operations", "get_operation_schema", "execute_operation"),
    ],
)
async def test_the_three_tools_may_be_named_otherwise(serve: Serve, names: tuple[str, ...]) -> None:
    server = renamed(serve, *names)
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert await konnect.generation() == "code-mode"
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
    assert [name for name, _ in server.calls] == [names[1], names[2]]


async def test_with_two_of_the_three_the_third_is_missed(serve: Serve) -> None:
    server = renamed(serve, "search", "get_schemas")
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(
            ToolUnavailable,
            match="three tools of code mode the server offers no execute; it offers search, get",
        ):
            await konnect.services.list(CP)


async def test_tools_that_only_sound_like_the_three_are_not(serve: Serve) -> None:
    server = renamed(serve, "search_documents", "get_database_schema", "execute_query")
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolUnavailable, match="offers no tool GetService"):
            await konnect.services.list(CP)
    assert server.calls == []


async def test_outside_code_mode_a_tool_without_arguments_is_not_taken_for_a_list_that_is_there(
    serve: Serve,
) -> None:
    server = serve({"get_service": LISTED, "list_service": LISTED}, schemas={"list_service": dict(PLANE)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
    assert server.calls == [("list_service", {"controlPlaneId": CP})]
