from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.redaction import MASK, is_reference, is_secret_name, redact, scrub, scrub_quoted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("token kpat_0aB1c2 here", f"token {MASK} here"),
        ("spat_x.y~z/+=-1,", f"{MASK},"),
        ("KPAT_ABC", MASK),
        ("Authorization: Bearer abcDEF123", f"Authorization: Bearer {MASK}"),
        ("authorization: basic dXNlcjpwYXNz", f"authorization: basic {MASK}"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", MASK),
        ("GET /x?page=2&api_key=s3cr3t&sort=a", f"GET /x?page=2&api_key={MASK}&sort=a"),
        ("/login?ACCESS_TOKEN=abc", f"/login?ACCESS_TOKEN={MASK}"),
        ("redis://app:hunter2@cache:6379/0", f"redis://app:{MASK}@cache:6379/0"),
        ("id AKIAIOSFODNN7EXAMPLE", f"id {MASK}"),
        ("sk_live_7Qm2vXw90aTZ4Lk", MASK),
        ("rk_test_7Qm2vXw90aTZ4Lk", MASK),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", MASK),
        ("github_pat_11ABCDEFG0_abcdefghij", MASK),
        ("sk-proj-abcDEF1234567890abcDEF, sk-ant-api03-AbCdEf123456", f"{MASK}, {MASK}"),
        ("key=AIzaSyA1234567890abcdefghijklmnopqrstuv", f"key={MASK}"),
        ("at AIzaSyA1234567890abcdefghijklmnopqrstuv", f"at {MASK}"),
        ("glpat-AbCdEf1234567890", MASK),
        ("vault hvs.CAESIJ1234567890abcdef", f"vault {MASK}"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", MASK),
        ("slack xoxb-123456789012-abcdefGHIJ,", f"slack {MASK},"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", f"{MASK}\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", MASK),
        ("https://hooks.slack.com/services/T000/B000/XXXX", f"https://hooks.slack.com/{MASK}"),
        ("(https://discord.com/api/webhooks/12/aB-c), x", f"(https://discord.com/api/webhooks/{MASK}), x"),
        ("https://a.webhook.office.com/webhookb2/f0@12/x", f"https://a.webhook.office.com/webhookb2/{MASK}"),
        ("https://u:p@hooks.x.io:8443/S3/?a=b", f"https://u:{MASK}@hooks.x.io:8443/{MASK}"),
        ("Server=db,1433;Uid=u;Pwd=hu,n#ter;X=1", f"Server=db,1433;Uid=u;Pwd={MASK};X=1"),
        ("host=db password='a b' dbname=c", f"host=db password='{MASK}' dbname=c"),
        ('dsn="Server=x;Password=abc"', f'dsn="Server=x;Password={MASK}"'),
        ("db_password = hunter2\nuser = u", f"db_password = {MASK}\nuser = u"),
        ("GET /x?apikey=a&secret={vault://env/a}", f"GET /x?apikey={MASK}&secret={{vault://env/a}}"),
    ],
)
def test_credentials_are_masked_by_their_shape(text: str, left: str) -> None:
    assert scrub(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "A personal access token starts with kpat_, a system account token with spat_.",
        "Create a token (kpat_...)",
        "Basic Authentication plugin",
        "sk-learn-like-names-in-prose-stay and task-1234567890ABCDEFGHIJ too",
        "bearer authentication is required",
        "at 12:30:01 from user@host",
        "http://localhost:8001/a@b",
        "https://us.mcp.konghq.com:443/",
        "/search?q=token",
        "https://developer.konghq.com/webhooks/overview/",
        "webhook calls go to https://example.com/orders/2024/AB12",
        'http.headers.authorization == "Bearer x"',
        "max_tokens=3 token_endpoint=https://id.example.com/token key_names=apikey password=",
        "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
    ],
)
def test_prose_and_addresses_stay_readable(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "secret", "client_secret", "password", "redis_password", "sentinel_password", "passphrase", "api_key",
        "apiKey", "X-Api-Key", "aws_secret_access_key", "private_key", "key", "key_alt", "jwk", "client_jwk",
        "access_token", "token", "credential", "client_assertion", "Authorization", "set-cookie",
        "header_value", "param_value", "gcp_service_account_json", "session_secret", "approle_secret_id",
        "introspection_headers_values", "pass", "db_pass", "psk",
    ],
)  # fmt: skip
def test_names_that_say_secret_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "key_names", "token_endpoint", "key_in_header", "key_in_body", "hide_credentials",
        "token_headers_client",
        "cookie_name", "token_exchange_endpoint", "secret_name", "cache_key", "public_key", "max_tokens",
        "total_tokens", "access_token_jwks_uri", "session_cookie_same_site", "authorization_endpoint", "host",
        "keyspace", "monkey", "compass", "bypass", "name", "instance_name", "credential_claim",
        "token_endpoint_auth_method",
    ],
)  # fmt: skip
def test_innocent_names_are_left_alone(name: str) -> None:
    assert not is_secret_name(name)


