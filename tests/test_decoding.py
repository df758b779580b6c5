from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.decoding import Listing, ToolAnswer, opened, plain, undecodable
from konnect_agent.envelopes import objects
from konnect_agent.errors import Undecodable

A, B = {"id": "a", "name": "one"}, {"id": "b", "name": "two"}


def test_structured_content_wins_over_the_text_beside_it() -> None:
    assert plain(ToolAnswer(structured={"data": [A]}, texts=("[]",))) == {"data": [A]}


def test_empty_structured_content_leaves_the_word_to_the_text() -> None:
    assert plain(ToolAnswer(structured={}, texts=(json.dumps([A]),))) == [A]


def test_text_that_is_no_json_stays_as_it_came() -> None:
    article = "Rate limiting\n\nSet `minute: 5` on {plugin}."
    assert plain(ToolAnswer(texts=(article,))) == article


def test_several_blocks_of_prose_become_one_text() -> None:
    assert plain(ToolAnswer(texts=("First excerpt.", "Second excerpt."))) == "First excerpt.\nSecond excerpt."


def test_lists_in_several_blocks_become_one_list() -> None:
    assert plain(ToolAnswer(texts=(json.dumps([A]), json.dumps([B])))) == [A, B]


def test_no_content_at_all_is_nothing() -> None:
    assert plain(ToolAnswer()) is None


@pytest.mark.parametrize("broken", ['{"id": "b", "na', '[{"id": "b"}, {"id', "{'id': 'b'}"])
def test_a_broken_block_is_not_dropped_among_good_ones(broken: str) -> None:
    with pytest.raises(Undecodable) as caught:
        objects(plain(ToolAnswer(texts=(json.dumps(A), broken, json.dumps(A)))))
    assert caught.value.path == "$[1]"


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
