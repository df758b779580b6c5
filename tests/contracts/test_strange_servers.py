"""Servers that have none of what was looked for, or not as they say: one error that tells what was seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from konnect_agent import InvalidArguments, Konnect, ToolUnavailable
from patterns import (
    analyze_consumers,
    audit_configuration,
    debug_performance,
    investigate_alert,
    investigate_endpoint,
)

from ..handmade import TOKEN, Serve, refused, structured, told

pytestmark = pytest.mark.anyio
PLANES = structured({"control_planes": [{"id": "0a3a1b0e-0000-4000-8000-00000000cafe", "name": "one"}]})

PATTERNS: dict[str, Callable[[Konnect], Awaitable[Any]]] = {
    "debug": lambda konnect: debug_performance(konnect, "one", http_path="/", confirm=lambda plan: True),
    "endpoint": lambda konnect: investigate_endpoint(konnect, "/users"),
    "consumers": lambda konnect: analyze_consumers(konnect, "one"),
    "consumers everywhere": analyze_consumers,
    "audit": audit_configuration,
    "alert": lambda konnect: investigate_alert(konnect, "a-1", confirm=lambda plan: True),
}


def choosing(*operations: str) -> dict[str, Any]:
    """The schema of a tool with these operations."""
    return {"type": "object", "properties": {"operation": {"type": "string", "enum": list(operations)}}}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("tools", "seen"),
    [
        (["frobnicate", "search"], "it offers frobnicate, search"),
        (["search", "get_schema"], "it offers search, get_schema"),
        ([], "it offers no tools at all"),
    ],
    ids=["others", "two of three", "none"],
)
async def test_without_any_known_tool_a_pattern_says_what_is_there(
    serve: Serve, tools: list[str], seen: str, pattern: str
) -> None:
    server = serve({name: told("ok") for name in tools})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolUnavailable) as caught:
            await PATTERNS[pattern](konnect)
    assert seen in caught.value.message
    assert caught.value.available == tuple(tools)
    assert caught.value.endpoint == server.url
    assert caught.value.hint
    assert caught.value.report.status == "failed"
    assert server.calls == []


async def test_renamed_operations_are_told_and_nothing_is_sent(serve: Serve) -> None:
    server = serve({"GetControlPlane": PLANES}, schemas={"GetControlPlane": choosing("enumerate", "show")})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolUnavailable, match="no operation list; it offers enumerate, show"):
            await konnect.control_planes.list()
    assert server.calls == []


@pytest.mark.parametrize("schema", [choosing("list_all", "get"), choosing(), {"type": "object"}])
async def test_operations_that_may_be_meant_are_asked_for(serve: Serve, schema: dict[str, Any]) -> None:
    server = serve({"GetControlPlane": PLANES}, schemas={"GetControlPlane": schema})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [plane.name for plane in await konnect.control_planes.list()] == ["one"]


async def test_a_name_is_found_in_the_list_where_the_lookup_by_name_is_gone(serve: Serve) -> None:
    server = serve({"GetControlPlane": PLANES}, schemas={"GetControlPlane": choosing("list", "get_by_id")})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert (await konnect.control_planes.find("one")).name == "one"
    assert [arguments["operation"] for _, arguments in server.calls] == ["list"]


async def test_an_operation_of_the_schema_that_is_refused_keeps_the_servers_words(serve: Serve) -> None:
    server = serve(
        {"GetControlPlane": refused("Unknown operation: list. Use enumerate.")},
        schemas={"GetControlPlane": choosing("list")},
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="Use enumerate"):
            await konnect.control_planes.list()
