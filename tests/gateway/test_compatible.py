"""The flavor traditional_compatible: what matches (fact sheet 7.3, 7.4) and what goes first (7.5, 7.6)."""

from collections.abc import Mapping
from typing import Any, Literal, cast

import pytest

from konnect_agent.gateway import Match, Request, Router
from konnect_agent.gateway.compatible import pack, rank, split
from konnect_agent.gateway.entities import read_route

Fields = Mapping[str, Any]


def route(number: int, **fields: object) -> dict[str, Any]:
    """A route with a readable UUID; larger numbers have larger ids."""
    return {"id": f"00000000-0000-4000-8000-{number:012d}", "name": f"r{number}", **fields}


def won(match: Match | None) -> str | None:
    return None if match is None else cast("str", cast("Fields", match.route)["name"])


def matches(fields: Fields, request: Request, **options: Any) -> bool:
    return Router([route(1, **fields)], **options).match(request) is not None


@pytest.mark.parametrize(
    ("path", "request_path", "expected"),
    [
        ("/foo", "/foo", True),
        ("/foo", "/foobar", True),
        ("/foo/", "/foo", False),
        ("/foo", "/Foo", False),
        ("~/foo", "/foo/bar", True),
        ("~/foo$", "/foo/bar", False),
        ("~/foo$", "/x/foo", False),
        ("~/a|/b", "/x/b", True),
        (r"~/users/\d+", "/users/42", True),
        (r"~/users/\d+", "/users/x", False),
        (r"~/users/(?<id>\d+)$", "/users/42", True),
        (r"~/\w+$", "/é", True),
        (r"~/\d$", "/٣", True),
    ],
)
def test_a_path_matches_as_prefix_or_anchored_regex(path: str, request_path: str, expected: bool) -> None:
    assert matches({"paths": [path]}, Request(path=request_path)) is expected


@pytest.mark.parametrize(
    ("hosts", "host", "expected"),
    [
        (["a.test"], "a.test", True),
        (["a.test"], "A.test", False),
        (["a.test"], "a.test:8443", True),
        (["a.test:8443"], "a.test:8443", True),
        (["a.test:8443"], "a.test:80", False),
        (["a.test:8443"], "a.test", False),
        (["*.a.test"], "x.y.a.test", True),
        (["*.a.test"], "a.test", False),
        (["a.*"], "a.test.x", True),
        (["a.*:80"], "a.test:80", True),
        (["a.*:80"], "a.test:81", False),
        (["b.test", "a.test"], "a.test", True),
        (["a.test"], None, False),
    ],
)
def test_a_host_matches_exactly_or_by_its_wildcard(
    hosts: list[str], host: str | None, expected: bool
) -> None:
    assert matches({"hosts": hosts}, Request(host=host)) is expected


def test_the_listener_port_counts_when_the_host_header_has_none() -> None:
    fields = {"hosts": ["a.test:8443"]}
    assert matches(fields, Request(host="a.test", dst_port=8443))
    assert not matches(fields, Request(host="a.test:80", dst_port=8443))


@pytest.mark.parametrize(
    ("headers", "sent", "expected"),
    [
        ({"X-Tenant": ["gold"]}, {"x-tenant": "GOLD"}, True),
        ({"x-tenant": ["GOLD"]}, {"X_Tenant": ["gold"]}, True),
        ({"x-tenant": ["gold"]}, {"x-tenant": ["tin", "gold"]}, True),
        ({"x-tenant": ["gold"]}, {}, False),
        ({"x-tenant": ["gold"], "x-b": ["1"]}, {"x-tenant": "gold"}, False),
        ({"x-tenant": ["~*^go.d$"]}, {"x-tenant": "Gold"}, True),
        ({"x-tenant": [r"~*\D+$"]}, {"x-tenant": "12"}, True),
        ({"x-tenant": [r"~*\D+$"]}, {"x-tenant": "ab"}, False),
    ],
)
def test_headers_match_without_case_and_all_names_must(
    headers: dict[str, list[str]], sent: dict[str, Any], expected: bool
) -> None:
    assert matches({"headers": headers}, Request(headers=sent)) is expected


def test_methods_match_exactly() -> None:
    assert matches({"methods": ["GET"]}, Request(method="GET"))
    assert not matches({"methods": ["GET"]}, Request(method="get"))


@pytest.mark.parametrize(
    ("snis", "scheme", "sni", "expected"),
    [
        (["a.test"], "https", "a.test", True),
        (["a.test."], "https", "a.test", True),
        (["*.test"], "https", "a.test", True),
        (["a.*"], "https", "a.test", True),
        (["a.test"], "https", "b.test", False),
        (["a.test"], "https", None, False),
        (["a.test"], "http", None, True),
    ],
)
def test_an_sni_is_only_looked_at_over_tls(
    snis: list[str], scheme: str, sni: str | None, expected: bool
) -> None:
    assert matches({"snis": snis}, Request(scheme=scheme, sni=sni)) is expected


