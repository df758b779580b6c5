from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.documents import among_prose, parsed
from konnect_agent.gateway.sealing import sealed
from konnect_agent.redaction import MASK


def test_what_kong_encrypts_is_sealed_also_where_no_name_says_so() -> None:
    guardrail = {"name": "ai-custom-guardrail", "config": {"request": {"auth": {"value": "s", "name": "x"}}}}
    assert sealed(guardrail)["config"] == {"request": {"auth": {"value": MASK, "name": "x"}}}
    assert sealed({**guardrail, "name": "unheard-of"})["config"] == guardrail["config"]


def test_a_list_of_what_kong_encrypts_is_sealed_and_references_stay() -> None:
    connect = {
        "name": "openid-connect",
        "config": {"client_id": ["a", "{vault://env/b}", ""], "scopes": ["c"]},
    }
    assert sealed([connect])[0]["config"] == {"client_id": [MASK, "{vault://env/b}", ""], "scopes": ["c"]}


def test_of_an_address_it_stays_readable_where_it_leads() -> None:
    def logging_to(address: str) -> object:
        return sealed({"name": "http-log", "config": {"http_endpoint": address}})["config"]["http_endpoint"]

    assert logging_to("https://hooks.example/services/T0/B0/x") == f"https://hooks.example/{MASK}"
    assert logging_to("https://u:p@logs.example/in?a=1&token=t") == (
        f"https://u:{MASK}@logs.example/{MASK}?a=1&token={MASK}"
    )
    assert logging_to("http://logs.example/") == "http://logs.example/"
    assert logging_to("no address") == MASK


def test_everything_else_is_redacted_as_anywhere() -> None:
    data = {"data": ({"name": "shop", "labels": {"token": "t"}}, 7, None), "note": "kpat_abc"}
    assert sealed(data) == {"data": [{"name": "shop", "labels": {"token": MASK}}, 7, None], "note": MASK}


PLUGINS: dict[str, Any] = {
    "data": [
        {"name": "openid-connect", "config": {"client_id": ["hidden-1"],
                                              "client_jwk": [{"kty": "RSA", "d": "hidden-2"}]}},
        {"name": "ai-custom-guardrail", "config": {"request": {"auth": {"name": "x", "value": "hidden-3"}}}},
        {"name": "request-transformer",
         "config": {"add": {"headers": ["X-Api-Key: hidden-4", "X-Plan: gold"]}}},
    ],
    "next": None,
}  # fmt: skip
TEXT = json.dumps(PLUGINS)
PRETTY = json.dumps(PLUGINS, indent=1)


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True, "calls": 1, "data": TEXT},
        {"status_code": 200, "headers": {"x": "y"}, "body": TEXT},
        {"content": [{"type": "text", "text": TEXT}], "isError": False},
        {"data": [json.dumps(plugin) for plugin in PLUGINS["data"]]},
        {"data": [{**plugin, "config": json.dumps(plugin["config"])} for plugin in PLUGINS["data"]]},
        json.dumps(json.dumps({"result": TEXT})),
        f"Here are the results:\n\n{PRETTY}",
        f"Of these [3]:\n```json\n{PRETTY}\n```\nThat's all, it isn't more.",
        f"it said {TEXT}, and then {PLUGINS}",
        "\n".join(json.dumps(plugin) for plugin in PLUGINS["data"]),
        f"['broken, {TEXT}",
        repr(PLUGINS),
    ],
    ids=lambda answer: str(answer)[:30],
)
def test_data_that_is_text_is_sealed_as_data_is_at_any_depth(answer: Any) -> None:
    assert "hidden-" in str(answer)
    told = str(sealed(answer))
    assert "hidden-" not in told
    assert "X-Plan: gold" in told


@pytest.mark.parametrize("text", [f"Here are the results:\n\n{PRETTY}", f"All:\n```json\n{TEXT}\n```\nDone."])
def test_what_could_be_read_among_prose_can_be_read_afterwards(text: str) -> None:
    data, prose = among_prose(text) or (None, "")
    assert data == PLUGINS
    assert among_prose(sealed(text)) == (sealed(PLUGINS), prose)


@pytest.mark.parametrize("text", [TEXT, PRETTY, json.dumps(TEXT), repr(PLUGINS), f"```\n{TEXT}\n```"])
def test_what_could_be_read_whole_can_be_read_afterwards(text: str) -> None:
    read, told = parsed(text), parsed(sealed(text))
    assert told != text
    assert (told if isinstance(told, dict) else parsed(told)) == sealed(PLUGINS)
    assert read in (PLUGINS, TEXT)


@pytest.mark.parametrize(
    "text",
    [
        '{ "hosts":["a"] }', "Found [3] of {many}, isn't it: {'a': 1}", '["a", ["b"', "[[[[" * 500, "null",
        '"quoted"',
        '{"name": "request-termination",\n  "config": {"status_code": 503, "body": "{\\"a\\":1}"}}',
    ],
)  # fmt: skip
def test_a_text_without_secrets_stays_as_it_is_to_the_letter(text: str) -> None:
    assert sealed(text) == text


def test_what_is_nested_without_end_is_shown_to_no_one_and_breaks_nothing() -> None:
    for deep in ("[" * 300 + "]" * 300, '{"a":' * 400 + '"kpat_abc"' + "}" * 400, '{"a": "' * 30_000):
        assert "kpat_abc" not in sealed({"note": deep})["note"]
