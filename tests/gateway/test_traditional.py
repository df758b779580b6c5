"""The deprecated flavor traditional (fact sheet 7.6, last paragraph)."""

from typing import Any, cast

import pytest

from konnect_agent.gateway import Request, Router
from konnect_agent.gateway.traditional.connection import split_port


def routes(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": str(number), "name": f"r{number}", **given} for number, given in enumerate(fields, start=1)
    ]


def winner(table: list[dict[str, Any]], request: Request) -> str | None:
    match = Router(table, flavor="traditional").match(request)
    return None if match is None else cast("dict[str, str]", match.route)["name"]


EVERYTHING = Request(path="/a/b", host="a.test", headers={"x": "1", "y": "1"}, sni="a.test")


@pytest.mark.parametrize(
    ("better", "other"),
    [
        ({"paths": ["/a"], "methods": ["GET"]}, {"hosts": ["a.test"]}),
        ({"hosts": ["a.test"]}, {"headers": {"x": ["1"]}}),
        ({"headers": {"x": ["1"]}}, {"paths": ["/a"]}),
        ({"paths": ["/a"]}, {"methods": ["GET"]}),
        ({"methods": ["GET"]}, {"snis": ["a.test"]}),
        ({"hosts": ["a.test"]}, {"hosts": ["*.test"]}),
        ({"hosts": ["*.test:443"]}, {"hosts": ["*.test"]}),
        ({"headers": {"x": ["1"], "y": ["1"]}}, {"headers": {"x": ["1"]}}),
        ({"paths": ["~/a"]}, {"paths": ["/a/b"]}),
        ({"paths": ["~/a"], "regex_priority": 1}, {"paths": ["~/a/b"], "regex_priority": 0}),
        ({"paths": ["/a/b"]}, {"paths": ["/a"]}),
        ({"paths": ["/a"], "created_at": 1}, {"paths": ["/a"], "created_at": 2}),
    ],
)
def test_the_better_route_wins_in_either_order_of_declaration(
    better: dict[str, Any], other: dict[str, Any]
) -> None:
    request = EVERYTHING if better.get("hosts") != ["*.test:443"] else Request(host="a.test:443")
    assert winner(routes(better, other), request) == "r1"
    assert winner(routes(other, better), request) == "r2"


@pytest.mark.parametrize(
    ("fields", "request_", "expected"),
    [
        ({"hosts": ["a.test"]}, Request(host="a.test:8443"), True),
        ({"hosts": ["a.test:8443"]}, Request(host="a.test:8443"), True),
        ({"hosts": ["a.test:8443"]}, Request(host="a.test"), False),
        ({"hosts": ["*.test"]}, Request(host="a.test:99"), True),
        ({"hosts": ["*.test:443"]}, Request(host="a.test", scheme="https"), True),
        ({"hosts": ["*.test:443"]}, Request(host="a.test", scheme="http"), False),
        ({"hosts": ["a.*"]}, Request(host="a.test.x"), True),
        ({"methods": ["get"]}, Request(method="GET"), True),
        ({"paths": ["~/a"]}, Request(path="/x/a"), False),
        ({"paths": ["~/a/(?<n>[0-9]+)"]}, Request(path="/a/12"), True),
        ({"headers": {"x": ["~*^G"]}}, Request(headers={"x": "Gold"}), False),
        ({"headers": {"x": ["~*^g"]}}, Request(headers={"x": "Gold"}), True),
        ({"headers": {"x": ["Gold"]}}, Request(headers={"X": "gOLD"}), True),
        ({"snis": ["a.test"]}, Request(scheme="https", sni="b.test"), False),
        (
            {"protocols": ["tcp"], "sources": [{"ip": "10.0.0.0/8"}]},
            Request(scheme="tcp", src_ip="10.9.9.9"),
            True,
        ),
        (
            {"protocols": ["tcp"], "sources": [{"ip": "10.0.0.0/8", "port": 1}]},
            Request(scheme="tcp", src_ip="10.9.9.9", src_port=2),
            False,
        ),
        ({"protocols": ["tls"], "snis": ["a.test."]}, Request(scheme="tls", sni="a.test"), True),
    ],
)
def test_a_field_matches_as_in_the_old_router(
    fields: dict[str, Any], request_: Request, expected: bool
) -> None:
    assert (winner(routes(fields), request_) is not None) is expected


