"""Findings: what a rule objects to, how severe it is, and a fingerprint to know it again.

The fingerprint is a hash over rule, control plane, entity type and the entity's id (its name when it has no
id): the same in every run, whatever the order, the wording or the severity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from konnect_agent.models import ControlPlane
from konnect_agent.models.entity import Entity
from konnect_agent.redaction import scrub
from patterns.coverage import Named


class Severity(StrEnum):
    """How much a finding matters, in order: `Severity.LOW < Severity.HIGH`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 4 for critical."""
        return _RANKS[self.value]

    def __lt__(self, other: str) -> bool:
        return self.rank < Severity(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Severity(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Severity(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Severity(other).rank


_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class EntityName:
    """How a finding names its entity; `type` is Kong's word, such as `route`."""

    type: str
    id: str | None
    name: str | None

    @classmethod
    def of(cls, entity: Entity) -> EntityName:
        """The name of an entity, scrubbed; None where it has none, never its id."""
        label = entity.label
        name = None if label in (entity.id, "(unnamed)") else scrub(label)
        return cls(entity.kind or "entity", scrub(entity.id) if entity.id else None, name)


def named(control_plane: ControlPlane) -> Named:
    """A control plane's id and name as a report writes them, scrubbed."""
    name = scrub(control_plane.name) or None
    return Named(id=scrub(control_plane.id) if control_plane.id else None, name=name)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's objection to one entity. Slotted, not a model: a large audit holds very many of them."""

    rule_id: str
    slug: str
    severity: Severity
    message: str
    remediation: str
    fingerprint: str
    control_plane: Named
    entity: EntityName

    @property
    def order(self) -> tuple[int | str, ...]:
        """Sorts findings worst first, then by control plane, rule and entity."""
        where, what = self.control_plane, self.entity
        return (
            -self.severity.rank, where.name or "", where.id or "", self.rule_id,
            what.type, what.name or "", what.id or "",
        )  # fmt: skip


def fingerprint(rule_id: str, control_plane_id: str | None, entity: EntityName) -> str:
    """16 hexadecimal digits."""
    parts = (rule_id, control_plane_id or "", entity.type, entity.id or entity.name or "")
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def gate(findings: Iterable[Finding], severity: Severity | str) -> tuple[Finding, ...]:
    """The findings at or above `severity`. Raises `ValueError` for a word that is no severity."""
    least = Severity(severity)
    return tuple(finding for finding in findings if finding.severity >= least)
