"""Servers in code mode with operations, descriptions and answers of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolResult

from konnect_agent import Konnect

from ..handmade import TOKEN, Answer, Arguments, Handmade, Serve, as_json, refused, told

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
TEXT = {"type": "string"}
NAMES = {"tools": {"type": "array", "items": TEXT}}
USERS = {"id": "s-1", "name": "users", "host": "users.internal"}
LIST = {"data": [USERS], "next": None}
LISTED = as_json(LIST)
MARKDOWN = "### list_service\n\nList all Services.\n\n**Parameters**\n- `controlPlaneId` (string, required)\n"
NO_REQUESTS = as_json({"results": [], "meta": {}})
PLANE = {"type": "object", "properties": {"controlPlaneId": TEXT}, "required": ["controlPlaneId"]}
BODY = {"type": "object", "properties": {"body": {"type": "object"}}, "required": ["body"]}
Schemas = Mapping[str, Mapping[str, Any]]


def operation(name: str, schema: Mapping[str, Any] = PLANE, **more: str) -> dict[str, Any]:
    return {"name": name, "description": "Returns what there is.", "inputSchema": schema, **more}


def offered(
    serve: Serve,
    get_schema: Answer,
    *,
    search: Answer | None = None,
    execute: Answer = LISTED,
    search_takes: Mapping[str, Any] | None = None,
    names: Mapping[str, Any] | None = None,
) -> Handmade:
    """A server in code mode that executes one operation at a time."""
    kinds = {"search": search_takes or {"query": TEXT}, "get_schema": names or NAMES}
    kinds["execute"] = {"operation": TEXT, "inputs": {"type": "object"}}
    return serve(
        {
            "search": search or told("No tools matched the query."),
            "get_schema": get_schema,
            "execute": execute,
        },
        schemas={name: {"type": "object", "properties": properties} for name, properties in kinds.items()},
    )


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


def describing(
    *operations: Mapping[str, Any], most: int = 100, strict: bool = False, name: str = "tools"
) -> Answer:
    """A `get_schema` of these operations, which refuses longer lists, or unknown names."""
    known = {each["name"]: each for each in operations}

    def answer(arguments: Arguments) -> CallToolResult:
        asked = arguments[name]
        asked = [asked] if isinstance(asked, str) else asked
        if strict and any(each not in known for each in asked):
            return refused("Unknown operations: " + ", ".join(each for each in asked if each not in known))
        if len(asked) > most:
            return refused(f"too many names: at most {most}")
        return as_json([known[each] for each in asked if each in known])

    return answer


def executed(server: Handmade) -> list[dict[str, Any]]:
    return [arguments for name, arguments in server.calls if name == "execute"]


async def services(server: Handmade) -> list[str | None]:
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return [service.name for service in await konnect.services.list(CP)]


async def requests(server: Handmade, **arguments: Any) -> int:
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return len((await konnect.analytics.query_api_requests("24H", **arguments)).rows)
