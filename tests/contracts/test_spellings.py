"""Hand-made servers that spell tools, operations and arguments in their own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import InvalidArguments, Konnect, KonnectError, NotFound, ToolUnavailable, Unauthorized
from konnect_agent.errors import Forbidden, ServerError

from ..handmade import TOKEN, Answer, Arguments, Serve, as_json, refused, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
ID = "7a0c51de-1111-4222-8333-944455566677"
USERS = {"id": ID, "name": "users", "host": "users.internal"}
PLANES = as_json([{"id": CP, "name": "prod"}])
FOREIGN = as_json([{"id": "m-1", "name": "a service of the mesh"}])


@pytest.mark.parametrize(
    "tools",
    [
        {"GetControlPlane": PLANES, "MeshGetService": FOREIGN},
        {
            "get_control_plane": PLANES,
            "get_route": told("[]"),
            "mesh_get_service": FOREIGN,
            "mesh_list": FOREIGN,
        },
        {"konnect_get_control_plane": PLANES, "konnect_get_route": told("[]"), "mesh_get_service": FOREIGN},
    ],
)
async def test_the_tool_of_another_product_is_never_asked_for_konnects_services(
    serve: Serve, tools: Mapping[str, Answer]
) -> None:
    server = serve(tools)
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [plane.name for plane in await konnect.control_planes.list()] == ["prod"]
        with pytest.raises(ToolUnavailable, match="no tool GetService"):
            await konnect.services.list(CP)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "name",
    ["GetServiceTool", "get_service_v2", "kong_konnectgetservice", "konnect_get_service_tool", "GetServices"],
)
async def test_a_tool_with_something_around_its_name_is_called(serve: Serve, name: str) -> None:
    properties = {"operation": {"enum": ["list", "get_by_id"]}, "control_plane_id": {}}
    schemas = {name: {"type": "object", "properties": properties}}
    server = serve({"search": told("no"), name: as_json([USERS])}, schemas=schemas)
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
    assert [tool for tool, _ in server.calls] == [name]


SCHEMAS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an enum behind a reference": (
        {
            "$defs": {"Operation": {"type": "string", "enum": ["GET_BY_ID", "LIST"]}},
            "properties": {"operation": {"$ref": "#/$defs/Operation"}, "cpId": {}, "id": {}},
        },
        {"operation": "GET_BY_ID", "cpId": CP, "id": ID},
    ),
    "constants": (
        {
            "properties": {
                "action": {"oneOf": [{"const": "getById"}, {"const": "list"}]},
                "control_plane": {}, "serviceId": {},
            }
        },
        {"action": "getById", "control_plane": CP, "serviceId": ID},
    ),
    "one object around all": (
        {
            "$defs": {"Request": {"properties": {"operation": {}, "controlPlaneId": {}, "service_id": {}}}},
            "properties": {"request": {"$ref": "#/$defs/Request"}},
            "required": ["request"],
        },
        {"request": {"operation": "get_by_id", "controlPlaneId": CP, "service_id": ID}},
    ),
    "two parameters that could be meant": (
        {"properties": {"operation": {}, "cp_id": {}, "control_plane": {}, "service_id": {}}},
        {"operation": "get_by_id", "control_plane_id": CP, "service_id": ID},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "sent"), SCHEMAS.values(), ids=SCHEMAS)
async def test_arguments_go_out_as_the_schema_wants_them(
    serve: Serve, schema: dict[str, Any], sent: dict[str, Any]
) -> None:
    server = serve({"GetService": as_json(USERS)}, schemas={"GetService": {"type": "object", **schema}})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert (await konnect.services.get(ID, control_plane_id=CP)).name == "users"
    assert server.calls == [("GetService", sent)]


async def test_a_debug_session_is_watched_and_stopped_under_other_names(serve: Serve) -> None:
    operations = {"enum": ["status", "summarize", "stop"]}
    properties = {"action": operations, "cp_id": {}, "sessionId": {}}
    server = serve(
        {"ActiveTracingSession": as_json({"status": "completed"})},
        schemas={"ActiveTracingSession": {"type": "object", "properties": properties}},
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.debug_sessions.fetch_status(ID, control_plane_id=CP)
        await konnect.debug_sessions.stop(ID, control_plane_id=CP)
    assert [sent for _, sent in server.calls] == [
        {"action": "status", "cp_id": CP, "sessionId": ID},
        {"action": "stop", "cp_id": CP, "sessionId": ID},
    ]


async def test_a_debug_session_longer_than_the_schema_allows_is_never_started(serve: Serve) -> None:
    properties = {"control_plane_id": {}, "session_duration": {"type": "integer", "maximum": 300}}
    server = serve(
        {"CreateDebugSession": as_json({"debug_session_id": ID})},
        schemas={"CreateDebugSession": {"type": "object", "properties": properties}},
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="maximum of 300"):
            await konnect.debug_sessions.create(CP, session_duration=600)
        await konnect.debug_sessions.create(CP, session_duration=300)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("This operation is not allowed for your role", Forbidden),
        ("API key missing", Unauthorized),
        ("Error: 403", Forbidden),
        ("Cannot find control plane", NotFound),
        ("Internal server error", ServerError),
        ("Service '502 Bad Gateway' was not found", NotFound),
    ],
)
async def test_a_refusal_in_free_words_is_the_error_they_speak_of(
    serve: Serve, words: str, expected: type[KonnectError]
) -> None:
    server = serve({"GetService": refused(words)})
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        with pytest.raises(expected) as caught:
            await konnect.services.list(CP)
    assert type(caught.value) is expected


async def test_an_entity_that_talks_of_errors_is_an_entity(serve: Serve) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        return as_json({"id": ID, "name": "Error: 403", "tags": ["502 Bad Gateway", "Invalid credentials"]})

    server = serve({"GetService": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert (await konnect.services.get(ID, control_plane_id=CP)).name == "Error: 403"


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else 1


@pytest.mark.parametrize("arguments", [{1: 2}, {"a": {None: 1}}, {"a": float("nan")}, {"a": deep(400)}])
async def test_arguments_no_message_can_carry_are_refused_before_anything_is_sent(
    serve: Serve, arguments: Any
) -> None:
    server = serve({"GetService": as_json([])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="cannot be written as JSON"):
            await konnect.call("GetService", arguments)
        assert await konnect.call("GetService", {"a": deep(50)}) == []
    assert len(server.calls) == 1
