"""Code mode as other servers may have it: the tools' arguments, descriptions and errors in other shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, NotFound, RateLimited, ToolError, ToolUnavailable
from konnect_agent.pacing import shared_pacer

from ..handmade import TOKEN, Arguments, Serve, as_json, refused, told
from .offering import CP, LIST, MARKDOWN, USERS, code_mode, executed, services, taking
from .running import executing

pytestmark = pytest.mark.anyio
GIVEN = {"controlPlaneId": CP}
LIST_SERVICE = {
    "operationId": "list_service",
    "summary": "List all Services",
    "parameters": [
        {"name": "controlPlaneId", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 1000}},
    ],
}


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (taking("operation", inputs="object"), {"operation": "list_service", "inputs": GIVEN}),
        (taking("operation_id", arguments="object"), {"operation_id": "list_service", "arguments": GIVEN}),
        (taking("tool_name", params="object"), {"tool_name": "list_service", "params": GIVEN}),
        (taking("name"), {"name": "list_service", **GIVEN}),
        (taking("operation_name", payload="object"), {"operation_name": "list_service", "payload": GIVEN}),
        (taking("op", body="object"), {"op": "list_service", "body": GIVEN}),
        (taking("tool", tool_input="object"), {"tool": "list_service", "tool_input": GIVEN}),
        (
            taking("operation", inputs="object", options="object"),
            {"operation": "list_service", "inputs": GIVEN},
        ),
        (
            {
                **taking("operation"),
                "properties": {"operation": {"$ref": "#/$defs/A"}, "inputs": {"$ref": "#/$defs/B"}},
                "$defs": {"A": {"type": "string"}, "B": {"type": "object"}},
            },
            {"operation": "list_service", "inputs": GIVEN},
        ),
        (taking("operation", "arguments"), {"operation": "list_service", "arguments": json.dumps(GIVEN)}),
        (
            {"type": "object", "anyOf": [{**taking("tool", args="object"), "required": ["tool", "args"]}]},
            {"tool": "list_service", "args": GIVEN},
        ),
        (
            {"type": "object", "properties": {"request": taking("operation", params="object")}},
            {"request": {"operation": "list_service", "params": GIVEN}},
        ),
    ],
)
async def test_an_operation_goes_with_its_inputs_where_execute_takes_no_code(
    serve: Serve, schema: dict[str, Any], sent: dict[str, Any]
) -> None:
    server = code_mode(serve, executing(LIST), schema=schema)
    assert await services(server) == ["users"]
    assert executed(server) == [sent]


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        *((name, taking(name)) for name in ("code", "script", "python", "program", "snippet", "python_code")),
        ("code", taking("code", "language", limits="object")),
        ("block", taking("block", "tool_version")),
        ("what", taking("what")),
        ("what", {**taking("what", "why"), "required": ["what"]}),
        ("code", {
            "type": "object", "required": ["code", "timeout"],
            "properties": {"code": {"type": "string"}, "timeout": {"type": "integer", "default": 30}},
        }),
        ("run", {"type": "object", "properties": {
            "run": {"type": ["string", "null"], "description": "Python code that calls tools"},
            "why": {"type": "string"},
        }}),
    ],
)  # fmt: skip
async def test_code_goes_where_execute_takes_it(serve: Serve, name: str, schema: dict[str, Any]) -> None:
    server = code_mode(serve, executing(LIST), schema=schema)
    assert await services(server) == ["users"]
    ((sent, code),) = executed(server)[0].items()
    assert sent == name
    assert "list_service" in code


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (taking(operations="array"), r"execute takes operations \(array\)"),
        (taking(request="object"), r"execute takes request \(object\)"),
        (taking("operation", path_params="object", query_params="object", body="object"), "path_params"),
        ({**taking("operation"), "additionalProperties": False}, r"operation \(string\)"),
        (
            {**taking("code", region="integer"), "required": ["code", "region"]},
            r"region \(integer, required\)",
        ),
        ({"type": "object"}, "nothing that its schema tells"),
    ],
)
async def test_an_execute_that_takes_neither_is_not_asked_and_says_what_it_takes(
    serve: Serve, schema: dict[str, Any], said: str
) -> None:
    server = code_mode(serve, executing(LIST), schema=schema)
    with pytest.raises(ToolUnavailable, match=said):
        await services(server)
    assert not server.calls


@pytest.mark.parametrize("schema", [taking("code"), taking("operation", inputs="object")])
@pytest.mark.parametrize(("status", "width"), [(429, 2), (503, 4)])
async def test_what_fails_inside_execute_and_may_pass_is_tried_again_and_the_pacer_hears_of_it(
    serve: Serve, schema: dict[str, Any], status: int, width: int
) -> None:
    busy = iter([
        refused(
            "Error calling tool 'execute': Exception: Error calling tool 'list_service': "
            f"HTTP error {status}: Not Now - {{'status': {status}, 'detail': 'later'}}"
        )
    ])  # fmt: skip
    good = executing(LIST)
    server = code_mode(serve, lambda arguments: next(busy, None) or good(arguments), schema=schema)
    async with Konnect(TOKEN, url=server.url, first_wait=0.001, max_in_flight=4) as konnect:
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
        assert shared_pacer(server.url, TOKEN, 4).width // 1 == width
    assert len(executed(server)) == 2


async def test_an_error_inside_execute_names_the_operation_it_befell(serve: Serve) -> None:
    words = (
        "Error calling tool 'execute': Exception: Error calling tool 'list_service': HTTP error 429: No - {}"
    )
    server = code_mode(serve, refused(words), schema=taking("code"))
    async with Konnect(TOKEN, url=server.url, max_attempts=2, first_wait=0.001) as konnect:
        with pytest.raises(RateLimited, match=r"\Alist_service: .* after 2 attempts") as raised:
            await konnect.services.list(CP)
    assert (raised.value.inside, raised.value.attempts) == ("list_service", 2)


async def test_schemas_may_be_told_one_at_a_time_and_as_openapi_has_them(serve: Serve) -> None:
    def get_schema(arguments: Arguments) -> CallToolResult:
        return (
            as_json(LIST_SERVICE) if arguments == {"operation_id": "list_service"} else refused("not found")
        )

    server = serve(
        {
            "search": as_json({"operations": [LIST_SERVICE]}),
            "get_schema": get_schema,
            "execute": executing(LIST),
        },
        schemas={
            "search": taking("description"),
            "get_schema": taking("operation_id"),
            "execute": taking("operation", inputs="object"),
        },
    )
    assert await services(server) == ["users"]
    assert server.calls[0] == ("search", {"description": "list services of a control plane"})
    assert executed(server) == [{"operation": "list_service", "inputs": {"controlPlaneId": CP, "size": 1000}}]


async def test_what_a_description_refers_to_is_read_in_the_same_answer(serve: Serve) -> None:
    document = {
        "paths": {
            "/v2/control-planes/{controlPlaneId}/core-entities/services": {
                "get": {
                    "operationId": "list-service",
                    "parameters": [
                        {"$ref": "#/components/parameters/ControlPlane"},
                        {"$ref": "#/components/parameters/PageSize"},
                        {"$ref": "#/components/parameters/Elsewhere"},
                    ],
                }
            }
        },
        "components": {
            "parameters": {
                "ControlPlane": LIST_SERVICE["parameters"][0],
                "PageSize": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 500}},
            }
        },
    }
    server = serve(
        {
            "search": told("- list-service: List all Services"),
            "get_schema": as_json(document),
            "execute": executing(LIST),
        },
        schemas={
            "search": taking("query"),
            "get_schema": taking(tools="array"),
            "execute": taking("operation", inputs="object"),
        },
    )
    assert await services(server) == ["users"]
    assert executed(server) == [{"operation": "list-service", "inputs": {"controlPlaneId": CP, "limit": 500}}]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Error calling tool 'execute': Exception: Unknown tool: list_service", ToolUnavailable),
        ("Error calling tool 'execute'", ToolError),
        ("Error calling tool 'execute': TimeoutError: time limit exceeded: 30.1 s > 30 s", ToolError),
        (
            "Error calling tool 'execute': Exception: Error calling tool 'list_service': HTTP error 404: "
            "Not Found - {'status': 404, 'title': 'Not Found', 'instance': 'trace:7', 'detail': None}",
            NotFound,
        ),
        ("Error calling tool 'execute': Exception: Error calling tool 'list_service': HTTP error 429: "
         "Too Many Requests - slow down", RateLimited),
    ],
)  # fmt: skip
async def test_every_documented_error_is_one_of_the_tree(
    serve: Serve, words: str, error: type[Exception]
) -> None:
    server = code_mode(serve, refused(words), schema=taking("code"))
    with pytest.raises(error):
        await services(server)


async def test_of_a_mixed_list_whatever_can_answer_does(serve: Serve) -> None:
    server = serve(
        {
            "GetService": as_json([USERS]),
            "QueryAPIRequests": as_json({"results": [], "meta": {"cursor": None}}),
            "search": told("No tools matched the query."),
            "get_schema": told(MARKDOWN.replace("list_service", "list_vault")),
            "execute": executing({"data": [{"id": "v-1", "name": "env", "prefix": "shop"}], "next": None}),
        },
        schemas={"get_schema": taking(tools="array"), "execute": taking("code")},
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert await konnect.generation() == "code-mode"
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
        assert not (await konnect.analytics.query_api_requests("24H")).rows
        assert [vault.prefix for vault in await konnect.vaults.list(CP)] == ["shop"]
        with pytest.raises(ToolUnavailable, match="'list consumers of a control plane' found nothing"):
            await konnect.consumers.list(CP)
    assert [name for name, _ in server.calls] == [
        "GetService", "QueryAPIRequests", "get_schema", "execute", "search",
    ]  # fmt: skip
