"""Pattern 2 over real HTTP: which control plane serves a path, with its group, and where else to look."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from konnect_agent import Ambiguous, Forbidden, Konnect, NoMatch
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import debug_performance, investigate_endpoint

from ..handmade import TOKEN, Arguments, Serve, refused, structured

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
WorldOf = Callable[..., World]


async def test_without_get_by_route_every_control_plane_is_looked_through(
    world_of: WorldOf, client: Client
) -> None:
    def served(draft: Draft) -> None:
        draft.service("orders", "orders.example")
        draft.route("orders", "orders", "/orders")

    def other(draft: Draft) -> None:
        draft.route("else", None, "/else")

    with Sandbox(world=world_of(one=other, two=served), hide=()) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/orders?page=2")
            assert report.result.control_plane.name == "two"
            assert report.result.control_plane.found_by == "get_by_route"
            with pytest.raises(NoMatch, match="404") as caught:
                await investigate_endpoint(konnect, "/order")
    assert [candidate.name for candidate in caught.value.candidates][:1] == ["/orders"]
    assert {call.arguments["operation"] for call in caught.value.report.steps[0].calls} == {
        "get_by_route",
        "list",
    }


async def test_several_control_planes_serving_a_path_are_a_choice_for_the_caller(
    world_of: WorldOf, client: Client
) -> None:
    def served(draft: Draft) -> None:
        draft.service("orders", "orders.example")
        draft.route("orders", "orders", "/orders")

    with Sandbox(world=world_of(one=served, two=served)) as own:
        async with client(own) as konnect:
            with pytest.raises(Ambiguous) as caught:
                await investigate_endpoint(konnect, "/orders")
            chosen = await investigate_endpoint(konnect, "/orders", control_plane="two")
    assert {candidate.name for candidate in caught.value.candidates} == {"one", "two"}
    assert chosen.result.control_plane.name == "two"


async def test_a_group_is_one_router_over_its_members(konnect: Konnect, sandbox: Sandbox) -> None:
    member = sandbox.world.control_plane("fulfilment-warehouse")
    path = next(route["paths"][0] for route in member.routes if route["paths"][0].startswith("/"))
    report = await investigate_endpoint(konnect, path, control_plane="fulfilment")
    assert report.result.route
    assert report.result.route.id in {route["id"] for route in member.routes}


async def test_a_named_control_plane_that_may_not_be_read_is_the_callers_error(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, forbidden=("storefront-production",)) as own:
        async with client(own) as konnect:
            with pytest.raises(Forbidden):
                await investigate_endpoint(konnect, "/api/users", control_plane="storefront-production")


async def test_unread_routes_are_named_and_not_called_a_404(world_of: WorldOf, client: Client) -> None:
    def seen(draft: Draft) -> None:
        draft.route("seen", None, "/seen")

    with Sandbox(world=world_of(one=seen, two=seen), forbidden=("two",)) as own:
        async with client(own) as konnect:
            with pytest.raises(NoMatch, match="not readable: two") as caught:
                await investigate_endpoint(konnect, "/other")
    assert "404" not in str(caught.value)
    assert [each.what for each in caught.value.report.coverage.missing] == ["routes"]


async def test_when_no_routes_can_be_read_the_reason_is_the_error(world_of: WorldOf, client: Client) -> None:
    def seen(draft: Draft) -> None:
        draft.route("seen", None, "/seen")

    with Sandbox(world=world_of(one=seen, two=seen), forbidden=("one", "two")) as own:
        async with client(own) as konnect:
            with pytest.raises(Forbidden):
                await investigate_endpoint(konnect, "/seen")


@pytest.mark.parametrize("asked_of", ["fulfilment-returns", "fulfilment", None])
async def test_global_plugins_of_fellow_members_act_wherever_it_is_asked_from(
    konnect: Konnect, asked_of: str | None
) -> None:
    report = await investigate_endpoint(konnect, "/returns", control_plane=asked_of)
    assert {"jwt", "opentelemetry"} <= {plugin.name for plugin in report.result.plugins}
    member = "member of the control plane group fulfilment" in " ".join(report.result.notes)
    assert member == (asked_of != "fulfilment")
    assert report.status == "complete"


async def test_routes_of_fellow_members_compete_with_those_of_a_member(konnect: Konnect) -> None:
    report = await investigate_endpoint(konnect, "/warehouse/stock", control_plane="fulfilment-returns")
    assert report.result.route
    assert report.result.service
    assert (report.result.route.name, report.result.service.name) == ("stock", "stock")
    assert "belongs to its fellow member fulfilment-warehouse" in " ".join(report.result.notes)


async def test_groups_that_cannot_be_read_leave_the_plugins_in_doubt(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetControlPlaneGroup",)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/returns", control_plane="fulfilment-returns")
    assert report.status == "incomplete"
    assert [each.what for each in report.coverage.missing] == ["members"]
    assert report.result.unseen == ("plugins",)
    assert report.result.authentication is None


PLANES = [{"id": "cp-1", "name": "one"}, {"id": "cp-2", "name": "two"}]


def answering(by_route: object, *, complete: bool = True) -> dict[str, object]:
    """A server of two control planes whose second serves /orders."""

    def planes(arguments: Arguments) -> object:
        if arguments["operation"] == "get_by_route":
            return by_route
        more = {} if complete else {"meta": {"total_count": 9}}
        return structured({"control_planes": PLANES if complete else PLANES[1:], **more})

    def routes(arguments: Arguments) -> object:
        serves = [{"id": "r-1", "name": "orders", "paths": ["/orders"], "protocols": ["https"]}]
        return structured({"routes": serves if arguments["control_plane_id"] == "cp-2" else []})

    plugins = structured({"plugins": []})
    return {"GetControlPlane": planes, "GetRoute": routes, "GetPlugin": plugins}


async def test_a_failure_of_get_by_route_is_told_and_everything_is_looked_through(serve: Serve) -> None:
    server = serve(answering(refused("the route index is being rebuilt")))
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_endpoint(konnect, "/orders")
    assert report.result.control_plane.name == "two"
    assert "get_by_route failed (ToolError: " in report.result.notes[0]
    assert "the route index is being rebuilt" in report.result.notes[0]


async def test_the_control_plane_that_was_named_is_extracted(serve: Serve) -> None:
    server = serve(answering(structured({"control_planes": PLANES[1:]})))
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_endpoint(konnect, "/orders")
    assert (report.steps[0].name, report.steps[0].extracted) == (
        "control plane by route",
        {"control_plane_id": "cp-2"},
    )


ROUTE = {"id": "r-1", "name": "orders", "paths": ["/orders"]}


@pytest.mark.parametrize(
    "said", [{"control_plane_id": "cp-2"}, {"controlPlaneId": "cp-2"}, {"control_plane": {"id": "cp-2"}}]
)
async def test_routes_instead_of_control_planes_lead_to_the_one_they_are_of(
    serve: Serve, said: dict[str, object]
) -> None:
    found = [ROUTE | said, ROUTE | said | {"id": "r-9", "name": "more"}]
    server = serve(answering(structured({"routes": found})))
    async with Konnect(TOKEN, url=server.url) as konnect:
        (plane,) = await konnect.control_planes.get_by_route("/orders")
        report = await investigate_endpoint(konnect, "/orders")
    assert (plane.id, plane.name) == ("cp-2", "two")
    selected = report.result.control_plane
    assert (selected.id, selected.name, selected.found_by) == ("cp-2", "two", "get_by_route")


async def test_routes_that_do_not_say_whose_they_are_name_no_control_plane(serve: Serve) -> None:
    server = serve(answering(structured({"routes": [ROUTE]})))
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_endpoint(konnect, "/orders")
    assert (report.result.control_plane.id, report.result.control_plane.found_by) == (
        "cp-2",
        "looking through all",
    )


async def test_when_no_route_of_the_named_planes_serves_all_others_are_looked_through(serve: Serve) -> None:
    server = serve(answering(structured({"control_planes": PLANES[:1]})))
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_endpoint(konnect, "/orders")
    assert report.result.control_plane.name == "two"
    assert report.result.control_plane.found_by == "looking through all"
    assert report.result.notes[0].startswith("get_by_route named one, where no route serves the request")


async def test_nothing_found_in_a_cut_list_is_not_a_404(serve: Serve) -> None:
    server = serve(answering(structured({"control_planes": []}), complete=False))
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(NoMatch, match="there are more") as caught:
            await investigate_endpoint(konnect, "/else")
    assert "404" not in str(caught.value)


async def test_the_one_control_plane_of_a_cut_list_is_not_the_only_one(serve: Serve) -> None:
    never = refused("not to be called")
    server = serve(
        {**answering(None, complete=False), "CreateDebugSession": never, "ActiveTracingSession": never}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Ambiguous, match="there are more"):
            await debug_performance(konnect, confirm=lambda plan: True)