def test_strict_keeps_plain_http_away_from_an_https_only_sni_route() -> None:
    fields = {"snis": ["a.test"], "protocols": ["https"]}
    assert matches(fields, Request(scheme="http"), calculation="original")
    assert not matches(fields, Request(scheme="http"), calculation="strict")


@pytest.mark.parametrize(
    ("source", "ip", "port", "expected"),
    [
        ({"ip": "10.0.0.1"}, "10.0.0.1", 1, True),
        ({"ip": "10.0.0.9/8"}, "10.9.9.9", 1, True),
        ({"ip": "10.0.0.0/8"}, "11.0.0.1", 1, False),
        ({"port": 80}, "11.0.0.1", 80, True),
        ({"ip": "10.0.0.1", "port": 80}, "10.0.0.1", 81, False),
        ({"ip": "fd00::/8"}, "fd00::1", 81, True),
        ({"ip": "fd00::9/8"}, "fd00::1", 81, False),
        ({"ip": "0.0.0.0/0"}, "10.0.0.1", 81, True),
        ({"ip": "10.0.0.1/0"}, "10.0.0.1", 81, False),
        ({"ip": "not an address"}, "10.0.0.1", 81, False),
    ],
)
def test_stream_routes_match_sources(source: dict[str, Any], ip: str, port: int, expected: bool) -> None:
    fields = {"protocols": ["tcp"], "sources": [source]}
    assert matches(fields, Request(scheme="tcp", src_ip=ip, src_port=port)) is expected


@pytest.mark.parametrize(
    ("better", "other"),
    [
        ({"snis": ["a.test"]}, {"sources": [{"ip": "10.0.0.1", "port": 5}]}),
        ({"sources": [{"ip": "10.0.0.1"}]}, {"destinations": [{"ip": "10.0.0.2", "port": 6}]}),
        ({"sources": [{"ip": "10.0.0.1"}]}, {"sources": [{"port": 5}]}),
        ({"sources": [{"port": 5}]}, {"sources": [{"ip": "10.0.0.0/8"}]}),
        ({"sources": [{"port": 5}], "destinations": [{"port": 6}]}, {"snis": ["a.test"]}),
    ],
)
def test_stream_routes_rank_by_sni_then_address_port_and_range(better: Fields, other: Fields) -> None:
    request = Request(
        scheme="tls", sni="a.test", src_ip="10.0.0.1", src_port=5, dst_ip="10.0.0.2", dst_port=6
    )
    router = Router([route(1, protocols=["tls"], **better), route(2, protocols=["tls"], **other)])
    assert won(router.match(request)) == "r1"


def test_http_and_stream_routes_never_meet() -> None:
    router = Router([route(1, protocols=["tcp"], sources=[{"port": 1}]), route(2, paths=["/"])])
    assert won(router.match(Request(src_port=1))) == "r2"
    assert won(router.match(Request(scheme="tcp", src_port=1))) == "r1"


def test_a_route_without_any_field_is_refused() -> None:
    router = Router([route(1), route(2, headers={"x": []})])
    assert [entry.reason for entry in router.refused] == [
        "it has no field to match on",
        "header x has no values",
    ]
    assert router.match(Request()) is None


def test_routes_of_a_disabled_service_vanish() -> None:
    routes = [route(2, paths=["/a"], service={"id": "off"}), route(1, paths=["/"], service_id="on")]
    router = Router(routes, [{"id": "off", "enabled": False}, {"id": "on", "enabled": True}])
    assert won(router.match(Request(path="/a"))) == "r1"
    assert router.disabled == (routes[0],)


def test_a_path_that_is_not_utf8_matches_nothing() -> None:
    assert not matches({"paths": ["/"]}, Request(path="/%ff"))
    assert matches({"methods": ["GET"]}, Request(path="/%ff"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"paths": ["/a"]}, 536870914),
        ({"paths": ["/a"], "methods": ["GET"]}, 1073741826),
        ({"hosts": ["a.test"]}, 1152921505143717888),
        ({"paths": ["~/a"]}, 2251800350556160),
    ],
)
def test_ranks_under_original_are_those_of_the_executed_source(fields: Fields, expected: int) -> None:
    record = read_route(route(1, **fields))
    assert pack(rank(record, record.paths), "original") == expected


FOUR = {"methods": ["GET"], "hosts": ["*.test"], "paths": ["/a"], "headers": {"x": ["1"]}}


