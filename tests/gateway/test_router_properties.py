"""The indexed router against slow references written straight from the fact sheet, on random tables."""

import ctypes
import random
from collections.abc import Sequence
from typing import Any, Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent.gateway import Request, Router
from konnect_agent.gateway.matchers import Flavor
from konnect_agent.gateway.regexes import Regex

Table = list[dict[str, Any]]
Calculation = Literal["original", "strict"]

PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "~/a", "~/a/\\d+$", "~/(a|b)/", "~/.*b$", "~/a|/b"]
HOSTS = ["a.test", "b.test", "*.test", "a.*", "a.test:80", "*.b.test"]
HEADERS = {"x-a": ["1", "2", "~*^1"], "x-b": ["1", "~*2$"]}


def _some(values: Sequence[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=3, unique=True)


def _headers() -> st.SearchStrategy[dict[str, list[str]] | None]:
    names = {
        name: st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
        for name, values in HEADERS.items()
    }
    return st.none() | st.fixed_dictionaries({}, optional=names)


_FIELDS = st.fixed_dictionaries(
    {
        "paths": _some(PATHS),
        "hosts": _some(HOSTS),
        "methods": _some(["GET", "POST"]),
        "headers": _headers(),
        "snis": _some(["a.test", "*.test"]),
        "regex_priority": st.sampled_from([0, 0, 1, 5, -1, 4096]),
        "protocols": st.sampled_from([["https"], ["http", "https"], ["http"]]),
    }
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    found = draw(st.lists(_FIELDS, min_size=1, max_size=8))
    ids = draw(st.permutations(range(len(found))))
    return [
        {"id": f"00000000-0000-4000-8000-{number:012d}", **fields}
        for number, fields in zip(ids, found, strict=True)
    ]


requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.sampled_from(["/", "/a", "/a/7", "/ab", "/b/x", "/a/b", "/a/bb/cab", "/z", "/é"]),
    host=st.sampled_from([None, "a.test", "b.test", "x.b.test", "a.test:80", "a.test:81", "nowhere"]),
    scheme=st.sampled_from(["http", "https"]),
    headers=st.fixed_dictionaries(
        {},
        optional={
            "x-a": st.sampled_from([["1"], ["2"], ["3"], ["3", "1"]]),
            "X-B": st.sampled_from([["1"], ["22"], ["9"]]),
        },
    ),
    sni=st.sampled_from([None, "a.test", "b.test", "a.other"]),
)


def _host_matches(wanted: str, given: str) -> bool:
    name, _, port = wanted.partition(":")
    host, _, sent_port = given.partition(":")
    if port and port != sent_port:
        return False
    if name.startswith("*"):
        return host.endswith(name[1:])
    return host.startswith(name[:-1]) if name.endswith("*") else host == name


def _path_matches(wanted: str, path: str) -> bool:
    if wanted.startswith("~"):
        return Regex("^" + wanted[1:]).test(path) is True
    return path.startswith(wanted)


def _header_matches(wanted: str, values: Sequence[str]) -> bool:
    if wanted.startswith("~*"):
        return any(Regex(wanted[2:]).test(value) for value in values)
    return wanted in values


def _wanted_headers(route: dict[str, Any]) -> dict[str, list[str]]:
    return route["headers"] or {}


def _holds(route: dict[str, Any], paths: Sequence[str], request: Request, calculation: Calculation) -> bool:
    sent = {name.lower(): values for name, values in request.headers.items()}
    secure = calculation == "strict" and route["protocols"] == ["https"]
    sni = request.sni or ""
    checks = [
        not paths or any(_path_matches(path, request.path) for path in paths),
        not route["hosts"] or any(_host_matches(host, request.host or "") for host in route["hosts"]),
        not route["methods"] or request.method in route["methods"],
        not route["snis"]
        or (request.scheme != "https" and not secure)
        or any(bool(sni) and _host_matches(wanted, sni) for wanted in route["snis"]),
        all(
            any(_header_matches(value, sent.get(name, [])) for value in values)
            for name, values in _wanted_headers(route).items()
        ),
    ]
    return all(checks) and bool(
        paths or route["hosts"] or route["methods"] or route["snis"] or route["headers"]
    )


def _rank(route: dict[str, Any], paths: Sequence[str], calculation: Calculation) -> Any:
    headers = _wanted_headers(route)
    weight = sum(map(bool, (paths, route["hosts"], route["methods"], route["snis"], headers)))
    plain = route["hosts"] is not None and not any("*" in host for host in route["hosts"])
    regex = bool(paths) and paths[0].startswith("~")
    priority = route["regex_priority"] if regex else 0
    length = len(paths[0]) if paths and not regex else 0
    if calculation == "strict":
        return weight, plain, len(headers), regex, priority, length
    low = [ctypes.c_int32(n).value for n in (weight << 29, len(headers) << 20, priority << 19)]
    return ctypes.c_uint64(low[0] | low[1] | low[2] | length | plain << 60 | regex << 51).value


def _parts(route: dict[str, Any]) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for path in cast("list[str]", route["paths"] or []):
        groups.setdefault(0 if path.startswith("~") else len(path), []).append(path)
    return list(groups.values()) or [[]]


def _best(table: Table, request: Request, calculation: Calculation) -> tuple[Any, list[dict[str, Any]]]:
    """The best rank that holds, and every route that has it: among those the order is undefined."""
    held = [
        (_rank(route, paths, calculation), route)
        for route in table
        for paths in _parts(route)
        if _holds(route, paths, request, calculation)
    ]
    top = max((rank for rank, _ in held), default=None)
    return top, [route for rank, route in held if rank == top]


@settings(max_examples=400, deadline=None)
@given(tables(), st.lists(requests, min_size=1, max_size=6), st.sampled_from(["original", "strict"]))
def test_the_indexed_router_agrees_with_brute_force(
    table: Table, asked: list[Request], calculation: Calculation
) -> None:
    router = Router(table, calculation=calculation)
    for request in asked:
        match = router.match(request)
        _, best = _best(table, request, calculation)
        assert (match is None) == (not best)
        assert match is None or any(match.route is route for route in best)


@pytest.mark.parametrize("flavor", ["traditional_compatible", "expressions"])
@pytest.mark.parametrize("calculation", ["original", "strict"])
@settings(max_examples=100, deadline=None)
@given(table=tables(), request=requests)
def test_removing_a_losing_route_changes_nothing(
    flavor: Flavor, calculation: Calculation, table: Table, request: Request
) -> None:
    """In the flavor `traditional` it may: see `test_traditional`."""
    match = Router(table, flavor=flavor, calculation=calculation).match(request)
    winner = None if match is None else match.route
    for loser in table:
        if loser is not winner:
            others = [route for route in table if route is not loser]
            again = Router(others, flavor=flavor, calculation=calculation).match(request)
            assert (None if again is None else again.route) is winner


_ADDRESSES = ["10.0.0.1", "10.0.0.0/24", "10.0.0.0/16", "10.0.1.9"]


@st.composite
def _ends(draw: st.DrawFn) -> list[dict[str, Any]]:
    addresses = draw(st.lists(st.none() | st.sampled_from(_ADDRESSES), min_size=1, max_size=2))
    return [{"ip": address, "port": draw(st.sampled_from([1, 2, 80]))} for address in addresses]


@st.composite
def streams(draw: st.DrawFn) -> Table:
    ends = draw(st.lists(st.tuples(_ends(), st.none() | _ends()), min_size=1, max_size=7))
    return [
        {
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "protocols": ["tcp"],
            "sources": sources,
            "destinations": destinations,
        }
        for number, (sources, destinations) in enumerate(ends)
    ]


_CONNECTIONS = st.builds(
    Request,
    scheme=st.just("tcp"),
    src_ip=st.sampled_from(["10.0.0.1", "10.0.0.7", "10.0.1.9", "1.1.1.1"]),
    src_port=st.sampled_from([1, 2, 9]),
    dst_ip=st.sampled_from(["10.0.0.1", "10.0.1.9"]),
    dst_port=st.sampled_from([1, 80, 9]),
)


@pytest.mark.parametrize("flavor", ["traditional_compatible", "traditional", "expressions"])
@settings(max_examples=100, deadline=None)
@given(table=streams(), request=_CONNECTIONS)
def test_of_stream_routes_one_that_matches_wins_and_none_that_is_shadowed(
    flavor: Flavor, table: Table, request: Request
) -> None:
    router = Router(table, flavor=flavor)
    match = router.match(request)
    held = [entry.route for entry in router.explain(request).candidates if entry.matched]
    assert (match is None) == (not held)
    if match is not None:
        assert any(match.route is route for route in held)
        assert not any(match.route is entry.route for entry in router.shadowed().never)


@settings(max_examples=200, deadline=None)
@given(tables(), requests, st.randoms(use_true_random=False))
def test_the_order_of_declaration_does_not_matter(
    table: Table, request: Request, shuffler: random.Random
) -> None:
    match = Router(table).match(request)
    shuffled = list(table)
    shuffler.shuffle(shuffled)
    again = Router(shuffled).match(request)
    assert (None if match is None else match.route) is (None if again is None else again.route)


@settings(max_examples=200, deadline=None)
@given(tables(), requests)
def test_expressions_flavor_only_adds_the_protocols(table: Table, request: Request) -> None:
    """Without a protocol to object, traditional routes route the same in both flavors."""
    for route in table:
        route["protocols"] = ["http", "https"]
    plain, expressions = Router(table).match(request), Router(table, flavor="expressions").match(request)
    assert (None if plain is None else plain.route) is (None if expressions is None else expressions.route)


def _traditional_category(route: dict[str, Any]) -> tuple[int, int]:
    fields = (route["snis"], route["methods"], route["paths"], route["headers"], route["hosts"])
    present = [bool(field) for field in fields]
    return sum(present), sum(1 << place for place, there in enumerate(present) if there)


@settings(max_examples=300, deadline=None)
@given(tables(), requests)
def test_the_traditional_router_takes_a_match_of_the_highest_category(table: Table, request: Request) -> None:
    router = Router(table, flavor="traditional")
    explanation = router.explain(request)
    matching = [candidate.route for candidate in explanation.candidates if candidate.matched]
    if explanation.winner is None:
        return
    assert any(explanation.winner is route for route in matching)
    winner = cast("dict[str, Any]", explanation.winner)
    if request.scheme == "https":
        best = max(_traditional_category(cast("dict[str, Any]", route)) for route in matching)
        assert _traditional_category(winner) == best


@settings(max_examples=200, deadline=None)
@given(tables(), requests, st.sampled_from(["traditional_compatible", "traditional", "expressions"]))
def test_the_explanation_names_the_route_that_wins_and_why_each_other_does_not(
    table: Table,
    request: Request,
    flavor: Literal["traditional_compatible", "traditional", "expressions"],
) -> None:
    router = Router(table, flavor=flavor)
    match, explanation = router.match(request), router.explain(request)
    assert explanation.winner is (None if match is None else match.route)
    assert sum(candidate.won for candidate in explanation.candidates) == (match is not None)
    for candidate in explanation.candidates:
        assert candidate.because
        assert bool(candidate.failed) == (candidate.matched is False)


def _universe() -> list[Request]:
    return [
        Request(method=method, path=path, host=host, scheme=scheme, headers=headers, sni=sni)
        for method in ("GET", "POST")
        for path in ("/", "/a", "/a/7", "/ab", "/b/x", "/a/b")
        for host in ("a.test", "b.test", "x.b.test", "a.test:80")
        for scheme, sni in (("https", "a.test"), ("https", "x.other"), ("http", None))
        for headers in ({}, {"x-a": "1", "x-b": "12"}, {"x-a": ["2", "1"]})
    ]


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["original", "strict"]))
def test_shadowed_agrees_with_brute_force(table: Table, calculation: Calculation) -> None:
    """No request of a small universe ever reaches a route that is reported never to win."""
    router = Router(table, calculation=calculation)
    shadows = router.shadowed()
    winners = {id(match.route) for request in _universe() if (match := router.match(request))}
    assert not [entry for entry in shadows.never if id(entry.route) in winners]
    for contest in shadows.undefined:
        _, best = _best(table, contest.example, calculation)
        ranks = [
            {_rank(route, paths, calculation) for paths in _parts(route)}
            for route in cast("tuple[dict[str, Any], dict[str, Any]]", contest.routes)
        ]
        assert ranks[0] & ranks[1]
        assert best


@settings(max_examples=100, deadline=None)
@given(tables())
def test_disputed_pairs_swap_places_when_alone(table: Table) -> None:
    for route in table:
        route["paths"] = (route["paths"] or [])[:1]
    for contest in Router(table).shadowed().disputed:
        for route, calculation in zip(contest.routes, ("original", "strict"), strict=True):
            match = Router(contest.routes, calculation=calculation).match(contest.example)
            assert match is not None
            assert match.route is route


@settings(max_examples=60, deadline=None)
@given(tables())
def test_the_traditional_router_never_picks_a_route_reported_as_shadowed(table: Table) -> None:
    router = Router(table, flavor="traditional")
    winners = {id(match.route) for request in _universe() if (match := router.match(request))}
    assert not [entry for entry in router.shadowed().never if id(entry.route) in winners]


@pytest.mark.parametrize("flavor", ["traditional_compatible", "traditional", "expressions"])
def test_an_empty_table_routes_nothing(
    flavor: Literal["traditional_compatible", "traditional", "expressions"],
) -> None:
    router = Router([], flavor=flavor)
    assert router.match(Request()) is None
    assert router.explain(Request()).because == "no route matches, the gateway answers 404"
    assert router.shadowed().never == ()
