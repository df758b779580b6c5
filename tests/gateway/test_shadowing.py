"""What `shadowed()` says about pairs of routes that meet only in a request neither names alone."""

from itertools import combinations, product
from typing import Any, Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent.gateway import Request, Router, Shadows

Calculation = Literal["original", "strict"]
Table = list[dict[str, Any]]

IDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(1, 10)]


def _routes(*fields: dict[str, Any]) -> Table:
    return [{"id": id_, **own} for id_, own in zip(IDS, fields, strict=False)]


def _pairs(contests: object) -> set[frozenset[int]]:
    return {frozenset(id(route) for route in contest.routes) for contest in cast("Any", contests)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"hosts": ["a.com"]}, {"paths": ["/a"], "methods": ["GET"]}),
        ({"hosts": ["a.com"]}, {"paths": ["/a"], "methods": ["POST"]}),
        ({"hosts": ["a.com"]}, {"paths": ["/a"], "methods": ["POST"], "headers": {"x": ["1"]}}),
        ({"hosts": ["a.com"]}, {"paths": ["/a"], "methods": ["POST"], "hosts": ["*.com"]}),
        ({"snis": ["a.com"], "protocols": ["https"], "methods": ["GET"]}, {"paths": ["/a"]}),
    ],
)
@pytest.mark.parametrize("calculation", ["original", "strict"])
def test_routes_that_differ_in_fields_are_disputed_with_the_request_that_shows_it(
    first: dict[str, Any], second: dict[str, Any], calculation: Calculation
) -> None:
    routes = _routes(first, second)
    (contest,) = Router(routes, calculation=calculation).shadowed().disputed
    winners = [
        match.route
        for how in ("original", "strict")
        if (match := Router(routes, calculation=how).match(contest.example)) is not None
    ]
    assert [id(winner) for winner in winners] == [id(route) for route in contest.routes]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"methods": ["POST"]}, {"snis": ["a.com"]}),
        ({"hosts": ["*.com"], "paths": ["/"]}, {"hosts": ["a.*"], "paths": ["/"]}),
        ({"hosts": ["*.com"], "paths": ["/a"]}, {"hosts": ["a.com", "a.*"], "paths": ["/b", "/a"]}),
        ({"hosts": ["*.com"], "headers": {"x": ["1"]}}, {"hosts": ["*.a.com"], "headers": {"y": ["~*^2"]}}),
    ],
)
def test_routes_of_equal_rank_that_differ_in_fields_are_undefined(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    routes = _routes(first, second)
    (contest,) = Router(routes).shadowed().undefined
    for alone in routes:
        assert Router([alone]).match(contest.example) is not None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"hosts": ["a.com"], "paths": ["/a"]}, {"hosts": ["b.com"], "paths": ["/a"]}),
        ({"methods": ["GET"], "paths": ["/a"]}, {"methods": ["POST"], "headers": {"x": ["1"]}}),
        ({"paths": ["/a"]}, {"paths": ["/b"]}),
        # Wherever its prefix ties with the other's, its regex goes first.
        ({"paths": ["/a", "~/a"]}, {"paths": ["/a"]}),
    ],
)
def test_routes_that_never_meet_are_in_no_pair(first: dict[str, Any], second: dict[str, Any]) -> None:
    shadows = Router(_routes(first, second)).shadowed()
    assert (shadows.undefined, shadows.disputed, shadows.complete) == ((), (), True)


def test_expressions_of_equal_priority_that_differ_in_fields_are_undefined() -> None:
    routes = _routes(
        {"expression": 'http.path ^= "/a" && http.headers.x == "1"'},
        {"expression": 'http.host =^ ".com" && net.src.ip in 10.0.0.0/8'},
        {"expression": 'http.method == "GET"', "priority": 1},
    )
    shadows = Router(routes, flavor="expressions").shadowed()
    assert _pairs(shadows.undefined) == {frozenset(map(id, routes[:2]))}


def test_traditional_wildcards_that_meet_in_a_third_name_are_undefined() -> None:
    routes = _routes({"hosts": ["*.com"], "paths": ["/"]}, {"hosts": ["a.*"], "paths": ["/"]})
    (contest,) = Router(routes, flavor="traditional").shadowed().undefined
    assert contest.example.host == "a.com"


