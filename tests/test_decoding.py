from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from konnect_agent.decoding import Listing, ToolAnswer, opened, plain, undecodable
from konnect_agent.envelopes import rows
from konnect_agent.errors import Undecodable
from konnect_agent.notes import page

A, B = {"id": "a", "name": "one"}, {"id": "b", "name": "two"}


def test_structured_content_wins_over_the_text_beside_it() -> None:
    assert plain(ToolAnswer(structured={"data": [A]}, texts=("[]",))) == {"data": [A]}


HOLLOW: list[Any] = [
    {},
    [],
    {"result": None},
    {"result": []},
    {"services": [], "total": 0},
    {"count": 1},
    {"data": {}},
]


@pytest.mark.parametrize("structured", HOLLOW)
@pytest.mark.parametrize("data", [[A], {"services": [A], "total": 1}, A])
def test_structured_content_that_holds_nothing_gives_way_to_text_that_holds_data(
    structured: Any, data: Any
) -> None:
    assert plain(ToolAnswer(structured=structured, texts=(json.dumps(data),))) == data


@pytest.mark.parametrize("structured", HOLLOW)
@pytest.mark.parametrize(
    "text", ["You do not have permission to list services.", '{"error": "access denied", "data": []}']
)
def test_structured_content_that_holds_nothing_gives_way_to_trouble(structured: Any, text: str) -> None:
    told = plain(ToolAnswer(structured=structured, texts=(text,)))
    assert told == (json.loads(text) if text.startswith("{") else text)


@pytest.mark.parametrize("structured", [{}, {"result": None}, {"data": {"services": None}}])
def test_where_not_even_none_was_said_any_text_says_more(structured: Any) -> None:
    for text in ("No services found.", "[]", "Something else"):
        assert plain(ToolAnswer(structured=structured, texts=(text,))) == ([] if text == "[]" else text)
    assert plain(ToolAnswer(structured=structured, texts=("  ",))) == structured


@pytest.mark.parametrize(
    "text", ["No services found.", "Listed all services.", "[]", '{"data": []}', "0 errors"]
)
def test_an_empty_list_stays_one_beside_a_text_that_adds_nothing(text: str) -> None:
    assert plain(ToolAnswer(structured={"services": []}, texts=(text,))) == {"services": []}


