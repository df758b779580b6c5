from __future__ import annotations

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
