"""A text that a regex matches, for the common kinds of regexes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway.regexes import Regex, regex_examples


@pytest.mark.parametrize(
    "pattern",
    [
        r"/users/\d+$",
        r"/(?<id>[^/]+)/items",
        r"/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3})$",
        r"/a(b|c)?d+",
        r"/.*",
        r"/(api|v2)/(?:x|y)",
        r"(?i)/Foo",
        r"/\w+/[^/]*\.json$",
        r"/[\w-]+",
        r"/[^a-z/]+",
        r"/[\d]{2,}",
        r"/x|/y",
        r"/[]a]",
        r"/a*?b+?c??$",
        r"/[a\]]b",
    ],
)
def test_the_examples_of_a_common_pattern_match_it(pattern: str) -> None:
    examples = regex_examples(pattern)
    assert examples
    assert all(Regex(pattern, anchored=True).test(example) is True for example in examples)


@pytest.mark.parametrize(
    ("pattern", "examples"),
    [
        ("/(a|b|c)$", {"/a", "/b", "/c"}),
        ("/x|/y", {"/x", "/y"}),
        ("/users(/.*)?$", {"/users", "/users/x"}),
        ("/a", {"/a"}),
    ],
)
def test_every_alternative_has_its_example(pattern: str, examples: set[str]) -> None:
    assert set(regex_examples(pattern)) == examples


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(a", "a)", "[", r"\p{L}", "(" * 100 + ")" * 100, "(((a{50}){50}){50})", "[^x0a_A-]"]
)
def test_there_is_none_for_what_it_does_not_read(pattern: str) -> None:
    assert regex_examples(pattern) == []


@given(st.text(alphabet=r"ab()[]{}|*+?.^$\d-:<>=,P0", max_size=20))
def test_no_pattern_is_too_odd_to_be_looked_at(pattern: str) -> None:
    assert all(len(example) <= 20 * 500 for example in regex_examples(pattern))
