"""Where a token may go."""

from __future__ import annotations

import pytest

from konnect_agent.applying import Target, admin_api, apply, konnect_api
from konnect_agent.errors import ConfigError, HttpError
from konnect_agent.gateway.passthrough import API_REGIONS

from .applied import WANTED, failing, outcomes, yes
from .stand_in import CONTROL_PLANE, KONNECT_TOKEN, StandIn


@pytest.mark.parametrize("region", API_REGIONS)
def test_the_api_of_a_region_gets_the_token(region: str) -> None:
    target = konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=f"https://{region}.api.konghq.com")
    assert target.base.startswith(f"https://{region}.api.konghq.com/v2/")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.evil.com.api.konghq.com",
        "https://.api.konghq.com",
        "https://evil.com\\.api.konghq.com",
        "https://mars.api.konghq.com",
        "https://api.konghq.com",
        "http://us.api.konghq.com",
    ],
)
def test_nobody_else_gets_it(url: str) -> None:
    with pytest.raises(ConfigError):
        konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=url)


@pytest.fixture
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no host a proxy is not for."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.anyio
async def test_this_machine_is_never_asked_through_a_proxy(
    stand_in: StandIn, target: Target, no_exceptions: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        no_exceptions.setenv(name, "http://127.0.0.1:1")
    assert {outcome for outcome, _ in outcomes(await apply(WANTED, to=target, confirm=yes))} == {"created"}


@pytest.mark.anyio
async def test_other_machines_are_asked_through_the_proxy_of_the_environment(
    stand_in: StandIn, no_exceptions: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        no_exceptions.setenv(name, stand_in.url)
    # There is no such host: an answer at all, here that of no proxy, shows who was asked.
    await failing(WANTED, admin_api("http://kong-admin:8001"), HttpError)


@pytest.mark.anyio
async def test_a_proxy_of_no_use_is_a_mistake_in_the_environment(no_exceptions: pytest.MonkeyPatch) -> None:
    no_exceptions.setenv("ALL_PROXY", "nonsense://proxy")
    error = await failing(WANTED, admin_api("http://kong-admin:8001"), ConfigError)
    assert "ALL_PROXY" in error.hint