@pytest.mark.parametrize(
    ("wide", "narrow", "request_"),
    [
        ({"headers": {"x": ["1", "~*a(?=b)"]}}, {"headers": {"x": ["1"]}}, Request(headers={"x": "1"})),
        ({"paths": ["~/a", "~/a(?=b)"]}, {"paths": ["/a/"], "methods": ["GET"]}, Request(path="/a/")),
        ({"paths": ["~/a(?=b)", "~/a"]}, {"paths": ["~/a", "~/a(?=b)"]}, Request(path="/a")),
    ],
)
def test_a_route_the_gateway_may_refuse_keeps_no_other_from_winning(
    wide: dict[str, Any], narrow: dict[str, Any], request_: Request
) -> None:
    routes = _routes(narrow, wide)
    router = Router(routes)
    match = router.match(request_)
    never = [entry.route for entry in router.shadowed().never]
    assert match is None or match.route not in never
    assert not never


@pytest.mark.parametrize("flavor", ["traditional_compatible", "traditional", "expressions"])
def test_several_routes_that_together_take_all_of_another_keep_it_from_winning(
    flavor: Literal["traditional_compatible", "traditional", "expressions"],
) -> None:
    routes = _routes(
        {"paths": ["/"], "methods": ["GET"]},
        {"paths": ["/"], "methods": ["POST"]},
        {"methods": ["GET", "POST"]},
    )
    shadows = Router(routes, flavor=flavor).shadowed()
    ((route, by),) = [(entry.route, entry.by) for entry in shadows.never]
    assert route is routes[2]
    assert {id(other) for other in by} == {id(routes[0]), id(routes[1])}
    assert shadows.complete


def test_lists_of_several_fields_are_taken_apart_together() -> None:
    wide = [
        {"paths": ["/"], "methods": [method], "hosts": [host]}
        for method, host in product(("GET", "POST"), ("a.com", "b.com"))
    ]
    narrow = {"methods": ["GET", "POST"], "hosts": ["a.com", "b.com"]}
    routes = _routes(*wide, narrow)
    assert [entry.route for entry in Router(routes).shadowed().never] == [routes[4]]
    gap = _routes(*wide[:3], narrow)
    shadows = Router(gap).shadowed()
    assert (shadows.never, shadows.complete) == ((), True)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"paths": ["~/users/\\d+$"]}, {"paths": ["~/users/.*$"], "regex_priority": 10}),
        ({"paths": ["/users"]}, {"paths": ["~(?i)/USERS"]}),
    ],
)
def test_a_regex_that_may_hide_a_route_leaves_the_answer_incomplete(
    narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    shadows = Router(_routes(narrow, wide)).shadowed()
    assert (shadows.never, shadows.complete) == ((), False)


def test_a_route_that_wins_beside_a_regex_leaves_the_answer_complete() -> None:
    routes = _routes({"paths": ["/users"]}, {"paths": ["~/users(/.*)?$"]}, {"paths": ["~/users/\\d+$"]})
    shadows = Router(routes).shadowed()
    assert (shadows.never, shadows.complete) == ((), True)


def test_regexes_that_meet_in_a_later_alternative_are_disputed() -> None:
    routes = _routes(
        {"paths": ["/", "~/a", "/ab"], "headers": {"x": ["2"]}, "regex_priority": 1},
        {"paths": ["/ab", "~/a$", "~/(a|b)$"]},
    )
    assert _pairs(Router(routes).shadowed().disputed) == {frozenset(map(id, routes))}


MEETING = [
    (r"~/users/\d+", "~/.*/orders$"),
    ("~/[a-z]+/list", r"~/users/\w+"),
    ("~/(?<t>[^/]+)/list$", "~/users/(?<id>[^/]+)$"),
    ("~/a.*c$", "~/.*b.*"),
]


@pytest.mark.parametrize(("first", "second"), MEETING)
def test_regexes_that_meet_in_a_text_neither_shows_are_undefined(first: str, second: str) -> None:
    routes = _routes({"paths": [first]}, {"paths": [second]})
    shadows = Router(routes).shadowed()
    assert _pairs(shadows.undefined) == {frozenset(map(id, routes))}
    assert all(Router([alone]).match(shadows.undefined[0].example) for alone in routes)


@pytest.mark.parametrize(("first", "second"), [*MEETING, (r"~/.*/orders$", "/users")])
def test_regexes_that_meet_in_a_text_neither_shows_are_disputed(first: str, second: str) -> None:
    routes = _routes(
        {"hosts": ["a.com"], "paths": [first]},
        {"paths": [second], "methods": ["GET"], "headers": {"x": ["1"]}},
    )
    (contest,) = Router(routes).shadowed().disputed
    won = [Router(routes, calculation=how).match(contest.example) for how in ("original", "strict")]
    assert [match.route for match in won if match] == list(contest.routes)


def test_regexes_of_a_header_meet_as_those_of_paths_do() -> None:
    routes = _routes({"headers": {"x": ["~*^a.*"]}}, {"headers": {"x": ["~*.*b$"]}})
    assert len(Router(routes).shadowed().undefined) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (r"~/users/\d+$", "~/users/[a-z]+$"),
        ("~/([^/]+)/a$", "~/([^/]+)/b$"),
        # Only `//b` would suit both, which the router sees as `/b`.
        ("~/(/|c)b$", "~/[^c]b$"),
    ],
)
def test_regexes_that_never_meet_leave_the_answer_complete(first: str, second: str) -> None:
    shadows = Router(_routes({"paths": [first]}, {"paths": [second]})).shadowed()
    assert (shadows.undefined, shadows.disputed, shadows.complete) == ((), (), True)


