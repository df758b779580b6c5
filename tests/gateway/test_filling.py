"""Requests known in part: a route that may serve is never left out, and what is filled in is served."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway import Request, Router

OPEN = frozenset(("methods", "hosts", "headers", "snis", "queries", "sources", "destinations"))
PREDICATES = (
    'http.method == "POST"', 'http.host == "a.test"', 'http.host =^ ".test"', 'http.headers.x_a == "1"',
    'any(http.queries.q) == "2"', 'http.path ^= "/a"', 'http.path == "/b"', 'tls.sni == "a.test"',
    "net.src.ip in 10.0.0.0/8", "net.dst.port == 8443", 'http.host != "b.test"',
)  # fmt: skip

conditions = st.recursive(
    st.sampled_from(PREDICATES),
    lambda inner: (
        st.tuples(inner, st.sampled_from((" && ", " || ")), inner).map(lambda each: f"({''.join(each)})")
        | inner.map(lambda each: f"!({each})")
    ),
    max_leaves=5,
)
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(["/a", "/b", "/c"]),
    host=st.sampled_from(["a.test", "b.test", "a.test:8443"]),
    headers=st.sampled_from([{}, {"x-a": "1"}, {"x-a": "2"}]),
    sni=st.sampled_from([None, "a.test"]),
    queries=st.sampled_from([None, {"q": "2"}]),
    src_ip=st.sampled_from([None, "10.1.1.1"]),
    dst_port=st.sampled_from([None, 8443]),
)


def table(*written: str) -> list[dict[str, Any]]:
    return [{"id": f"r-{place}", "expression": text} for place, text in enumerate(written)]


@given(st.lists(conditions, min_size=1, max_size=3), requests)
def test_a_route_that_serves_some_filling_is_never_left_out(written: list[str], whole: Request) -> None:
    routes = table(*written)
    router = Router(routes, flavor="expressions")
    asked = Request(path=whole.path)
    found = list(router.fillings(asked, OPEN))
    match = router.match(whole)
    assert match is None or any(each.route is match.route for each in found)
    assert all(router.match(each.request) for each in found if each.request)
    assert all(each.request.path == asked.path for each in found if each.request)


@given(st.lists(conditions, min_size=1, max_size=3), requests)
def test_with_nothing_left_open_only_the_routes_that_hold_are_left(
    written: list[str], whole: Request
) -> None:
    router = Router(table(*written), flavor="expressions")
    found = list(router.fillings(whole, ()))
    assert all(each.request == whole for each in found)
    held = [entry.route for entry in router.explain(whole).candidates if entry.matched]
    assert [each.route for each in found] == held


def test_lists_of_a_route_are_filled_in_as_well_as_expressions() -> None:
    route = {
        "id": "r", "paths": ["/a"], "methods": ["PUT"], "hosts": ["*.test"], "headers": {"x-a": ["~*^v\\d$"]},
    }  # fmt: skip
    (found,) = Router([route]).fillings(Request(path="/a/b"), OPEN)
    assert found.request
    assert (found.request.method, found.request.host) == ("PUT", "x.test")
    assert Router([route]).match(found.request)
    said = replace(found.request, method="GET")
    assert not list(Router([route]).fillings(said, OPEN - {"methods"}))


def test_only_the_routes_named_are_looked_at() -> None:
    one, other = table('http.path == "/a"', 'http.path ^= "/"')
    router = Router([one, other], flavor="expressions")
    (found,) = router.fillings(Request(path="/a"), OPEN, {id(other)})
    assert found.route is other
