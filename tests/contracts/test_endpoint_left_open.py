"""What an endpoint answer says of requests that differ in what was left open, or in what is trusted."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.gateway import Request, Router
from patterns.report import render

from ..handmade import Serve, structured
from .test_endpoint_questions import LIVE, expression, investigated, plane

pytestmark = pytest.mark.anyio

OTHER = LIVE | {"id": "s-2", "name": "other"}
SERVICES = {"s-1": LIVE, "s-2": OTHER}
KEY_AUTH = {"id": "p-1", "name": "key-auth", "config": {}, "service": {"id": "s-1"}}


def route(name: str, service: str = "s-1", **fields: Any) -> dict[str, Any]:
    return {"id": f"r-{name}", "name": name, "service": {"id": service}, "protocols": ["https"], **fields}


GENERAL = route("general", paths=["/x"])


@pytest.mark.parametrize(
    ("asks", "says"),
    [
        ({"hosts": ["tenant.example"]}, "host tenant.example"),
        ({"headers": {"x-tenant": ["gold"]}}, "header x-tenant"),
        ({"snis": ["tenant.example"]}, "SNI tenant.example"),
        ({"hosts": ["tenant.example"], "methods": ["POST"]}, "method POST, host tenant.example"),
        ({"expression": 'http.path ^= "/x" && any(http.queries.page) == "2"'}, "query argument page"),
    ],
)
async def test_a_route_that_wins_with_what_was_left_open_is_told_and_does_not_lose(
    serve: Serve, asks: dict[str, Any], says: str
) -> None:
    tenant = route("tenant", "s-2", **({"paths": ["/x"]} if "expression" not in asks else {}), **asks)
    answers = plane([tenant, GENERAL], SERVICES, GetPlugin=structured({"plugins": [KEY_AUTH]}))
    report = await investigated(serve, answers, "/x/1")
    result = report.result
    assert result.route.name == "general"
    assert [(each.name, each.serves) for each in result.other_routes] == [("tenant", tuple(says.split(", ")))]
    assert f"Requests with {says} would be served by tenant" in " ".join(result.notes)
    assert "gold" not in " ".join(result.notes)
    written = " ".join(str(render(report, "text")).split())
    assert f"requests with {says}" in written
    assert "lose" not in written


async def test_a_route_that_loses_whatever_is_filled_in_serves_nothing_that_is_known(serve: Serve) -> None:
    lesser = route("lesser", "s-2", paths=["/"])
    result = (await investigated(serve, plane([lesser, GENERAL], SERVICES), "/x/1")).result
    assert [(each.name, each.serves) for each in result.other_routes] == [("lesser", ())]
    assert result.notes == ()


async def test_what_was_said_leaves_nothing_to_tell(serve: Serve) -> None:
    tenant = route("tenant", "s-2", paths=["/x"], hosts=["tenant.example"])
    answers = plane([tenant, GENERAL], SERVICES)
    for host, name in (("tenant.example", "tenant"), ("else.example", "general")):
        result = (await investigated(serve, answers, "/x/1", host=host)).result
        assert (result.route.name, result.notes) == (name, ())


async def test_a_route_is_told_of_by_a_host_for_which_it_wins(serve: Serve) -> None:
    both = route("both", "s-2", paths=["/x"], hosts=["a.example", "b.example"])
    better = route("better", paths=["/x"], hosts=["a.example"], methods=["GET"])
    result = (await investigated(serve, plane([better, both], SERVICES), "/x/1", method="GET")).result
    assert result.route.name == "better"
    assert [(each.name, each.serves) for each in result.other_routes] == [("both", ("host b.example",))]


@pytest.mark.parametrize("more", [{}, {"headers": {"x-tenant": ["gold"]}}])
async def test_requests_the_calculations_dispute_are_told_though_the_host_was_not_said(
    serve: Serve, more: dict[str, Any]
) -> None:
    by_host = route("by-host", "s-2", hosts=["a.example"])
    by_path = route("by-path", paths=["/x"], methods=["GET"], **more)
    answers = plane([by_host, by_path, route("rest", paths=["/"])], SERVICES)
    result = (await investigated(serve, answers, "/x/1")).result
    asking = ", ".join(["host a.example", *(f"header {name}" for name in more.get("headers", ()))])
    said = f"strict, requests with {asking} would be served by by-path instead of by-host"
    assert said in " ".join(result.notes)
    elsewhere = (await investigated(serve, answers, "/x/1", host="b.example")).result
    assert "strict" not in " ".join(elsewhere.notes)


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        ([route("get", paths=["/x"], methods=["GET"])], "method GET"),
        ([route("get", paths=["/x"], methods=["GET", "POST"])], "method GET or POST"),
        ([route("post", paths=["/x"], methods=["POST"])], "method POST"),
        ([expression('http.path ^= "/x" && http.method == "GET"')], "method GET"),
        ([expression('http.path ^= "/x" && http.method != "PUT"')], "a method other than PUT"),
    ],
)
async def test_an_answer_for_any_method_says_which_methods_it_is_for(
    serve: Serve, routes: list[dict[str, Any]], says: str
) -> None:
    result = (await investigated(serve, plane(routes, SERVICES), "/x/1")).result
    assert f"for requests with {says}: others to this path may get 404." in " ".join(result.notes)
    method = result.route.methods[0] if result.route.methods else "GET"
    said = (await investigated(serve, plane(routes, SERVICES), "/x/1", method=method)).result
    assert said.notes == ()


async def test_methods_nobody_names_are_told_where_another_route_serves_them(serve: Serve) -> None:
    usual = route("usual", paths=["/x"], methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    rest = route("rest", "s-2", paths=["/"])
    result = (await investigated(serve, plane([usual, rest], SERVICES), "/x/1")).result
    assert "This answer is for GET: any other method would be served by rest." in " ".join(result.notes)


SECURE = route("secure", paths=["/x"])
FORWARDED = {"X-Forwarded-Proto": "https"}


async def test_a_scheme_that_a_proxy_says_has_both_answers(serve: Serve) -> None:
    answers = plane([SECURE], SERVICES, GetPlugin=structured({"plugins": [KEY_AUTH]}))
    report = await investigated(serve, answers, "/x/1", scheme="http", headers=FORWARDED)
    result = report.result
    assert (result.served, result.status) == (False, 426)
    trusted = result.if_trusted
    assert (trusted.served, trusted.outcome, trusted.status) == (True, "proxied", None)
    assert [plugin.name for plugin in trusted.plugins] == ["key-auth"]
    assert trusted.upstream_url == "http://live.internal:80/1"
    written = " ".join(str(render(report, "text")).split())
    assert "proxies nothing, unless it trusts the X-Forwarded-Proto." in written
    assert "X-Forwarded-Proto counts: secure serves it, with service live and key-auth (service)" in written


async def test_a_proxy_that_says_plain_text_has_both_answers_too(serve: Serve) -> None:
    answers = plane([SECURE], SERVICES)
    result = (await investigated(serve, answers, "/x/1", headers={"x-forwarded-proto": "http"})).result
    assert (result.served, result.if_trusted.status) == (True, 426)
    assert "the gateway answers 426 by itself" in " ".join(result.notes)


@pytest.mark.parametrize(
    ("scheme", "headers", "protocols"),
    [
        ("http", {"X-Forwarded-Proto": "http"}, ["https"]),
        ("http", {"X-Forwarded-Host": "https"}, ["https"]),
        ("http", FORWARDED, ["http", "https"]),
        ("https", FORWARDED, ["https"]),
    ],
)
async def test_a_scheme_that_changes_nothing_has_one_answer(
    serve: Serve, scheme: str, headers: dict[str, str], protocols: list[str]
) -> None:
    answers = plane([SECURE | {"protocols": protocols}], SERVICES)
    result = (await investigated(serve, answers, "/x/1", scheme=scheme, headers=headers)).result
    assert result.if_trusted is None
    assert "X-Forwarded-Proto" not in " ".join(result.notes)


def test_a_match_says_what_a_trusted_proxy_makes_of_it() -> None:
    match = Router([SECURE]).match(Request(path="/x", scheme="http", headers=FORWARDED))
    assert match
    assert match.if_trusted
    assert (match.outcome, match.if_trusted.outcome) == ("upgrade_required", "proxied")
