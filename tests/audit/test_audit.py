"""Pattern 4 over real HTTP: everything seen, judged, counted, and nothing given away."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from konnect_agent import InvalidArguments, Konnect
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import AuditResult, Report, audit_configuration
from patterns.audit import Severity, all_rules
from patterns.audit.snapshot import LISTS

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]

FAULTS = {
    ("KNA001", "fulfilment-warehouse", "tracking"),
    ("KNA001", "partners-ingress", "partners.tracking.00"),
    ("KNA001", "payments-staging", "refunds"),
    ("KNA001", "storefront-production", "catalogue"),
    ("KNA001", "storefront-production", "reviews"),
    ("KNA002", "storefront-production", "key-auth"),
    ("KNA010", "payments-production", "rate-limiting-advanced"),
    ("KNA010", "storefront-production", "request-transformer"),
    ("KNA011", "storefront-production", "http-log"),
    ("KNA020", "payments-staging", "payments-core"),
    ("KNA020", "storefront-production", "catalogue"),
    ("KNA021", "storefront-production", "reviews"),
    ("KNA030", "payments-staging", "refunds"),
    ("KNA030", "storefront-production", "checkout"),
    ("KNA031", "storefront-production", "recommendations"),
    ("KNA050", "storefront-production", "cors"),
    ("KNA060", "storefront-production", "basket-items"),
    ("KNA068", "partners-ingress", "partners.tracking.00"),
    ("KNA080", "fulfilment-warehouse", "tracking"),
    ("KNA080", "payments-production", "payments-core"),
}
"""The faults the sandbox's organisation has on purpose, as far as they show in its configuration."""


def where_and_what(report: Report[AuditResult]) -> set[tuple[str, str | None, str | None]]:
    return {(f.rule_id, f.control_plane.name, f.entity.name) for f in report.result.findings}


async def test_everything_is_read_once_by_the_documented_calls(world: World, client: Client) -> None:
    with Sandbox(world=world, latency=0.01) as own:
        async with client(own, max_in_flight=3) as konnect:
            report = await audit_configuration(konnect)
        asked = Counter((call.tool, call.arguments.get("control_plane_id")) for call in own.ledger.calls)
        assert own.ledger.most_in_flight == 3
    assert (report.pattern, report.status, report.coverage.complete) == (
        "audit_configuration",
        "complete",
        True,
    )
    ordinary = [plane for plane in world.control_planes if not plane.is_group]
    tools = ("GetService", "GetRoute", "GetPlugin", "GetConsumer", "GetVault")
    lists = Counter((tool, plane.id) for tool in tools for plane in ordinary)
    assert asked == lists + Counter([("GetControlPlane", None), ("GetControlPlaneGroup", None)])
    recorded = [(call.tool, call.outcome) for each in report.steps for call in each.calls]
    assert len(recorded) == 2 + 5 * len(ordinary)
    assert {outcome for _, outcome in recorded} == {"ok"}


async def test_counts_are_those_of_the_organisation_and_a_group_has_members_instead(
    konnect: Konnect, world: World
) -> None:
    result = (await audit_configuration(konnect)).result
    assert [plane.name for plane in result.control_planes] == sorted(p.name for p in world.control_planes)
    for plane in result.control_planes:
        there = world.control_plane(plane.name or "")
        if plane.group:
            assert set(plane.counts.model_dump().values()) == {None}
            assert {member.id for member in plane.members or ()} == set(there.members)
        else:
            assert plane.counts.model_dump() == {name: len(there.listing(name)) for name in LISTS}
            assert plane.members is None
    summary = result.summary
    assert (summary.control_planes, summary.groups) == (7, 1)
    assert [plane.name for plane in summary.empty] == ["innovation-lab"]
    assert summary.totals.routes == sum(len(plane.routes) for plane in world.control_planes)


async def test_the_faults_of_the_organisation_are_found(konnect: Konnect) -> None:
    report = await audit_configuration(konnect)
    assert where_and_what(report) >= FAULTS


async def test_what_is_in_order_is_not_reported(konnect: Konnect) -> None:
    report = await audit_configuration(konnect)
    result = report.result
    serious = {
        (f.rule_id, f.control_plane.name, f.entity.name)
        for f in result.findings
        if f.severity >= Severity.HIGH
    }
    assert serious <= FAULTS
    assert {f.entity.name for f in result.findings}.isdisjoint(
        {"maintenance", "correlation-id", "prometheus"}
    )
    found = where_and_what(report)
    # `.svc` is a cluster's own domain, and the routes of a disabled service are not served.
    assert ("KNA020", "partners-ingress", "tracking") not in found
    assert ("KNA001", "storefront-production", "legacy") not in found


async def test_findings_are_sorted_worst_first_and_counted(konnect: Konnect) -> None:
    result = (await audit_configuration(konnect)).result
    ranks = [finding.severity.rank for finding in result.findings]
    assert ranks == sorted(ranks, reverse=True)
    summary = result.summary
    assert summary.findings == len(ranks) == sum(summary.by_severity.values())
    assert sum(summary.by_rule.values()) == len(ranks)
    assert set(summary.by_severity) == set(Severity)
    assert {rule.id for rule in result.rules} == {rule.id for rule in all_rules()}
    assert all(finding.remediation and finding.message for finding in result.findings)


