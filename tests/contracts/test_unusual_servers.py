"""Hand-made servers: what no document promises and any server may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import CallToolResult, ImageContent, TextContent

from konnect_agent import Konnect, NotFound, RateLimited, ToolError, Undecodable
from konnect_agent.models import ControlPlane, Plugin, Route, Service

from ..handmade import TOKEN, Arguments, Serve, as_json, refused, structured, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
USERS = {"id": "s-1", "name": "users", "host": "users.internal", "enabled": False}


async def services(serve: Serve, answer: CallToolResult) -> list[Service]:
    """The services of a server whose GetService answers that."""
    server = serve({"GetService": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        return list(await konnect.services.list(CP))


@pytest.mark.parametrize(
    "name", ["kong-konnect_get-service", "konnect.GetService", "getservice", "KONG_GET_SERVICE"]
)
async def test_a_tool_under_an_unusual_name_is_called_by_it(serve: Serve, name: str) -> None:
    server = serve({"search": told("no"), name: as_json([USERS])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [service.name for service in await konnect.services.list(CP)] == ["users"]
    assert server.calls == [(name, {"operation": "list", "control_plane_id": CP})]


async def test_arguments_follow_an_unusual_schema(serve: Serve) -> None:
    properties = {
        "Operation": {"enum": ["GetById", "List"]},
        "controlPlaneId": {"type": "string"},
        "serviceId": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }
    server = serve(
        {"GetService": as_json(USERS)}, schemas={"GetService": {"type": "object", "properties": properties}}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.services.get("s-1", control_plane_id=CP)
    assert server.calls == [
        ("GetService", {"Operation": "GetById", "controlPlaneId": CP, "serviceId": "s-1"})
    ]


@pytest.mark.parametrize(
    "answer",
    [
        told(json.dumps({"result": json.dumps([USERS])})),
        structured({"result": json.dumps({"data": [USERS]})}),
        told("Found 1 service:", json.dumps(USERS)),
        told(f"```json\n{json.dumps({'services': [USERS]})}\n```"),
        structured({"content": [{"type": "text", "text": json.dumps([USERS])}]}),
        CallToolResult(
            content=[
                ImageContent(type="image", data="AAAA", mime_type="image/png"),
                TextContent(type="text", text=json.dumps([USERS])),
            ]
        ),
    ],
)
async def test_unusual_encodings_are_read(serve: Serve, answer: CallToolResult) -> None:
    (service,) = await services(serve, answer)
    assert (service.id, service.name, service.host, service.enabled) == (
        "s-1",
        "users",
        "users.internal",
        False,
    )


async def test_null_missing_and_unknown_fields_are_tolerated(serve: Serve) -> None:
    nulls = dict.fromkeys((*Service.model_fields, "client_certificate"))
    first, second, third = await services(
        serve,
        as_json([{**nulls, "name": "nulls"}, {"service_id": "s-2", "hosts_v2": ["x"]}, {"host": "nameless"}]),
    )
    assert (first.id, first.enabled, first.port, first.tags, first.label) == (None, True, 80, (), "nulls")
    assert (second.id, second.label, second.model_extra) == (
        "s-2",
        "s-2",
        {"service_id": "s-2", "hosts_v2": ["x"]},
    )
    assert (third.id, third.label, third.host) == (None, "(unnamed)", "nameless")


async def test_references_are_found_however_they_are_written(serve: Serve) -> None:
    plugins = [
        {"id": "p-0", "name": "cors", "service": {"id": "s"}, "route": None},
        {"id": "p-1", "name": "cors", "service_id": "s", "consumer": ""},
        {"id": "p-2", "name": "cors", "serviceId": "s", "consumer_group": {"id": None}},
        {"id": "p-3", "name": "cors", "scoping": {"serviceId": "s", "global": False}},
        {"id": "p-4", "name": "cors", "service": "s"},
        {"id": "p-5", "name": "cors", "service": None, "scoping": {"global": True}},
    ]
    server = serve(
        {"GetPlugin": as_json(plugins), "GetRoute": as_json({"id": "r", "service": {"id": "s", "name": "n"}})}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        read = await konnect.plugins.list(CP)
        route = await konnect.routes.get("r", control_plane_id=CP)
    assert [plugin.service.id if plugin.service else None for plugin in read] == ["s"] * 5 + [None]
    assert [plugin.is_global for plugin in read] == [False] * 5 + [True]
    assert isinstance(route, Route)
    assert route.service is not None
    assert route.service.model_extra == {"name": "n"}


async def test_control_planes_come_with_labels_or_tags(serve: Serve) -> None:
    planes = [
        {
            "id": "1",
            "name": "a",
            "labels": {"env": "prod", "team": None},
            "created_at": "2026-03-04T12:00:00Z",
        },
        {"id": "2", "name": "b", "tags": ["x", None], "created_at": 1772625600, "updated_at": ""},
        {
            "id": "3",
            "name": "c",
            "tags": {"env": "dev"},
            "config": {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"},
        },
    ]
    server = serve({"GetControlPlane": structured({"data": planes, "meta": {"page": {"total": 3}}})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        listed = await konnect.control_planes.list()
    assert listed.complete
    one, two, three = listed
    assert (one.labels, two.tags, three.tags) == ({"env": "prod"}, ("x",), ("env:dev",))
    assert one.created_at == two.created_at
    assert [plane.is_group for plane in listed] == [False, False, True]


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[2Jevil",
        "a\nb",
        "<script>",
        "'; DROP TABLE",
        "x" * 5000,
        "🦍 Zürich",
        "\u202egnorw",
        "{vault://x/y}",
    ],
)
async def test_hostile_names_come_through_unchanged_and_are_found(serve: Serve, name: str) -> None:
    server = serve({"GetControlPlane": as_json([{"id": "1", "name": name}, {"id": "2", "name": "other"}])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [plane.name for plane in await konnect.control_planes.list()] == [name, "other"]
        assert (await konnect.control_planes.find(name)).id == "1"


async def test_a_repr_shows_no_configuration_and_what_is_shown_is_redacted(serve: Serve) -> None:
    raw = {"id": "p", "name": "x", "config": {"redis": {"password": "hunter2", "port": 1}}, "note": TOKEN}
    server = serve({"GetPlugin": as_json(raw)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        plugin = await konnect.plugins.get("p", control_plane_id=CP)
    assert isinstance(plugin, Plugin)
    assert repr(plugin) == str(plugin) == "Plugin(id='p', name='x')"
    shown = plugin.redacted()
    assert shown["config"]["redis"] == {"password": "[redacted]", "port": 1}
    assert TOKEN not in str(shown)


async def test_an_answer_that_breaks_its_own_output_schema_is_read_all_the_same(serve: Serve) -> None:
    schema = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data", "missing"]}
    server = serve({"GetService": structured({"data": [USERS]})}, output_schemas={"GetService": schema})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert [service.id for service in await konnect.services.list(CP)] == ["s-1"]


async def test_an_answer_of_five_megabytes_is_read(serve: Serve) -> None:
    many = [{"id": f"s-{n}", "name": f"service-{n}", "path": "/" + "x" * 1000} for n in range(5000)]
    server = serve({"GetService": structured({"data": many})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        listed = await konnect.services.list(CP)
    assert len(listed) == 5000
    assert listed[-1].id == "s-4999"


async def test_pages_are_followed_where_the_schema_has_a_parameter_for_them(serve: Serve) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        start = int(arguments.get("cursor", "0"))
        more = {"next_cursor": str(start + 2)} if start < 4 else {}
        return structured({"data": [{"id": f"s-{n}"} for n in (start, start + 1)], "meta": {"page": more}})

    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"operation": {}, "control_plane_id": {}, "cursor": {}},
    }
    server = serve({"GetService": answer}, schemas={"GetService": schema})
    async with Konnect(TOKEN, url=server.url) as konnect:
        listed = await konnect.services.list(CP)
    assert [service.id for service in listed] == ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5"]
    assert listed.complete
    assert [arguments.get("cursor") for _, arguments in server.calls] == [None, "2", "4"]


@pytest.mark.parametrize(
    "beside",
    [{"next": "abc"}, {"meta": {"page": {"total": 9}}}, {"has_more": True}, {"next": "/v2/x?page[after]=y"}],
)
async def test_a_list_that_cannot_be_followed_says_that_it_was_cut(
    serve: Serve, beside: dict[str, Any]
) -> None:
    server = serve({"GetService": structured({"data": [USERS], **beside})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        listed = await konnect.services.list(CP)
    assert (len(listed), listed.complete) == (1, False)
    assert len(server.calls) == 1


async def test_a_cursor_that_leads_in_a_circle_ends(serve: Serve) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"cursor": {}}}
    server = serve(
        {"GetService": structured({"data": [USERS], "next": "same"})}, schemas={"GetService": schema}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        listed = await konnect.services.list(CP)
    assert (len(listed), listed.complete) == (1, False)
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (told("Everything is fine."), "$"),
        (as_json({"ok": True}), "$"),
        (as_json([7, None]), "$[0]"),
        (as_json([{"foo": 1}]), "$[0]"),
        (as_json([{"id": "x", "port": "eighty"}]), "$[0].port"),
        (told('[{"id": "cut of'), "$"),
        (structured({"data": {"note": f"token {TOKEN}"}}), "$"),
    ],
)
async def test_what_cannot_be_read_raises_undecodable_and_is_never_empty(
    serve: Serve, answer: CallToolResult, path: str
) -> None:
    with pytest.raises(Undecodable) as caught:
        await services(serve, answer)
    assert caught.value.path == path
    assert caught.value.operation
    assert TOKEN not in f"{caught.value} {caught.value.excerpt}"


async def test_a_get_that_finds_nothing_is_not_found(serve: Serve) -> None:
    for answer in (as_json([]), as_json({}), structured({"service": None}), told("No service found"), told()):
        server = serve({"GetService": answer})
        async with Konnect(TOKEN, url=server.url) as konnect:
            with pytest.raises(NotFound):
                await konnect.services.get("s-9", control_plane_id=CP)


async def test_several_answers_to_a_get_are_undecodable(serve: Serve) -> None:
    server = serve({"GetControlPlane": as_json([{"id": "1", "name": "a"}, {"id": "2", "name": "a"}])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable, match="got 2"):
            await konnect.control_planes.get_by_name("a")


async def test_errors_hidden_in_a_success_are_errors(serve: Serve) -> None:
    problem = {
        "status": 429,
        "title": "Rate Limited",
        "instance": "konnect:trace:1",
        "detail": "Too many requests",
    }
    for answer in (
        as_json(problem),
        structured({"result": problem}),
        told("Error: API Error (Status 429): slow down"),
    ):
        server = serve({"GetService": answer})
        async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
            with pytest.raises(RateLimited):
                await konnect.services.list(CP)


async def test_entities_that_talk_about_errors_are_entities(serve: Serve) -> None:
    plugin = {
        "id": "p",
        "name": "error",
        "config": {"status_code": 503, "message": "access denied"},
        "status": 500,
    }
    server = serve(
        {"GetPlugin": as_json(plugin), "KnowledgeBaseSearch": told("Access denied?\n\nAsk an admin.")}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert (await konnect.plugins.get("p", control_plane_id=CP)).config["status_code"] == 503
        assert await konnect.knowledge_base.search("denied") == "Access denied?\n\nAsk an admin."


async def test_a_refusal_of_an_unusual_form_keeps_its_words(serve: Serve) -> None:
    for words in ("the flux capacitor is empty", '{"reason": "the flux capacitor is empty"}'):
        server = serve({"GetService": refused(words)})
        async with Konnect(TOKEN, url=server.url) as konnect:
            with pytest.raises(ToolError, match="the flux capacitor is empty"):
                await konnect.services.list(CP)


async def test_excerpts_of_the_knowledge_base_are_text_in_any_encoding(serve: Serve) -> None:
    for answer in (
        told("one", "two"),
        structured({"result": "one\ntwo"}),
        as_json([{"type": "text", "text": "one\ntwo"}]),
    ):
        server = serve({"KnowledgeBaseSearch": answer})
        async with Konnect(TOKEN, url=server.url) as konnect:
            assert await konnect.knowledge_base.search("?") == "one\ntwo"


async def test_a_control_plane_is_a_control_plane(serve: Serve) -> None:
    server = serve({"GetControlPlane": structured({"control_plane": {"id": "1", "name": "a"}})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert await konnect.control_planes.get("1") == ControlPlane(id="1", name="a")
        assert [plane.id for plane in await konnect.control_planes.get_by_route("/x")] == ["1"]
