"""Code mode as other servers may have it: the tools' arguments, descriptions and errors in other shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from konnect_agent import Forbidden, Konnect, NotFound, RateLimited, ToolError, ToolUnavailable, Undecodable
from konnect_agent.pacing import shared_pacer

from ..handmade import TOKEN, Answer, Arguments, Handmade, Serve, as_json, refused, told
from .running import executing, ran

pytestmark = pytest.mark.anyio
CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
GIVEN = {"controlPlaneId": CP}
USERS = {"id": "s-1", "name": "users", "host": "users.internal"}
LISTED = {"data": [USERS], "next": None}
LIST_SERVICE = {
    "operationId": "list_service",
    "summary": "List all Services",
    "parameters": [
        {"name": "controlPlaneId", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 1000}},
    ],
}
MARKDOWN = "### list_service\n\nList all Services.\n\n**Parameters**\n- `controlPlaneId` (string, required)\n"


def taking(*names: str, **kinds: str) -> dict[str, Any]:
    """An input schema with these parameters: texts, unless said otherwise."""
    properties = {name: {"type": kinds.get(name, "string")} for name in (*names, *kinds)}
    return {"type": "object", "properties": properties}


def code_mode(serve: Serve, execute: Answer, *, schema: Mapping[str, Any]) -> Handmade:
    """A server in code mode with this `execute`; its other tools are FastMCP's."""
    return serve(
        {
            "search": told("No tools matched the query."),
            "get_schema": told(MARKDOWN),
            "execute": execute,
        },
        schemas={
            "search": taking("query"),
            "get_schema": taking("detail", tools="array"),
            "execute": dict(schema),
        },
    )


async def services(server: Handmade) -> list[str | None]:
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return [service.name for service in await konnect.services.list(CP)]


def executed(server: Handmade) -> list[dict[str, Any]]:
    return [arguments for name, arguments in server.calls if name == "execute"]


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
    server = code_mode(serve, executing(LISTED), schema=schema)
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
    server = code_mode(serve, executing(LISTED), schema=schema)
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
    server = code_mode(serve, executing(LISTED), schema=schema)
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
    good = executing(LISTED)
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


AROUND: dict[str, Callable[[Any], CallToolResult]] = {
    "counts": lambda returned: as_json({"output": returned, "calls": 1}),
    "logs, as text": lambda returned: as_json({"result": json.dumps(returned), "logs": [], "stdout": ""}),
    "an id and a status": lambda returned: as_json(
        {"id": "run-1", "status": "completed", "result": returned}
    ),
    "the name of the tool": lambda returned: as_json({"name": "execute", "output": returned}),
    "a typed value": lambda returned: as_json(
        {"execution": {"id": "run-1", "status": "ok", "result": {"type": "object", "value": returned}}}
    ),
    "a status above an output": lambda returned: as_json({"status": "success", "data": {"output": returned}}),
    "content blocks": lambda returned: as_json(
        {"content": [{"type": "text", "text": json.dumps(returned)}], "isError": False}
    ),
    "words": lambda returned: told(f"Result:\n\n{json.dumps(returned, indent=2)}"),
}


@pytest.mark.parametrize("around", AROUND)
async def test_what_a_block_returns_is_found_in_what_the_server_puts_around_it(
    serve: Serve, around: str
) -> None:
    def execute(arguments: Arguments) -> CallToolResult:
        return AROUND[around](ran(arguments["code"], lambda operation, given: LISTED))

    server = code_mode(serve, execute, schema=taking("code"))
    assert await services(server) == ["users"]
    names: list[str | None] = []
    async with Konnect(TOKEN, url=server.url) as konnect:

        async def read() -> None:
            names.extend(service.name for service in await konnect.services.list(CP))

        async with anyio.create_task_group() as asking:
            for _ in range(3):
                asking.start_soon(read)
    assert names == ["users"] * 3
    assert len(executed(server)) < 4


@pytest.mark.parametrize("around", list(AROUND)[:6])
async def test_what_an_operation_answers_is_found_in_what_tells_of_its_execution(
    serve: Serve, around: str
) -> None:
    answer = AROUND[around]({"data": [USERS], "next": None})
    server = code_mode(serve, answer, schema=taking("operation", inputs="object"))
    assert await services(server) == ["users"]


