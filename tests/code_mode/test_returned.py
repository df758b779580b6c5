"""What comes back from `execute`: found in whatever is around it, and never nothing where it is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from konnect_agent import Forbidden, Konnect, ToolError, Undecodable

from ..handmade import TOKEN, Arguments, Serve, as_json, told
from .offering import CP, LIST, MARKDOWN, USERS, code_mode, executed, services, taking
from .running import executing, ran

pytestmark = pytest.mark.anyio

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
        return AROUND[around](ran(arguments["code"], lambda operation, given: LIST))

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


async def test_an_answer_of_many_that_is_none_is_asked_for_one_by_one(serve: Serve) -> None:
    def execute(arguments: Arguments) -> CallToolResult:
        return told("done") if "gather" in arguments["code"] else executing(LIST)(arguments)

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
