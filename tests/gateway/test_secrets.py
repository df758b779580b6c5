"""Which fields hold a secret, and vault references (fact sheet 9)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway import VaultReference, catalogue, parse_reference, secret_fields


def found(name: str, config: dict[str, Any], **options: Any) -> list[tuple[str, str, str]]:
    return [(field.path, field.kind, field.basis) for field in secret_fields(name, config, **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{vault://env/my-secret}", VaultReference("env", "my-secret", None, {}, None)),
        ("{vault://aws/db/password}", VaultReference("aws", "db", "password", {}, None)),
        ("{vault://hcv/a/b/key}", VaultReference("hcv", "a/b", "key", {}, None)),
        ("{vault://hcv/a%2Fb/key}", VaultReference("hcv", "a/b", "key", {}, None)),
        ("{vault://hcv/a/b/}", VaultReference("hcv", "a/b", None, {}, None)),
        (
            "{vault://aws/s/k?region=eu&ttl=5#2}",
            VaultReference("aws", "s", "k", {"region": "eu", "ttl": "5"}, 2),
        ),
    ],
)
def test_a_reference_is_taken_apart(text: str, expected: VaultReference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "secret", "Bearer {vault://env/x}", "{vault://env/x} ", "{vault://env}", "{vault://env/}", "{vault:///x}",
     "{vault://env/{x}}", None, 3],
)  # fmt: skip
def test_anything_else_is_no_reference(text: object) -> None:
    assert parse_reference(text) is None


def test_encrypted_fields_are_secret_and_referenceable_ones_are_not() -> None:
    config = {"redis": {"password": "p", "host": "h", "port": 6379, "username": "u"}}
    assert found("rate-limiting-advanced", config) == [("redis.password", "plain", "encrypted by Kong")]


def test_elements_of_lists_and_maps_are_found() -> None:
    config = {
        "targets": [{"auth": {"aws_secret_access_key": "x"}}, {"auth": {"aws_secret_access_key": None}}]
    }
    assert found("ai-proxy-advanced", config) == [
        ("targets[0].auth.aws_secret_access_key", "plain", "encrypted by Kong")
    ]


def test_unknown_plugins_are_judged_by_name() -> None:
    config = {
        "api_key": "x",
        "x-auth-token": "y",
        "headers": {"Authorization": "Bearer z"},
        "key_names": ["apikey"],
        "token_endpoint": "https://idp.test",
        "hide_credentials": True,
        "max_tokens": 5,
        "extra_jwks_uris": ["https://idp.test/keys"],
        "token_client_username": "u",
        "secret_rotation": 5,
        "empty_secret": "",
    }
    assert found("my-plugin", config) == [
        ("api_key", "plain", "name of the field"),
        ("x-auth-token", "plain", "name of the field"),
        ("headers.Authorization", "plain", "name of the field"),
    ]


@pytest.mark.parametrize(
    ("reference", "vaults", "exists"),
    [
        ("{vault://mine/x}", ["mine"], True),
        ("{vault://mine/x}", [{"prefix": "mine", "name": "hcv"}], True),
        ("{vault://mine/x}", ["other"], False),
        ("{vault://mine/x}", None, None),
        ("{vault://env/x}", [], None),
        ("{vault://env/x}", ["env"], True),
    ],
)
def test_the_vault_a_reference_names_is_looked_up(reference: str, vaults: Any, exists: bool | None) -> None:
    (field,) = secret_fields("my-plugin", {"secret": reference}, vaults=vaults)
    assert (field.kind, field.vault_exists) == ("reference", exists)


@given(
    st.recursive(
        st.text(alphabet="SECRET-VALUE", min_size=6),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["token", "a", "secret"]), inner)
        ),
        max_leaves=8,
    )
)
def test_a_plain_value_never_appears_in_the_answer(config: Any) -> None:
    for field in secret_fields("my-plugin", {"config": config, "password": "SECRET-VALUE"}):
        assert "SECRET" not in repr(field)
        assert "VALUE" not in repr(field)


def test_the_catalogue_names_its_source_and_version() -> None:
    assert catalogue().version == "Gateway 3.15"
    assert catalogue().source
    assert sum(facts.priority is not None for facts in catalogue().plugins.values()) == 114
    assert not catalogue().get("never-heard-of").known


def test_a_mark_on_an_array_covers_its_elements() -> None:
    config = {"introspection_headers_values": ["s3cr3t", "{vault://env/x}"], "client_secret": ["y"]}
    assert found("openid-connect", config) == [
        ("introspection_headers_values[0]", "plain", "encrypted by Kong"),
        ("introspection_headers_values[1]", "reference", "encrypted by Kong"),
        ("client_secret[0]", "plain", "encrypted by Kong"),
    ]


def test_a_mark_covers_nothing_below_it() -> None:
    assert found("openid-connect", {"client_secret": {"x": "1"}, "client_id": ["y"]}) == [
        ("client_id[0]", "plain", "encrypted by Kong")
    ]


def test_entries_of_the_transformers_are_judged_by_the_name_before_the_colon() -> None:
    config = {
        "add": {"headers": ["Accept: token", "Authorization: Bearer abc"], "querystring": ["api_key:abc"]},
        "replace": {"body": ["password:abc"]},
        "rename": {"headers": ["authorization:x-old"]},
        "remove": {"headers": ["x-api-key"]},
    }
    paths = ["add.headers[1]", "add.querystring[0]", "replace.body[0]"]
    expected = [(path, "plain", "name of the field") for path in paths]
    assert found("request-transformer", config) == expected


def test_entries_that_hold_no_value_of_their_own_are_no_secret() -> None:
    entries = ["authorization:$(headers.x)", "x-api-key: {vault://env/key}", "x-token:", "x-token"]
    assert found("request-transformer-advanced", {"append": {"headers": entries}}) == []


@pytest.mark.parametrize(
    ("plugin", "config", "path"),
    [
        ("opentelemetry", {"headers": {"x-honeycomb-team": "abc"}}, "headers.x-honeycomb-team"),
        ("http-log", {"headers": {"Cookie": "sid=abc"}}, "headers.Cookie"),
        ("response-transformer", {"add": {"headers": ["Set-Cookie:sid=abc"]}}, "add.headers[0]"),
        ("opentelemetry", {"traces_endpoint": "https://h/?a=b&api_key=abc"}, "traces_endpoint"),
        ("jwt-signer", {"access_token_jwks_uri": "https://u:p@h"}, "access_token_jwks_uri"),
        ("pre-function", {"access": ["local k = 'Bearer abcdef0123456789'"]}, "access[0]"),
        ("post-function", {"log": ['t["api_key"] = "abcdef"']}, "log[0]"),
    ],
)
def test_values_without_a_mark_are_found_where_they_usually_stand(
    plugin: str, config: dict[str, Any], path: str
) -> None:
    assert [(field.path, field.kind) for field in secret_fields(plugin, config)] == [(path, "plain")]


@pytest.mark.parametrize(
    ("plugin", "config"),
    [
        ("opentelemetry", {"headers": {"x-tenant": "abc", "Content-Type": "text/plain"}}),
        (
            "response-transformer",
            {"add": {"headers": ["X-Key-Count:3"]}, "remove": {"headers": ["Set-Cookie"]}},
        ),
        ("response-transformer", {"rename": {"headers": ["cookie:x-old"]}}),
        ("opentelemetry", {"traces_endpoint": "https://u@h/?a=b"}),
        ("opentelemetry", {"traces_endpoint": "https://[h/?api_key=abc"}),
        ("pre-function", {"access": ["local token = kong.request.get_header('Authorization')"]}),
        ("pre-function", {"access": ["kong.log('Bearer ' .. t, 'no token: ', x)"]}),
        ("my-plugin", {"note": "Bearer abcdef0123456789"}),
    ],
)
def test_values_that_let_nobody_in_are_no_secret(plugin: str, config: dict[str, Any]) -> None:
    assert found(plugin, config) == []