async def test_plugins_are_counted_across_control_planes(konnect: Konnect, world: World) -> None:
    usage = (await audit_configuration(konnect)).result.summary.plugins
    instances = [(plane.name, plugin) for plane in world.control_planes for plugin in plane.plugins]
    assert set(usage) == {plugin["name"] for _, plugin in instances}
    for name, use in usage.items():
        mine = [(where, plugin["enabled"]) for where, plugin in instances if plugin["name"] == name]
        assert (use.enabled, use.disabled) == (sum(on for _, on in mine), sum(not on for _, on in mine))
        assert use.control_planes == len({where for where, _ in mine})


async def test_services_that_drifted_apart_show_what_differs_where(konnect: Konnect) -> None:
    different = (await audit_configuration(konnect)).result.summary.different_services
    assert [service.name for service in different] == ["payments-core", "refunds", "tracking"]
    core = different[0]
    assert core.differs_in == ("protocol", "host", "port", "retries", "read_timeout")
    shown = {each.control_plane.name: each.values["protocol"] for each in core.definitions}
    assert shown == {"payments-production": "https", "payments-staging": "http"}


async def test_two_sandboxes_of_one_seed_are_judged_alike_whatever_the_timing(client: Client) -> None:
    reports: list[Report[AuditResult]] = []
    for latency, width in ((0.0, 1), (0.002, 8)):
        with Sandbox(seed=11, latency=latency) as own:
            async with client(own, max_in_flight=width) as konnect:
                reports.append(await audit_configuration(konnect))
    one, two = reports
    assert one.result == two.result
    assert one.coverage == two.coverage
    assert [each.name for each in one.steps] == [each.name for each in two.steps]


async def test_the_json_keeps_the_contract_and_gives_no_secret_away(
    konnect: Konnect, sandbox: Sandbox
) -> None:
    text = (await audit_configuration(konnect)).model_dump_json()
    for secret in ("tidal-otter-41-broom", "sk_live_7Qm2vXw90aTZ4Lk", sandbox.token):
        assert secret not in text
    result = json.loads(text)["result"]
    assert set(result) >= {"control_planes", "findings", "summary"}
    assert set(result["control_planes"][0]) >= {"id", "name", "counts"}
    assert set(result["findings"][0]) >= {
        "rule_id", "severity", "message", "remediation", "fingerprint", "control_plane", "entity",
    }  # fmt: skip
    assert set(result["findings"][0]["entity"]) == {"type", "id", "name"}
    assert set(result["findings"][0]["control_plane"]) == {"id", "name"}
    assert AuditResult.model_validate(result).findings[0].severity is Severity.HIGH


async def test_named_control_planes_are_audited_alone(konnect: Konnect, world: World) -> None:
    by_name = await audit_configuration(konnect, control_planes=["payments-production"])
    by_id = await audit_configuration(konnect, control_planes=[world.control_plane("payments-production").id])
    assert by_name.result == by_id.result
    assert [plane.name for plane in by_name.result.control_planes] == ["payments-production"]
    assert {finding.control_plane.name for finding in by_name.result.findings} == {"payments-production"}
    (select, *_) = by_name.steps
    assert select.extracted == {"control_plane_id": world.control_plane("payments-production").id}


async def test_a_group_that_is_named_brings_its_members(konnect: Konnect) -> None:
    result = (await audit_configuration(konnect, control_planes=["fulfilment"])).result
    assert [(plane.name, plane.group) for plane in result.control_planes] == [
        ("fulfilment", True), ("fulfilment-returns", False), ("fulfilment-warehouse", False),
    ]  # fmt: skip


async def test_a_member_that_is_named_is_judged_with_its_fellows(konnect: Konnect) -> None:
    report = await audit_configuration(konnect, control_planes=["fulfilment-warehouse"])
    assert [plane.name for plane in report.result.control_planes] == ["fulfilment-warehouse"]
    (finding,) = [each for each in report.result.findings if each.rule_id == "KNA001"]
    assert finding.message.endswith("in the group fulfilment.")
    everything = await audit_configuration(konnect)
    assert finding in everything.result.findings


async def test_rules_can_be_chosen(konnect: Konnect) -> None:
    chosen = [rule for rule in all_rules() if rule.topic == "secrets"]
    result = (await audit_configuration(konnect, rules=chosen)).result
    assert {finding.rule_id for finding in result.findings} == {"KNA010", "KNA011"}
    assert [rule.id for rule in result.rules] == [rule.id for rule in chosen]


async def test_one_name_is_a_list_of_one(konnect: Konnect) -> None:
    report = await audit_configuration(konnect, control_planes="storefront-production")
    assert [plane.name for plane in report.result.control_planes] == ["storefront-production"]


@pytest.mark.parametrize("wrong", [[], [None], [5], [""], "", 5, b"x"])
async def test_what_is_no_name_is_refused_before_anything_is_sent(
    world: World, client: Callable[..., Konnect], wrong: Any
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await audit_configuration(konnect, control_planes=wrong)
        assert own.ledger.calls == ()
