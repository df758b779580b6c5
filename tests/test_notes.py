from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.notes import Page, page, texts


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([], Page()),
        ({"data": [], "next": None, "offset": None}, Page()),
        ({"data": [], "offset": "WyJhIl0="}, Page("WyJhIl0=", more=True)),
        ({"data": [], "meta": {"page": {"next_cursor": "c2"}}}, Page("c2", more=True)),
        ({"result": {"data": [], "next": "c3"}}, Page("c3", more=True)),
        ({"data": [], "next": "/v2/control-planes?page[after]=x"}, Page(None, more=True)),
        ({"data": [], "meta": {"page": {"next": "https://eu.api.konghq.com/x?y"}}}, Page(None, more=True)),
        ({"data": [], "meta": {"truncated": True}}, Page(more=True)),
        ({"data": [], "hasMore": True}, Page(more=True)),
        ({"data": [], "meta": {"page": {"number": 1, "size": 10, "total": 25}}}, Page(more=True)),
        ({"data": [], "meta": {"page": {"total": 10}}}, Page()),
        ({"data": [], "meta": {"size": 100, "offset": 0}}, Page()),
    ],
)
def test_an_envelope_says_whether_and_how_a_list_goes_on(answer: Any, expected: Page) -> None:
    assert page(answer, seen=10) == expected


def test_texts_come_by_key_before_depth() -> None:
    answer = {"id": "request", "data": {"debug_session_id": "session"}}
    assert list(texts(answer, ("debug_session_id", "id"))) == ["session", "request"]


def test_bare_text_is_its_own_note() -> None:
    assert list(texts('"completed"', ("status",))) == ["completed"]
    assert list(texts("  ", ("status",))) == []


def test_an_answer_that_contains_itself_ends() -> None:
    endless: dict[str, Any] = {"status": "pending"}
    endless["data"] = endless
    assert set(texts(endless, ("status",))) == {"pending"}
