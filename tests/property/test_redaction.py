from __future__ import annotations

import json
import string
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.redaction import MASK, is_secret_name, redact, scrub

tokens = st.from_regex(r"(kpat|spat)_[A-Za-z0-9][A-Za-z0-9_.~+/=-]{7,60}", fullmatch=True)
fragments = st.text() | st.sampled_from(
    [
        "Bearer ",
        "basic ",
        "?token=",
        "&api_key=",
        "https://user:",
        "@host",
        '"',
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "_",
        "password=",
        "pwd = '",
        "https://hooks.slack.com/T1/",
        "&",
    ]
)
texts = st.lists(fragments, max_size=4).map("".join)
keys = st.sampled_from(["url", "password", "key_names", "config", "note", "headers"]) | st.text(max_size=5)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(token=tokens, before=texts, after=texts)
def test_no_token_survives_in_any_text(token: str, before: str, after: str) -> None:
    assert token not in scrub(before + token + after)


@given(token=tokens, before=texts, after=texts, tree=trees, data=st.data())
def test_no_token_survives_anywhere_in_data(
    token: str, before: str, after: str, tree: Any, data: st.DataObject
) -> None:
    leaf = before + token + after
    planted: Any = {"tree": tree, data.draw(keys): [leaf], leaf: tree, "nested": {"secret": {leaf: leaf}}}
    assert token not in str(redact(planted))


@given(text=texts)
def test_scrubbing_twice_changes_nothing(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


@given(tree=trees)
def test_redaction_keeps_the_structure_the_numbers_and_the_booleans(tree: Any) -> None:
    assert shape(redact(tree)) == shape(tree)
    assert json.loads(json.dumps(redact(tree))) == redact(tree)


@given(
    word=st.text(string.ascii_lowercase + " ", max_size=40),
    key=st.sampled_from(["host", "name", "key_names"]),
)
def test_innocent_text_under_an_innocent_name_is_untouched(word: str, key: str) -> None:
    assert redact({key: word}) == {key: word}


@given(
    vault=st.sampled_from(["env", "aws", "my-vault"]),
    path=st.from_regex(r"[a-z0-9/_-]{1,20}", fullmatch=True),
)
def test_references_stay_readable_even_under_a_secret_name(vault: str, path: str) -> None:
    reference = f"{{vault://{vault}/{path}}}"
    assert redact({"client_secret": reference, "note": reference}) == {
        "client_secret": reference,
        "note": reference,
    }


@given(prefix=st.text(string.ascii_lowercase + "_", max_size=10), text=st.text(min_size=1))
def test_text_under_a_secret_name_is_masked_whatever_it_is(prefix: str, text: str) -> None:
    name = f"{prefix}password"
    assert is_secret_name(name)
    assert redact({name: text}) == {name: MASK}


def shape(value: Any) -> Any:
    """The value with every text replaced by one and the same, keys left out."""
    if isinstance(value, str):
        return ""
    if isinstance(value, dict):
        return [shape(entry) for entry in cast("dict[str, Any]", value).values()]
    return [shape(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value
