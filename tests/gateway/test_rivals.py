"""Which routes get in each other's way."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.gateway.rivals import rivalries

METHODS = frozenset({"POST", "GET", "DELETE"})


def between(ours: dict[str, Any], *theirs: dict[str, Any]) -> list[tuple[str, str]]:
    others = [{"id": f"theirs-{number}", **each} for number, each in enumerate(theirs)]
    found = rivalries({"id": "ours", **ours}, others, [], methods=METHODS)
    return [(each.how, each.other) for each in found]


@pytest.mark.parametrize(
    ("ours", "theirs", "how"),
    [
        ({"paths": ["/mcp"]}, {"paths": ["/mcp"]}, "ties"),
        ({"paths": ["/mcp"]}, {"paths": ["~/m.*"]}, "loses"),
        ({"paths": ["/mcp"]}, {"paths": ["/mcp"], "methods": ["GET"]}, "loses"),
        ({"paths": ["/mcp"]}, {"hosts": ["api.example.com"]}, "loses"),
        ({"paths": ["/mcp"]}, {"paths": ["/"], "hosts": ["*.example.com"]}, "loses"),
        ({"paths": ["/mcp"]}, {"paths": ["~/(?=m)mcp"]}, "loses"),  # cannot be evaluated, and might match
        ({"paths": ["~/m.*"]}, {"paths": ["/mcp"]}, "wins"),
        ({"paths": ["/mcp"], "hosts": ["a.example.com"]}, {"paths": ["/mcp"]}, "wins"),
        ({"paths": ["/"], "hosts": ["a.example.com"]}, {"paths": ["/shop"]}, "wins"),
    ],
)
def test_a_route_is_in_the_way(ours: dict[str, Any], theirs: dict[str, Any], how: str) -> None:
    assert between(ours, theirs) == [(how, "theirs-0")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"paths": ["/mcp"]}, {"paths": ["/"]}),
        ({"paths": ["/mcp"]}, {"paths": ["/mcp/admin"]}),
        ({"paths": ["/mcp"]}, {"paths": ["/mcp"], "methods": ["OPTIONS"]}),
        ({"paths": ["/mcp"], "hosts": ["a.example.com"]}, {"hosts": ["a.example.com"]}),
        ({"paths": ["/mcp"], "hosts": ["a.example.com"]}, {"paths": ["/mcp"], "hosts": ["b.example.com"]}),
        ({"paths": ["/mcp"]}, {"paths": ["/mcp"], "protocols": ["tcp"], "sources": [{"port": 1}]}),
    ],
)
def test_a_route_is_not_in_the_way(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert between(ours, theirs) == []


def test_what_a_third_route_gets_is_nobody_elses_loss() -> None:
    assert between({"paths": ["/mcp"]}, {"paths": ["/mcp"]}, {"paths": ["~/mcp"]}) == [("loses", "theirs-1")]


def test_the_two_calculations_are_both_looked_at() -> None:
    # A regex goes before a method under `original` only (fact sheet 7.6).
    assert between({"paths": ["~/mcp"]}, {"paths": ["/mcp"], "methods": ["POST"]}) == [
        ("wins", "theirs-0"),
        ("loses", "theirs-0"),
    ]


def test_expressions_go_before_paths() -> None:
    assert between({"paths": ["/mcp"]}, {"expression": 'http.path == "/mcp"', "priority": 1}) == [
        ("loses", "theirs-0")
    ]
