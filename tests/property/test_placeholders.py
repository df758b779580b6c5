from __future__ import annotations

import json
import re
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway.sealing import sealed
from konnect_agent.recording.placeholders import Placeholders
from konnect_agent.redaction import redact, scrub, scrub_quoted

word = st.text(string.ascii_letters + string.digits, min_size=16, max_size=16)
credentials = st.one_of(
    word.map(lambda text: f"kpat_{text}"),
    word.map(lambda text: f"SPAT_{text}"),
    word.map(lambda text: f"Bearer x9{text}"),
    word.map(lambda text: f"eyJ{text}.{text}.{text}"),
    st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16).map(lambda text: f"AKIA{text}"),
    word.map(lambda text: f"sk_live_{text}"),
    word.map(lambda text: f"xoxb-{text}"),
    word.map(lambda text: f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"),
    word.map(lambda text: f"-----BEGIN RSA PRIVATE KEY-----\n{text}"),
    word.map(lambda text: f"redis://user:{text}@host/"),
    word.map(lambda text: f"https://host/?a=1&api_key={text}&b=2"),
    word.map(lambda text: f"X-Api-Key: {text}"),
    word.map(lambda text: f'{{"password": "{text}", "host": "cache"}}'),
    word.map(lambda text: f"said {{'client_secret': '{text}'}} and more"),
)
templates = word.map(lambda text: f"$(headers.{text})") | word.map(lambda text: f"to {{vault://env/{text}}}")
texts = st.builds(
    str.join,
    st.sampled_from([" ", "\n", ", "]),
    st.lists(credentials | templates | st.text(max_size=8), max_size=3),
)
keys = st.sampled_from(
    ["url", "password", "key_names", "config", "name", "headers", "properties", "token", "type", "default"]
) | st.text(max_size=4)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def plugin(name: str, endpoint: str, tree: Any) -> dict[str, Any]:
    return {"name": name, "config": {"http_endpoint": endpoint, "client_id": [endpoint], "more": tree}}


plugins = st.builds(
    plugin, st.sampled_from(["http-log", "openid-connect", "pre-function", "unknown"]), texts, trees
)


@given(tree=trees)
def test_what_is_shown_of_data_with_placeholders_is_what_would_have_been_shown(tree: Any) -> None:
    assert redact(redact(tree, Placeholders())) == redact(tree)


@given(entity=plugins)
def test_the_same_holds_for_what_kong_encrypts(entity: dict[str, Any]) -> None:
    assert sealed(sealed(entity, Placeholders())) == sealed(entity)


@given(text=texts)
def test_the_same_holds_for_texts(text: str) -> None:
    assert scrub(scrub(text, Placeholders())) == scrub(text)
    assert scrub_quoted(scrub_quoted(text, Placeholders())) == scrub_quoted(text)


@given(secret=credentials, key=keys)
def test_no_secret_survives_in_placeholders(secret: str, key: str) -> None:
    planted: Any = {key: ["before", {"inside": f"a\n{secret}"}, secret], "password": secret}
    hidden = max(re.findall(r"[A-Za-z0-9]{16}", secret), key=len)
    assert hidden not in json.dumps(redact(planted, Placeholders()))
