"""What an audit does not see: it costs nothing else, shows in the coverage, and never counts as nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from weakref import ref

import pytest

from konnect_agent import Ambiguous, Forbidden, InvalidArguments, Konnect, NoMatch
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import ControlPlane, Draft
from konnect_agent.sandbox.world import World
from patterns import AuditResult, Report, audit_configuration
from patterns.audit import (
    Problem,
    Rule,
    Severity,
    all_rules,
    rule,
)
from patterns.audit.snapshot import LISTS, Snapshot

from ..handmade import TOKEN, Serve, as_json, refused

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
Arguments = Mapping[str, Any]


def fingerprints(report: Report[AuditResult], *, without: str) -> set[str]:
    """Of the findings in other control planes, as far as they are about one alone."""
    return {
        each.fingerprint
        for each in report.result.findings
        if each.control_plane.name != without and each.rule_id != "KNA080"
    }


async def test_one_forbidden_control_plane_costs_no_other(
    world: World, konnect: Konnect, client: Client
) -> None:
    with Sandbox(world=world, forbidden=("payments-staging",)) as own:
        async with client(own) as limited:
            report = await audit_configuration(limited)
    assert (report.status, report.error) == ("incomplete", None)
    missing = [(entry.what, entry.control_plane, entry.error.type) for entry in report.coverage.missing]
    assert [what for what, _, _ in missing] == list(LISTS)
    assert {(where.name, kind) for _, where, kind in missing if where} == {("payments-staging", "Forbidden")}
    (staging,) = [plane for plane in report.result.control_planes if plane.name == "payments-staging"]
    assert set(staging.counts.model_dump().values()) == {None}
    assert staging.rules_not_run == tuple(each.id for each in all_rules() if isinstance(each, Rule))
    (unseen,) = report.result.summary.unseen
    assert (unseen.control_plane.name, unseen.lists) == ("payments-staging", LISTS)
    everything = await audit_configuration(konnect)
    assert fingerprints(report, without="payments-staging") == fingerprints(
        everything, without="payments-staging"
    )
    assert "payments-staging" not in {finding.control_plane.name for finding in report.result.findings}
    assert [plane.name for plane in report.result.summary.empty] == ["innovation-lab"]


async def test_an_unseen_fellow_keeps_a_member_from_being_called_open(world: World, client: Client) -> None:
    with Sandbox(world=world, forbidden=("fulfilment-returns",)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
    (warehouse,) = [p for p in report.result.control_planes if p.name == "fulfilment-warehouse"]
    waiting = {each.id for each in all_rules() if isinstance(each, Rule) and each.of_group}
    assert set(warehouse.rules_not_run) == waiting
    assert not [
        f for f in report.result.findings if f.rule_id == "KNA001" and f.control_plane.name == warehouse.name
    ]


async def test_a_missing_tool_is_reported_once_and_its_counts_are_unknown(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, hide=("GetVault",)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
    (missing,) = report.coverage.missing
    assert (missing.what, missing.control_plane, missing.error.type) == ("vaults", None, "ToolUnavailable")
    for plane in report.result.control_planes:
        assert plane.counts.vaults is None
        assert plane.group or plane.counts.services is not None
        assert plane.group or set(plane.rules_not_run) == {"KNA011", "KNA013"}
    assert report.result.summary.totals.vaults is None
    assert report.result.summary.totals.plugins


async def test_members_that_cannot_be_seen_are_unknown_and_findings_say_what_depends_on_it(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, forbidden=("fulfilment",)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
    (missing,) = report.coverage.missing
    assert (missing.what, missing.control_plane and missing.control_plane.name) == ("members", "fulfilment")
    (group,) = [plane for plane in report.result.control_planes if plane.group]
    assert group.members is None
    (tracking,) = [f for f in report.result.findings if f.rule_id == "KNA001" and f.entity.name == "tracking"]
    assert "may not hold if the control plane is a member of fulfilment" in tracking.message


async def test_a_list_that_was_cut_is_counted_so_far_and_nothing_is_concluded_from_it(serve: Serve) -> None:
    services = [{"id": "s", "name": "users", "host": "users.example.com", "protocol": "http"}]
    routes = [{"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}]
    server = serve(
        {
            "GetControlPlane": as_json([{"id": "cp", "name": "one"}]),
            "GetService": as_json({"services": services}),
            "GetRoute": as_json({"routes": routes}),
            "GetPlugin": as_json({"plugins": [], "meta": {"page": {"has_more": True}}}),
            "GetConsumer": as_json([]),
            "GetVault": as_json([]),
        }
    )
    async with Konnect(token=TOKEN, url=server.url) as konnect:
        report = await audit_configuration(konnect)
    assert (report.status, report.coverage.truncated) == ("incomplete", ("plugins of one",))
    (plane,) = report.result.control_planes
    assert (plane.counts.plugins, plane.counts.services) == (0, 1)
    assert "KNA001" in plane.rules_not_run
    assert [finding.rule_id for finding in report.result.findings] == ["KNA020"]


async def test_one_broken_list_costs_only_what_needs_it(serve: Serve) -> None:
    def plugins(arguments: Arguments) -> Any:
        return refused("exploded") if arguments["control_plane_id"] == "one" else as_json([])

    service = {"id": "s", "name": "users", "host": "users.example.com", "protocol": "http"}
    server = serve(
        {
            "GetControlPlane": as_json([{"id": "one", "name": "one"}, {"id": "two", "name": "two"}]),
            "GetService": as_json([service]),
            "GetRoute": as_json([]),
            "GetPlugin": plugins,
            "GetConsumer": as_json([]),
            "GetVault": as_json([]),
        }
    )
    async with Konnect(token=TOKEN, url=server.url, max_attempts=1) as konnect:
        report = await audit_configuration(konnect)
    one, two = report.result.control_planes
    assert (one.counts.plugins, two.counts.plugins) == (None, 0)
    assert [(entry.what, entry.error.type) for entry in report.coverage.missing] == [("plugins", "ToolError")]
    found = {(finding.rule_id, finding.control_plane.name) for finding in report.result.findings}
    assert found == {("KNA020", "one"), ("KNA020", "two"), ("KNA064", "one"), ("KNA064", "two")}


async def test_when_nothing_at_all_can_be_seen_the_reason_is_raised(world: World, client: Client) -> None:
    with Sandbox(world=world, forbidden=tuple(plane.name for plane in world.control_planes)) as own:
        async with client(own) as konnect:
            with pytest.raises(Forbidden) as caught:
                await audit_configuration(konnect)
    report = caught.value.report
    assert (report.status, report.coverage.complete) == ("failed", False)
    assert len(report.result.control_planes) == len(world.control_planes)
    assert report.result.control_planes[0].counts.services is None


async def test_a_name_that_leads_nowhere_or_to_several_is_the_callers_to_correct(konnect: Konnect) -> None:
    with pytest.raises(NoMatch):
        await audit_configuration(konnect, control_planes=["storefront-production", "zzz-unheard-of"])
    with pytest.raises(Ambiguous):
        await audit_configuration(konnect, control_planes=["payments"])
    with pytest.raises(InvalidArguments, match="No control plane was named"):
        await audit_configuration(konnect, control_planes=[])


async def test_a_named_control_plane_that_is_forbidden_costs_no_other(world: World, client: Client) -> None:
    named = [world.control_plane("payments-staging").id, "storefront-production"]
    with Sandbox(world=world, forbidden=("payments-staging",)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect, control_planes=named)
            with pytest.raises(Forbidden):
                await audit_configuration(konnect, control_planes=named[:1])
    assert [plane.name for plane in report.result.control_planes] == ["storefront-production"]
    assert [entry.what for entry in report.coverage.missing] == [f"control plane {named[0]}"]


async def test_a_rule_that_crashes_is_part_of_the_coverage(konnect: Konnect) -> None:
    @rule("KNA999", title="Crashes", severity=Severity.LOW, judges="services", remediation="Do.", source="x",
          passes=[], fails=[])  # fmt: skip
    def crashing(at: Snapshot) -> Iterator[Problem]:
        """Whatever."""
        raise RuntimeError(at.services[0].host)
        yield

    report = await audit_configuration(konnect, rules=[crashing, *all_rules()])
    assert report.status == "incomplete"
    (missing,) = report.coverage.missing
    assert (missing.what, missing.error.type) == ("rule KNA999", "RuleFailed")
    assert "saltmarsh" not in missing.error.message
    assert all(
        plane.rules_not_run == ("KNA999",) for plane in report.result.control_planes if not plane.group
    )
    assert report.result.findings == (await audit_configuration(konnect)).result.findings


async def test_only_control_planes_being_read_are_held(client: Client) -> None:
    planes: list[ControlPlane] = []
    for number in range(24):
        draft = Draft(seed=1, name=f"cp-{number:02}", description="")
        for each in range(5):
            draft.service(f"service-{each}", "example.com")
        planes.append(draft.done())
    story = World.story(7)
    snapshots: list[ref[Snapshot]] = []
    alive: list[int] = []

    @rule("KNA998", title="Watches", severity=Severity.LOW, judges="services", remediation="Do.", source="x",
          passes=[], fails=[])  # fmt: skip
    def watching(at: Snapshot) -> Iterator[Problem]:
        """Whatever."""
        snapshots.append(ref(at))
        alive.append(sum(each() is not None for each in snapshots))
        return iter(())

    with Sandbox(world=World(seed=1, now=story.now, control_planes=tuple(planes))) as own:
        async with client(own, max_in_flight=3) as konnect:
            report = await audit_configuration(konnect, rules=[watching])
    assert len(snapshots) == report.result.summary.control_planes == 24
    assert max(alive) <= 3