@pytest.mark.parametrize(
    ("better", "other", "calculation"),
    [
        ({"hosts": ["a.test"]}, {"methods": ["GET"], "paths": ["/a"], "headers": {"x": ["1"]}}, "original"),
        ({"methods": ["GET"], "paths": ["/a"], "headers": {"x": ["1"]}}, {"hosts": ["a.test"]}, "strict"),
        ({"paths": ["~/a"]}, {"methods": ["GET"], "paths": ["/a"]}, "original"),
        ({"methods": ["GET"], "paths": ["/a"]}, {"paths": ["~/a"]}, "strict"),
        (FOUR, {"hosts": ["a.test"], "paths": ["~/a"]}, "original"),
        ({"paths": ["/a"], "hosts": ["a.test"]}, {"paths": ["/a"], "hosts": ["*.test"]}, "original"),
        ({"paths": ["/a"], "hosts": ["a.test"]}, {"paths": ["/a"], "hosts": ["*.test"]}, "strict"),
        ({"headers": {"x": ["1"], "y": ["1"]}}, {"headers": {"x": ["1"]}}, "original"),
        ({"headers": {"x": ["1"], "y": ["1"]}}, {"headers": {"x": ["1"]}}, "strict"),
        ({"paths": ["~/a"], "regex_priority": 2}, {"paths": ["~/ab?"], "regex_priority": 1}, "original"),
        ({"paths": ["~/a"], "regex_priority": 0}, {"paths": ["~/ab?"], "regex_priority": -1}, "strict"),
        ({"paths": ["~/a"], "regex_priority": -1}, {"paths": ["~/ab?"], "regex_priority": 1}, "original"),
        ({"paths": ["~/a"], "regex_priority": 4096}, {"hosts": ["a.test"]}, "original"),
        ({"paths": ["/a"]}, {"paths": ["/"]}, "original"),
        ({"paths": ["/"], "hosts": []}, {"paths": ["/a"]}, "original"),
        ({"paths": ["~/a"]}, {"paths": ["/a"]}, "strict"),
    ],
)
def test_the_better_ranked_route_wins(
    better: Fields, other: Fields, calculation: Literal["original", "strict"]
) -> None:
    """The winner has the smaller id, so nothing but its rank can be the reason."""
    request = Request(path="/a", host="a.test", headers={"x": "1", "y": "1"})
    router = Router([route(1, **better), route(2, **other)], calculation=calculation)
    assert won(router.match(request)) == "r1"


def test_of_equal_ranks_the_larger_id_wins() -> None:
    routes = [route(1, paths=["/a"]), route(2, paths=["/a"])]
    assert won(Router(routes).match(Request(path="/a"))) == "r2"
    assert won(Router(routes[::-1]).match(Request(path="/a"))) == "r2"


def test_a_route_is_split_by_prefix_length_and_regexes() -> None:
    record = read_route(route(1, paths=["/ab", "~/x", "/a", "/cd", "~/y"]))
    parts = list(split(record))
    assert [paths for _, paths in parts] == [("/ab", "/cd"), ("~/x", "~/y"), ("/a",)]
    assert len({id_ for id_, _ in parts} | {record.id}) == 4


def test_a_route_with_prefixes_of_one_length_keeps_its_id() -> None:
    record = read_route(route(1, paths=["/ab", "/cd"]))
    assert list(split(record)) == [(record.id, ("/ab", "/cd"))]


def test_each_part_of_a_route_has_the_rank_of_its_own_path() -> None:
    router = Router([route(2, paths=["/", "/long/prefix"]), route(1, paths=["/long"])])
    assert won(router.match(Request(path="/long/prefix"))) == "r2"
    assert won(router.match(Request(path="/long"))) == "r1"


def test_the_match_carries_path_captures_service_and_upstream() -> None:
    service = {"id": "s", "protocol": "https", "host": "up.test", "port": 8443, "path": "/base"}
    router = Router([route(1, paths=[r"~/users/(?<id>\d+)"], service={"id": "s"})], [service])
    match = router.match(Request(path="/users/42/orders?x=1"))
    assert match is not None
    assert match.service is service
    assert match.path == "/users/42"
    assert match.captures == {0: "/users/42", 1: "42", "id": "42"}
    assert match.upstream_path == "/base/orders"
    assert match.upstream_url == "https://up.test:8443/base/orders?x=1"
    assert match.upstream_host == "up.test"


def test_preserve_host_sends_the_client_s_host() -> None:
    routes = [route(1, paths=["/"], preserve_host=True, service={"id": "s"})]
    match = Router(routes, [{"id": "s", "host": "up.test"}]).match(Request(host="a.test:1"))
    assert match is not None
    assert match.upstream_host == "a.test:1"


