"""Code mode as other servers may have it: the tools' arguments, descriptions and errors in other shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, NotFound, RateLimited, ToolError, ToolUnavailable, Undecodable

from ..handmade import TOKEN, Answer, Arguments, Handmade, Serve, as_json, refused, told

pytestmark = pytest.mark.anyio
CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
GIVEN = {"controlPlaneId": CP}
USERS = {"id": "s-1", "name": "users", "host": "users.internal"}
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
    ],
)
async def test_an_operation_goes_with_its_inputs_where_execute_takes_no_code(
    serve: Serve, schema: dict[str, Any], sent: dict[str, Any]
) -> None:
    server = code_mode(serve, as_json({"data": [USERS], "next": None}), schema=schema)
    assert await services(server) == ["users"]
    assert executed(server) == [sent]


@pytest.mark.parametrize("name", ["code", "script"])
async def test_code_goes_where_execute_takes_it(serve: Serve, name: str) -> None:
    server = code_mode(serve, as_json({"data": [USERS], "next": None}), schema=taking(name))
    assert await services(server) == ["users"]
    ((sent, code),) = executed(server)[0].items()
    assert sent == name
    assert "list_service" in code


async def test_schemas_may_be_told_one_at_a_time_and_as_openapi_has_them(serve: Serve) -> None:
    def get_schema(arguments: Arguments) -> CallToolResult:
        return (
            as_json(LIST_SERVICE) if arguments == {"operation_id": "list_service"} else refused("not found")
        )

    server = serve(
        {
            "search": as_json({"operations": [LIST_SERVICE]}),
            "get_schema": get_schema,
            "execute": as_json({"data": [USERS], "next": None}),
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
        return told("done") if "gather" in arguments["code"] else as_json({"data": [USERS], "next": None})

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
            "execute": as_json({"data": [{"id": "v-1", "name": "env", "prefix": "shop"}], "next": None}),
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
