from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.documents import among_prose, parsed

A, B = {"id": "a", "on": True, "path": None}, {"id": "b", "tags": ["it's", '"quoted"', "\\", "é\n"]}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
containers = st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (json.dumps([A, B]), [A, B]),
        (json.dumps([A, B], indent=2), [A, B]),
        ("\ufeff" + json.dumps(A), A),
        (f"```json\n{json.dumps(A)}\n```", A),
        (f"```\n{json.dumps(A)}\n```\n", A),
        (json.dumps(json.dumps(A)), json.dumps(A)),
        ("null", None),
        (f"{json.dumps(A)}\n{json.dumps(B)}\n", [A, B]),
        (f"{json.dumps(A)}{json.dumps(B)}", [A, B]),
        (f"{json.dumps([A])}\r\n{json.dumps([B])}", [A, B]),
        (repr([A, B]), [A, B]),
        (f"{A!r}\n{B!r}", [A, B]),
        ("{'a': 'b', \"c\": [True, False]}", {"a": "b", "c": [True, False]}),
        ('[{"it\'s\\x1f": None}]', [{"it's\x1f": None}]),
    ],
)
def test_text_that_is_data_becomes_it(text: str, data: Any) -> None:
    assert parsed(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Some words",
        "12",
        "true",
        '{"id": "cut of',
        '[{"id": "a"}, {"id"',
        "[{'id': 'a'}, {'id'",
        "{'id': datetime(2026, 1, 1)}",
        "{'a', 'b'}",
        "{'a': '\\N{no such name}'}",
        '{"a": 1}, 2]',
        '"one" {"a": 1}',
        '{"a": 1} and so on}',
        "[page 1]",
        "{{ template }}",
        "[" * 100_000 + "]",
    ],
)
def test_text_that_is_anything_else_stays_as_it_is(text: str) -> None:
    assert parsed(text) is text


@given(data=containers)
def test_whatever_python_prints_is_read_back(data: Any) -> None:
    assert parsed(repr(data)) == data


@given(
    documents=st.lists(containers, min_size=2, max_size=4), separator=st.sampled_from(["", " ", "\n", "\n\n"])
)
def test_one_document_after_the_other_is_one_list(documents: list[Any], separator: str) -> None:
    flat: list[Any] = []
    for each in documents:
        flat += each if isinstance(each, list) else [each]
    assert parsed(separator.join(map(json.dumps, documents))) == flat


def test_half_a_surrogate_pair_can_be_printed() -> None:
    assert parsed('["\\ud800"]') == ["?"]
    assert parsed("['\\ud800', 'x']") == ["?", "x"]


@pytest.mark.parametrize(
    ("text", "data", "prose"),
    [
        (f"Two services:\n{json.dumps([A, B])}", [A, B], "Two services: …"),
        (f"Two services: {json.dumps([A, B])}. Done.", [A, B], "Two services: …. Done."),
        (f"{json.dumps([A])}\nThat's all.", [A], "… That's all."),
        (f"Services:\n- {json.dumps(A)}\n- {json.dumps(B)}", [A, B], "Services: - … - …"),
        (f"1. {json.dumps(A)}\n2) {json.dumps(B)}", [A, B], "1. … 2) …"),
        (f"One:\n```json\n{json.dumps(A)}\n```\nTwo:\n```\n{json.dumps(B)}\n```", [A, B], "One: … Two: …"),
        (f"Here's one:\n{A!r}\nThat's it", A, "Here's one: … That's it"),
        (f"Total: 2\n{A!r}\n{B!r}", [A, B], "Total: 2 … …"),
        ("In {prod} [page 1]:\n[]", [], "In {prod} [page 1]: …"),
    ],
)
def test_data_among_prose_is_told_apart_from_it(text: str, data: Any, prose: str) -> None:
    found = among_prose(text)
    assert found is not None
    assert (found[0], " ".join(found[1].split())) == (data, prose)


@pytest.mark.parametrize(
    "text",
    [
        "No data here.",
        "Set `minute: 5` on {plugin}.",
        f"Two services:\n{json.dumps([A, B])[:-5]}",
        f"Two services: {json.dumps(A)}, {json.dumps(B)}",
        f"One:\n{json.dumps(A)}\nTwo:\n{json.dumps(B)[:-3]}",
        f"One:\n{A!r}\nTwo:\n{repr(B)[:-3]}",
        "id: a\nname: users\nconfig: {}",
        'name: users\nservice: {"id": "s-9"}',
        'users: {"host": "u"}\norders: {"host": "o"}',
        "See [the guide](https://example.com) and the paths[] of a route.",
    ],
)
def test_what_is_not_wholly_data_among_prose_is_left_alone(text: str) -> None:
    assert among_prose(text) is None


@given(text=st.text(alphabet=st.sampled_from(list("{}[]\"'`:\\,\n -1aT")), max_size=60))
def test_any_mixture_of_brackets_and_quotes_is_read_or_left_alone(text: str) -> None:
    parsed(text)
    among_prose(text)
