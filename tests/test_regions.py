from __future__ import annotations

import pytest

from konnect_agent import ConfigError
from konnect_agent.regions import parse_regions


def test_several_regions_are_named_with_commas_between() -> None:
    assert parse_regions("us, EU") == {"us": "https://us.mcp.konghq.com/", "eu": "https://eu.mcp.konghq.com/"}


def test_all_regions_are_those_with_an_endpoint_and_global_is_none() -> None:
    assert list(parse_regions("all")) == ["us", "eu", "au", "in"]


def test_a_region_named_twice_is_one() -> None:
    assert list(parse_regions("eu,all,eu")) == ["eu", "us", "au", "in"]


def test_a_region_may_stand_elsewhere_also_one_without_a_documented_endpoint() -> None:
    found = parse_regions("us,me=https://proxy.example/me/?a=b,eu=http://127.0.0.1:8484/")
    assert found["me"] == "https://proxy.example/me/?a=b"
    assert found["eu"] == "http://127.0.0.1:8484/"


@pytest.mark.parametrize("written", ["all,eu=https://a.example/", "eu=https://a.example/,all"])
def test_all_regions_leave_one_where_it_was_said_to_stand(written: str) -> None:
    found = parse_regions(written)
    assert set(found) == {"us", "eu", "au", "in"}
    assert found["eu"] == "https://a.example/"


@pytest.mark.parametrize(
    "written",
    [
        "us=https://a.example/,us=https://b.example/",
        "us,US=https://b.example/",
        "all,eu=https://a.example/,eu",
    ],
)
def test_a_region_at_two_places_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="named twice"):
        parse_regions(written)
    assert parse_regions("us=https://a.example/,us=https://a.example/") == {"us": "https://a.example/"}


@pytest.mark.parametrize("written", ["", "us,", "mars", "us,mars", "us eu", "=https://a.example/"])
def test_what_is_no_region_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="region"):
        parse_regions(written)


@pytest.mark.parametrize("url", ["http://proxy.example/", "nowhere", "https://user:pass@proxy.example/"])
def test_an_address_that_may_not_carry_a_token_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_regions(f"us,eu={url}")
