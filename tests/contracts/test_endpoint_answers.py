"""Endpoint investigation on servers that answer in part, otherwise than asked, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, NoMatch
from patterns import EndpointResult, Report, investigate_endpoint
from patterns.report import render

from ..handmade import TOKEN, Answer, Arguments, Serve, as_json, refused, structured, told

pytestmark = pytest.mark.anyio

PLANES = [{"id": "cp-1", "name": "one"}, {"id": "cp-2", "name": "two"}, {"id": "cp-3", "name": "three"}]
ORDERS = {"id": "r-1", "name": "orders", "paths": ["/orders", "/café"], "service": {"id": "s-1"}}
CATCH_ALL = {"id": "r-2", "name": "everything", "paths": ["/"]}
SERVICE = {"id": "s-1", "name": "orders", "host": "orders.internal"}


def organisation(by_route: Answer | None = None, **instead: Any) -> dict[str, Any]:
    """Three control planes of which the second serves /orders; `by_route` is what get_by_route answers."""

    def planes(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] != "get_by_route":
            return structured({"control_planes": PLANES})
        if by_route is None:
            return refused("no such route")
        return by_route if isinstance(by_route, CallToolResult) else by_route(arguments)

    routes = listing("routes", {"cp-2": [ORDERS]})
    tools = {"GetControlPlane": planes, "GetRoute": routes, "GetService": as_json(SERVICE)}
    return tools | {"GetPlugin": listing("plugins", {})} | instead


def listing(key: str, entities: Mapping[str, Any]) -> Any:
    """An entity tool by control plane id; what is a result is answered as it is."""

    def answer(arguments: Arguments) -> CallToolResult:
        found = entities.get(arguments["control_plane_id"], [])
        return found if isinstance(found, CallToolResult) else structured({key: found})

    return answer


async def investigated(
    serve: Serve, answers: Mapping[str, Any], path: str = "/orders", **request: Any
) -> Any:
    server = serve(answers)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return await investigate_endpoint(konnect, path, **request)


def named(*ids: str) -> CallToolResult:
    return structured({"control_planes": [plane for plane in PLANES if plane["id"] in ids]})


@pytest.mark.parametrize(
    "path",
    [
        "/orders", "/orders/7", "/orders?page=2", "/orders#top", "/orders?page=2#top", "/orders#a?b",
        "/%6frders", "/%6Frders", "/x/../orders", "//orders", "/./orders", "/caf%C3%A9", "/caf%c3%a9/7",
    ],
)  # fmt: skip
async def test_a_path_is_the_one_the_gateway_sees(serve: Serve, path: str) -> None:
    asked: list[str] = []

    def by_route(arguments: Arguments) -> CallToolResult:
        asked.append(arguments["path"])
        return named("cp-2")

    report = await investigated(serve, organisation(by_route), path)
    assert report.result.route.name == "orders"
    assert report.result.request.path == path
    assert not set("?#") & set(asked[0])


@pytest.mark.parametrize(
    "by_route",
    [
        refused("Invalid enum value. Expected 'list' | 'get_by_id' | 'get_by_name', received 'get_by_route'"),
        refused("Unknown operation: get_by_route"),
        refused("HTTP error 501: Not Implemented - {}"),
        refused("API Error (Status 403) access denied"),
        refused("API Error (Status 404) not found"),
        as_json({"status": 500, "title": "Internal Error", "detail": "search is down"}),
        as_json({"matches": 1, "took_ms": 12}),
        as_json([["cp-2"]]),
        as_json("cp-2"),
        told("The path is served by two."),
        told(""),
        structured({"control_planes": [{"name": "two"}]}),
        structured({"control_planes": []}),
        named("cp-1"),
        named("cp-1", "cp-3"),
        named("cp-1", "cp-2", "cp-3"),
        structured({"control_plane": {"id": "cp-9", "name": "gone"}}),
    ],
)
async def test_whatever_get_by_route_says_the_routes_decide(serve: Serve, by_route: CallToolResult) -> None:
    report = await investigated(serve, organisation(by_route))
    assert (report.result.control_plane.name, report.result.route.name) == ("two", "orders")
    assert report.status == "complete"


async def test_an_unreadable_control_plane_that_get_by_route_named_stays_in_doubt(serve: Serve) -> None:
    routes = listing("routes", {"cp-1": refused("403 Forbidden"), "cp-3": [CATCH_ALL]})
    report = await investigated(serve, organisation(named("cp-1"), GetRoute=routes))
    assert (report.result.route.name, report.status) == ("everything", "incomplete")
    assert [each.control_plane.name for each in report.coverage.missing] == ["one"]
    notes = " ".join(report.result.notes)
    assert "named one, where no route that could be seen serves the request" in notes
    assert "The routes of one could not be read: one of them may serve the request as well." in notes
    assert "may serve the request as well" in str(render(report, "text")).replace("\n", " ")


async def test_no_route_in_what_could_be_read_is_not_no_route(serve: Serve) -> None:
    routes = listing("routes", {"cp-2": refused("403 Forbidden"), "cp-3": [ORDERS | {"paths": ["/else"]}]})
    with pytest.raises(NoMatch, match="not readable: two") as caught:
        await investigated(serve, organisation(GetRoute=routes))
    report: Report[EndpointResult] = caught.value.report
    assert [(each.what, each.error.type) for each in report.coverage.missing] == [("routes", "Forbidden")]
    assert "answers 404" not in str(render(report, "text"))


async def test_a_group_whose_members_are_hidden_leaves_the_others_to_look_at(serve: Serve) -> None:
    group = {"id": "cp-0", "name": "all", "config": {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}}
    answers = organisation(
        structured({"control_planes": [group, PLANES[1]]}), GetControlPlaneGroup=refused("403 Forbidden")
    )
    report = await investigated(serve, answers)
    assert (report.result.route.name, report.status) == ("orders", "incomplete")
    assert {each.what for each in report.coverage.missing} == {"members"}


async def test_members_that_were_cut_off_leave_the_answer_of_a_group_open(serve: Serve) -> None:
    group = {"id": "cp-0", "name": "all", "config": {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}}
    members = structured({"members": PLANES[1:2], "meta": {"page": {"total": 9}}})
    answers = organisation(GetControlPlane=as_json(group), GetControlPlaneGroup=members)
    report = await investigated(serve, answers, control_plane="all")
    assert (report.result.route.name, report.status) == ("orders", "incomplete")
    assert report.coverage.truncated == ("members of all",)
    assert report.result.unseen == ("plugins",)
    with pytest.raises(NoMatch, match="there are more"):
        await investigated(serve, answers, "/else", control_plane="all")


async def test_refused_services_and_plugins_are_named_as_unseen(serve: Serve) -> None:
    hidden = refused("403 Forbidden")
    report = await investigated(serve, organisation(named("cp-2"), GetService=hidden, GetPlugin=hidden))
    assert (report.result.unseen, report.status) == (("service", "plugins"), "incomplete")
    assert {each.what for each in report.coverage.missing} == {"the service", "plugins"}
    for form in ("text", "markdown", "html"):
        written = str(render(report, form))
        assert "no plugin" not in written
        assert "could not be seen" in written


async def test_another_service_than_the_one_asked_for_is_not_believed(serve: Serve) -> None:
    wanted, other = "9a000000-0000-4000-8000-00000000000a", "9b000000-0000-4000-8000-00000000000b"
    routes = listing("routes", {"cp-2": [ORDERS | {"service": {"id": wanted}}]})
    for answered, unseen in ((other, ("service",)), (wanted.upper(), ())):
        service = as_json(SERVICE | {"id": answered})
        report = await investigated(serve, organisation(GetRoute=routes, GetService=service))
        assert report.result.unseen == unseen


async def test_configurations_of_consumer_groups_are_named_for_a_consumer(serve: Serve) -> None:
    plugins = [
        {"id": "p-1", "name": "rate-limiting", "consumer_group": {"id": "g-1"}, "service": {"id": "s-1"}},
        {"id": "p-2", "name": "rate-limiting", "service": {"id": "s-1"}},
    ]
    alice = as_json({"id": "5a000000-0000-4000-8000-00000000000a", "username": "alice"})
    answers = organisation(named("cp-2"), GetPlugin=listing("plugins", {"cp-2": plugins}), GetConsumer=alice)
    report = await investigated(serve, answers, consumer="alice")
    assert [plugin.id for plugin in report.result.plugins] == ["p-2"]
    assert "Consumer groups have their own rate-limiting here" in report.result.notes[-1]
    anyone = await investigated(serve, answers)
    assert not any("Consumer groups" in note for note in anyone.result.notes)
