"""Severities, fingerprints and the gate."""

from __future__ import annotations

import pytest

from patterns.audit import EntityName, Finding, Severity, fingerprint, gate
from patterns.coverage import Named

ROUTE = EntityName("route", "r-1", "users")


def finding(severity: Severity, *, name: str = "one") -> Finding:
    entity = EntityName("route", "r-1", "users")
    where = Named(id=f"id-{name}", name=name)
    return Finding("KNA001", "a-rule", severity, "message", "remedy", "0" * 16, where, entity)


def test_severities_are_ordered_also_against_their_names() -> None:
    names = ["info", "low", "medium", "high", "critical"]
    assert sorted(names, key=Severity, reverse=True) == names[::-1]
    assert Severity.HIGH > "medium"
    assert Severity.HIGH >= Severity.HIGH
    assert Severity.LOW < Severity.MEDIUM <= "medium"
    with pytest.raises(ValueError, match="fatal"):
        assert Severity.LOW < "fatal"


def test_a_fingerprint_is_the_same_in_every_run() -> None:
    assert fingerprint("KNA001", "id-one", ROUTE) == "a3c11db06a7e50b7"


@pytest.mark.parametrize(
    ("rule_id", "control_plane_id", "entity"),
    [
        ("KNA002", "id-one", ROUTE),
        ("KNA001", "id-two", ROUTE),
        ("KNA001", "id-one", EntityName("service", "r-1", "users")),
        ("KNA001", "id-one", EntityName("route", "r-2", "users")),
        ("KNA001", "id-one", EntityName("route", None, "users")),
    ],
)
def test_a_fingerprint_tells_findings_apart(rule_id: str, control_plane_id: str, entity: EntityName) -> None:
    assert fingerprint(rule_id, control_plane_id, entity) != fingerprint("KNA001", "id-one", ROUTE)


def test_a_renamed_entity_keeps_its_fingerprint() -> None:
    renamed = EntityName("route", "r-1", "people")
    assert fingerprint("KNA001", "id-one", renamed) == fingerprint("KNA001", "id-one", ROUTE)


def test_the_gate_lets_through_what_is_below_it() -> None:
    findings = [finding(severity) for severity in Severity]
    assert [each.severity for each in gate(findings, "high")] == [Severity.HIGH, Severity.CRITICAL]
    assert gate(findings[:2], Severity.MEDIUM) == ()
    with pytest.raises(ValueError, match="worst"):
        gate(findings, "worst")


def test_findings_sort_worst_first_then_by_control_plane() -> None:
    low, high, other = finding(Severity.LOW), finding(Severity.HIGH), finding(Severity.LOW, name="another")
    assert sorted([low, other, high], key=lambda each: each.order) == [high, other, low]
