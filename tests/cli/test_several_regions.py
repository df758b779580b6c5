"""`--region us,eu`: one report, and the worst exit status that any region justifies."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import jsonschema
import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Here
from .shell import TOKEN, environment, finished


@pytest.fixture(scope="module")
def other(world: World) -> Generator[Sandbox]:
    """A region in which one control plane may not be read."""
    with Sandbox(world=world, token=TOKEN, forbidden=["payments-production"]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def barren() -> Generator[Sandbox]:
    """A region without control planes."""
    with Sandbox(world=World(seed=1, now=World.story(7).now, control_planes=()), token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def places(served: Sandbox, other: Sandbox, barren: Sandbox, sandbox: Sandbox) -> Mapping[str, str]:
    """Regions of every kind; the closed one knows another token."""
    gone = f"{served.url}nothing-here"
    return {
        "good": served.url, "partly": other.url, "barren": barren.url, "gone": gone, "closed": sandbox.url,
    }  # fmt: skip


def regions(**urls: str) -> tuple[str, str]:
    return "--region", ",".join(f"{name}={url}" for name, url in urls.items())


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_a_report_has_one_part_per_region(served: Sandbox, barren: Sandbox, form: str) -> None:
    outcome = finished(
        "endpoint", "/api/users", *regions(us=served.url, eu=barren.url), "--format", form,
        env=environment(KONNECT_TOKEN=TOKEN),
    )  # fmt: skip
    assert outcome.returncode == 0
    if form == "json":
        data = json.loads(outcome.stdout)
        assert list(data["regions"]) == ["us", "eu"]
        assert data["regions"]["us"]["result"]["route"]["name"]
        assert "Nothing crosses regions" in data["hints"]["eu"]
    else:
        for part in ("in 2 regions", "us · complete", "eu · nothing there", "Nothing crosses regions"):
            assert part in outcome.stdout
    assert "nothing in eu: " in outcome.stderr


@pytest.mark.parametrize(
    "case",
    [
        (("audit",), ("good", "good"), 0),
        (("audit", "--fail-on", "high"), ("good", "barren"), 1),
        (("audit", "--require-complete"), ("good", "partly"), 7),
        (("audit", "--require-complete", "--fail-on", "high"), ("good", "partly"), 1),
        (("audit", "--fail-on", "high"), ("good", "gone"), 4),
        (("audit", "--fail-on", "high"), ("good", "closed", "gone"), 3),
        (("endpoint", "/api/users"), ("good", "barren"), 0),
        (("endpoint", "/nowhere"), ("good", "good"), 5),
        (("endpoint", "/api/users"), ("gone", "barren"), 4),
        (("consumers", "--control-plane", "storefront-production"), ("good", "barren"), 0),
        (("audit",), ("gone", "gone"), 4),
    ],
)
def test_the_exit_status_is_the_worst_that_is_justified(
    here: Here,
    served: Sandbox,
    places: Mapping[str, str],
    case: tuple[Sequence[str], Sequence[str], int],
) -> None:
    command, names, status = case
    named = {f"{name}{number}": places[name] for number, name in enumerate(names)}
    outcome = here(*command, *regions(**named), "--format", "json", at=served)
    assert outcome.status == status
    assert list(json.loads(outcome.out)["regions"]) == list(named)
    for name in named:
        if "gone" in name or "closed" in name:
            assert f"error in {name}: " in outcome.err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("audit", "--region", "us,mars"), "'mars' is not a region"),
        (("audit", "--region="), "'' is not a region"),
        (("tools", "--region="), "'' is not a region"),
        (("tools", "--region", "us,US"), "No Konnect token was given"),
        (("endpoint", "/x", "--region", "us=https://a.example/,us=https://b.example/"), "us is named twice"),
        (
            ("tools", "--region", "eu=https://a.example/", "--url", "https://b.example/"),
            "Both a region and a URL",
        ),
        (("audit", "--region", "us,eu", "--generation", "spring"), "there is no --sandbox"),
        (("audit", "--region", "us,eu", "--url", "https://a.example/"), "--url is for one region"),
        (("audit", "--region", "us,eu", "--sandbox"), "--sandbox is for one region"),
        (("audit", "--region", "us,eu", "--record", "run.jsonl"), "--record is for one region"),
        (
            ("debug", "--region", "us,eu", "--yes"),
            "One region at a time: a debug session belongs to one control plane",
        ),
        (("alert", "an-id", "--region", "all"), "One region at a time: an alert is one region's"),
        (("tools", "--region", "us,eu"), "us, eu are several regions, and this command asks in one"),
        (("schema", "debug_performance", "--regions"), "debug_performance runs in one region"),
    ],
)
def test_what_cannot_be_is_refused_before_connecting(here: Here, command: Sequence[str], told: str) -> None:
    outcome = here(*command)
    assert (outcome.status, outcome.out) == (2, "")
    assert told in outcome.err


def test_without_a_token_no_region_is_asked(here: Here) -> None:
    outcome = here("audit", "--region", "us,eu")
    assert (outcome.status, outcome.out) == (2, "")
    assert "No Konnect token was given" in outcome.err


@pytest.mark.parametrize("more", [(), ("--token-file", "nowhere.txt")])
def test_a_run_that_no_region_began_leaves_the_report_of_each(here: Here, more: Sequence[str]) -> None:
    outcome = here("audit", "--region", "us,eu", "--format", "json", *more)
    report = json.loads(outcome.out)
    assert (outcome.status, report["status"], list(report["regions"])) == (2, "failed", ["us", "eu"])
    assert {each["error"]["type"] for each in report["regions"].values()} == {"ConfigError"}
    jsonschema.validate(report, json.loads(here("schema", "audit_configuration", "--regions").out))


@pytest.mark.parametrize("wrong", ["us,mars", "us,eu=nowhere", "all,mars"])
def test_a_mistake_among_several_regions_leaves_the_report_of_each(here: Here, wrong: str) -> None:
    outcome = here("audit", "--region", wrong, "--format", "json")
    report = json.loads(outcome.out)
    assert (outcome.status, report["status"]) == (2, "failed")
    assert {"us", "mars"} >= set(report["regions"]) - {"eu", "au", "in"}
    assert {each["error"]["type"] for each in report["regions"].values()} == {"ConfigError"}
    jsonschema.validate(report, json.loads(here("schema", "audit_configuration", "--regions").out))


def test_a_secret_that_stands_for_a_region_is_in_no_report(here: Here) -> None:
    outcome = here("audit", "--region", f"us,{TOKEN}", "--format", "json")
    assert (outcome.status, len(json.loads(outcome.out)["regions"])) == (2, 2)


def test_one_region_named_twice_is_one(here: Here, served: Sandbox) -> None:
    twice = ("--region", f"me={served.url},me={served.url}")
    outcome = here("endpoint", "/api/users", *twice, "--format", "json", at=served)
    assert (outcome.status, json.loads(outcome.out)["endpoint"]) == (0, served.url)
    assert here("tools", *twice, at=served).status == 0


def test_only_what_runs_in_several_regions_says_so(here: Here) -> None:
    for command in ("endpoint", "consumers", "audit"):
        assert "us,eu" in here(command, "--help").out
    for command in ("doctor", "tools", "debug", "alert"):
        told = here(command, "--help").out
        assert "--region" in told
        assert "us,eu" not in told


def test_what_runs_in_one_region_leaves_its_own_report_when_several_are_named(here: Here) -> None:
    report = json.loads(here("debug", "--region", "us,eu", "--yes", "--format", "json").out)
    assert (report["status"], report["error"]["type"]) == ("failed", "ConfigError")
    jsonschema.validate(report, json.loads(here("schema", "debug_performance").out))


def test_one_region_with_an_address_is_like_any_other(here: Here, served: Sandbox) -> None:
    outcome = here("endpoint", "/api/users", *regions(me=served.url), "--format", "json", at=served)
    assert outcome.status == 0
    assert json.loads(outcome.out)["endpoint"] == served.url


def test_a_region_that_failed_is_told_beside_what_the_others_found(here: Here, served: Sandbox) -> None:
    named = regions(au=f"{served.url}nothing-here", us=served.url)
    outcome = here("endpoint", "/api/users", *named, at=served)
    assert outcome.status == 4
    assert "error in au: connect: HTTP 404: there is no MCP endpoint at this URL" in outcome.err
    for part in ("incomplete", "au · failed", "us · complete", "rate-limiting"):
        assert part in outcome.out


def test_a_baseline_has_the_findings_of_every_region(here: Here, served: Sandbox, tmp_path: Path) -> None:
    known, both = str(tmp_path / "known.json"), regions(us=served.url, eu=served.url)
    assert here("audit", *both, "--write-baseline", known, at=served).status == 0
    assert here("audit", *both, "--baseline", known, "--fail-on", "info", at=served).status == 0


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("audit_configuration", ("audit",)),
        ("investigate_endpoint", ("endpoint", "/api/users")),
        ("analyze_consumers", ("consumers",)),
    ],
)
def test_the_schema_of_the_report_of_several_regions_is_printed(
    here: Here, served: Sandbox, barren: Sandbox, pattern: str, command: Sequence[str]
) -> None:
    schema = json.loads(here("schema", pattern, "--regions").out)
    named = regions(us=served.url, eu=barren.url, au=f"{served.url}nothing-here")
    outcome = here(*command, *named, "--format", "json", at=served)
    jsonschema.validate(json.loads(outcome.out), schema)
