"""What an answer may be written as, and that "could not see" is never read as "there are none"."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from mcp_types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from konnect_agent import Forbidden, Konnect, KonnectError, NotFound, ServerError, ToolError, Undecodable
from konnect_agent.decoding import Listing
from konnect_agent.models import Service

from ..handmade import TOKEN, Serve, as_json, structured, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
USERS = {"id": "s-1", "name": "users", "host": "users.internal"}
ORDERS = {"id": "s-2", "name": "orders", "host": "orders.internal"}
BOTH = [USERS, ORDERS]
URI, JSON = "konnect://services", "application/json"

IMAGE = ImageContent(type="image", data="aGk=", mime_type="image/png")
LINK = ResourceLink(type="resource_link", uri=URI, name="services")
RESOURCE = EmbeddedResource(
    type="resource", resource=TextResourceContents(uri=URI, mime_type=JSON, text=json.dumps(BOTH))
)
BLOB = EmbeddedResource(
    type="resource",
    resource=BlobResourceContents(
        uri=URI, mime_type=JSON, blob=b64encode(json.dumps(BOTH).encode()).decode()
    ),
)


def result(*blocks: Any, value: Any = None) -> CallToolResult:
    return CallToolResult(content=list(blocks), structured_content=value)


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


async def services(serve: Serve, answer: CallToolResult) -> Listing[Service]:
    """The services of a server whose GetService answers that."""
    server = serve({"GetService": answer})
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return await konnect.services.list(CP)


@pytest.mark.parametrize(
    "answer",
    [
        result(RESOURCE),
        result(BLOB),
        result(text("Here are the services:"), RESOURCE),
        result(IMAGE, RESOURCE, LINK),
        as_json({"content": [{"type": "resource", "resource": {"uri": URI, "text": json.dumps(BOTH)}}]}),
        structured({}, json.dumps(BOTH)),
        structured({"result": None}, json.dumps({"data": BOTH})),
        structured({"services": [], "total": 0}, json.dumps(BOTH)),
        structured({"count": 2}, f"Found 2 services:\n{json.dumps(BOTH)}"),
        told("\n".join(map(json.dumps, BOTH))),
        told(f"Here are the services:\n{json.dumps(BOTH, indent=2)}\n\nLet me know if you need more."),
        told(f"Found 2 services:\n\n```json\n{json.dumps({'services': BOTH})}\n```"),
        told(*map(json.dumps, BOTH)),
        told(f"Service users:\n{json.dumps(USERS)}", f"Service orders:\n{json.dumps(ORDERS)}"),
        told(repr(BOTH)),
        structured({"result": f"2 services: {BOTH!r}"}),
        as_json({"services": {"users": USERS, "orders": ORDERS}}),
        as_json({"data": [{"type": "service", "id": s["id"], "attributes": {**s}} for s in BOTH]}),
    ],
)
async def test_entities_are_read_whatever_they_are_written_as(serve: Serve, answer: CallToolResult) -> None:
    listed = await services(serve, answer)
    assert [(service.id, service.name, service.host) for service in listed] == [
        (raw["id"], raw["name"], raw["host"]) for raw in BOTH
    ]
    assert listed.complete


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (result(IMAGE), Undecodable),
        (result(LINK), Undecodable),
        (result(IMAGE, value={}), Undecodable),
        (result(text("Here are the services:"), LINK), Undecodable),
        (as_json({"content": [{"type": "resource_link", "uri": URI, "name": "services"}]}), Undecodable),
        (as_json({"success": False, "data": []}), ToolError),
        (as_json({"status": "error", "data": []}), ToolError),
        (as_json({"data": [], "error": {"code": 500, "message": "backend down"}, "meta": {}}), ServerError),
        (as_json({"data": None, "errors": [{"message": "permission denied"}]}), Forbidden),
        (as_json({"data": {"services": None}, "errors": [{"message": "permission denied"}]}), Forbidden),
        (as_json({"services": [], "message": "You do not have permission to list services"}), Forbidden),
        (
            structured({"isError": True, "content": [{"type": "text", "text": "Permission denied"}]}),
            Forbidden,
        ),
        (structured({"services": []}, "Error: API Error (Status 403): Forbidden"), Forbidden),
        (structured({"services": []}, "You are not allowed to list services."), Forbidden),
        (structured({"services": []}, "The backend could not be reached."), Undecodable),
        (told("The backend could not be reached.", "[]"), Undecodable),
        (told("The services could not be read: []"), Undecodable),
        (told("You do not have permission to list services."), Forbidden),
        (told("No services found, or you lack the permission to see them."), Forbidden),
        (told(f"Found 2 services:\n{json.dumps(BOTH)[:-9]}"), Undecodable),
        (told(f"Found 2 services: {json.dumps(USERS)}, {json.dumps(ORDERS)}"), Undecodable),
        (told("name: users\nid: s-1\ntags: []"), Undecodable),
        (told(repr(BOTH)[:-9]), Undecodable),
        (told("There are services."), Undecodable),
    ],
)
async def test_what_could_not_be_seen_is_never_an_empty_list(
    serve: Serve, answer: CallToolResult, error: type[KonnectError]
) -> None:
    with pytest.raises(error) as caught:
        await services(serve, answer)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "answer",
    [
        result(),
        told("[]"),
        told("null"),
        told("There are no services."),
        told("Found 0 services."),
        told("No services configured for control plane prod."),
        told("Here are the services:\n[]"),
        as_json({"success": True, "data": [], "error": None, "errors": []}),
        as_json({"status": "success", "count": 0, "message": "No services found."}),
        as_json({"services": {}}),
        structured({"services": []}, "No services found."),
        structured({"services": []}, "Listed the services you have access to."),
        structured({"result": None}, "No services found"),
    ],
)
async def test_an_empty_list_is_believed_when_it_says_so(serve: Serve, answer: CallToolResult) -> None:
    listed = await services(serve, answer)
    assert (listed, listed.complete) == ((), True)


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"data": BOTH, "errors": [{"message": "one shard is slow"}]}),
        as_json({"data": BOTH, "success": False}),
        as_json({"data": BOTH, "warnings": ["Results truncated to 2 items"]}),
        told(json.dumps(BOTH), "Note: output truncated, 248 more items not shown"),
        told(f"Showing 2 of 250 services:\n{json.dumps(BOTH)}"),
        told(f"Access to 3 services was denied. The others:\n{json.dumps(BOTH)}"),
    ],
)
async def test_a_list_beside_doubts_stays_a_list_and_is_marked_as_cut(
    serve: Serve, answer: CallToolResult
) -> None:
    listed = await services(serve, answer)
    assert [service.id for service in listed] == ["s-1", "s-2"]
    assert not listed.complete


@pytest.mark.parametrize(
    "service",
    [
        {**USERS, "description": "Error: permission denied", "success": False, "errors": ["x"]},
        {**USERS, "status": "error", "message": "access denied", "data": []},
        {**USERS, "attributes": {"name": "another"}, "labels": {"a": {"id": "1", "name": "b"}}},
    ],
)
async def test_what_stands_in_an_entity_is_about_nothing_else(serve: Serve, service: dict[str, Any]) -> None:
    for answer in (as_json([service]), as_json({"data": [service]}), as_json(service)):
        (found,) = listed = await services(serve, answer)
        assert (found.id, found.name, listed.complete) == ("s-1", "users", True)


async def test_an_article_with_an_example_in_it_stays_an_article(serve: Serve) -> None:
    article = 'Rate limiting\n\n```json\n{"name": "rate-limiting", "config": {"minute": 5}}\n```\nNo more.'
    server = serve({"KnowledgeBaseSearch": told(article)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert await konnect.knowledge_base.search("rate limiting") == article
        assert await konnect.call("KnowledgeBaseSearch", {"query": "?"}) == article


@pytest.mark.parametrize(
    "answer",
    [told("OK"), told("No service by that id exists"), as_json([]), result(IMAGE), as_json({"foo": 1})],
)
async def test_an_error_of_reading_knows_the_call_it_read_the_answer_of(
    serve: Serve, answer: CallToolResult
) -> None:
    server = serve({"GetService": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises((Undecodable, NotFound)) as caught:
            await konnect.services.get("s-9", control_plane_id=CP)
    error = caught.value
    assert error.operation in ("services.get", "GetService.get_by_id")
    assert (error.endpoint, error.attempts) == (server.url, 1)
    assert error.request_id


async def test_an_error_before_any_call_names_no_other_call(serve: Serve) -> None:
    server = serve({"GetService": as_json(USERS)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.services.get("s-1", control_plane_id=CP)
        with pytest.raises(KonnectError) as caught:
            await konnect.services.get(" ", control_plane_id=CP)
    assert (caught.value.endpoint, caught.value.attempts, caught.value.request_id) == (None, 0, None)
