"""Pattern 2 over real HTTP: who serves a request, and what runs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from konnect_agent import InvalidArguments, Konnect, NoMatch
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import investigate_endpoint
from patterns.report import render

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


async def test_a_method_that_leads_to_another_route_is_told_when_none_was_said(
    world_of: WorldOf, client: Client
) -> None:
    def by_method(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("read", "api", "/users", methods=["GET", "HEAD"])
        draft.route("write", "api", "/users", methods=["POST", "PUT"])
        draft.route("purge", "api", "/users", methods=["PURGE"])
        draft.route("rest", "api", "/users")

    with Sandbox(world=world_of(one=by_method)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/users", control_plane="one")
            said = {
                method: await investigate_endpoint(konnect, "/users", method=method, control_plane="one")
                for method in ("GET", "HEAD", "PUT", "PURGE", "PATCH")
            }
    assert report.result.route
    assert report.result.route.name == "read"
    assert [note for note in report.result.notes if "Say the method" in note] == [
        f"This answer is for GET: {methods} would be served by {name}. Say the method to see that answer."
        for methods, name in (("POST, PUT", "write"), ("PATCH, DELETE", "rest"), ("PURGE", "purge"))
    ]
    assert {method: each.result.route and each.result.route.name for method, each in said.items()} == {
        "GET": "read", "HEAD": "read", "PUT": "write", "PURGE": "purge", "PATCH": "rest",
    }  # fmt: skip
    assert not any("Say the method" in note for each in said.values() for note in each.result.notes)


async def test_methods_that_all_lead_to_one_route_are_no_matter_to_tell(
    world_of: WorldOf, client: Client
) -> None:
    def one_for_all(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("users", "api", "/users")
        draft.route("lesser", "api", "/")
        draft.route("elsewhere", "api", "/orders", methods=["POST"])

    with Sandbox(world=world_of(one=one_for_all)) as own:
        async with client(own) as konnect:
            report = await investigate_endpoint(konnect, "/users", control_plane="one")
    assert report.result.notes == ()


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


@pytest.mark.parametrize("path", ["", "api/users", "/api users", "/a\x1b[31m"])
async def test_what_no_request_could_ask_for_is_refused_before_anything_is_sent(
    world: World, client: Client, path: str
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await investigate_endpoint(konnect, path)
        assert own.ledger.calls == ()


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
