"""Regexes: what re2 is trusted with, what it is not, and many at once."""

import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway.regexes import Regex, RegexIndex, bound_memory
from konnect_agent.gateway.regexes.regex import TABLE_INSTRUCTIONS
from konnect_agent.gateway.regexes.syntax import read_syntax


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        "a++",
        "(?>a)",
        "[a&&b]",
        "[a[bc]]",
        "x{",
        r"\Qa\E",
        "(",
        "a{2000}",
        "[z-a]",
    ],
)
def test_what_re2_cannot_take_or_would_misread_is_a_problem(pattern: str) -> None:
    regex = Regex(pattern)
    assert regex.problem
    assert regex.test("a") is None
    assert regex.search("a") is None


@pytest.mark.parametrize(
    "pattern", ["[^]a]", "[[:alpha:]-]+", r"\x41\x{42}", r"a{2,3}\{", r"\p{L}+", r"[\]\[]"]
)
def test_ordinary_syntax_is_no_problem(pattern: str) -> None:
    assert Regex(pattern).problem is None


def test_shorthand_classes_know_unicode_as_in_rust() -> None:
    for pattern, text in ((r"^\w+$", "naïve"), (r"^\d$", "٣"), (r"^[\w-]+$", "é-é"), (r"^\S\W$", "é!")):
        assert Regex(pattern).test(text) is True
    assert Regex(r"^\W$").test("é") is False


def test_a_word_boundary_outside_ascii_is_undecidable() -> None:
    assert Regex(r"a\b").test("a b") is True
    assert Regex(r"a\b").test("aé") is None


def test_pcre_works_on_bytes() -> None:
    assert Regex(r"^\w+$", dialect="pcre").test("é") is False
    assert Regex("^..$", dialect="pcre").test("é") is True


@pytest.mark.parametrize(
    ("pattern", "required", "prefix"),
    [
        ("^/svc/(?P<id>.+)/items$", ("/svc/", "/items"), "/svc/"),
        ("^/a|/b", (), ""),
        ("^/ab?c", ("/a", "c"), "/a"),
        ("^/ab*", ("/a",), "/a"),
        ("^/ab+c", ("/ab", "c"), "/ab"),
        (r"^/a\.b", ("/a.b",), ""),
        ("(?i)abc", (), ""),
        (r"x\x41y", ("x", "y"), ""),
        ("a[bc]d", ("a", "d"), ""),
        ("ab{2}c{0,1}d", ("ab", "d"), ""),
    ],
)
def test_the_text_a_pattern_requires(pattern: str, required: tuple[str, ...], prefix: str) -> None:
    syntax = read_syntax(pattern, dialect="rust")
    assert (syntax.required, syntax.prefix) == (required, prefix)


_PIECES = st.sampled_from(
    [
        "a",
        "b",
        "/",
        "ab",
        "[ab]",
        ".",
        "a?",
        "b*",
        "(a|b)",
        "(?:ab)+",
        "a{2}",
        "a{0,1}",
        "^",
        "$",
        "|",
        "\\.",
        "\\d",
        "\\w",
    ]
)
_PATTERNS = st.lists(_PIECES, min_size=1, max_size=6).map("".join)


@given(_PATTERNS, st.text(alphabet="ab/.1", max_size=8))
def test_a_required_text_is_in_every_match(pattern: str, text: str) -> None:
    regex = Regex(pattern)
    if regex.problem is None and regex.test(text):
        assert all(run in text for run in regex.syntax.required)


@given(
    st.lists(_PATTERNS, max_size=30),
    st.text(alphabet="ab/.1é", max_size=8),
    st.sampled_from(["rust", "pcre"]),
    st.booleans(),
)
def test_an_index_finds_what_each_regex_finds_alone(
    patterns: list[str], text: str, dialect: Literal["rust", "pcre"], anchored: bool
) -> None:
    regexes = [Regex(pattern, dialect=dialect, anchored=anchored) for pattern in patterns]
    expected = [number for number, regex in enumerate(regexes) if regex.test(text)]
    assert sorted(RegexIndex(regexes).matching(text)) == expected


@given(_PATTERNS, st.text(alphabet="ab/.1", max_size=8))
def test_plain_syntax_means_what_it_means_elsewhere(pattern: str, text: str) -> None:
    regex = Regex(pattern)
    if regex.problem is None:
        assert regex.test(text) is (re.search(pattern, text) is not None)


def test_an_index_knows_unicode_where_its_regexes_do() -> None:
    regexes = [Regex(pattern) for pattern in (r"^/\w$", r"^/\w+$", r"^/\d", "^/[a-z]$", r"^/\W")]
    assert sorted(RegexIndex(regexes).matching("/é")) == [0, 1]


def test_a_hostile_pattern_takes_linear_time_and_bounded_memory() -> None:
    assert Regex("^(a+)+$").test("a" * 100_000 + "!") is False
    assert Regex("^(((a{30}){30}){30})$").problem


def test_a_table_of_huge_patterns_is_cut_off() -> None:
    regexes = [Regex("^" + "(?:[a-z]{500})" * 20 + f"{number}$") for number in range(600)]
    bound_memory(regexes)
    kept = [regex for regex in regexes if regex.problem is None]
    assert sum(regex.size for regex in kept) <= TABLE_INSTRUCTIONS
    assert len(kept) < len(regexes)


def test_the_vertical_tab_is_a_space() -> None:
    for dialect in ("rust", "pcre"):
        for pattern, expected in ((r"^\s$", True), (r"^[\s]$", True), (r"^\S$", False), (r"^[\S]$", False)):
            assert Regex(pattern, dialect=dialect).test("\v") is expected


def test_an_underscore_may_be_escaped() -> None:
    assert Regex(r"^a\_b\\_$").test("a_b\\_") is True


@pytest.mark.parametrize("pattern", [r"\v", r"\C", "a{,2}", "a{1, 2}", "(?=a)", r"(a)\1", "a++"])
def test_what_pcre_reads_otherwise_is_a_problem(pattern: str) -> None:
    assert Regex(pattern, dialect="pcre").problem


def test_words_and_joiners_beyond_letters_are_words_as_in_rust() -> None:
    assert Regex(r"^\w+$").test("a\u24b6\u200d\U0001f130") is True


def test_an_index_keeps_what_cannot_be_evaluated_on_a_text() -> None:
    assert RegexIndex([Regex(r"a\b"), Regex("b")]).matching("aé") == [0]


def test_a_dollar_of_pcre_holds_before_a_final_newline() -> None:
    regexes = [Regex(pattern, dialect="pcre", anchored=True) for pattern in ("a$", "b", "ab?$")]
    assert [regex.test("a\n") for regex in regexes] == [True, False, True]
    assert sorted(RegexIndex(regexes).matching("a\n")) == [0, 2]
    assert Regex("a$").test("a\n") is False


@pytest.mark.parametrize(
    "pattern",
    ["(", "a)", "[a", "[z-a]", "*a", "a|*", "a\\", "a{", "a{b}", "{2}", "(?P<n>a"],
)
def test_what_no_regex_library_takes_is_malformed(pattern: str) -> None:
    assert Regex(pattern).malformed


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", r"(a)\1", "a{2}{3}", "a**", "a{1001}", "a{,5}", r"\u{e9}", r"\b{start}a", "[a&&[b]]", r"\u0062",
     "(?x)a # (", "(?i)(?x:a{ )", r"\p{Alphabetic}"],
)  # fmt: skip
def test_what_the_gateway_may_take_is_not_malformed(pattern: str) -> None:
    regex = Regex(pattern)
    assert regex.problem
    assert not regex.malformed
