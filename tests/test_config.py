from __future__ import annotations

import copy
import traceback
from typing import Any

import pytest

from konnect_agent import Config, ConfigError, Konnect, Region
from konnect_agent.config import TOKEN_VARIABLES
from konnect_agent.regions import check_url, parse_region

TOKEN = "kpat_0123456789abcdefABCDEF"
SPAT = "spat_0123456789abcdefABCDEF"


def refused(**settings: Any) -> ConfigError:
    """The error for settings that cannot work."""
    with pytest.raises(ConfigError) as caught:
        Config.build(environ={}, **settings)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("token", [TOKEN, SPAT, "kpat_a.b~c/d+e=f-g_h"])
def test_personal_and_system_account_tokens_are_accepted(token: str) -> None:
    assert Config.build(token, environ={}).token == token


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "No Konnect token"),
        ("Bearer kpat_0123456789abcdef", "Bearer"),
        ("bearer kpat_0123456789abcdef", "Bearer"),
        ("Bearer", "Bearer"),
        (f" {TOKEN}", "white space"),
        (f"{TOKEN}\n", "white space"),
        ("kpat_01234 56789abcdef", "white space"),
        (f"'{TOKEN}'", "quoted"),
        ("$KONNECT_TOKEN", "placeholder"),
        ("<your-token-0123456789>", "placeholder"),
        ("kpat_0123456789abcdéf", "characters no token has"),
        ("kpat_0123456789\x00abcdef", "characters no token has"),
        ("0123456789abcdef01234567", "neither kpat_ nor spat_"),
        ("KPAT_0123456789abcdef", "neither kpat_ nor spat_"),
        ("kpat_", "is no token"),
        ("kpat_...", "is no token"),
        ("kpat_0123456789;abcdef", "is no token"),
    ],
)
def test_a_malformed_token_is_refused_and_never_printed(token: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Konnect(token, url="https://eu.mcp.konghq.com/")
    error = caught.value
    assert reason in str(error)
    shown = "".join(traceback.format_exception(error)) + repr(error) + error.hint + repr(error.__dict__)
    assert len(token) < 12 or token.strip() not in shown
    assert "0123456789" not in shown


def test_a_good_token_is_never_printed_either() -> None:
    config = Config.build(TOKEN, environ={}, headers={"X-Team": "secret-team"})
    konnect = Konnect(config=config)
    for shown in (
        repr(config),
        str(config),
        f"{config}",
        repr(konnect),
        str(konnect),
        repr(copy.copy(config)),
    ):
        assert TOKEN not in shown
        assert "secret-team" not in shown
    assert config.url in repr(konnect)


def test_tokens_are_looked_for_in_the_documented_order() -> None:
    environ = {name: f"kpat_{number}" for number, name in enumerate(TOKEN_VARIABLES)}
    for number, name in enumerate(TOKEN_VARIABLES):
        assert Config.from_env(environ).token == f"kpat_{number}"
        del environ[name]
    with pytest.raises(ConfigError, match="No Konnect token") as caught:
        Config.from_env(environ)
    assert "KONNECT_TOKEN" in caught.value.hint


def test_an_explicit_token_wins_over_the_environment_even_an_empty_one() -> None:
    environ = {"KONNECT_TOKEN": TOKEN}
    assert Config.build(SPAT, environ=environ).token == SPAT
    with pytest.raises(ConfigError, match="No Konnect token"):
        Config.build("", environ=environ)


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Config.from_env({"KONNECT_TOKEN": "", "KONNECT_SPAT": SPAT, "KONNECT_REGION": ""}).token == SPAT


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://us.mcp.konghq.com/"),
        ({"KONNECT_REGION": "eu"}, "https://eu.mcp.konghq.com/"),
        ({"KONGCTL_DEFAULT_KONNECT_REGION": "AU"}, "https://au.mcp.konghq.com/"),
        ({"KONNECT_REGION": "in", "KONGCTL_DEFAULT_KONNECT_REGION": "au"}, "https://in.mcp.konghq.com/"),
        ({"KONNECT_MCP_URL": "https://mcp.example/", "KONNECT_REGION": "eu"}, "https://mcp.example/"),
        ({"DECK_KONNECT_MCP_HOST": "mcp.example"}, "https://mcp.example/"),
        ({"DECK_KONNECT_MCP_HOST": "https://mcp.example/x"}, "https://mcp.example/x"),
    ],
)
def test_the_endpoint_comes_from_the_environment(environ: dict[str, str], url: str) -> None:
    assert Config.from_env({"KONNECT_TOKEN": TOKEN, **environ}).url == url