def test_each_path_of_a_route_is_sorted_on_its_own() -> None:
    table = routes({"paths": ["/", "/long/prefix"]}, {"paths": ["/long"]})
    assert winner(table, Request(path="/long/prefix/x")) == "r1"
    assert winner(table, Request(path="/long/x")) == "r2"


def test_the_entries_filed_under_the_request_s_first_header_are_tried_first() -> None:
    """A shortcut of Kong's: r2 has the longer prefix but is not filed under the header seen first."""
    table = routes({"headers": {"a": ["1"]}, "paths": ["/"]}, {"headers": {"b": ["1"]}, "paths": ["/long"]})
    headers = {"a": "1", "b": "1"}
    assert winner(table, Request(path="/long", headers=headers)) == "r2"
    table.append({"id": "3", "name": "r3", "headers": {"a": ["1"]}, "paths": ["/longest"]})
    assert winner(table, Request(path="/long", headers=headers)) == "r1"


def test_the_walk_starts_at_the_category_the_request_seems_to_reach() -> None:
    """A shortcut of Kong's: over plain http an SNI counts as matched, but does not lift the category."""
    table = routes({"snis": ["a.test"], "paths": ["/a"]})
    request = Request(scheme="http", path="/a")
    assert winner(table, request) == "r1"
    assert winner([*table, *routes({}, {"paths": ["/"]})[1:]], request) == "r2"


def test_plain_hosts_only_go_before_a_regex_path() -> None:
    plain, mixed = {"hosts": ["a.test"], "paths": ["/a"]}, {"hosts": ["a.test", "*.test"], "paths": ["~/a"]}
    assert winner(routes(mixed, plain), EVERYTHING) == "r2"


def test_a_regex_path_is_stripped_with_what_it_matched() -> None:
    service = {"id": "s", "host": "h", "path": "/base"}
    table = routes({"paths": ["~/u/(?<id>[0-9]+)"], "service": {"id": "s"}})
    match = Router(table, [service], flavor="traditional").match(Request(path="/u/42/rest"))
    assert match is not None
    assert (match.path, match.upstream_path) == ("/u/42", "/base/rest")
    assert match.captures == {0: "/u/42/rest", 1: "42", "id": "42"}


def test_path_handling_v1_works_here_only() -> None:
    service = {"id": "s", "host": "h", "path": "/base"}
    table = routes({"paths": ["/a"], "service": {"id": "s"}, "path_handling": "v1"})
    request = Request(path="/ab")
    old = Router(table, [service], flavor="traditional").match(request)
    new = Router(table, [service]).match(request)
    assert old is not None
    assert new is not None
    assert (old.upstream_path, new.upstream_path) == ("/baseb", "/base/b")


def test_a_pattern_only_pcre_can_evaluate_is_undecidable() -> None:
    table = routes({"paths": ["~/(?!x)"]}, {"paths": ["/"]})
    router = Router(table, flavor="traditional")
    assert [entry.route for entry in router.undecidable] == [table[0]]
    match = router.match(Request(path="/y"))
    assert match is not None
    assert (match.route, match.undecided) == (table[1], (table[0],))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.test", ("a.test", "a.test:80", False)),
        ("a.test:", ("a.test", "a.test:80", False)),
        ("a.test:99", ("a.test", "a.test:99", True)),
        ("a.test:x", ("a.test:x", "[a.test:x]:80", False)),
        ("[::1]", ("::1", "[::1]:80", False)),
        ("[::1]:99", ("::1", "[::1]:99", True)),
        ("[::1]:", ("::1", "[::1]:80", False)),
        ("::1", ("::1", "[::1]:80", False)),
    ],
)
def test_a_host_is_split_from_its_port(host: str, expected: tuple[str, str, bool]) -> None:
    assert split_port(host, 80) == expected


@pytest.mark.parametrize(
    ("host", "expected"), [("a.test", True), ("a.x:99", True), ("ba.test", False), ("b.a.test", False)]
)
def test_a_wildcard_at_the_end_is_anchored_at_the_start(host: str, expected: bool) -> None:
    assert (winner(routes({"hosts": ["a.*"]}), Request(host=host)) is not None) is expected


