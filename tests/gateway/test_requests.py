"""What of a request the gateway reads, and what it makes of it (fact sheet 7.2, 7.4, 7.7 to 7.9)."""

from collections.abc import Callable
from typing import Any, Literal, cast

import pytest

from konnect_agent.errors import ConfigError
from konnect_agent.gateway import Request, Router
from konnect_agent.models import Service

Flavor = Literal["traditional_compatible", "traditional", "expressions"]

FALLBACK = {"id": "2", "paths": ["/"]}


def matches(route: dict[str, Any], request: Request, flavor: Flavor = "traditional_compatible") -> bool:
    return Router([{"id": "1", **route}], flavor=flavor).match(request) is not None


@pytest.mark.parametrize(
    "host", ["a.com:-1", "a.com:1e1", "a.com:inf", "a.com:0x50", "a.com: 80", "a.com:.5"]
)
def test_whatever_lua_reads_as_a_number_is_a_port(host: str) -> None:
    assert matches({"hosts": ["a.com"]}, Request(host=host))


@pytest.mark.parametrize(
    "host", ["a.com:", "a.com:x", "a.com:1_0", "a.com:0x", "a.com:80:80", "a.com:\u0663"]
)
def test_what_lua_reads_as_no_number_is_part_of_the_host(host: str) -> None:
    assert not matches({"hosts": ["a.com"]}, Request(host=host))


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("a.com:0x50", True),
        ("a.com: 80", True),
        ("a.com:8e1", True),
        ("a.com:80.0", True),
        ("a.com:81", False),
    ],
)
def test_a_port_counts_by_its_value(host: str, same: bool) -> None:
    assert matches({"hosts": ["a.com:80"]}, Request(host=host)) is same


def test_only_digits_are_a_port_in_the_flavor_traditional() -> None:
    assert not matches({"hosts": ["a.com"]}, Request(host="a.com:1e1"), "traditional")
    assert matches({"hosts": ["a.com"]}, Request(host="a.com:10"), "traditional")


@pytest.mark.parametrize(
    ("scheme", "sni", "found"),
    [("tls", "a.com", True), ("tls", "b.com", False), ("tls", None, False), ("tcp", None, True),
     ("tcp", "b.com", True), ("udp", "b.com", True)],
)  # fmt: skip
def test_a_server_name_is_asked_of_tls_alone(scheme: str, sni: str | None, found: bool) -> None:
    assert matches({"protocols": ["tls"], "snis": ["a.com"]}, Request(scheme=scheme, sni=sni)) is found


def test_a_redirect_names_the_target_as_it_was_sent() -> None:
    route = {"id": "1", "paths": ["/"], "protocols": ["https"], "https_redirect_status_code": 301}
    match = Router([route]).match(Request(scheme="http", host="A.com:80", path="/a{b}|c?x=<1>"))
    assert match is not None
    assert match.location == "https://a.com/a{b}|c?x=<1>"


def _expression(text: str) -> dict[str, Any]:
    return {"expression": text}


@pytest.mark.parametrize(("place", "found"), [(99, True), (100, False)])
def test_arguments_and_headers_beyond_the_hundredth_are_not_read(place: int, found: bool) -> None:
    query = "&".join(["other=1"] * place + ["q=1"])
    wanted = _expression('http.queries.q == "1"')
    assert matches(wanted, Request(path=f"/?{query}"), "expressions") is found
    queries = {"other": ["1"] * place, "q": "1"}
    assert matches(wanted, Request(queries=queries), "expressions") is found
    headers = {"other": ["1"] * place, "q": "1"}
    for flavor in ("traditional_compatible", "traditional"):
        assert matches({"headers": {"q": ["1"]}}, Request(headers=headers), flavor) is found


@pytest.mark.parametrize("address", ["bad", "unix:", "fe80::1%eth0"])
def test_an_address_the_router_refuses_matches_nothing_once_it_is_looked_at(address: str) -> None:
    by_address = {"id": "1", **_expression("net.src.ip == 10.0.0.1")}
    request = Request(src_ip=address)
    assert Router([by_address, FALLBACK], flavor="expressions").match(request) is None
    assert Router([FALLBACK], flavor="expressions").match(request) is not None
    assert Router([by_address, FALLBACK], flavor="expressions").match(Request()) is not None


