"""Several regions at once: each by itself, and none at the cost of another."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any

import jsonschema
import pytest

from konnect_agent import Config, ConfigError, ConfirmationDeclined, Konnect
from konnect_agent.errors import REGION_HINT
from konnect_agent.sandbox import DEFAULT_TOKEN, Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import (
    AuditResult,
    RegionsReport,
    Report,
    analyze_consumers,
    audit_configuration,
    debug_performance,
    in_regions,
    investigate_alert,
    investigate_endpoint,
)

pytestmark = pytest.mark.anyio
NOWHERE = "http://127.0.0.1:1/"
"""Nobody may listen on port 1."""


def config(url: str) -> Config:
    return Config(DEFAULT_TOKEN, url=url, max_attempts=1)


def serving(*paths: str) -> Callable[[Draft], None]:
    """Drafts a control plane with a route for each path."""

    def write(draft: Draft) -> None:
        draft.service("api", "api.example")
        for number, path in enumerate(paths):
            draft.route(f"route-{number}", "api", path)

    return write


@pytest.fixture
def us(world_of: Callable[..., World]) -> Generator[Sandbox]:
    with Sandbox(world=world_of(orders=serving("/orders", "/users"))) as sandbox:
        yield sandbox


@pytest.fixture
def eu(world_of: Callable[..., World]) -> Generator[Sandbox]:
    with Sandbox(world=world_of(billing=serving("/orders"))) as sandbox:
        yield sandbox


@pytest.fixture
def empty(world_of: Callable[..., World]) -> Generator[Sandbox]:
    with Sandbox(world=world_of()) as sandbox:
        yield sandbox


async def test_each_region_has_its_own_report_as_if_it_were_the_only_one(us: Sandbox, eu: Sandbox) -> None:
    report = await in_regions({"us": config(us.url), "eu": config(eu.url)}, audit_configuration)

    assert (report.pattern, report.status, report.hints) == ("audit_configuration", "complete", {})
    assert report.coverage.complete
    assert list(report.regions) == ["us", "eu"]
    for name, sandbox in (("us", us), ("eu", eu)):
        async with Konnect(config=config(sandbox.url)) as konnect:
            alone = await audit_configuration(konnect)
        own = report.regions[name]
        assert (own.result, own.coverage, own.endpoint) == (alone.result, alone.coverage, alone.endpoint)
    assert [each.control_planes[0].name for each in (r.result for r in report.regions.values())] == [
        "orders",
        "billing",
    ]


async def test_a_region_that_cannot_be_reached_costs_the_others_nothing(us: Sandbox) -> None:
    report = await in_regions({"au": config(NOWHERE), "us": config(us.url)}, audit_configuration)

    assert report.status == "incomplete"
    assert report.regions["us"].status == "complete"
    lost = report.regions["au"]
    assert (lost.status, lost.endpoint, lost.error and lost.error.type) == ("failed", NOWHERE, "Unreachable")
    assert not report.coverage.complete
    (missing,) = report.coverage.missing
    assert (missing.what, missing.error) == ("the region au", lost.error)


async def test_what_a_region_did_not_see_is_told_with_its_name(
    us: Sandbox, world_of: Callable[..., World]
) -> None:
    with Sandbox(world=world_of(hidden=serving("/x"), open=serving("/y")), forbidden=["hidden"]) as partly:
        report = await in_regions({"us": config(us.url), "eu": config(partly.url)}, audit_configuration)
    assert report.status == "incomplete"
    assert {each.what for each in report.coverage.missing} == {
        "eu: services", "eu: routes", "eu: plugins", "eu: consumers", "eu: vaults",
    }  # fmt: skip


async def test_no_region_at_all_is_a_failure_with_every_reason() -> None:
    report = await in_regions({"us": config(NOWHERE), "eu": config(NOWHERE)}, audit_configuration)
    assert report.status == "failed"
    assert [each.what for each in report.coverage.missing] == ["the region us", "the region eu"]


async def test_nothing_there_is_an_answer_that_hints_at_the_region(us: Sandbox, eu: Sandbox) -> None:
    report = await in_regions(
        {"us": config(us.url), "eu": config(eu.url)}, investigate_endpoint, "/users", method="GET"
    )
    assert report.status == "complete"
    assert report.coverage.complete
    route = report.regions["us"].result.route
    assert route is not None
    assert route.name == "route-1"
    assert report.regions["eu"].error is not None
    assert report.regions["eu"].error.type == "NoMatch"
    assert report.hints == {"eu": REGION_HINT}


async def test_a_region_without_control_planes_is_hinted_at_too(us: Sandbox, empty: Sandbox) -> None:
    report = await in_regions({"us": config(us.url), "in": config(empty.url)}, audit_configuration)
    assert report.status == "complete"
    assert report.hints == {"in": REGION_HINT}


async def test_nothing_anywhere_is_a_failure(us: Sandbox, eu: Sandbox) -> None:
    report = await in_regions({"us": config(us.url), "eu": config(eu.url)}, investigate_endpoint, "/nothing")
    assert report.status == "failed"
    assert list(report.hints) == ["us", "eu"]


async def test_nothing_is_looked_up_in_another_region(us: Sandbox, eu: Sandbox) -> None:
    plane = us.world.control_planes[0]
    report = await in_regions(
        {"us": config(us.url), "eu": config(eu.url)}, analyze_consumers, plane.name, top=1
    )
    assert report.regions["us"].error is None
    assert report.regions["eu"].error is not None
    assert plane.id not in str([call.arguments for call in eu.ledger.calls])


async def test_what_may_start_a_debug_session_runs_in_one_region(us: Sandbox, eu: Sandbox) -> None:
    regions = {"us": config(us.url), "eu": config(eu.url)}
    with pytest.raises(ConfigError, match=r"debug_performance .* one region"):
        await in_regions(regions, debug_performance, "orders", confirm=lambda _: True)
    with pytest.raises(ConfigError, match=r"investigate_alert .* one region"):
        await in_regions(regions, investigate_alert, "an-id", confirm=lambda _: True)
    with pytest.raises(ConfigError, match="No region"):
        await in_regions({}, audit_configuration)
    assert us.ledger.http == eu.ledger.http == {}


async def test_an_error_that_comes_from_no_workflow_is_the_callers(us: Sandbox) -> None:
    async def plain(konnect: Konnect) -> Report[AuditResult]:
        raise ConfirmationDeclined("mine")

    with pytest.raises(ConfirmationDeclined, match="mine"):
        await in_regions({"us": config(us.url)}, plain)


async def test_the_report_and_every_part_of_it_obey_their_schemas(us: Sandbox, empty: Sandbox) -> None:
    regions = {"us": config(us.url), "eu": config(empty.url), "au": config(NOWHERE)}
    report = await in_regions(regions, audit_configuration)
    data: dict[str, Any] = json.loads(report.model_dump_json())
    jsonschema.validate(data, RegionsReport[AuditResult].model_json_schema(mode="serialization"))
    own = Report[AuditResult].model_json_schema(mode="serialization")
    for name, part in data["regions"].items():
        jsonschema.validate(part, own)
        assert part == json.loads(report.regions[name].model_dump_json())
