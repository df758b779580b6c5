"""The marketplace of Kong's example (users, orders of a user), as a REST service and as an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..handmade import Answer, Arguments, Handmade, as_json, refused

USERS: Mapping[str, str] = {
    "a1b2c3d4": "Ada Okafor",
    "e5f6a7b8": "Bruno Lindqvist",
    "c9d0e1f2": "Chen Ribeiro",
}
ORDERS: Mapping[str, list[dict[str, Any]]] = {
    "a1b2c3d4": [
        {"id": "o-1", "items": ["lamp"], "total": 49.5},
        {"id": "o-2", "items": ["desk"], "total": 210.0},
    ],
    "e5f6a7b8": [{"id": "o-3", "items": ["chair", "chair"], "total": 160.0}],
    "c9d0e1f2": [],
}


def users() -> list[dict[str, Any]]:
    return [{"id": each, "fullName": name} for each, name in USERS.items()]


def rest() -> Starlette:
    """`GET /marketplace/users` and `GET /marketplace/{user}/orders`: a REST service, and no MCP server."""

    async def listed(request: Request) -> Response:
        return JSONResponse(users())

    async def orders(request: Request) -> Response:
        found = ORDERS.get(request.path_params["user"])
        return JSONResponse({"error": "no such user"}, 404) if found is None else JSONResponse(found)

    return Starlette(
        routes=[Route("/marketplace/users", listed), Route("/marketplace/{user}/orders", orders)]
    )


def mcp() -> Starlette:
    """The tools `list_users` and `list_orders`: what a passthrough can have behind it."""

    def orders(arguments: Arguments) -> Any:
        found = ORDERS.get(arguments["user_id"])
        return refused(f"Not found: no user {arguments['user_id']}") if found is None else as_json(found)

    tools: Mapping[str, Answer] = {"list_users": as_json(users()), "list_orders": orders}
    return Handmade(url="", answers=tools, read_only=frozenset(tools)).application()
