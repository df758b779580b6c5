"""What the router sees of a request (fact sheet 7.2, 7.4, 7.7)."""

from typing import Any

import pytest

from konnect_agent.gateway import Request, Router
from konnect_agent.gateway.request import Facts


@pytest.mark.parametrize(
    ("sent", "asked", "values"),
    [
        ({"X-Tenant": "a"}, "x_tenant", ("a",)),
        ({"X-Tenant": "a"}, "X_Tenant", ("a",)),
        ({"X-Tenant": "a"}, "x-tenant", ("a",)),
        ({"x_tenant": "a"}, "x_tenant", ("a",)),
        ({"x_tenant": "a"}, "x-tenant", ()),
        ({"x_tenant": "a", "x-tenant": "b"}, "x_tenant", ("a",)),
        ({"x_tenant": "a", "x-tenant": "b"}, "x-tenant", ("b",)),
        ({"x-a_b": "a"}, "x_a_b", ()),
        ({"X-Tenant": "a", "x-tenant": ["b", "c"]}, "x_tenant", ("a", "b", "c")),
        ({}, "x_tenant", ()),
    ],
)
def test_a_header_is_looked_up_as_sent_and_then_with_dashes(
    sent: dict[str, Any], asked: str, values: tuple[str, ...]
) -> None:
    assert Facts(Request(headers=sent)).header(asked) == values


def test_the_host_header_is_a_header_too() -> None:
    assert Facts(Request(host="a.test:80")).get("http.headers.host") == ("a.test:80",)
    assert Facts(Request(headers={"Host": "a.test"})).get("http.headers.host") == ("a.test",)


@pytest.mark.parametrize(
    ("path", "segments"),
    [("/", ()), ("/a", ("a",)), ("/a/b/", ("a", "b")), ("*", ()), ("/a//b", ("a", "b"))],
)
def test_a_path_has_the_segments_between_its_slashes(path: str, segments: tuple[str, ...]) -> None:
    facts = Facts(Request(path=path))
    assert facts.get("http.path.segments.len") == (len(segments),)
    assert tuple(facts.get(f"http.path.segments.{n}") for n in range(3)) == tuple(
        (segments[n],) if n < len(segments) else () for n in range(3)
    )


@pytest.mark.parametrize(
    "request_",
    [
        Request(path="/%ff"),
        Request(path="/?q=%ff"),
        Request(headers={"x-a": "\udcff"}),
        Request(method="\udcff"),
    ],
)
def test_bytes_that_are_not_utf8_are_noticed_wherever_they_stand(request_: Request) -> None:
    assert not Facts(request_).is_text
    assert Facts(Request(path="/é?q=%c3%a9")).is_text


@pytest.mark.parametrize(
    ("field", "matches"),
    [("http.path.segments.0", False), ("http.path", False), ("http.headers.x_a", True)],
)
def test_the_router_gives_up_only_on_values_it_looks_at(field: str, matches: bool) -> None:
    route = {"id": "r", "expression": f'{field} != "x"'}
    request = Request(path="/%ff", headers={"x-a": "y"})
    assert (Router([route], flavor="expressions").match(request) is not None) is matches


def test_connections_have_neither_path_nor_headers() -> None:
    facts = Facts(Request(scheme="tcp", host="a.test:80", dst_port=443, headers={"x": "1"}))
    assert [facts.get(f) for f in ("http.path", "http.headers.x", "net.dst.port")] == [(), (), (443,)]
