"""The organisation at a glance, from what is left of each control plane after it was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from konnect_agent.redaction import redact, scrub
from patterns.audit.collect import Seen
from patterns.audit.facts import Drift, Facts, drift
from patterns.audit.finding import Finding, Severity, named
from patterns.audit.result import (
    BaselineUse,
    Counts,
    Definition,
    DifferentService,
    PluginUsage,
    Summary,
    UnseenLists,
)
from patterns.audit.snapshot import LISTS


def summarize(
    seen: Sequence[Seen], findings: Sequence[Finding], *, groups: int, baseline: BaselineUse | None
) -> Summary:
    """The summary; `groups` counts the control plane groups, which hold no entities themselves."""
    severities = Counter(finding.severity for finding in findings)
    facts = [each.facts for each in seen]
    return Summary(
        control_planes=len(seen),
        groups=groups,
        totals=_totals(seen),
        findings=len(findings),
        by_severity={severity: severities[severity] for severity in reversed(Severity)},
        by_rule=dict(sorted(Counter(finding.rule_id for finding in findings).items())),
        plugins=_usage(facts),
        different_services=tuple(map(_different, drift(facts))),
        empty=tuple(named(each.control_plane) for each in seen if _is_empty(each)),
        unseen=tuple(
            UnseenLists(control_plane=named(s.control_plane), lists=s.unseen) for s in seen if s.unseen
        ),
        baseline=baseline,
    )


def _totals(seen: Sequence[Seen]) -> Counts:
    """Sums over what was seen; None for a list that was seen nowhere."""
    totals: Counter[str] = Counter()
    for each in seen:
        totals.update(each.counts)
    return Counts(**{name: totals[name] for name in LISTS if name in totals})


def _is_empty(each: Seen) -> bool:
    return not each.unseen and not any(each.counts.values())


def _usage(facts: Sequence[Facts]) -> dict[str, PluginUsage]:
    enabled: Counter[str] = Counter()
    disabled: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for each in facts:
        for name, (on, off) in (each.plugins or {}).items():
            enabled[name] += on
            disabled[name] += off
            places[name] += 1
    return {
        scrub(name): PluginUsage(enabled=enabled[name], disabled=disabled[name], control_planes=places[name])
        for name in sorted(places)
    }


def _different(found: Drift) -> DifferentService:
    return DifferentService(
        name=scrub(found.name),
        differs_in=found.fields,
        definitions=tuple(
            Definition(
                control_plane=where,
                service_id=service.id,
                values=redact({field: getattr(service, field) for field in found.fields}),
            )
            for where, service in found.definitions
        ),
    )
