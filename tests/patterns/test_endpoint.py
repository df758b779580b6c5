"""Pattern 2 over real HTTP: who serves a request, and what runs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from konnect_agent import Ambiguous, Forbidden, InvalidArguments, Konnect, NoMatch
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import debug_performance, investigate_endpoint
from patterns.report import render

from ..handmade import TOKEN, Arguments, Serve, refused, structured

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
WorldOf = Callable[..., World]


async def test_the_steps_are_kongs_and_ids_go_from_one_to_the_next(konnect: Konnect) -> None:
    report = await investigate_endpoint(konnect, "/api/users", method="GET")

    calls = [(call.tool, call.arguments["operation"]) for each in report.steps for call in each.calls]
    assert calls == [
        ("GetControlPlane", "get_by_route"), ("GetRoute", "list"), ("GetService", "get_by_id"),
        ("GetPlugin", "list"),
    ]  # fmt: skip
    extracted = report.steps[1].extracted
    assert report.steps[2].calls[0].arguments["service_id"] == extracted["service_id"]
    assert report.steps[2].calls[0].arguments["control_plane_id"] == extracted["control_plane_id"]
    result = report.result
    assert result.route
    assert result.service
    assert (result.route.name, result.service.name, result.served) == ("users", "users-api", True)
    assert [plugin.name for plugin in result.plugins] == [
        "correlation-id", "cors", "key-auth", "rate-limiting", "prometheus", "http-log",
    ]  # fmt: skip
    assert all(plugin.because for plugin in result.plugins)
    assert result.upstream_url == "https://users.svc.saltmarsh.example:443/v2/api/users"


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


async def test_open_questions_are_filled_with_what_a_route_asks_for(
    world_of: WorldOf, client: Client
) -> None:
    def picky(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route(
            "picky", "api", "/v1", methods=["PATCH"], hosts=["*.example.com"], headers={"x-tenant": ["gold"]}
        )

    with Sandbox(world=world_of(one=picky)) as own:
        async with client(own) as konnect:
            found = await investigate_endpoint(konnect, "/v1/x", control_plane="one")
            assert found.result.route
            assert found.result.route.name == "picky"
            with pytest.raises(NoMatch):
                await investigate_endpoint(konnect, "/v1/x", method="GET", control_plane="one")
            with pytest.raises(NoMatch):
                await investigate_endpoint(konnect, "/v1/x", host="example.org", control_plane="one")


async def test_a_disabled_service_is_called_out_and_the_next_best_route_answers(
    world_of: WorldOf, client: Client
) -> None:
    def two_layers(draft: Draft) -> None:
        draft.service("new", "new.example", enabled=False)
        draft.service("old", "old.example")
        draft.route("new", "new", "/api/v2")
        draft.route("old", "old", "/api")

    with Sandbox(world=world_of(one=two_layers)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api/v2/users", control_plane="one")
    assert report.result.route
    assert report.result.service
    assert (report.result.route.name, report.result.service.name) == ("old", "old")
    assert report.result.served
    assert any("new is disabled" in note and "old serves it instead" in note for note in report.result.notes)


async def test_a_disabled_service_without_an_alternative_means_404(konnect: Konnect) -> None:
    report = await investigate_endpoint(konnect, "/legacy", control_plane="storefront-production")
    assert report.result.service
    assert not report.result.served
    assert not report.result.service.enabled
    assert any("404" in note for note in report.result.notes)


async def test_disabled_and_shadowed_plugins_are_listed_with_the_reason(
    world_of: WorldOf, client: Client
) -> None:
    def layered(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("api", "api", "/api")
        draft.plugin("rate-limiting", {"minute": 5})
        draft.plugin("rate-limiting", {"minute": 50}, route="api")
        draft.plugin("key-auth", {}, service="api", enabled=False)

    with Sandbox(world=world_of(one=layered)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api", control_plane="one")
    result = report.result
    assert [(p.name, p.scope) for p in result.plugins] == [("rate-limiting", "route")]
    assert {(p.name, p.scope, p.enabled) for p in result.shadowed_plugins} == {
        ("rate-limiting", "global", True), ("key-auth", "service", False),
    }  # fmt: skip
    assert "key-auth (service) is disabled" in " ".join(result.notes)
    assert "anyone gets in" in (result.authentication or "")


async def test_a_group_is_one_router_over_its_members(konnect: Konnect, sandbox: Sandbox) -> None:
    member = sandbox.world.control_plane("fulfilment-warehouse")
    path = next(route["paths"][0] for route in member.routes if route["paths"][0].startswith("/"))
    report = await investigate_endpoint(konnect, path, control_plane="fulfilment")
    assert report.result.route
    assert report.result.route.id in {route["id"] for route in member.routes}


async def test_routes_that_would_also_match_are_named_and_explained(konnect: Konnect) -> None:
    report = await investigate_endpoint(
        konnect, "/api/basket/items", control_plane="storefront-production", explain=True
    )
    assert [route.name for route in report.result.other_routes] == ["basket-items"]
    won = [entry for entry in report.result.candidates if entry.won]
    assert [entry.name for entry in won] == ["basket"]
    assert all(entry.because for entry in report.result.candidates)


async def test_when_the_two_calculations_disagree_both_answers_are_given_whole(
    world_of: WorldOf, client: Client
) -> None:
    def disputed(draft: Draft) -> None:
        draft.service("by-host", "host.example")
        draft.service("by-path", "path.example")
        draft.route("host-only", "by-host", hosts=["api.example.com"])
        draft.route("method-and-path", "by-path", "/api", methods=["GET"])
        draft.plugin("key-auth", {}, route="host-only")
        draft.plugin("jwt", {}, service="by-path")
        draft.plugin("cors", {})
        draft.plugin("cors", {"credentials": True}, route="method-and-path")

    with Sandbox(world=world_of(one=disputed)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(
                konnect, "/api", method="GET", host="api.example.com", control_plane="one"
            )
            alone = await investigate_endpoint(
                konnect, "/api", method="GET", host="else.example", control_plane="one"
            )
    result, strict = report.result, report.result.strict
    assert result.route
    assert result.service
    assert result.if_strict
    assert strict
    assert strict.service
    assert (result.route.name, result.service.name) == ("host-only", "by-host")
    assert (result.if_strict.name, strict.service.name) == ("method-and-path", "by-path")
    assert [plugin.name for plugin in result.plugins] == ["cors", "key-auth"]
    assert [(plugin.name, plugin.scope) for plugin in strict.plugins] == [
        ("cors", "route"),
        ("jwt", "service"),
    ]
    assert [plugin.scope for plugin in strict.shadowed_plugins] == ["global"]
    assert strict.upstream_url == "https://path.example:443/api"
    assert "jwt" in (strict.authentication or "")
    told = " ".join(str(render(report, "text")).split())
    assert "route_match_calculation = strict, method-and-path serves it instead, with service by-path" in told
    assert "cors (route), jwt (service)" in told
    assert (alone.result.if_strict, alone.result.strict) == (None, None)
    assert "strict" not in " ".join(alone.result.notes)


async def test_strict_calculation_may_serve_nothing(world_of: WorldOf, client: Client) -> None:
    def by_name(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("named", "api", "/api", snis=["api.example.com"], protocols=["https"])

    with Sandbox(world=world_of(one=by_name)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api", scheme="http", control_plane="one")
    assert report.result.route
    assert report.result.strict
    assert (report.result.strict.route, report.result.strict.served) == (None, False)
    assert "strict, no route serves it and the gateway answers 404" in " ".join(report.result.notes)


async def test_a_service_of_the_strict_answer_that_is_disabled_takes_its_routes_with_it(
    world_of: WorldOf, client: Client
) -> None:
    def disputed(draft: Draft) -> None:
        draft.service("by-host", "host.example")
        draft.service("by-path", "path.example", enabled=False)
        draft.route("host-only", "by-host", hosts=["api.example.com"])
        draft.route("method-and-path", "by-path", "/api", methods=["GET"])

    with Sandbox(world=world_of(one=disputed)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(
                konnect, "/api", method="GET", host="api.example.com", control_plane="one"
            )
    assert report.result.route
    assert (report.result.route.name, report.result.strict) == ("host-only", None)


async def test_a_consumer_adds_the_plugins_scoped_to_it(konnect: Konnect) -> None:
    alone = await investigate_endpoint(konnect, "/api/basket", control_plane="storefront-production")
    joined = await investigate_endpoint(
        konnect, "/api/basket", control_plane="storefront-production", consumer="harbour-kiosk"
    )
    added = {p.scope for p in joined.result.plugins} - {p.scope for p in alone.result.plugins}
    assert any("consumer" in scope for scope in added)


async def test_plugins_that_cannot_be_seen_are_not_reported_as_absent(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetPlugin",)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api/users")
    assert report.status == "incomplete"
    assert report.coverage.missing[0].error.type == "ToolUnavailable"
    assert report.result.authentication is None
    assert "not known" in " ".join(report.result.notes)


async def test_a_named_control_plane_that_may_not_be_read_is_the_callers_error(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, forbidden=("storefront-production",)) as own:
        async with client(own) as konnect:
            with pytest.raises(Forbidden):
                await investigate_endpoint(konnect, "/api/users", control_plane="storefront-production")


@pytest.mark.parametrize("path", ["", "api/users", "/api users", "/a\x1b[31m"])
async def test_what_no_request_could_ask_for_is_refused_before_anything_is_sent(
    world: World, client: Client, path: str
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await investigate_endpoint(konnect, path)
        assert own.ledger.calls == ()


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


async def test_what_could_not_be_seen_is_not_written_as_absent(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetPlugin", "GetService")) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/api/users")
    assert report.result.unseen == ("service", "plugins")
    written = str(render(report, "markdown"))
    assert "a service that could not be seen" in written
    assert "which plugins run could not be seen" in written
    assert "no plugin" not in written
    assert "None." not in written


async def test_the_report_says_which_request_it_is_about_without_header_values(konnect: Konnect) -> None:
    report = await investigate_endpoint(
        konnect, "/api/users", method="GET", host="x.example", headers={"authorization": "hunter2"}
    )
    assert report.result.request.model_dump(exclude_none=True) == {
        "path": "/api/users", "method": "GET", "host": "x.example", "scheme": "https",
        "headers": ("authorization",),
    }  # fmt: skip
    assert "hunter2" not in report.model_dump_json()
    assert "GET /api/users (https) at x.example" in str(render(report, "text"))


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": None}, {"path": 5}, {"method": 5}, {"host": 5}, {"scheme": None}, {"sni": 5},
        {"headers": [("a", "b")]}, {"headers": {"a": 5}}, {"headers": {None: None}},
        {"consumer": 5}, {"control_plane": 5},
    ],
)  # fmt: skip
async def test_arguments_of_a_wrong_type_are_refused_before_anything_is_sent(
    world: World, client: Client, wrong: dict[str, object]
) -> None:
    arguments: dict[str, Any] = {"path": "/api/users", **wrong}
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await investigate_endpoint(konnect, **arguments)
        assert own.ledger.calls == ()
