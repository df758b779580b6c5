"""Sentences a person understands: which criterion failed, which rank decided, who is never reached."""

from typing import Any, Literal, cast

import pytest

from konnect_agent.gateway import Candidate, Request, Router


def route(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"00000000-0000-4000-8000-{number:012d}", "name": f"r{number}", **fields}


def of(router: Router, request: Request) -> dict[str, Candidate]:
    return {
        cast("dict[str, str]", candidate.route)["name"]: candidate
        for candidate in router.explain(request).candidates
    }


@pytest.mark.parametrize("flavor", ["traditional_compatible", "traditional", "expressions"])
@pytest.mark.parametrize(
    ("fields", "failed", "because"),
    [
        ({"methods": ["POST"]}, "methods", "methods: it wants POST, the request has GET"),
        ({"hosts": ["b.test"]}, "hosts", "hosts: it wants b.test, the request has a.test"),
        ({"paths": ["/b", "/c"]}, "paths", "paths: it wants"),
        ({"headers": {"x-a": ["1"]}}, "header", "it wants 1, the request has no such header"),
        ({"snis": ["b.test"]}, "snis", "snis: it wants b.test, the request has no SNI"),
    ],
)
def test_the_criterion_that_failed_is_named_with_both_values(
    flavor: Literal["traditional_compatible", "traditional", "expressions"],
    fields: dict[str, Any],
    failed: str,
    because: str,
) -> None:
    router = Router([route(1, protocols=["http", "https"], **fields), route(2, paths=["/"])], flavor=flavor)
    candidate = of(router, Request(path="/a", host="a.test"))["r1"]
    assert candidate.matched is False
    assert candidate.failed[0].startswith(failed)
    assert because in candidate.because


@pytest.mark.parametrize(
    ("better", "other", "calculation", "phrase"),
    [
        ({"methods": ["GET"], "paths": ["/a"]}, {"paths": ["/a"]}, "original", "more fields (2 against 1)"),
        ({"hosts": ["a.test"]}, {"paths": ["~/a"]}, "original", "its hosts are all plain"),
        ({"paths": ["~/a"]}, {"paths": ["/a"]}, "original", "its path is a regex"),
        ({"paths": ["/a"]}, {"paths": ["/"]}, "original", "its prefix is longer (2 against 1 bytes)"),
        ({"headers": {"x": ["1"], "y": ["1"]}}, {"headers": {"x": ["1"]}}, "original", "headers"),
        ({"paths": ["~/a"], "regex_priority": 1}, {"paths": ["~/.*"]}, "strict", "regex_priority is higher"),
        (
            {"methods": ["GET"], "paths": ["/a"], "hosts": ["*.test"], "headers": {"x": ["1"]}},
            {"hosts": ["a.test"]},
            "original",
            "four or more fields",
        ),
        ({"paths": ["~/a"], "regex_priority": -1}, {"hosts": ["a.test"]}, "original", "outside 0 to 4095"),
        (
            {"expression": 'http.path ^= "/"', "priority": 2},
            {"expression": 'http.path ^= "/a"'},
            "original",
            "2 against 0",
        ),
        ({"expression": 'http.path ^= "/"'}, {"paths": ["/a"]}, "original", "expressions go before"),
    ],
)
def test_the_part_of_the_rank_that_decided_is_named(
    better: dict[str, Any], other: dict[str, Any], calculation: Literal["original", "strict"], phrase: str
) -> None:
    router = Router([route(1, **better), route(2, **other)], calculation=calculation)
    request = Request(path="/a", host="a.test", headers={"x": "1", "y": "1"})
    found = of(router, request)
    assert found["r1"].won
    assert phrase in found["r1"].because
    assert phrase in found["r2"].because
    assert phrase in router.explain(request).because


def test_an_undefined_order_is_said_to_be_undefined() -> None:
    router = Router([route(1, paths=["/a"]), route(2, paths=["/a"])])
    assert "undefined" in router.explain(Request(path="/a")).because


