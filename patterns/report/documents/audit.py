"""Pattern 4: what an audit objects to, worst first, and the organisation at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from patterns.audit.baseline import Entry
from patterns.audit.finding import Finding as AuditFinding
from patterns.audit.finding import Severity
from patterns.audit.mcp_endpoints import AuditedMcpEndpoint
from patterns.audit.result import (
    AuditedControlPlane,
    AuditResult,
    BaselineUse,
    Counts,
    DifferentService,
)
from patterns.report.document import (
    Aside,
    Block,
    Cell,
    Column,
    Finding,
    Items,
    Paragraph,
    Part,
    Section,
    Tone,
    Toned,
    counted,
    number,
    table,
)

_TONES: dict[Severity, Tone] = {
    Severity.CRITICAL: "bad", Severity.HIGH: "bad", Severity.MEDIUM: "warn",
    Severity.LOW: "plain", Severity.INFO: "dim",
}  # fmt: skip
_LISTS = ("services", "routes", "plugins", "consumers", "vaults")
_PLACES, _RULES = 25, 8


def describe(result: AuditResult) -> Part:
    """The document of an audit."""
    summary = result.summary
    groups = f" and {counted(summary.groups, 'group')}" if summary.groups else ""
    looked = bool(result.rules or result.control_planes)  # else it failed before there was anything to count
    planes = sum(1 for plane in result.control_planes if not plane.group)
    return Part(
        title="Configuration audit",
        headline=_headline(result),
        facts=(
            ("control planes", f"{number(planes)}{groups}" if looked else None),
            ("rules", number(len(result.rules)) if looked else None),
            ("baseline", _baseline(summary.baseline)),
        ),
        blocks=tuple(_blocks(result)),
    )


def _headline(result: AuditResult) -> str:
    new = "new " if result.summary.baseline else ""
    blind = result.summary.unseen or any(plane.rules_not_run for plane in result.control_planes)
    seen = " in what could be seen" if blind else ""
    if not result.control_planes:
        return "No control plane is visible: check the region, and what the token's owner may see."
    if not result.findings:
        return f"No {new}findings{seen}."
    counts = result.summary.by_severity
    parts = [f"{number(counts[severity])} {severity}" for severity in _worst_first() if counts.get(severity)]
    return f"{counted(len(result.findings), f'{new}finding')}{seen}: {', '.join(parts)}."


def _baseline(use: BaselineUse | None) -> Cell | None:
    if use is None:
        return None
    hides = f"hides {counted(use.hidden, 'known finding')}"
    if use.complete:
        return hides
    return Toned(f"{hides}; of an incomplete audit, so not all that is new to it is new", "warn")


def _blocks(result: AuditResult) -> Iterator[Block]:
    titles = {rule.id: rule.title for rule in result.rules}
    for severity in _worst_first():
        found = [finding for finding in result.findings if finding.severity == severity]
        if found:
            title = f"{severity.value.capitalize()}: {counted(len(found), 'finding')}"
            yield Section(title, tuple(_by_rule(found, titles)), _TONES[severity])
    if result.control_planes:
        yield Section("Control planes", (_control_planes(result.control_planes, result.summary.totals),))
    if result.mcp_endpoints:
        yield Section("MCP endpoints", (_mcp_endpoints(result.mcp_endpoints),))
    blind = [plane for plane in result.control_planes if plane.rules_not_run]
    if blind:
        columns = [Column("control plane", exact=True), Column("rules that neither passed nor failed")]
        rows = [(_named(plane), _some(plane.rules_not_run)) for plane in blind]
        yield Section("Rules that could not run", (table(columns, rows),), "warn")
    if result.summary.different_services:
        intro = Paragraph("One name, but not one definition:", "dim")
        yield Section("Services that differ", (intro, _different(result.summary.different_services)))
    if result.summary.plugins:
        yield Aside("Plugins in use", (_plugins(result),))
    if result.summary.baseline and result.summary.baseline.stale:
        stale = result.summary.baseline.stale
        texts = tuple(map(_stale, stale[:_PLACES]))
        more = max(len(stale) - _PLACES, 0)
        yield Section("In the baseline, but no longer found", (Items(texts, "dim", more),))


def _stale(entry: Entry) -> str:
    plane = entry.control_plane
    return f"{entry.rule_id} {entry.fingerprint} in {plane.name or plane.id or '?'}: {entry.message}"


def _by_rule(findings: Sequence[AuditFinding], titles: Mapping[str, str]) -> Iterator[Finding]:
    """One block per rule and remediation, in the order of the findings."""
    groups: dict[tuple[str, str], list[AuditFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule_id, finding.remediation), []).append(finding)
    for (rule_id, remediation), alike in groups.items():
        yield Finding(
            badge=rule_id,
            tone=_TONES[alike[0].severity],
            title=titles.get(rule_id) or alike[0].slug,
            rows=tuple(map(_row, alike[:_PLACES])),
            advice=remediation,
            more=max(len(alike) - _PLACES, 0),
        )


def _row(finding: AuditFinding) -> tuple[str, str, str]:
    plane, entity = finding.control_plane, finding.entity
    where = plane.name or plane.id or ""
    return where, f"{entity.type.replace('_', ' ')} {entity.name or entity.id or ''}".strip(), finding.message


def _control_planes(planes: Sequence[AuditedControlPlane], totals: Counts) -> Block:
    rows: list[tuple[Cell, ...]] = [(_named(plane), *_counts(plane)) for plane in planes]
    if len(planes) > 1:
        seen = all(plane.group or None not in plane.counts.model_dump().values() for plane in planes)
        sums = (number(getattr(totals, name)) for name in _LISTS)
        rows.append(tuple(Toned(text, "strong") for text in ("in all" if seen else "seen in all", *sums)))
    columns = [Column("name", exact=True), *(Column(name, "right") for name in _LISTS)]
    return table(columns, rows, at_most=1000)


def _named(plane: AuditedControlPlane) -> Cell:
    name = plane.name or plane.id or "?"
    if not plane.group:
        return name
    members = f"{len(plane.members)} members" if plane.members is not None else "members unknown"
    return f"{name} (group, {members})"


def _counts(plane: AuditedControlPlane) -> Iterator[Cell]:
    """A list that was not seen shows as such, never as zero."""
    for name in _LISTS:
        count = getattr(plane.counts, name)
        if plane.group:
            yield Toned("-", "dim")
        else:
            yield Toned("not seen", "warn") if count is None else number(count)


def _mcp_endpoints(endpoints: Sequence[AuditedMcpEndpoint]) -> Block:
    columns = [
        Column("control plane", exact=True), Column("route", exact=True), Column("mode"),
        Column("who may call"), Column("authentication"), Column("limits"),
    ]  # fmt: skip
    return table(columns, map(_mcp_endpoint, endpoints))


def _mcp_endpoint(found: AuditedMcpEndpoint) -> tuple[Cell, ...]:
    plane, group, endpoint = found.control_plane, found.group, found.endpoint
    where = plane.name or plane.id or "?"
    where = f"{where} in {group.name or group.id}" if group else where
    mode = endpoint.mode or "unknown"
    known = mode if endpoint.is_endpoint else Toned(f"{mode} (cannot be judged)", "warn")
    entry = endpoint.authentication
    seen = entry.because if entry else Toned("not seen", "warn")
    who, limits = endpoint.who_may_call, endpoint.limits.said
    return where, found.route.name or found.route.id or "?", known, who, seen, limits


def _some(rule_ids: Sequence[str]) -> str:
    shown = ", ".join(rule_ids[:_RULES])
    return shown if len(rule_ids) <= _RULES else f"{shown} and {len(rule_ids) - _RULES} more"


def _different(services: Sequence[DifferentService]) -> Block:
    columns = [Column("service", exact=True), Column("control plane", exact=True), Column("as defined there")]
    rows = [
        (service.name, each.control_plane.name or each.control_plane.id or "?",
         ", ".join(f"{field} {value}" for field, value in each.values.items()))
        for service in services
        for each in service.definitions
    ]  # fmt: skip
    return table(columns, rows)


def _plugins(result: AuditResult) -> Block:
    columns = [
        Column("plugin", exact=True), Column("enabled", "right"), Column("disabled", "right"),
        Column("control planes", "right"),
    ]  # fmt: skip
    used = sorted(result.summary.plugins.items(), key=lambda entry: (-entry[1].enabled, entry[0]))
    return table(
        columns,
        ((name, number(use.enabled), number(use.disabled), number(use.control_planes)) for name, use in used),
    )


def _worst_first() -> Iterator[Severity]:
    return iter(sorted(Severity, key=lambda severity: -severity.rank))