def test_an_entry_whose_text_is_the_path_holds_even_if_its_regex_does_not() -> None:
    """A shortcut of Kong's: without a hit in its indexes it looks the request's path up as it stands."""
    table = routes({"paths": ["~/a(b)c"], "methods": ["GET"]})
    assert winner(table, Request(path="/abc")) == "r1"
    assert winner(table, Request(path="/a(b)c")) == "r1"
    assert winner(table, Request(path="/a(b)")) is None


def test_an_entry_with_the_text_of_the_regex_that_was_hit_holds() -> None:
    """A shortcut of Kong's: r2's prefix is no prefix of the path, but the text of the regex that matches."""
    table = routes({"paths": ["~/x."], "methods": ["POST"]}, {"paths": ["/x."]})
    assert winner(table, Request(path="/xa", method="GET")) == "r2"
    assert winner(table[1:], Request(path="/xa", method="GET")) is None


@pytest.mark.parametrize(
    ("path", "captures"),
    [
        ("/a/7", {0: "/a/7", 1: "7", "n": "7"}),
        ("/a/", {0: "/a/"}),
        ("/b", {0: "/b"}),
    ],
)
def test_a_regex_with_groups_has_captures_even_when_none_took_part(
    path: str, captures: dict[int | str, str]
) -> None:
    table = routes({"paths": [r"~/a/(?<n>\d+)?$|/b"]})
    match = Router(table, flavor="traditional").match(Request(path=path))
    assert match is not None
    assert match.captures == captures


def test_equal_paths_of_one_route_stand_where_lua_s_sort_leaves_them() -> None:
    """All four rank alike; table.sort puts the third one second, and that one answers for `/b`."""
    table = routes({"paths": ["~/a", "~/(?<second>b)", "~/(?<third>b)", "~/d"], "service": {"id": "s"}})
    match = Router(table, [{"id": "s"}], flavor="traditional").match(Request(path="/b"))
    assert match is not None
    assert set(match.captures) == {0, 1, "third"}


@pytest.mark.parametrize(
    ("wanted", "sent", "expected"),
    [("X-Tenant", "x-tenant", True), ("X-Tenant", "x_tenant", False), ("X_Tenant", "x-tenant", True)],
)
def test_underscores_and_dashes_of_headers_are_told_apart_as_in_nginx(
    wanted: str, sent: str, expected: bool
) -> None:
    table = routes({"headers": {wanted: ["1"]}})
    assert (winner(table, Request(headers={sent: "1"})) is not None) is expected


def test_of_ten_header_names_the_request_s_is_found() -> None:
    table = routes(*({"headers": {f"X-H{number}": ["1"]}} for number in range(10)))
    assert winner(table, Request(headers={"x-h7": "1"})) == "r8"


def test_an_end_of_line_does_not_hide_a_match_from_a_dollar() -> None:
    table = routes({"paths": ["~/a$"]})
    assert winner(table, Request(path="/a%0A")) == "r1"
    assert winner(table, Request(path="/a%0A%0A")) is None


def test_of_two_equal_endpoints_with_address_and_port_the_older_route_goes_first() -> None:
    end = [{"ip": "10.0.0.1", "port": 80}]
    fields: dict[str, Any] = {"protocols": ["tcp"], "sources": end}
    newer, older = routes(fields | {"created_at": 2}, fields | {"created_at": 1})
    router = Router([newer, older], flavor="traditional")
    match = router.match(Request(scheme="tcp", src_ip="10.0.0.1", src_port=80))
    assert match is not None
    assert match.route is older
    assert [entry.route for entry in router.shadowed().never] == [newer]


def test_a_losing_route_may_be_what_lets_another_one_be_looked_at() -> None:
    """Over plain HTTP an SNI counts as matched, but it is no reason to look: a path of another route is."""
    by_sni = {"id": "1", "snis": ["a.test"], "protocols": ["http", "https"]}
    loser = {"id": "2", "paths": ["/b"], "hosts": ["no.test"]}
    request = Request(path="/b", scheme="http")
    match = Router([by_sni, loser], flavor="traditional").match(request)
    assert match is not None
    assert match.route is by_sni
    assert Router([by_sni], flavor="traditional").match(request) is None