@pytest.mark.parametrize(
    ("fields", "request_", "outcome", "status"),
    [
        ({"protocols": ["https"]}, Request(scheme="http"), "upgrade_required", 426),
        (
            {"protocols": ["https"], "https_redirect_status_code": 301},
            Request(scheme="http"),
            "redirect",
            301,
        ),
        ({"protocols": ["http"]}, Request(scheme="https"), "proxied", None),
        ({"protocols": ["http", "https"]}, Request(scheme="http"), "proxied", None),
        ({"protocols": ["grpc"]}, Request(), "unsupported_media_type", 415),
        (
            {"protocols": ["grpc"]},
            Request(headers={"Content-Type": "application/grpc+proto"}),
            "proxied",
            None,
        ),
        ({"protocols": ["grpc"]}, Request(scheme="grpc", http2=False), "upgrade_required", 426),
        ({"protocols": ["grpcs"]}, Request(scheme="grpc"), "grpc_cancelled", 200),
        ({"protocols": ["grpcs"]}, Request(scheme="grpcs"), "proxied", None),
    ],
)
def test_protocols_decide_what_happens_after_the_match(
    fields: Fields, request_: Request, outcome: str, status: int | None
) -> None:
    service = {"id": "s", "host": "up.test"}
    match = Router([route(1, paths=["/"], service={"id": "s"}, **fields)], [service]).match(request_)
    assert match is not None
    assert (match.outcome, match.status) == (outcome, status)


def test_a_redirect_keeps_path_and_query() -> None:
    routes = [route(1, paths=["/"], protocols=["https"], https_redirect_status_code=308)]
    match = Router(routes).match(Request(scheme="http", host="a.test:80", path="/x?y=1"))
    assert match is not None
    assert match.location == "https://a.test/x?y=1"


def test_a_route_without_service_is_answered_by_the_gateway() -> None:
    match = Router([route(1, paths=["/"])]).match(Request())
    assert match is not None
    assert (match.outcome, match.status, match.upstream_path) == ("no_service", 503, None)


def test_a_pattern_re2_cannot_take_is_reported_and_makes_the_answer_conditional() -> None:
    routes = [route(1, paths=["~/(?=secret)"]), route(2, paths=["/"])]
    router = Router(routes)
    assert [entry.route for entry in router.undecidable] == [routes[0]]
    match = router.match(Request(path="/x"))
    assert won(match) == "r2"
    assert match is not None
    assert match.undecided == (routes[0],)


def test_an_undecidable_route_that_fails_elsewhere_raises_no_doubt() -> None:
    routes = [route(1, paths=["~/(?=secret)"], methods=["POST"]), route(2, paths=["/"])]
    match = Router(routes).match(Request(path="/x"))
    assert match is not None
    assert match.undecided == ()


def test_a_route_with_a_regex_that_may_be_refused_wins_nothing_for_certain() -> None:
    """The gateway refuses all regexes of a route together, so `/x` hangs on the other one as well."""
    routes = [route(2, paths=["~/(?=secret)", "~/x"]), route(1, paths=["/"])]
    router = Router(routes)
    match = router.match(Request(path="/x"))
    assert won(match) == "r1"
    assert match is not None
    assert match.undecided == (routes[0],)
    candidates = {
        candidate.rank: candidate.matched for candidate in router.explain(Request(path="/x")).candidates
    }
    assert list(candidates.values()) == [None, True]


@pytest.mark.parametrize("name", ["x.y", "x+y", "x y"])
def test_a_header_the_router_s_language_cannot_name_makes_the_route_unusable(name: str) -> None:
    router = Router([route(1, headers={name: ["1"]})])
    assert [entry.reason for entry in router.refused] == [
        f"the language of the gateway's router has no name for header {name}"
    ]


def test_an_ipv4_address_within_an_ipv6_one_makes_the_route_unusable() -> None:
    router = Router([route(1, protocols=["tcp"], sources=[{"ip": "::ffff:10.0.0.1"}])])
    assert len(router.refused) == 1


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("A.Test:80", "https://a.test/x"),
        ("[::1]:80", "https://[::1]/x"),
        ("[::1]", "https://[::1]/x"),
        (None, "https:///x"),
    ],
)
def test_a_redirect_goes_to_the_host_in_lower_case_and_without_port(host: str | None, location: str) -> None:
    routes = [route(1, paths=["/"], protocols=["https"], https_redirect_status_code=301)]
    match = Router(routes).match(Request(scheme="http", host=host, path="/x"))
    assert match is not None
    assert match.location == location
