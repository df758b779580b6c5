"""Texts that several regexes match, compared with Python's own on every short text."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent.gateway.regexes import Untold, joint_text, read_automaton

LETTERS = "abc0"
SHORT = ["".join(text) for length in range(5) for text in product(LETTERS, repeat=length)]

_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\w", r"a\b"])
_BODIES = st.recursive(
    _ATOMS,
    lambda inner: (
        st.builds("{}{}".format, inner, inner)
        | st.builds("({}|{})".format, inner, inner)
        | st.builds(
            "(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}"])
        )
    ),
    max_leaves=5,
)
PATTERNS = st.builds("{}{}{}".format, st.sampled_from(["", "^"]), _BODIES, st.sampled_from(["", "$"]))


@settings(max_examples=300, deadline=None)
@given(PATTERNS, PATTERNS)
def test_no_joint_text_means_no_text_suits_both(one: str, other: str) -> None:
    automata = [read_automaton(pattern) for pattern in (one, other)]
    try:
        text, _ = joint_text([automaton for automaton in automata if automaton is not None])
    except Untold:
        return
    if text is None:
        assert not [short for short in SHORT if re.search(one, short) and re.search(other, short)]
    elif "b" not in re.findall(r"\\(.)", one + other):  # word boundaries count as met
        assert re.search(one, text)
        assert re.search(other, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i)a",
        r"\pL",
        "[a&&b]",
        "[[:alpha:]]",
        "(?=a)",
        "a{2}{3}",
        "a++",
        "(",
        ")",
        "*",
        "[a",
        r"\1",
        "a{2000}",
    ],
)
def test_what_is_not_read_is_no_automaton(pattern: str) -> None:
    assert read_automaton(pattern) is None


def test_a_walk_that_takes_too_long_is_not_told() -> None:
    automata = [read_automaton(f"(a|b)*{letter}(a|b){{60}}$") for letter in "ab"]
    with pytest.raises(Untold):
        joint_text([automaton for automaton in automata if automaton is not None])
