"""What an audit reports: control planes, findings (worst first), the rules that ran, and a summary.

An unseen list counts as null, never as zero, and a control plane group has no counts of its own: its members
hold the entities (documented). Everything a server named has been scrubbed of credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patterns.audit.baseline import Entry
from patterns.audit.finding import Finding, Severity
from patterns.audit.mcp_endpoints import AuditedMcpEndpoint
from patterns.audit.snapshot import ListName
from patterns.coverage import Named
from patterns.workflow import Frozen, Result


class Counts(Frozen):
    """How many entities; None where the list was not seen. A list that was cut counts what came."""

    services: int | None = None
    routes: int | None = None
    plugins: int | None = None
    consumers: int | None = None
    vaults: int | None = None


class AuditedControlPlane(Frozen):
    """A control plane, or a group (`group` is true) with its `members`, None if they could not be seen.

    `rules_not_run` names the rules that a missing or incomplete list, here or in a fellow group member, or a
    configuration that cannot be read kept from running, or from running everywhere: there they neither passed
    nor failed.
    """

    id: str | None
    name: str | None
    counts: Counts = Counts()
    group: bool = False
    members: tuple[Named, ...] | None = None
    rules_not_run: tuple[str, ...] = ()


class RuleInForce(Frozen):
    """A rule of this audit, without its code."""

    id: str
    slug: str
    title: str
    severity: Severity
    topic: str
    rationale: str
    remediation: str
    source: str


class PluginUsage(Frozen):
    """Configurations of one plugin, and in how many control planes there is one."""

    enabled: int
    disabled: int
    control_planes: int


@dataclass(frozen=True, slots=True)
class Definition:
    """A service as one control plane defines it: the values of the fields that differ.

    Slotted, like a finding: control planes made from one template share every service name.
    """

    control_plane: Named
    service_id: str | None
    values: Mapping[str, Any]


class DifferentService(Frozen):
    """A service that control planes define differently under one name."""

    name: str
    differs_in: tuple[str, ...]
    definitions: tuple[Definition, ...]


class UnseenLists(Frozen):
    """A control plane of which lists could not be seen; the reasons are in the report's coverage."""

    control_plane: Named
    lists: tuple[ListName, ...]


class BaselineUse(Frozen):
    """What the baseline did: how many findings it hid, and its entries that no finding answers to.

    Entries of what was not seen this time are not `stale`. Without `complete`, the audit the baseline was
    written from had not seen everything, so some of what is new to the baseline may be old.
    """

    hidden: int
    stale: tuple[Entry, ...]
    complete: bool = True


class Summary(Frozen):
    """The organisation at a glance. `totals` add up what was seen; groups are counted apart."""

    control_planes: int = 0
    groups: int = 0
    totals: Counts = Counts()
    findings: int = 0
    by_severity: Mapping[Severity, int] = {}
    by_rule: Mapping[str, int] = {}
    plugins: Mapping[str, PluginUsage] = {}
    different_services: tuple[DifferentService, ...] = ()
    empty: tuple[Named, ...] = ()
    unseen: tuple[UnseenLists, ...] = ()
    baseline: BaselineUse | None = None


class AuditResult(Result):
    """The result of `audit_configuration`. `mcp_endpoints` are those of control planes whose services, routes
    and plugins were seen, also the ones no rule objects to."""

    control_planes: tuple[AuditedControlPlane, ...] = ()
    findings: tuple[Finding, ...] = ()
    rules: tuple[RuleInForce, ...] = ()
    mcp_endpoints: tuple[AuditedMcpEndpoint, ...] = ()
    summary: Summary = Summary()