@pytest.mark.parametrize(
    "lost",
    [
        CallToolResult(content=[]),
        told("null"),
        as_json({"result": None, "stdout": ""}),
        as_json({"id": "run-1", "status": "completed", "result": None}),
        as_json({"id": "run-1", "status": "queued"}),
        told("No results."),
        as_json([USERS]),
    ],
)
async def test_what_comes_back_without_what_the_block_returned_is_no_answer(
    serve: Serve, lost: CallToolResult
) -> None:
    server = code_mode(serve, lost, schema=taking("code"))
    with pytest.raises(Undecodable, match="without what it returned"):
        await services(server)


@pytest.mark.parametrize(
    "lost",
    [
        CallToolResult(content=[]),
        as_json({"result": None}),
        as_json({"id": "run-1", "status": "completed", "result": None}),
        as_json({"id": "run-1", "status": "queued"}),
        as_json({"execution": {"id": "run-1", "state": "failed", "stderr": "Killed", "result": None}}),
    ],
)
async def test_an_operation_that_comes_back_with_nothing_is_no_empty_list(
    serve: Serve, lost: CallToolResult
) -> None:
    server = code_mode(serve, lost, schema=taking("operation", inputs="object"))
    with pytest.raises((Undecodable, ToolError)):
        await services(server)


async def test_an_operation_that_answers_null_inside_a_block_is_no_empty_list(serve: Serve) -> None:
    server = code_mode(serve, executing(None), schema=taking("code"))
    with pytest.raises(Undecodable, match="without an answer"):
        await services(server)


@pytest.mark.parametrize("schema", [taking("code"), taking("operation", inputs="object")])
async def test_a_run_that_failed_is_its_error_also_with_an_id(serve: Serve, schema: dict[str, Any]) -> None:
    failed = {"id": "run-1", "status": "failed", "error": "HTTP error 403: Forbidden - {'status': 403}"}
    with pytest.raises(Forbidden):
        await services(code_mode(serve, as_json(failed), schema=schema))
    beside = {**failed, "success": False, "result": None}
    with pytest.raises(Forbidden):
        await services(code_mode(serve, as_json(beside), schema=schema))


async def test_an_entity_that_holds_a_result_is_no_wrapper(serve: Serve) -> None:
    plugin = {"id": "p-1", "name": "mocking", "config": {"result": {"a": 1}}}
    server = serve(
        {
            "search": told("No tools matched the query."),
            "get_schema": told(
                MARKDOWN.replace("list_service", "get_plugin") + "- `PluginId` (string, required)\n"
            ),
            "execute": executing(plugin),
        },
        schemas={"get_schema": taking(tools="array"), "execute": taking("code")},
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.plugins.get(CP, control_plane_id=CP)
    assert found.config == {"result": {"a": 1}}


async def test_schemas_may_be_told_one_at_a_time_and_as_openapi_has_them(serve: Serve) -> None:
    def get_schema(arguments: Arguments) -> CallToolResult:
        return (
            as_json(LIST_SERVICE) if arguments == {"operation_id": "list_service"} else refused("not found")
        )

    server = serve(
        {
            "search": as_json({"operations": [LIST_SERVICE]}),
            "get_schema": get_schema,
            "execute": executing(LISTED),
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
            "execute": executing(LISTED),
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


async def test_an_answer_of_many_that_is_none_is_asked_for_one_by_one(serve: Serve) -> None:
    def execute(arguments: Arguments) -> CallToolResult:
        return told("done") if "gather" in arguments["code"] else executing(LISTED)(arguments)

    server = code_mode(serve, execute, schema=taking("code"))
    found: dict[int, int] = {}

    async with Konnect(TOKEN, url=server.url) as konnect:

        async def read(number: int) -> None:
            found[number] = len(await konnect.services.list(CP))

        async with anyio.create_task_group() as asking:
            for number in range(4):
                asking.start_soon(read, number)
    assert found == dict.fromkeys(range(4), 1)


async def test_a_block_without_an_answer_is_unreadable(serve: Serve) -> None:
    with pytest.raises(Undecodable):
        await services(code_mode(serve, told("done"), schema=taking("code")))


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