def test_a_header_in_two_spellings_is_wanted_twice_in_the_flavor_traditional() -> None:
    route = {"headers": {"X-A": ["1"], "x-a": ["2"]}}
    assert not matches(route, Request(headers={"x-a": "2"}), "traditional")
    assert matches(route, Request(headers={"x-a": ["2", "1"]}), "traditional")
    rival = {"id": "2", "headers": {"x-a": ["1"]}, "created_at": 1}
    both = {"id": "1", "created_at": 2, **route}
    match = Router([rival, both], flavor="traditional").match(Request(headers={"x-a": ["1", "2"]}))
    assert match is not None
    assert match.route is both


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        (Request(path="/a%20b/%C3%A9?x=1"), "http://h:80/svc/a%20b/%C3%A9?x=1"),
        (Request(path="/a%2Fb"), "http://h:80/svc/a%2Fb"),
        (Request(path='/"<>^`{|}\\'), "http://h:80/svc/%22%3C%3E%5E%60%7B%7C%7D%5C"),
        (Request(path="/a?"), "http://h:80/svc/a?"),
        (Request(path="/a?x=1", queries={"y": ["1", "2"]}), "http://h:80/svc/a?y=1&y=2"),
    ],
)
def test_the_upstream_url_is_written_as_it_goes_over_the_wire(request_: Request, url: str) -> None:
    service = {"id": "s", "host": "h", "port": 80, "path": "/svc"}
    route = {"id": "1", "paths": ["/"], "strip_path": False, "service": {"id": "s"}}
    match = Router([route], [service]).match(request_)
    assert match is not None
    assert match.upstream_url == url


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ({"url": "https://up.test/svc"}, "https://up.test:443/svc/a"),
        ({"url": "http://up.test"}, "http://up.test:80/a"),
        ({"url": "http://[::1]:8080/svc/"}, "http://[::1]:8080/svc/a"),
        ({"url": "https://short.test/x", "host": "up.test", "port": 80}, "http://up.test:80/a"),
        ({"url": "http://up.test:port"}, None),
        ({"url": "up.test"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("read", [dict, Service.model_validate])
def test_a_service_may_be_given_by_its_url_alone(
    service: dict[str, Any], url: str | None, read: Callable[[dict[str, Any]], object]
) -> None:
    route = {"id": "1", "paths": ["/"], "strip_path": False, "service": {"id": "s"}}
    match = Router([route], [read({"id": "s", **service})]).match(Request(path="/a"))
    assert match is not None
    assert match.upstream_url == url
    assert (match.upstream_host is None) == (url is None)


@pytest.mark.parametrize("pattern", ["~/(", "~/[z-a]", "~/a{"])
def test_a_route_with_a_malformed_regex_is_refused_not_undecidable(pattern: str) -> None:
    broken = {"id": "1", "paths": [pattern], "methods": ["GET"]}
    router = Router([broken, FALLBACK])
    assert [entry.route for entry in router.refused] == [broken]
    assert router.undecidable == ()
    match = router.match(Request())
    assert match is not None
    assert (match.route, match.undecided) == (FALLBACK, ())


def test_a_malformed_regex_takes_only_the_regexes_of_its_route_with_it() -> None:
    broken = {"id": "1", "paths": ["~/(", "~/b", "/a"]}
    router = Router([broken])
    assert len(router.refused) == 1
    assert router.match(Request(path="/b")) is None
    assert router.match(Request(path="/a")) is not None


@pytest.mark.parametrize(
    ("setting", "word"),
    [("flavor", "expresions"), ("flavor", "Expressions"), ("calculation", "Strict"), ("calculation", "")],
)
def test_a_setting_the_gateway_does_not_have_is_refused(setting: str, word: str) -> None:
    with pytest.raises(ConfigError, match=f"'{word}' is no"):
        Router([FALLBACK], **cast("Any", {setting: word}))


def test_the_other_spelling_of_the_default_flavor_is_understood() -> None:
    assert Router([FALLBACK], flavor=cast("Any", "traditional_compat")).flavor == "traditional_compatible"


@pytest.mark.parametrize("value", [1, None, True, [1], b"x", {"x": 1}.keys()])
@pytest.mark.parametrize("field", ["headers", "queries"])
def test_a_value_that_is_no_text_is_refused_where_it_is_given(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=" x of a request is "):
        Request(**cast("Any", {field: {"x": value}}))
    assert Request(**cast("Any", {field: {"x": ("a", "b"), "y": ""}}))