def block(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def embedded(**contents: str) -> dict[str, Any]:
    return block("resource", resource={"uri": "konnect://services", **contents})


IMAGE = block("image", data="aGk=", mimeType="image/png")
LINK = block("resource_link", uri="konnect://services", name="services")
PICTURE = embedded(blob="aGk=", mimeType="image/png")


@pytest.mark.parametrize(
    "resource",
    [
        embedded(text=json.dumps([A, B])),
        embedded(text=json.dumps([A, B]), mimeType="application/json"),
        embedded(blob=b64encode(json.dumps([A, B]).encode()).decode(), mimeType="application/json"),
        embedded(blob=b64encode(json.dumps([A, B]).encode()).decode(), mimeType="application/vnd.kong+json"),
    ],
)
def test_an_embedded_resource_is_read_like_text(resource: dict[str, Any]) -> None:
    heading = block("text", text="Here are the services:")
    for blocks in ([resource], [heading, resource], [IMAGE, resource], [resource, LINK]):
        assert plain(ToolAnswer.of(blocks)) == [A, B]
    assert opened([resource]) == [A, B]


@pytest.mark.parametrize("blocks", [[IMAGE], [LINK], [PICTURE], [IMAGE, LINK]])
@pytest.mark.parametrize("structured", [None, {}, {"result": None}])
def test_an_answer_of_images_and_links_alone_is_undecodable(blocks: Any, structured: Any) -> None:
    with pytest.raises(Undecodable, match=str(blocks[0]["type"])):
        plain(ToolAnswer.of(blocks, structured=structured))
    assert plain(ToolAnswer.of(blocks, is_error=True)) is None


def test_an_image_beside_data_is_an_illustration() -> None:
    assert plain(ToolAnswer.of([IMAGE], structured={"services": [A]})) == {"services": [A]}
    assert plain(ToolAnswer.of([IMAGE, block("text", text="[]")])) == []


@pytest.mark.parametrize("blob", ["$$$", "a", b64encode(b"\xff\xfe").decode()])
def test_a_blob_that_is_no_text_is_undecodable(blob: str) -> None:
    with pytest.raises(Undecodable):
        rows(plain(ToolAnswer.of([embedded(blob=blob, mimeType="application/json")])))


@pytest.mark.parametrize(
    "note",
    ["Note: output truncated, 248 more items not shown", "Showing 2 of 250", "Permission denied for 3"],
)
def test_a_text_block_that_says_that_data_was_cut_is_not_dropped(note: str) -> None:
    for texts in ((json.dumps([A, B]), note), (note, json.dumps({"services": [A, B]}))):
        assert plain(ToolAnswer(texts=texts))["truncated"] is True
    assert plain(ToolAnswer(texts=("Showing 2 of 2", json.dumps([A, B])))) == [A, B]
    assert plain(ToolAnswer(texts=(note, json.dumps(A)))) == A


def test_an_empty_list_beside_words_of_trouble_is_no_list() -> None:
    assert isinstance(plain(ToolAnswer(texts=("The backend could not be reached.", "[]"))), str)
    assert plain(ToolAnswer(texts=("Found 0.", "[]"))) == []


def test_text_that_is_no_json_stays_as_it_came() -> None:
    article = "Rate limiting\n\nSet `minute: 5` on {plugin}."
    assert plain(ToolAnswer(texts=(article,))) == article


def test_several_blocks_of_prose_become_one_text() -> None:
    assert plain(ToolAnswer(texts=("First excerpt.", "Second excerpt."))) == "First excerpt.\nSecond excerpt."


def test_lists_in_several_blocks_become_one_list() -> None:
    assert plain(ToolAnswer(texts=(json.dumps([A]), json.dumps([B])))) == [A, B]


def test_no_content_at_all_is_nothing() -> None:
    assert plain(ToolAnswer()) is None


@pytest.mark.parametrize("broken", ['{"id": "b", "na', '[{"id": "b"}, {"id', "{id: 'b'}"])
def test_a_broken_block_among_good_ones_makes_the_list_a_cut_one(broken: str) -> None:
    found = rows(plain(ToolAnswer(texts=(json.dumps(A), broken, json.dumps(A)))))
    assert found.items == (A, A)
    assert page(found, seen=2).more


def test_text_blocks_left_inside_the_data_are_opened() -> None:
    blocks = [{"type": "text", "text": json.dumps(entity)} for entity in (A, B)]
    assert opened(blocks) == [A, B]


@pytest.mark.parametrize("nested", [10_000, 100_000])
def test_nesting_too_deep_to_parse_is_text(nested: int) -> None:
    assert plain(ToolAnswer(texts=("[" * nested,))) == "[" * nested


@pytest.mark.parametrize(
    "data",
    [
        {"password": "hunter2", "note": "Bearer abcDEF123456"},
        'the token is kpat_0123456789abcdef and "spat_zyx987"',
        [{"config": {"secret": "hunter2", "url": "redis://:abcDEF123456@host"}}],
    ],
)
def test_the_excerpt_of_an_undecodable_answer_is_redacted(data: Any) -> None:
    said = str(undecodable("expected something else", data, "$.data"))
    assert said.startswith("expected something else at $.data")
    for secret in ("hunter2", "abcDEF123456", "kpat_0123456789abcdef", "spat_zyx987"):
        assert secret not in said


def test_the_excerpt_is_short_and_moves_no_cursor() -> None:
    error = undecodable("expected JSON", "\x1b[2J\r\n" + "x" * 1000)
    assert len(error.excerpt) < 350
    assert error.excerpt.isprintable()


def test_data_that_cannot_be_shown_is_named_by_its_type() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert undecodable("expected an object", {1, 2}).excerpt == "[1, 2]"
    assert undecodable("expected an object", object()).excerpt == "object"
    assert undecodable("expected an object", endless).excerpt


def test_a_listing_is_a_tuple_that_knows_whether_it_was_cut() -> None:
    assert Listing([1, 2], complete=False) == (1, 2)
    assert not Listing([1, 2], complete=False).complete
    assert Listing([1, 2]).complete