def test_doubt_is_told_even_when_nothing_matches() -> None:
    routes = [route(1, paths=["~/(?=x)"])]
    explanation = Router(routes).explain(Request(path="/a"))
    assert (explanation.winner, explanation.undecided) == (None, (routes[0],))
    assert "cannot be evaluated" in explanation.because


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"paths": ["/a"]}, {"paths": ["/a"]}),
        ({"hosts": ["*.test", "b.x"], "paths": ["~/a"]}, {"hosts": ["*.a.test"], "paths": ["/a"]}),
        ({"paths": ["~/a"]}, {"paths": ["/ab"]}),
        ({"paths": ["~/a"]}, {"paths": ["/ab"], "methods": ["GET"]}),
        ({"paths": ["~/a"], "regex_priority": 1}, {"paths": ["~/a"], "regex_priority": 0}),
        ({"expression": 'http.path ^= "/a"'}, {"paths": ["/a/b"], "methods": ["GET"]}),
        ({"expression": 'net.dst.port == 80 || http.path ^= "/a"'}, {"expression": 'http.path == "/ab"'}),
    ],
)
def test_a_route_that_can_never_win_is_reported_with_the_one_in_its_way(
    winner: dict[str, Any], loser: dict[str, Any]
) -> None:
    routes = [route(2, **winner), route(1, **loser)]
    (entry,) = Router(routes).shadowed().never
    assert (entry.route, entry.by) == (routes[1], (routes[0],))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"paths": ["/a"]}, {"paths": ["/ab"]}),
        ({"paths": ["~/a$"]}, {"paths": ["/a"]}),
        ({"paths": ["~/a"]}, {"paths": ["/a", "/b"]}),
        ({"hosts": ["a.test"]}, {"hosts": ["a.test", "b.test"], "paths": ["/x"]}),
        ({"headers": {"x": ["1"]}}, {"headers": {"y": ["1"]}}),
    ],
)
def test_a_route_that_can_win_is_not_reported(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert Router([route(1, **first), route(2, **second)]).shadowed().never == ()


def test_pairs_the_two_calculations_order_differently_come_with_an_example() -> None:
    routes = [route(1, paths=["~/a"]), route(2, paths=["/a"], methods=["GET"])]
    (contest,) = Router(routes).shadowed().disputed
    assert contest.routes == (routes[0], routes[1])
    assert contest.example.path == "/a"


def test_pairs_of_undefined_order_come_with_an_example() -> None:
    routes = [route(1, paths=["/a"], methods=["GET", "PUT"]), route(2, paths=["/a"], methods=["PUT", "POST"])]
    (contest,) = Router(routes).shadowed().undefined
    assert set(map(id, contest.routes)) == set(map(id, routes))
    assert (contest.example.method, contest.example.path) == ("PUT", "/a")


@pytest.mark.parametrize("flavor", ["traditional_compatible", "traditional"])
def test_of_two_equal_regex_routes_one_is_never_reached(
    flavor: Literal["traditional_compatible", "traditional"],
) -> None:
    routes = [route(1, paths=[r"~/users/(?<id>\d+)$"]), route(2, paths=[r"~/users/(?<id>\d+)$"])]
    shadows = Router(routes, flavor=flavor).shadowed()
    assert len(shadows.never) == 1
    (contest,) = shadows.undefined
    assert contest.example.path == "/users/0"


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"paths": ["/"]}, {"methods": ["GET", "POST"]}),
        ({"paths": ["/"]}, {"hosts": ["*.test"]}),
        ({"paths": ["~/"]}, {"methods": ["GET"], "paths": ["/a"]}),
        ({"paths": ["~/a"], "regex_priority": 1}, {"paths": [r"~/a/\d+$"]}),
    ],
)
def test_a_route_for_every_path_leaves_nothing_to_those_behind_it(
    winner: dict[str, Any], loser: dict[str, Any]
) -> None:
    routes = [route(2, **winner), route(1, **loser)]
    (entry,) = Router(routes).shadowed().never
    assert (entry.route, entry.by) == (routes[1], (routes[0],))


@pytest.mark.parametrize(
    ("winner", "loser", "certain"),
    [
        ({"paths": ["/"]}, {"methods": ["GET"]}, True),
        ({"paths": ["~/(a|b)"]}, {"paths": ["/a/c"]}, True),
        ({"paths": ["/a"], "hosts": ["a.test", "b.test"]}, {"hosts": ["a.test"], "paths": ["/a"]}, True),
        ({"paths": ["/"], "methods": ["GET", "PUT"]}, {"methods": ["PUT"]}, True),
        ({"paths": ["~/a$"]}, {"paths": ["/a"]}, False),
        ({"snis": ["a.test"], "paths": ["/"]}, {"snis": ["a.test"]}, False),
        ({"paths": ["/"], "methods": ["GET"]}, {"methods": ["PUT"]}, False),
        ({"headers": {"x": ["1"]}, "paths": ["/"]}, {"headers": {"x": ["2"]}}, False),
    ],
)
def test_in_the_old_router_a_higher_category_that_takes_all_leaves_nothing(
    winner: dict[str, Any], loser: dict[str, Any], certain: bool
) -> None:
    routes = [route(1, created_at=1, **winner), route(2, created_at=2, **loser)]
    never = Router(routes, flavor="traditional").shadowed().never
    assert [entry.route for entry in never] == ([routes[1]] if certain else [])


