"""Pattern 4, audit configuration: what is configured across control planes, and what is wrong with it.

Kong's documented sequence: every control plane (GetControlPlane) -> its services, routes, plugins, consumers
and vaults (GetService, GetRoute, GetPlugin, GetConsumer, GetVault) -> aggregate. Groups are asked for their
members (GetControlPlaneGroup), which hold the entities. What cannot be seen costs nothing else: its counts
are null, rules that would need it do not run there, and the coverage says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from konnect_agent import Konnect
from konnect_agent.errors import ToolUnavailable, Undecodable
from patterns.audit.baseline import Baseline, apply
from patterns.audit.collect import Collected, Seen, collect
from patterns.audit.engine import Judgement, RuleFailed, judge_across
from patterns.audit.facts import Organisation
from patterns.audit.finding import Finding, named
from patterns.audit.mcp_endpoints import AuditedMcpEndpoint
from patterns.audit.result import (
    AuditedControlPlane,
    AuditResult,
    BaselineUse,
    Counts,
    RuleInForce,
)
from patterns.audit.rule import AnyRule, Rule, RuleAcross
from patterns.audit.rules import all_rules
from patterns.audit.selection import Selection, select
from patterns.audit.snapshot import ListName
from patterns.audit.summary import summarize
from patterns.coverage import Named
from patterns.workflow import keep, missed, step, truncated, workflow

_LOOK = "Look at the plugin's configuration in Konnect; what is newer than this version needs a newer one."


@workflow("audit_configuration", AuditResult)
async def audit_configuration(
    konnect: Konnect,
    *,
    control_planes: Sequence[str] | None = None,
    rules: Sequence[AnyRule] | None = None,
    baseline: Baseline | None = None,
) -> AuditResult:
    """Audit the named control planes (names or ids; a group brings its members), or every one there is.

    `rules` defaults to all of `patterns.audit.rules`; `baseline` hides the findings it knows. Raises
    `NoMatch` or `Ambiguous` for a name that leads to no one control plane, `InvalidArguments` for an empty
    list of names, and the first failure if nothing at all could be seen.
    """
    in_force = all_rules() if rules is None else tuple(rules)
    async with step("select control planes") as this:
        selection = await select(konnect, control_planes)
        if control_planes and len(selection.control_planes) == 1:
            this.extract(control_plane_id=selection.control_planes[0].id)
    keep(_result(selection, (), (), in_force, None))
    async with step("read services, routes, plugins, consumers and vaults"):
        collected = await collect(
            konnect,
            selection.control_planes,
            groups=selection.shared,
            unclear=selection.unclear,
            rules=[each for each in in_force if isinstance(each, Rule)],
        )
        _note_unseen(collected)
    async with step("judge and aggregate"):
        across = _judge_across(collected, [each for each in in_force if isinstance(each, RuleAcross)])
        _note_unread(collected.seen)
        _note_crashes([*(each.judgement for each in collected.seen), across])
        findings = [finding for each in collected.seen for finding in each.judgement.findings]
        findings = sorted([*findings, *across.findings], key=lambda finding: finding.order)
        use = None
        if baseline is not None:
            judged = _judged(selection, collected.seen, across, in_force)
            applied = apply(findings, baseline, judged=judged)
            findings = list(applied.findings)
            use = BaselineUse(hidden=applied.hidden, stale=applied.stale, complete=baseline.complete)
        return _result(selection, collected.seen, findings, in_force, use)


def _note_unseen(collected: Collected) -> None:
    """Failures and cut lists to the coverage. Raises the first failure when there is nothing besides."""
    tools: set[ListName] = set()
    for where, name, error in collected.failed:
        if not isinstance(error, ToolUnavailable):
            missed(name, error, control_plane=where)
        elif name not in tools:  # the same tool is missing for every control plane
            tools.add(name)
            missed(name, error)
    for where, name in collected.cut:
        truncated(f"{name} of {where.name or where.id}")
    if collected.failed and not any(each.counts for each in collected.seen):
        raise collected.failed[0][2]


def _judge_across(collected: Collected, rules: Sequence[RuleAcross]) -> Judgement:
    return judge_across(Organisation(tuple(s.facts for s in collected.seen), collected.groups), rules)


def _note_unread(seen: Sequence[Seen]) -> None:
    """What kept rules from judging although the lists were seen, to the coverage."""
    for each in seen:
        for what in each.judgement.unread:
            error = Undecodable("It is missing, or not known to this version", path=what, hint=_LOOK)
            missed(what, error, control_plane=each.control_plane)


def _note_crashes(judgements: Sequence[Judgement]) -> None:
    """Each rule that crashed, once; where it did not run is told with the control planes."""
    crashes: dict[str, RuleFailed] = {}
    for judgement in judgements:
        for crash in judgement.crashes:
            crashes.setdefault(crash.rule_id, crash)
    for rule_id, crash in sorted(crashes.items()):
        missed(f"rule {rule_id}", crash)


def _judged(
    selection: Selection, seen: Sequence[Seen], across: Judgement, rules: Sequence[AnyRule]
) -> Callable[[str, str | None], bool]:
    """Whether a rule saw all it could find something in (see `baseline.apply`); in doubt, it did not."""
    by_id = {named(each.control_plane).id: each for each in seen}
    in_force = {each.id: each for each in rules}
    everywhere = selection.everything and not selection.unclear
    everywhere = everywhere and not any(each.unseen or each.cut for each in seen)

    def judged(rule_id: str, control_plane_id: str | None) -> bool:
        rule = in_force.get(rule_id)
        if rule is None:
            return False
        if isinstance(rule, RuleAcross):
            return everywhere and rule_id not in across.not_run
        there = by_id.get(control_plane_id)
        if there is None:  # the control plane is gone, if really all of them were listed
            return selection.everything
        ran = rule_id not in there.judgement.not_run and rule.judges not in there.cut
        return ran and not (rule.of_group and selection.unclear)

    return judged


def _result(
    selection: Selection,
    seen: Sequence[Seen],
    findings: Sequence[Finding],
    rules: Sequence[AnyRule],
    baseline: BaselineUse | None,
) -> AuditResult:
    known = {each.control_plane.id: each for each in seen}
    members = {each.group.id: each.members for each in selection.memberships}
    audited: list[AuditedControlPlane] = []
    for each in (*selection.control_planes, *selection.groups):
        there, who = known.get(each.id), members.get(each.id)
        audited.append(
            AuditedControlPlane(
                **named(each).model_dump(),
                counts=Counts(**there.counts) if there else Counts(),
                group=each.is_group,
                members=tuple(map(named, who)) if each.is_group and who is not None else None,
                rules_not_run=there.judgement.not_run if there else (),
            )
        )
    return AuditResult(
        control_planes=tuple(sorted(audited, key=lambda each: (each.name or "", each.id or ""))),
        findings=tuple(findings),
        mcp_endpoints=tuple(sorted((found for each in seen for found in each.mcp_endpoints), key=_place)),
        rules=tuple(RuleInForce.model_validate(each, from_attributes=True) for each in rules),
        summary=summarize(seen, findings, groups=len(selection.groups), baseline=baseline),
    )


def _place(found: AuditedMcpEndpoint) -> tuple[str, ...]:
    where, group, route = found.control_plane, found.group or Named(), found.route
    return tuple(text or "" for text in (where.name, where.id, route.name, route.id, group.name, group.id))