def test_arguments_win_over_the_environment() -> None:
    environ = {"KONNECT_MCP_URL": "https://mcp.example/", "KONNECT_REGION": "au"}
    assert Config.build(TOKEN, region="eu", environ=environ).url == Region.EU.url
    assert Config.build(TOKEN, region=Region.GLOBAL, environ=environ).url == "https://global.mcp.konghq.com/"
    assert Config.build(TOKEN, url="https://other.example/", environ=environ).url == "https://other.example/"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONNECT_TOKEN", TOKEN)
    monkeypatch.setenv("KONNECT_REGION", "eu")
    monkeypatch.delenv("KONNECT_MCP_URL", raising=False)
    assert Konnect.from_env().config == Konnect(region="eu").config == Konnect(TOKEN, region="eu").config


def test_a_region_and_a_url_exclude_each_other() -> None:
    assert "Both" in str(refused(token=TOKEN, region="eu", url="https://eu.mcp.konghq.com/"))


def test_a_config_and_single_settings_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="Both"):
        Konnect(TOKEN, config=Config(TOKEN))


@pytest.mark.parametrize("name", ["US", " eu ", "Au", "in", "global"])
def test_a_region_is_found_in_any_case(name: str) -> None:
    assert parse_region(name).url == f"https://{name.strip().lower()}.mcp.konghq.com/"


