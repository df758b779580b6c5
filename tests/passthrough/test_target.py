"""Where a Konnect token may go."""

from __future__ import annotations

import pytest

from konnect_agent.applying import konnect_api
from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import API_REGIONS

from .stand_in import CONTROL_PLANE, KONNECT_TOKEN


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