def test_structure_numbers_booleans_and_references_stay_below_a_secret_name() -> None:
    config = {
        "redis": {"password": "hunter2", "host": "cache", "port": 6379, "ssl": True},
        "secrets": ["a", "{vault://env/redis-password}", 7, None, {"kid": "k1", "active": False}],
        "token": "",
        "header_value": "{vault://aws/key/field?ttl=60#2}",
    }
    assert redact(config) == {
        "redis": {"password": MASK, "host": "cache", "port": 6379, "ssl": True},
        "secrets": [MASK, "{vault://env/redis-password}", 7, None, {"kid": MASK, "active": False}],
        "token": "",
        "header_value": "{vault://aws/key/field?ttl=60#2}",
    }


def test_a_header_with_a_secret_name_loses_its_value_and_keeps_a_reference() -> None:
    config = {
        "add": {"headers": ["X-Reports-Key: tidal-otter", "x-api-key:broom", "X-Plan: gold"]},
        "replace": {"headers": ["Authorization: {vault://env/reports}", "Cookie: a=1\r\nX-Plan: gold"]},
        "note": "token: tidal-otter",
        "url": "token://host/path",
        "cache": "cache_key: consumer",
    }
    assert redact(config) == {
        "add": {"headers": [f"X-Reports-Key: {MASK}", f"x-api-key:{MASK}", "X-Plan: gold"]},
        "replace": {"headers": ["Authorization: {vault://env/reports}", f"Cookie: {MASK}\r\nX-Plan: gold"]},
        "note": f"token: {MASK}",
        "url": "token://host/path",
        "cache": "cache_key: consumer",
    }


def test_urls_under_a_webhooks_name_keep_their_host_alone() -> None:
    config = {
        "webhook_url": [
            "https://example.com/a/b?c=d",
            "on-call",
            "{vault://env/webhook}",
            "https://example.com",
        ],
        "slackWebhook": {"target": "post to https://example.com/a", "retries": 3, "secret": "x"},
        "headers": ["X-Webhook: https://example.com/a"],
        "website": "https://example.com/a",
    }
    assert redact(config) == {
        "webhook_url": [
            f"https://example.com/{MASK}", "on-call", "{vault://env/webhook}", "https://example.com",
        ],
        "slackWebhook": {"target": f"post to https://example.com/{MASK}", "retries": 3, "secret": MASK},
        "headers": [f"X-Webhook: https://example.com/{MASK}"],
        "website": "https://example.com/a",
    }  # fmt: skip
    assert scrub_quoted('{"webhook": "https://a.b/c", "to": ["d"]}') == (
        f'{{"webhook": "https://a.b/{MASK}", "to": ["d"]}}'
    )


@pytest.mark.parametrize(
    "value",
    ["Bearer {vault://env/x}", "{vault://env}", "{vault://env/x} ", "{vault://env/x}\n", "{vault:/env/x}"],
)
def test_only_a_whole_reference_is_one(value: str) -> None:
    assert not is_reference(value)
    assert redact({"secret": value}) == {"secret": MASK}


