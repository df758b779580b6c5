from __future__ import annotations

import pytest

from konnect_agent.prose import says_cut, says_none, says_trouble

KEYS = ("control_planes", "controlPlanes", "control_plane", "controlPlane")


@pytest.mark.parametrize(
    "text",
    [
        "No control planes found.",
        "no control-planes",
        "There are currently no control planes.",
        "There is no control plane for /api/users.",
        "Found 0 control planes",
        "Returned zero control planes in region eu.",
        "No matching control planes were found for 'access denied'.",
        "No results.",
        "0 results found",
        "  No items found  ",
    ],
)
def test_a_short_sentence_may_say_that_there_are_none(text: str) -> None:
    assert says_none(text, KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No",
        "No services found.",
        "Found 10 control planes",
        "No control planes found: permission denied",
        "No control planes found or you do not have access to them",
        "No control planes visible with your role",
        "No control planes found. The backend is slow today.",
        "No control planes found\nbut 3 were skipped",
        "No control planes found; try again",
        "No control planes could be listed",
        "No control planes found " + "x" * 400,
        'No control planes {"a": 1}',
    ],
)
def test_anything_more_or_else_does_not(text: str) -> None:
    assert not says_none(text, KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "permission denied",
        "You don't have permission; you can't list services",
        "You are not allowed to do this",
        "You may not list services",
        "The request timed out",
        "Services could not be read",
        "An error occurred",
        "Error: boom",
        "Failed to list services",
        "Insufficient permissions for 'orders'",
    ],
)
def test_a_failure_or_a_refusal_is_trouble(text: str) -> None:
    assert says_trouble(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Here are the services you have access to:",
        "Found 3 services in control plane 'access denied'.",
        "No failed requests found, 0 errors",
        "Error requests of the last 24 hours",
        "Listed with your permissions.",
    ],
)
def test_a_remark_is_no_trouble(text: str) -> None:
    assert not says_trouble(text)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Showing 100 of 250 services", True),
        ("Page 1 of 3", True),
        ("Results truncated to 2 items", True),
        ("The list was cut off", True),
        ("248 more items not shown", True),
        ("There are more services available", True),
        ("Only the first 100 services are listed", True),
        ("Partial results", True),
        ("Showing 2 of 2 services", False),
        ("Page 3 of 3", False),
        ("not truncated", False),
        ("One more thing", False),
        ("", False),
    ],
)
def test_words_may_say_that_there_is_more(text: str, cut: bool) -> None:
    assert says_cut(text) is cut
