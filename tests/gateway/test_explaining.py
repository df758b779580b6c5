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
