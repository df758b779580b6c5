"""Token, address and proxy: told before anything is sent, without showing a secret."""

from __future__ import annotations

import pytest

from konnect_agent.config import Config
from konnect_agent.diagnosis import diagnose
from konnect_agent.diagnosis.proxies import is_exempt

from .conftest import failures, skipped_because

pytestmark = pytest.mark.anyio

PAT, SPAT = "kpat_Aaaa0Bbbb1Cccc2", "spat_Dddd3Eeee4Ffff5"
NOWHERE = "https://nowhere.invalid/"


@pytest.mark.parametrize(
    ("token", "kind", "words"),
    [(PAT, "PAT", "personal access token"), (SPAT, "SPAT", "system account token")],
)
async def test_a_token_is_told_by_its_kind_and_where_it_came_from(
    token: str, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECK_KONNECT_TOKEN", token)
    found = (await diagnose(url=NOWHERE))["token"]
    assert (found.status, found.facts) == ("ok", {"kind": kind, "source": "DECK_KONNECT_TOKEN"})
    assert found.seen == f"{words} ({kind}), from DECK_KONNECT_TOKEN"
    given = (await diagnose(token, token_from="the file secret.txt", url=NOWHERE))["token"]
    assert given.seen.endswith("from the file secret.txt")


@pytest.mark.parametrize("token", ["", f"Bearer {PAT}", f"{PAT}\n", "eyJhbGciOi", "$KONNECT_TOKEN", "kpat_-"])
async def test_a_malformed_token_is_a_matter_of_configuration_and_never_shown(token: str) -> None:
    diagnosis = await diagnose(token, url=NOWHERE)
    found = diagnosis["token"]
    assert (found.status, found.family, found.error) == ("failure", "configuration", "ConfigError")
    assert "kpat_..." in found.advice
    assert not token or token.strip() not in diagnosis.model_dump_json()


async def test_a_second_token_that_is_not_used_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONNECT_TOKEN", PAT)
    monkeypatch.setenv("KONNECT_ACCESS_TOKEN", PAT)
    assert (await diagnose(url=NOWHERE))["token"].status == "ok"
    monkeypatch.setenv("KONNECT_SPAT", SPAT)
    found = (await diagnose(url=NOWHERE))["token"]
    assert (found.status, found.facts["unused"]) == ("warning", ["KONNECT_SPAT"])
    assert "KONNECT_TOKEN wins" in found.advice


async def test_an_address_that_cannot_be_one_stops_what_needs_it_and_nothing_else() -> None:
    diagnosis = await diagnose(PAT, region="mars")
    assert failures(diagnosis) == ["address"]
    assert diagnosis.endpoint is None
    assert diagnosis["token"].status == "ok"
    assert {"proxy", "dns", "endpoint", "round_trip"} <= skipped_because(diagnosis, "address")
    assert diagnosis.family == "configuration"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://us.mcp.konghq.com/", "is not an http(s) URL"),
        ("http://us.mcp.konghq.com/", "would send the token unencrypted"),
        ("https://user:geheim@us.mcp.konghq.com/", "carries credentials"),
        (f"https://us.mcp.konghq.com/?token={PAT}", "carries credentials"),
    ],
)
async def test_a_url_that_is_not_fit_for_a_token_is_never_used(url: str, words: str) -> None:
    diagnosis = await diagnose(PAT, url=url)
    assert words in diagnosis["address"].seen
    assert diagnosis.family == "configuration"
    assert diagnosis.endpoint is None
    assert "geheim" not in diagnosis.model_dump_json()
    assert PAT not in diagnosis.model_dump_json()


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("https://eu.mcp.konghq.com/", "ok", "region eu"),
        ("https://global.mcp.konghq.com", "ok", "region global"),
        ("https://me.mcp.konghq.com/", "warning", "me is no region with a documented MCP host"),
        ("https://sg.mcp.konghq.com/", "warning", "sg is no region with a documented MCP host"),
        ("https://mcp.konghq.com/sse", "warning", "no region with a documented MCP host"),
        ("https://eu.mcp.konghq.com/mcp", "warning", "with the path /mcp"),
        ("https://eu.api.konghq.com/", "warning", "a host of the REST API"),
        ("https://gateway.invalid/konnect", "ok", "not one of Kong's own hosts"),
        ("http://127.0.0.1:1/", "ok", "plain http, which stays on this machine"),
    ],
)
async def test_an_address_is_compared_with_kongs_documented_hosts(
    url: str, status: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")  # so that nobody out there is asked
    found = (await diagnose(PAT, url=url))["address"]
    assert found.status == status
    assert words in found.seen
    assert bool(found.advice) is (status == "warning")


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({}, "the default"),
        ({"KONNECT_REGION": "eu"}, "from KONNECT_REGION"),
        ({"KONGCTL_DEFAULT_KONNECT_REGION": "au"}, "from KONGCTL_DEFAULT_KONNECT_REGION"),
        ({"KONNECT_MCP_URL": NOWHERE, "KONNECT_REGION": "eu"}, "from KONNECT_MCP_URL"),
        ({"DECK_KONNECT_MCP_HOST": "in.mcp.konghq.com"}, "from DECK_KONNECT_MCP_HOST"),
    ],
)
async def test_the_address_is_the_one_every_command_would_use_and_its_origin_is_named(
    settings: dict[str, str], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    diagnosis = await diagnose(PAT)
    assert diagnosis.endpoint == Config.from_env({**settings, "KONNECT_TOKEN": PAT}).url
    assert diagnosis["address"].facts["source"] == source


async def test_a_proxy_is_named_with_its_variable_and_without_its_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://edgar:geheim@127.0.0.1:1")
    diagnosis = await diagnose(PAT, url=NOWHERE)
    assert diagnosis["proxy"].seen == "http://[redacted]@127.0.0.1:1, from HTTPS_PROXY"
    assert "geheim" not in diagnosis.model_dump_json()
    assert "edgar" not in diagnosis.model_dump_json()


async def test_small_letters_and_the_scheme_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3")
    assert (await diagnose(PAT, url=NOWHERE))["proxy"].seen == "http://127.0.0.1:3, from ALL_PROXY"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:2")
    monkeypatch.setenv("https_proxy", "127.0.0.1:1")
    assert (await diagnose(PAT, url=NOWHERE))["proxy"].seen == "http://127.0.0.1:1, from https_proxy"
    monkeypatch.setenv("NO_PROXY", "elsewhere.example, nowhere.invalid")
    assert (await diagnose(PAT, url=NOWHERE))["proxy"].seen == "none for this URL"


@pytest.mark.parametrize("written", ["gopher://proxy", "http://", "http://[half:1", "http://proxy:many"])
async def test_what_is_no_proxy_is_a_matter_of_configuration(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", written)
    diagnosis = await diagnose(PAT, url=NOWHERE)
    assert failures(diagnosis) == ["proxy"]
    assert "HTTPS_PROXY" in diagnosis["proxy"].seen
    assert diagnosis.family == "configuration"


@pytest.mark.parametrize(
    ("host", "exceptions", "exempt"),
    [
        ("eu.mcp.konghq.com", "konghq.com", True),
        ("eu.mcp.konghq.com", ".konghq.com", True),
        ("eu.mcp.konghq.com", "*.konghq.com", True),
        ("konghq.com", ".konghq.com", False),
        ("notkonghq.com", "konghq.com", False),
        ("eu.mcp.konghq.com", " other , EU.mcp.KongHQ.com", True),
        ("eu.mcp.konghq.com", "*", True),
        ("eu.mcp.konghq.com", "", False),
        ("localhost", "localhost", True),
        ("a.localhost", "localhost", False),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.0.0.0/8", False),
        ("::1", "[::1]", True),
        ("::1", "::/64", True),
    ],
)
async def test_exceptions_are_read_as_the_http_library_reads_them(
    host: str, exceptions: str, exempt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2

    assert is_exempt(host, exceptions) is exempt
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", exceptions)
    authority = f"[{host}]" if ":" in host else host
    async with httpx2.AsyncClient() as client:
        own = client._transport_for_url(httpx2.URL(f"https://{authority}/"))  # pyright: ignore[reportPrivateUsage]
        assert (own is client._transport) is exempt  # pyright: ignore[reportPrivateUsage]