def test_routes_the_router_does_not_know_come_last_with_the_reason() -> None:
    routes = [
        route(1, paths=["/a/b"], service={"id": "s"}),
        route(2, paths=["~/a("]),
        route(3, paths=["/a", "~/b["]),
        route(4, protocols=["tcp"], sources=[{"port": 1}], service={"id": "s"}),
    ]
    found = Router(routes, [{"id": "s", "enabled": False}]).explain(Request(path="/a/b"))
    assert found.winner is routes[2]
    assert [(c.route, c.paths, c.failed, c.matched, c.won) for c in found.candidates[1:]] == [
        (routes[0], ("/a/b",), ("service",), False, False),
        (routes[1], ("~/a(",), ("route",), False, False),
        (routes[2], ("~/b[",), ("route",), False, False),
    ]
    assert "its service is disabled" in found.candidates[1].because
    assert "malformed" in found.candidates[2].because


def test_of_a_route_with_several_paths_only_those_of_the_part_are_named() -> None:
    router = Router([route(1, paths=["/a", "/b/c", "~/z"])])
    said = {c.paths: c.because for c in router.explain(Request(path="/b/c")).candidates}
    assert said["~/z",] == "paths: it wants ~/z, the request has /b/c"
    assert said["/a",] == "paths: it wants /a, the request has /b/c"


@pytest.mark.parametrize(
    ("expression", "failed", "because"),
    [
        (
            'http.path ^= "/a" && any(http.headers.x) == "1" && net.dst.port == 80',
            ("http.headers.x",),
            'http.headers.x: it wants any(http.headers.x) == "1", the request has 2, 3',
        ),
        (
            'http.method == "POST" && lower(http.host) =^ ".org"',
            ("http.method", "http.host"),
            'http.method: it wants http.method == "POST", the request has GET; '
            'http.host: it wants lower(http.host) =^ ".org", the request has a.test',
        ),
        (
            '(http.path == "/b" || net.src.ip in 10.0.0.0/8) && http.path ~ r#"^/a"#',
            ("http.path", "net.src.ip"),
            "net.src.ip: it wants "
            'http.path == "/b" || net.src.ip in 10.0.0.0/8, the request has no such value',
        ),
        (
            '!(http.path ^= "/a" && http.method == "GET")',
            ("http.path", "http.method"),
            'http.path: it wants !(http.path ^= "/a" && http.method == "GET"), the request has /a/1',
        ),
    ],
)
def test_the_predicates_of_an_expression_that_fail_are_named(
    expression: str, failed: tuple[str, ...], because: str
) -> None:
    router = Router([route(1, expression=expression)], flavor="expressions")
    request = Request(path="/a/1", host="a.test:80", headers={"x": ["2", "3"]})
    candidate = of(router, request)["r1"]
    assert candidate.failed == failed
    assert because in candidate.because


@pytest.mark.parametrize(
    ("better", "other", "phrase"),
    [
        ({"paths": ["~/a"], "regex_priority": 2048}, {"paths": ["~/.*"]}, "its regex_priority 2048 reaches"),
        (
            {"paths": ["~/a"], "regex_priority": 3000},
            {"paths": ["~/.*"], "methods": ["GET"]},
            "its regex_priority 3000 reaches into the number of fields",
        ),
        (
            {"paths": ["~/.*"], "methods": ["GET"]},
            {"paths": ["~/a"], "regex_priority": 1024},
            "more fields (2 against 1)",
        ),
    ],
)
def test_a_regex_priority_that_reaches_the_bits_of_the_fields_is_not_taken_for_fields(
    better: dict[str, Any], other: dict[str, Any], phrase: str
) -> None:
    found = of(Router([route(1, **better), route(2, **other)]), Request(path="/a"))
    assert found["r1"].won
    assert phrase in found["r1"].because


def test_a_negative_regex_priority_does_not_hide_that_the_path_is_a_regex() -> None:
    routes = [route(1, paths=["~/a"], regex_priority=-5), route(2, paths=["/a"])]
    found = of(Router(routes, calculation="strict"), Request(path="/a"))
    assert "its path is a regex" in found["r1"].because