@pytest.mark.parametrize(
    "name", ["me", "sg", "eu-west-1", "us.mcp.konghq.com", "https://eu.mcp.konghq.com/", "✈"]
)
def test_a_region_without_a_documented_endpoint_is_refused_with_the_known_ones(name: str) -> None:
    error = refused(token=TOKEN, region=name)
    assert all(region in error.hint for region in Region)
    assert "url=" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://eu.mcp.konghq.com/", "https://mcp.example:8443/kong?tenant=a", "http://127.0.0.1:8080/",
        "http://localhost/", "http://konnect.localhost:9/", "http://[::1]:8080/", "https://münchen.example/",
    ],
)  # fmt: skip
def test_https_anywhere_and_http_to_this_machine_are_fine(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://mcp.example/",
        "http://10.0.0.1/",
        "http://127.0.0.1.nip.io/",
        "http://0.0.0.0/",
        "http://localhost.evil.example/",
    ],
)
def test_plain_http_to_elsewhere_is_refused_unless_allowed(url: str) -> None:
    assert "unencrypted" in str(refused(token=TOKEN, url=url))
    assert Config.build(TOKEN, url=url, allow_insecure=True, environ={}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "eu", "eu.mcp.konghq.com", "ftp://mcp.example/", "https://", "https:///x", "//mcp.example/", "https://[::1",
        "https://mcp.example:port/", "https://mcp.example:99999/", "https://mcp.example/ x", "https://mcp.example/\n",
        "https://mcp.example/\x7f", " https://mcp.example/",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused(url: str) -> None:
    assert "not an http(s) URL" in str(refused(token=TOKEN, url=url))


@pytest.mark.parametrize(
    "url",
    [
        f"https://{TOKEN}@mcp.example/",
        "https://user:hunter2@mcp.example/",
        f"https://mcp.example/?t={SPAT}",
        f"https://mcp.example/{TOKEN}/",
        "ftp://u:hunter2@h/",
    ],
)
def test_a_url_with_credentials_is_refused_without_showing_them(url: str) -> None:
    error = refused(token=TOKEN, url=url)
    assert "credentials" in str(error)
    assert not any(secret in f"{error} {error.hint}" for secret in (TOKEN, SPAT, "hunter2"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connect_timeout", 0), ("idle_timeout", -1), ("call_timeout", float("nan")), ("deadline", 0),
        ("max_wait", 0), ("time_scale", 0), ("max_attempts", 0), ("max_in_flight", 0),
        ("max_response_bytes", 0), ("first_wait", -0.1), ("first_wait", float("nan")),
    ],
)  # fmt: skip
def test_limits_that_cannot_work_are_refused_by_name(name: str, value: float) -> None:
    assert str(refused(token=TOKEN, **{name: value})).startswith(f"{name} must be ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_in_flight", "4"), ("max_in_flight", 1.5), ("connect_timeout", None), ("deadline", "300"),
        ("max_attempts", True), ("url", 5), ("headers", ["a"]), ("headers", {1: "a"}),
    ],
)  # fmt: skip
def test_settings_of_another_type_are_refused(name: str, value: Any) -> None:
    assert name.lower() in str(refused(**{"token": TOKEN, name: value})).lower()


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION "])
def test_the_authorization_header_is_ours(name: str) -> None:
    assert "Authorization" in str(refused(token=TOKEN, headers={name: f"Bearer {SPAT}"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Team", "secret\r\nteam"), ("X-Team", "sécret"), ("X-Team", None), ("Content-Length", "secret")],
)
def test_a_header_that_http_cannot_carry_is_refused_without_its_value(name: str, value: Any) -> None:
    error = refused(token=TOKEN, headers={name: value})
    assert name in str(error)
    assert "cret" not in str(error)


@pytest.mark.parametrize("name", ['{"apikey"', "api key", " apikey", "", "apikey:", "naïve"])
def test_a_name_that_no_header_has_is_refused_and_named(name: str) -> None:
    assert repr(name) in str(refused(token=TOKEN, headers={name: "secret"}))


@pytest.mark.parametrize("value", [" secret", "secret ", "\tsecret"])
def test_a_value_with_blanks_around_it_is_refused_without_it(value: str) -> None:
    error = str(refused(token=TOKEN, headers={"apikey": value}))
    assert ("apikey" in error, "secret" in error) == (True, False)


def test_headers_that_every_client_sends_are_taken() -> None:
    headers = {"X-Team": 'a, b; c="d"', "x_team.2": "", "ETag!#$%&'*+-^`|~": "é".encode().hex()}
    assert dict(Config(token=TOKEN, headers=headers).headers) == headers


def test_one_header_is_not_given_twice() -> None:
    error = str(refused(token=TOKEN, headers={"apikey": "secret", "APIKEY": "cret"}))
    assert ("APIKEY is given twice" in error, "cret" in error) == (True, False)
    for second in ("apikey: cret", "ApiKey: cret"):
        with pytest.raises(ConfigError, match="given twice") as caught:
            Config.build(TOKEN, environ={**GATEWAY, "KONNECT_MCP_HEADERS": f"apikey: secret\n{second}"})
        assert "cret" not in f"{caught.value!r} {caught.value.hint}"


def test_a_config_error_is_a_value_error_and_nothing_was_sent() -> None:
    assert isinstance(refused(token="nonsense"), ValueError)


GATEWAY = {
    "KONNECT_MCP_URL": "https://gateway.example/mcp",
    "KONNECT_MCP_HEADERS": "apikey: of:the gateway\n X-Team:a",
}


def test_headers_of_the_environment_go_to_the_url_of_the_environment() -> None:
    config = Config.build(TOKEN, environ=GATEWAY)
    assert dict(config.headers) == {"apikey": "of:the gateway", "X-Team": "a"}
    assert "of:the gateway" not in repr(config)
    assert dict(Config.build(TOKEN, environ=GATEWAY, headers={"X-Own": "b"}).headers) == {"X-Own": "b"}


@pytest.mark.parametrize("where", [{"region": "eu"}, {"url": "https://other.example/"}])
def test_headers_of_the_environment_go_nowhere_else(where: dict[str, str]) -> None:
    assert Config.build(TOKEN, environ=GATEWAY, **where).headers == {}
    assert Config.build(TOKEN, environ={**GATEWAY, "KONNECT_MCP_URL": ""}).headers == {}


@pytest.mark.parametrize("lines", ["secret-key", "apikey:", ": secret-key", "apikey: a\nsecret-key"])
def test_a_line_that_is_no_header_is_refused_and_not_shown(lines: str) -> None:
    with pytest.raises(ConfigError, match="KONNECT_MCP_HEADERS") as caught:
        Config.build(TOKEN, environ={**GATEWAY, "KONNECT_MCP_HEADERS": lines})
    assert "secret-key" not in f"{caught.value} {caught.value.hint}"