def test_regexes_that_cannot_be_told_apart_leave_the_answer_incomplete() -> None:
    shadows = Router(_routes({"paths": [r"~/\pL+/a$"]}, {"paths": ["~/[^/]+/[b-c]$"]})).shadowed()
    assert (shadows.undefined, shadows.complete) == ((), False)


def test_texts_to_contain_meet_in_a_text_neither_shows() -> None:
    routes = _routes({"expression": 'http.path contains "a-a"'}, {"expression": 'http.path contains "b-b"'})
    (contest,) = Router(routes, flavor="expressions").shadowed().undefined
    assert "a-a" in contest.example.path
    assert "b-b" in contest.example.path


def test_looking_at_pairs_ends_after_so_many_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = _routes(*({"paths": [rf"~/([^/]+)/{number}$"]} for number in range(8)))
    assert Router(routes).shadowed().complete
    monkeypatch.setattr("konnect_agent.gateway.shadowing._MAX_EVALUATIONS", 100)
    assert not Router(routes).shadowed().complete


def _some(values: list[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


# Texts of which every two that can meet do so in a text the examples propose.
FIELDS = st.fixed_dictionaries(
    {
        "paths": _some(["/", "/a", "/ab", "/a/b", "~/a", "~/a/\\d+$", "~/(a|b)/"]),
        "hosts": _some(["a.test", "*.test", "a.*", "a.test:80", "b.test"]),
        "methods": _some(["GET", "POST"]),
        "headers": st.none()
        | st.sampled_from([{"x": ["1"]}, {"x": ["~*^1"], "y": ["2"]}, {"X": ["2", "1"]}]),
        "snis": _some(["a.test", "*.test"]),
        "regex_priority": st.sampled_from([0, 1, -1, 4096]),
        "protocols": st.sampled_from([["https"], ["http", "https"]]),
    }
)
UNIVERSE = [
    Request(method=method, path=path, host=host, scheme=scheme, headers=headers, sni=sni)
    for method, path, host, (scheme, sni), headers in product(
        ("GET", "POST"),
        ("/", "/a", "/ab", "/a/b", "/a/7", "/b/"),
        ("a.test", "a.org", "a.test:80"),
        (("https", "a.test"), ("http", None)),
        ({}, {"x": "1", "y": "2"}, {"x": "2"}),
    )
]


def _exchanged(pair: Table) -> Table:
    return [{**pair[0], "id": pair[1]["id"]}, {**pair[1], "id": pair[0]["id"]}]


@settings(max_examples=50, deadline=None)
@given(st.lists(FIELDS, min_size=2, max_size=3), st.sampled_from(["original", "strict"]))
def test_no_pair_that_brute_force_finds_is_missing(fields: Table, calculation: Calculation) -> None:
    """A request that goes elsewhere with the other calculation, or with exchanged ids, proves a pair."""
    routes = _routes(*fields)
    shadows: Shadows = Router(routes, calculation=calculation).shadowed()
    assert shadows.complete
    disputed, undefined = _pairs(shadows.disputed), _pairs(shadows.undefined)
    for pair in map(list, combinations(routes, 2)):
        key = frozenset(map(id, pair))
        routers = {how: Router(pair, calculation=how) for how in ("original", "strict")}
        swapped = Router(_exchanged(pair), calculation=calculation)
        for request in UNIVERSE:
            won = {how: _place(router, pair, request) for how, router in routers.items()}
            if None not in won.values() and won["original"] != won["strict"]:
                assert key in disputed, request
            exchanged = swapped.match(request)
            if exchanged is not None and won[calculation] is not None:
                other = cast("dict[str, Any]", exchanged.route)["id"] != pair[won[calculation] or 0]["id"]
                assert other or key in undefined, request


def _place(router: Router, pair: Table, request: Request) -> int | None:
    match = router.match(request)
    return None if match is None else int(match.route is pair[1])
