from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.envelopes import rows
from konnect_agent.notes import Page, page, texts

TEN = [{"id": f"s-{n}"} for n in range(10)]
MORE = Page(more=True)
NOTHING_SAID = Page()


def read(answer: Any) -> Page:
    return page(rows(answer, ("services", "service")), seen=10)


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({"offset": "WyJhIl0="}, Page(more=True, token="WyJhIl0=")),
        ({"meta": {"page": {"next_cursor": "c2"}}}, Page(more=True, token="c2")),
        ({"next": "c3"}, Page(more=True, token="c3")),
        ({"next_page_token": "t2"}, Page(more=True, token="t2")),
        ({"nextPageToken": "t2"}, Page(more=True, token="t2")),
        ({"continuation_token": "t2"}, Page(more=True, token="t2")),
        ({"next": {"cursor": "z"}}, Page(more=True, token="z")),
        ({"cursor": 17}, Page(more=True, token="17")),
        ({"pageInfo": {"hasNextPage": True, "endCursor": "x"}}, Page(more=True, token="x")),
        ({"next": 20}, Page(more=True, offset=20, number=20)),
        ({"next_offset": 10}, Page(more=True, offset=10)),
        ({"next_page": "2"}, Page(more=True, number=2)),
        ({"next": "/v2/control-planes?page[after]=tok&page[size]=10"}, Page(more=True, token="tok")),
        ({"meta": {"page": {"next": "https://x/y?page%5Bafter%5D=tok"}}}, Page(more=True, token="tok")),
        ({"next": "/services?offset=WyJ", "offset": "WyJ"}, Page(more=True, token="WyJ")),
        ({"links": {"next": "/services?page=2"}}, Page(more=True, number=2)),
        ({"_links": {"next": {"href": "/services?offset=10"}}}, Page(more=True, offset=10)),
        ({"links": [{"rel": "next", "href": "/services?page=2"}]}, Page(more=True, number=2)),
        ({"links": {"next": "https://x/y"}}, MORE),
        ({"page": 1, "total_pages": 5}, Page(more=True, number=2)),
        ({"pagination": {"page": 1, "totalPages": 5}}, Page(more=True, number=2)),
        ({"number": 0, "totalPages": 3}, Page(more=True, number=1)),
        ({"meta": {"page": {"number": 1, "size": 10, "total": 25}}}, Page(more=True, number=2)),
        ({"total": "250"}, MORE),
        ({"total_pages": 2}, MORE),
        ({"next": {"somewhere": "else"}}, MORE),
    ],
)
def test_an_envelope_says_that_and_how_a_list_goes_on(beside: dict[str, Any], expected: Page) -> None:
    for answer in ({"data": TEN, **beside}, {"result": {"services": TEN, **beside}}):
        assert read(answer) == expected
    assert read({"data": {"services": {"items": TEN, **beside}}}) == expected


@pytest.mark.parametrize(
    "beside",
    [
        {"has_more": True},
        {"hasMore": "true"},
        {"has_next": True},
        {"hasNext": True},
        {"next": True},
        {"is_truncated": True},
        {"meta": {"truncated": True}},
        {"partial": True},
        {"count": 11},
        {"errors": [{"message": "one shard is slow"}]},
        {"error": True},
        {"success": False},
        {"warnings": ["Results truncated to 10 items"]},
        {"warnings": ["permission denied for 3 services"]},
        {"message": "Showing 10 of 250 services"},
    ],
)
def test_an_envelope_may_say_only_that_there_is_more(beside: dict[str, Any]) -> None:
    assert read({"services": TEN, **beside}) == MORE


@pytest.mark.parametrize(
    "beside",
    [
        {"next": None, "offset": None},
        {"next_cursor": ""},
        {"has_more": False},
        {"has_more": False, "next_cursor": "c2"},
        {"pageInfo": {"hasNextPage": False, "endCursor": "x"}},
        {"meta": {"page": {"number": 1, "size": 10, "total": 10}}},
        {"page": 3, "total_pages": 3},
        {"number": 0, "totalPages": 1, "totalElements": 10},
        {"total": "10"},
        {"truncated": False},
    ],
)
def test_an_envelope_may_say_that_this_was_all(beside: dict[str, Any]) -> None:
    assert read({"services": TEN, **beside}) == Page()


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"meta": {"size": 100, "offset": 0}},
        {"offset": "0"},
        {"offset": 10, "limit": 10},
        {"page": 1, "count": 10},
        {"_links": {"self": "/services?page=2"}},
        {"links": [7, None, {"rel": 3}]},
        {"warnings": ["this API is deprecated"], "message": "Found 10 services", "hint": "first 100 at most"},
        {"errors": [], "error": None, "success": True},
        {"total": 2.5, "next": [1], "more": 5},
    ],
)
def test_other_notes_do_not_speak_of_the_rest(beside: dict[str, Any]) -> None:
    assert read({"services": TEN, **beside}) == NOTHING_SAID


@pytest.mark.parametrize(
    "entity", [{"id": "s-1", "next": "abc", "total": 99, "truncated": True, "errors": ["x"]}]
)
def test_what_stands_in_an_entity_is_no_note_about_the_list(entity: dict[str, Any]) -> None:
    for answer in (entity, [entity], {"data": [entity]}, {"services": {"users": entity}}, json.dumps(entity)):
        assert read(answer) == NOTHING_SAID


@pytest.mark.parametrize(
    "following",
    ["http://[?offset=1", "/?href=" * 10_000, json.loads('{"href":' * 400 + '"x"' + "}" * 400), "9" * 5000],
)
def test_odd_positions_are_still_positions(following: Any) -> None:
    assert read({"services": TEN, "next": following}).more


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
