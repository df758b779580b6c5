"""Which values of headers are kept secret, and that ordinary ones stay readable."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import quote

import pytest

from konnect_agent import Config
from konnect_agent.credentials import credentials_of
from konnect_agent.redaction import masked, redact, scrub

TOKEN = "kpat_Credentials0Of0Headers"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("apikey", "opensesame"),
        ("X-Api-Key", "a1b2c3d4"),
        ("X-Gateway-Auth", "correct-horse-battery"),
        ("Ocp-Apim-Subscription-Key", "0123456789abcdef"),
        ("CF-Access-Client-Secret", "f" * 64),
        ("X-Session-Id", "abcdefgh"),
        ("X-Shop", "gwKEY-4711-abc"),
        ("X-Shop", "c0ffee0123456789"),
        ("X-Shop", "NO-digit-but-longer-than-most-words"),
        ("X-Forwarded-Access-Token", "abcdefgh"),
        ("Trace-Token", "abcdefgh"),
        ("apikey", "c0ffee00-1111-4222-8333-444455556666"),
    ],
)
def test_what_can_be_a_credential_is_one(name: str, value: str) -> None:
    assert list(credentials_of(name, value))[:1] == [value]


@pytest.mark.parametrize(
    ("name", "value", "inner"),
    [
        ("Proxy-Authorization", "Basic QWxhZGRpbjpvcGVu", "QWxhZGRpbjpvcGVu"),
        ("X-Auth", "Basic Ym9iOmh1bnRlcjJwYXNzOQ==", "bob:hunter2pass9"),
        ("X-Auth", "basic Ym9iOmh1bnRlcjJwYXNzOQ==", "hunter2pass9"),
        ("X-Auth", "Bearer withoutanydigit", "withoutanydigit"),
        ("Cookie", "theme=dark; door=Zz12345678; lang=en", "Zz12345678"),
        ("Signature", 'keyId="me",signature="a1b2c3d4e5"', "a1b2c3d4e5"),
    ],
)
def test_the_credential_inside_a_value_is_one_by_itself(name: str, value: str, inner: str) -> None:
    assert inner in set(credentials_of(name, value))
    assert {"Bearer", "dark", "theme=dark"} & set(credentials_of(name, value)) == set()


@pytest.mark.parametrize("encoded", ["Ym9i", "YWRtaW46a29uZw==", "no!base64", "/////w=="])
def test_of_a_basic_credential_nothing_short_or_unreadable_is_masked(encoded: str) -> None:
    assert {"bob", "kong", "", "admin"} & set(credentials_of("X-Auth", f"Basic {encoded}")) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Debug", "1"),
        ("X-Debug", "true"),
        ("apikey", "kong"),
        ("X-Api-Key", "admin"),
        ("X-Team", "platform"),
        ("X-Env", "production-eu-west-1"),
        ("X-Shop-Type", "application/vnd.shop.orders+json"),
        ("Accept", "application/json, text/event-stream;q=0.5"),
        ("Accept-Language", "de-DE,de;q=0.9,en;q=0.8,fr;q=0.7"),
        ("Content-Type", "application/json"),
        ("User-Agent", "Nightly-Audit/2025.11 (Linux x86_64)"),
        ("X-Forwarded-For", "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("X-Tenant-Id", "9524ec7d-36d9-465d-a8c5-83a3c9390458"),
        ("X-Auth-Type", "oauth2-bearer-only"),
        ("X-Author", "somebody-important"),
        ("X-Auth-Project", "storefront-production"),
        ("X-Control-Plane", "9524ec7d-36d9-465d-a8c5-83a3c9390458"),
        ("X-Control-Plane-Name", "storefront-production-eu-west"),
        ("X-Back", "https://app.example.com/konnect/back"),
    ],
)
def test_ordinary_values_stay_readable(name: str, value: str) -> None:
    assert list(credentials_of(name, value)) == []
    Config(token=TOKEN, headers={name: value})
    assert scrub(f"about {value} here") == f"about {value} here"


@pytest.mark.parametrize(
    "key", ["plainlowercaseword", "c0ffee00-1111-4222-8333-444455556666", "o'br\"ien\\/0815 %"]
)
def test_a_key_is_masked_however_it_is_written(key: str) -> None:
    Config(token=TOKEN, headers={"apikey": key})
    once = json.dumps({"said": key})
    for text in (
        key,
        f"x{key}y",
        once,
        json.dumps({"body": once}),
        repr([key]),
        quote(key, safe=""),
        quote(key),
        escape(key),
        once.replace("/", "\\/"),
    ):
        assert "[redacted]" in scrub(text)
        assert "[redacted]" in masked(text)
        assert key not in str(redact({"note": text, key: [text]}))