def test_data_written_in_a_text_is_redacted_as_data() -> None:
    inner = '{"redis": {"password": "hunter2", "port": 6379}, "hosts": ["a"]}'
    assert redact({"body": inner}) == {
        "body": f'{{"redis": {{"password": "{MASK}", "port": 6379}}, "hosts": ["a"]}}'
    }
    untouched = '{ "hosts":["a"] }'
    assert redact([untouched, "{vault://env/x}", "[not data"]) == [untouched, "{vault://env/x}", "[not data"]
    assert (
        redact("it said {'client_secret': 'hunter2', 'a': 1}")
        == f"it said {{'client_secret': '{MASK}', 'a': 1}}"
    )


def test_what_a_schema_says_of_a_secret_field_is_no_secret_but_a_default_is() -> None:
    described = {
        "anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}],
        "description": "Yours",
        "default": "hunter2",
        "examples": ["hunter2"],
    }
    shown = redact({"properties": {"api_key": described, "password": "hunter2"}})["properties"]
    assert shown["api_key"] == {**described, "default": MASK, "examples": [MASK]}
    assert shown["password"] == MASK


def test_where_a_list_goes_on_is_no_secret() -> None:
    paging = {"next_page_token": "a", "nextPageToken": "b", "page_token": "c", "continuation_token": "d"}
    assert redact(paging) == paging
    assert redact({"session_token": "a", "token": "b"}) == {"session_token": MASK, "token": MASK}


def test_what_stands_in_the_place_of_a_secret_can_be_said() -> None:
    hidden: list[str] = []

    def hide(secret: str) -> str:
        hidden.append(secret)
        return "X"

    data = {"password": "one", "url": "redis://u:two@h/?token=three", "add": ["X-Api-Key: four"]}
    assert redact(data, hide) == {"password": "X", "url": "redis://u:X@h/?token=X", "add": ["X-Api-Key: X"]}
    assert hidden == ["one", "two", "three", "four"]


def test_secrets_hide_neither_in_keys_nor_in_odd_containers() -> None:
    token = "kpat_0123456789"
    odd: Any = {token: 1, "secret": {token: "x"}, "tuple": (token,), "set": {token}, "bytes": token.encode()}
    assert token not in str(redact(odd))
    assert "hunter2" not in str(
        redact({"password": {"hunter2"}, "passwd": b"hunter2", "token": ("hunter2",)})
    )


def test_data_nested_without_end_is_cut() -> None:
    endless: list[Any] = ["kpat_0123456789"]
    endless.append(endless)
    shown = redact(endless)
    assert shown[0] == MASK
    assert "kpat" not in str(shown)


def test_redaction_leaves_the_original_alone() -> None:
    original = {"password": "hunter2"}
    redact(original)
    assert original == {"password": "hunter2"}


@pytest.mark.parametrize("unit", ["eyJ-", "//a/", "//hook/", "@hook-", "a.", "a=", "secret ", "//:1"])
def test_a_megabyte_that_only_begins_like_secrets_is_read_once(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert scrub(text) == text


def test_headers_as_the_http_libraries_write_them_are_shown_without_secrets() -> None:
    headers = [(b"Set-Cookie", b"sid=tidal-otter; Path=/"), (b"X-Api-Key", b"it's"), (b"Server", b"kong")]
    assert scrub_quoted(f"headers={headers}") == (
        f"headers=[(b'Set-Cookie', b'{MASK}'), (b'X-Api-Key', b'{MASK}'), (b'Server', b'kong')]"
    )
    assert scrub_quoted('missing: ["token", "name"]') == 'missing: ["token", "name"]'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('as "client_jwk": [{"kid": "a", "n": [1]}, {"d": "b"}], "x": 1',
         f'as "client_jwk": [{{"kid": "{MASK}", "n": [1]}}, {{"d": "{MASK}"}}], "x": 1'),
        ('"webhook": {"url": "https://a.b/c", "token": "d"}, 1',
         f'"webhook": {{"url": "https://a.b/{MASK}", "token": "{MASK}"}}, 1'),
        ('cut: "client_jwk": [{"d": "a"}, {"d": "b', f'cut: "client_jwk": "{MASK}"'),
        ('"tokens": [1, {"a": true}], "secrets": []', '"tokens": [1, {"a": true}], "secrets": []'),
    ],
)  # fmt: skip
def test_data_quoted_below_a_secret_name_stays_data(text: str, shown: str) -> None:
    assert scrub_quoted(text) == shown
