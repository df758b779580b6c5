"""Endpoint questions that say little of the request, and what an answer must not leave out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, NoMatch
from patterns import investigate_endpoint
from patterns.report import render

from ..handmade import TOKEN, Arguments, Serve, refused, structured

pytestmark = pytest.mark.anyio

ORDERS = {"id": "r-1", "name": "orders", "paths": ["/orders"], "service": {"id": "s-1"}}


async def investigated(
    serve: Serve, answers: Mapping[str, Any], path: str = "/orders", **request: Any
) -> Any:
    server = serve(answers)
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        return await investigate_endpoint(konnect, path, **request)


def plane(routes: Any, services: Any, **instead: Any) -> dict[str, Any]:
    """One control plane with these routes; services by id, and what else tools answer."""

    def service(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] == "list":
            return structured({"services": list(services.values())})
        return structured(dict(services[arguments["service_id"]]))

    only = structured({"control_planes": [{"id": "cp-1", "name": "one"}]})
    tools = {"GetControlPlane": only, "GetRoute": structured({"routes": routes}), "GetService": service}
    return tools | {"GetPlugin": structured({"plugins": []})} | instead


LIVE = {"id": "s-1", "name": "live", "host": "live.internal", "protocol": "http", "port": 80}
DEAD = {"id": "s-2", "name": "dead", "host": "dead.internal", "enabled": False}
ANONYMOUS = "0a3a1b0e-0000-4000-8000-00000000a000"
FALLS_BACK = {"id": "p-1", "name": "key-auth", "config": {"anonymous": "nobody"}}
STOP = {"id": "p-2", "name": "request-termination", "consumer": {"id": ANONYMOUS}, "config": {}}


def consumers(*entities: Mapping[str, Any]) -> Any:
    def answer(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] == "list":
            return structured({"consumers": list(entities)})
        named = [each for each in entities if each["username"] == arguments.get("consumer_name")]
        return structured(dict(named[0])) if named else refused("API Error (Status 404) not found")

    return answer


@pytest.mark.parametrize(
    ("tool", "says", "status"),
    [
        (consumers({"id": ANONYMOUS, "username": "nobody"}), "is stopped by request-termination", "complete"),
        (consumers({"id": "c-2", "username": "nobody"}), "nothing stops that consumer", "complete"),
        (consumers({"id": ANONYMOUS, "username": "nobody-2"}), "that may be it) stops it", "complete"),
        (refused("API Error (Status 403) access denied"), "that may be it) stops it", "incomplete"),
    ],
)
async def test_a_fallback_given_by_name_is_looked_up_and_open_where_it_cannot_be(
    serve: Serve, tool: Any, says: str, status: str
) -> None:
    plugins = structured({"plugins": [FALLS_BACK, STOP]})
    answers = plane([ORDERS], {"s-1": LIVE}, GetPlugin=plugins, GetConsumer=tool)
    report = await investigated(serve, answers)
    assert says in report.result.authentication
    assert report.status == status


async def test_a_fallback_given_by_id_asks_for_no_consumer(serve: Serve) -> None:
    by_id = FALLS_BACK | {"config": {"anonymous": ANONYMOUS.upper()}}
    answers = plane([ORDERS], {"s-1": LIVE}, GetPlugin=structured({"plugins": [by_id, STOP]}))
    report = await investigated(serve, answers)
    assert "is stopped by request-termination" in report.result.authentication
    assert report.status == "complete"


def expression(text: str, **more: Any) -> dict[str, Any]:
    protocols = ["http", "https"]
    return {
        "id": "r-7",
        "name": "ex",
        "expression": text,
        "protocols": protocols,
        "service": {"id": "s-1"},
    } | more


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        ('http.method == "POST" && http.host == "shop.example"', "method POST, host shop.example"),
        ('http.headers.x_tenant == "gold"', "header x-tenant"),
        ('any(http.queries.page) == "2"', "query argument page"),
        ('lower(http.host) =^ ".example" && tls.sni == "a.example"', "host .example"),
        ('net.src.ip in 10.0.0.0/8', "a source address"),
        ('net.dst.port == 8443', "a destination address or port"),
        ('http.host ^= "shop" && http.host =^ ".example"', None),
        ('(http.host == "a" || http.host == "b") && http.host == "b"', "host b"),
    ],
)  # fmt: skip
async def test_what_an_expression_asks_for_is_filled_in_and_said(
    serve: Serve, text: str, filled_in: str | None
) -> None:
    routes = [expression(f'http.path ^= "/x" && {text}')]
    answers = plane(routes, {"s-1": LIVE})
    if filled_in is None:
        with pytest.raises(NoMatch, match="ex may serve some requests for /x/1, and others not") as caught:
            await investigated(serve, answers, "/x/1")
        assert caught.value.candidates[0].name == "ex"
        assert "404" not in str(caught.value)
        return
    report = await investigated(serve, answers, "/x/1")
    assert (report.result.route.name, report.result.served) == ("ex", True)
    assert f"for requests with {filled_in}: others to this path may get 404" in " ".join(report.result.notes)


@pytest.mark.parametrize(
    "request_",
    [{"method": "GET"}, {"host": "else.example"}, {"path": "/y/1"}, {"headers": {"x-other": "1"}}],
)
async def test_what_was_said_is_not_filled_in_otherwise(serve: Serve, request_: dict[str, Any]) -> None:
    text = (
        'http.path ^= "/x" && http.method == "POST" && http.host == "shop.example" && http.headers.a == "1"'
    )
    said = {"path": "/x/1", **request_}
    with pytest.raises(NoMatch, match="the gateway answers 404"):
        await investigated(serve, plane([expression(text)], {"s-1": LIVE}), **said)


async def test_a_port_that_was_said_is_the_port(serve: Serve) -> None:
    answers = plane([ORDERS | {"hosts": ["shop.example:8443"]}], {"s-1": LIVE})
    report = await investigated(serve, answers)
    assert "for requests with host shop.example:8443: others" in " ".join(report.result.notes)
    assert (await investigated(serve, answers, host="shop.example:8443")).result.notes == ()
    with pytest.raises(NoMatch, match="the gateway answers 404"):
        await investigated(serve, answers, host="shop.example:443")
    with pytest.raises(NoMatch, match="orders may serve some"):  # on the listener with that port
        await investigated(serve, answers, host="shop.example")


async def test_what_is_served_over_the_other_scheme_is_said(serve: Serve) -> None:
    answers = plane([expression('http.path ^= "/x"', protocols=["http"])], {"s-1": LIVE})
    with pytest.raises(NoMatch, match="Over http, ex would serve it"):
        await investigated(serve, answers, "/x/1")


async def test_a_regex_nobody_here_can_evaluate_is_no_404(serve: Serve) -> None:
    ahead = ORDERS | {"paths": ["~/x/(?=1)"]}
    with pytest.raises(NoMatch, match="orders may serve some requests") as caught:
        await investigated(serve, plane([ahead], {"s-1": LIVE}), "/x/1")
    assert "404" not in str(caught.value)


def methods(services: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r-{method}",
            "name": method,
            "paths": ["/x"],
            "methods": [method],
            "service": {"id": service},
        }
        for method, service in services.items()
    ]


async def test_routes_of_disabled_services_lose_nothing_and_lead_nowhere(serve: Serve) -> None:
    answers = plane(methods({"GET": "s-1", "POST": "s-2"}), {"s-1": LIVE, "s-2": DEAD})
    result = (await investigated(serve, answers, "/x", explain=True)).result
    assert (result.route.name, result.other_routes) == ("GET", ())
    assert result.notes == (
        "The service dead is disabled, so its routes are out.",
        "This answer is for requests with method GET: others to this path may get 404.",
        "No method was said: the routes are compared for GET.",
    )
    assert [(entry.name, entry.because) for entry in result.candidates[1:]] == [
        ("POST", "its service is disabled, and the gateway leaves out all routes of such a service")
    ]


async def test_other_methods_stay_told_where_their_service_is_enabled_or_unseen(serve: Serve) -> None:
    services = {"s-1": LIVE, "s-2": DEAD | {"enabled": True}}
    routes = methods({"GET": "s-1", "POST": "s-2"})
    seen = (await investigated(serve, plane(routes, services), "/x")).result
    assert "POST would be served by POST. Say" in " ".join(seen.notes)
    assert [route.name for route in seen.other_routes] == ["POST"]

    def first_only(arguments: Arguments) -> CallToolResult:
        return structured(LIVE) if arguments["service_id"] == "s-1" else refused("403 Forbidden")

    report = await investigated(serve, plane(routes, services, GetService=first_only), "/x")
    assert "served by POST, if its service is enabled. Say" in " ".join(report.result.notes)
    assert report.status == "incomplete"


async def test_services_of_many_routes_that_lose_are_listed_at_once(serve: Serve) -> None:
    dead = {f"d-{number}": DEAD | {"id": f"d-{number}"} for number in range(12)}
    losing = [
        {"id": f"l-{key}", "name": key, "paths": ["/x"], "hosts": [f"{key}.example"], "service": {"id": key}}
        for key in dead
    ]
    answers = plane([*methods({"GET": "s-1"}), *losing], {"s-1": LIVE, **dead})
    report = await investigated(serve, answers, "/x")
    assert report.result.other_routes == ()
    calls = [call.arguments["operation"] for step in report.steps for call in step.calls]
    assert (calls.count("get_by_id"), report.status) == (1, "complete")


async def test_routes_the_gateway_does_not_take_are_among_the_compared(serve: Serve) -> None:
    broken = ORDERS | {"id": "r-3", "name": "broken", "paths": ["~/x/yy("]}
    answers = plane([*methods({"GET": "s-1"}), broken], {"s-1": LIVE})
    result = (await investigated(serve, answers, "/x/yy", explain=True)).result
    assert [(entry.name, entry.matched) for entry in result.candidates] == [("GET", True), ("broken", False)]
    assert "malformed" in result.candidates[1].because


@pytest.mark.parametrize(("status", "outcome"), [(None, "upgrade_required"), (301, "redirect")])
async def test_what_the_gateway_answers_by_itself_reaches_neither_plugins_nor_upstream(
    serve: Serve, status: int | None, outcome: str
) -> None:
    route = ORDERS | {"protocols": ["https"], "https_redirect_status_code": status}
    plugins: list[dict[str, Any]] = [
        {"id": "p-1", "name": "key-auth", "config": {}},
        {"id": "p-2", "name": "zipkin", "config": {}},
        {"id": "p-3", "name": "http-log", "config": {}, "route": {"id": "r-1"}},
    ]
    answers = plane([route], {"s-1": LIVE}, GetPlugin=structured({"plugins": plugins}))
    report = await investigated(serve, answers, "/orders/1?a=1", scheme="http")
    result = report.result
    assert (result.served, result.outcome, result.status) == (False, outcome, status or 426)
    assert (result.upstream_url, result.route.name) == (None, "orders")
    assert [plugin.name for plugin in result.plugins] == ["zipkin"]
    assert "rewrite, header_filter, body_filter, log only" in result.plugins[0].because
    assert {plugin.name for plugin in result.shadowed_plugins} == {"key-auth", "http-log"}
    assert "not asked for" in result.authentication
    written = " ".join(str(render(report, "text")).split())
    assert f"the gateway answers {status or 426} by itself and proxies nothing" in written
    assert "live.internal" not in written
    over_tls = (await investigated(serve, answers, "/orders/1")).result
    assert (over_tls.served, over_tls.outcome, over_tls.status) == (True, "proxied", None)
    assert [plugin.name for plugin in over_tls.plugins] == ["zipkin", "key-auth", "http-log"]


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "json"])
async def test_every_format_names_the_flavor_and_the_calculation(serve: Serve, format_: Any) -> None:
    report = await investigated(serve, plane([ORDERS], {"s-1": LIVE}))
    written = str(render(report, format_))
    for said in ("traditional_compatible", "route_match_calculation", "original"):
        assert said in written.replace("\\_", "_")
