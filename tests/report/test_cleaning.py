"""What a server sends may not act on a terminal, a page or a log."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.report.cleaning import many_lines, one_line

ANYTHING = st.text(st.characters(codec=None))  # lone surrogates included
ACTIVE = st.sampled_from(
    ["\x1b[31m", "\x1b]0;t\x07", "\x9b2J", "\u202e", "\x07", "\n", "\r\n", "\t", "\ud800", "a"]
)


def harmless(character: str) -> bool:
    return character.isprintable() or character in "\u200c\u200d"


@given(ANYTHING | st.lists(ACTIVE).map("".join))
def test_one_line_holds_nothing_but_printable_characters(text: str) -> None:
    assert all(map(harmless, one_line(text)))


@given(ANYTHING | st.lists(ACTIVE).map("".join))
def test_many_lines_hold_nothing_but_printable_characters_and_line_feeds(text: str) -> None:
    assert all(harmless(character) or character == "\n" for character in many_lines(text))


@given(ANYTHING, st.integers(1, 50))
def test_one_line_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(one_line(text, limit=limit)) <= limit


@given(ANYTHING)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)
    assert many_lines(many_lines(text)) == many_lines(text)


@given(st.text(st.characters(categories=("L", "N", "P", "S"))).filter(str.isprintable))
def test_printable_text_is_left_alone(text: str) -> None:
    assert one_line(text, limit=1000) == text
    assert many_lines(text) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "a\x1b[31mb",
        "a\x1b[2J\x1b[Hb",
        "a\x1b]0;title\x07b",
        "a\x1b]8;;https://evil.example\x1b\\b",
        "a\x9b31mb",
        "a\x1bPq#0\x1b\\b",
    ],
)
def test_an_escape_sequence_goes_whole_and_leaves_a_trace(hostile: str) -> None:
    assert one_line(hostile).strip("ab").strip("\N{REPLACEMENT CHARACTER}") == ""
    assert "\N{REPLACEMENT CHARACTER}" in one_line(hostile)


@pytest.mark.parametrize(
    "override", [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200F)]
)
def test_bidirectional_controls_become_visible(override: str) -> None:
    assert unicodedata.category(override) == "Cf"
    assert one_line(f"gpj{override}exe") == "gpj\N{REPLACEMENT CHARACTER}exe"


def test_line_breaks_become_spaces_in_one_line_and_stay_in_many() -> None:
    assert one_line("a\r\nb\u2028c") == "a  b c"
    assert many_lines("a\r\nb\tc") == "a\nb   c"


def test_megabytes_become_a_few_characters() -> None:
    assert one_line("x" * 5_000_000) == "x" * 499 + "…"
    many = many_lines("line\n" * 1_000_000)
    assert len(many) < 25_000
    assert many.endswith("more characters")
