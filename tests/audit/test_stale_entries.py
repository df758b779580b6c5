"""A baseline after an audit: what it hides, and which of its entries may be called no longer found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from konnect_agent import Konnect
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns import audit_configuration
from patterns.audit import Baseline, Problem, RuleAcross, all_rules, load_baseline, write_baseline
from patterns.audit.facts import Organisation
from patterns.audit.rule import AnyRule

from ..handmade import TOKEN, Serve, as_json

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]


async def test_a_baseline_hides_what_is_known_and_names_what_is_stale(
    world: World, konnect: Konnect, client: Client, tmp_path: Path
) -> None:
    before = await audit_configuration(konnect)
    write_baseline(tmp_path / "known.json", before.result.findings)
    known = load_baseline(tmp_path / "known.json")
    report = await audit_configuration(konnect, baseline=known)
    use = report.result.summary.baseline
    assert (report.result.findings, report.result.summary.findings) == ((), 0)
    assert use is not None
    assert (use.hidden, use.stale) == (len(before.result.findings), ())

    planes = [replace(p, services=()) if p.name == "payments-staging" else p for p in world.control_planes]
    repaired = World(seed=world.seed, now=world.now, control_planes=tuple(planes))
    with Sandbox(world=repaired, forbidden=("payments-production",)) as own:
        async with client(own) as limited:
            later = (await audit_configuration(limited, baseline=known)).result
    assert later.summary.baseline is not None
    stale = later.summary.baseline.stale
    assert {entry.control_plane.name for entry in stale} == {"payments-staging"}
    assert ("KNA030", "refunds") in {(entry.rule_id, entry.entity and entry.entity.name) for entry in stale}


async def stale_in(konnect: Konnect, known: Baseline, rules: Sequence[AnyRule] | None = None) -> list[str]:
    """The rules of the entries an audit calls stale."""
    use = (await audit_configuration(konnect, baseline=known, rules=rules)).result.summary.baseline
    assert use is not None
    return [entry.rule_id for entry in use.stale]


async def test_what_may_be_in_the_rest_of_a_cut_list_is_not_called_stale(serve: Serve) -> None:
    services = [{"id": f"s-{name}", "name": name, "host": f"{name}.example", "protocol": "http"}
                for name in ("users", "orders")]  # fmt: skip
    others = dict.fromkeys(("GetRoute", "GetPlugin", "GetConsumer", "GetVault"), as_json([]))

    def serving(answer: Any) -> str:
        planes = as_json([{"id": "cp", "name": "one"}])
        return serve({"GetControlPlane": planes, "GetService": as_json(answer), **others}).url

    async with Konnect(token=TOKEN, url=serving(services)) as konnect:
        found = (await audit_configuration(konnect)).result.findings
        known = Baseline.of(finding for finding in found if finding.rule_id == "KNA020")
        assert len(known.findings) == 2
        serving({"services": services[:1], "meta": {"page": {"has_more": True}}})
        assert await stale_in(konnect, known) == []
        serving(services[:1])
        assert await stale_in(konnect, known) == ["KNA020"]


@pytest.mark.parametrize("group_is_seen", [True, False])
async def test_what_depends_on_members_that_cannot_be_seen_is_not_called_stale(
    world: World, konnect: Konnect, client: Client, group_is_seen: bool
) -> None:
    waiting = {each.id for each in all_rules() if isinstance(each, RuleAcross) or each.of_group}
    known = Baseline.of((await audit_configuration(konnect)).result.findings)
    cleared = tuple(replace(plane, routes=(), plugins=(), services=()) for plane in world.control_planes)
    empty = World(seed=world.seed, now=world.now, control_planes=cleared)
    with Sandbox(world=empty, forbidden=() if group_is_seen else ("fulfilment",)) as own:
        async with client(own) as limited:
            stale = set(await stale_in(limited, known))
    assert stale
    assert bool(stale & waiting) is group_is_seen


async def test_a_rule_that_did_not_run_has_no_stale_entries(konnect: Konnect) -> None:
    drift = next(each for each in all_rules() if isinstance(each, RuleAcross))

    def crashing(organisation: Organisation) -> Iterator[Problem]:
        raise RuntimeError
        yield

    (entry, *_) = Baseline.of((await audit_configuration(konnect, rules=[drift])).result.findings).findings
    known = Baseline(findings=(entry.model_copy(update={"fingerprint": "0" * 16}),))
    assert await stale_in(konnect, known, [drift]) == [drift.id]
    assert await stale_in(konnect, known, [replace(drift, check=crashing)]) == []
    assert await stale_in(konnect, known, [each for each in all_rules() if each is not drift]) == []


async def test_a_baseline_of_an_incomplete_audit_says_so_wherever_it_is_used(
    konnect: Konnect, tmp_path: Path
) -> None:
    findings = (await audit_configuration(konnect)).result.findings
    for complete in (True, False):
        write_baseline(tmp_path / "known.json", findings, complete=complete)
        known = load_baseline(tmp_path / "known.json")
        use = (await audit_configuration(konnect, baseline=known)).result.summary.baseline
        assert (use and use.hidden, use and use.complete) == (len(findings), complete)
