"""How rules are run: what they may break, and what becomes of what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from konnect_agent.redaction import MASK
from patterns.audit import Problem, Severity, rule
from patterns.audit.engine import judge
from patterns.audit.snapshot import Snapshot, Unread
from patterns.coverage import Named

from .examples import snapshot

ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}
SERVICE = {"id": "s", "name": "users", "host": "users.internal"}
TOKEN = "kpat_EngineTestToken0123456789"


@rule("KNA901", title="Every route", severity=Severity.LOW, judges="routes", of_group=("plugins",),
      remediation="Do.", source="x", passes=[], fails=[])  # fmt: skip
def every_route(at: Snapshot) -> Iterator[Problem]:
    """Whatever."""
    for route in at.routes:
        yield Problem(route, f"Route {route.label} is one.")


@rule("KNA902", title="Crashes", severity=Severity.LOW, judges="routes", remediation="Do.", source="x",
      passes=[], fails=[])  # fmt: skip
def crashes(at: Snapshot) -> Iterator[Problem]:
    """Whatever."""
    for route in at.routes:
        yield Problem(route, "first")
        raise KeyError(f"the secret {TOKEN} was here")


@rule("KNA903", title="Finds one route twice", severity=Severity.LOW, judges="routes", remediation="Do.",
      source="x", passes=[], fails=[])  # fmt: skip
def twice(at: Snapshot) -> Iterator[Problem]:
    """Whatever."""
    for route in at.routes:
        yield Problem(route, "a little wrong")
        yield Problem(route, "very wrong", Severity.CRITICAL)


@rule("KNA904", title="Forgot to declare", severity=Severity.LOW, judges="routes", remediation="Do.",
      source="x", passes=[], fails=[])  # fmt: skip
def undeclared(at: Snapshot) -> Iterator[Problem]:
    """Whatever."""
    for vault in at.vaults:
        yield Problem(vault, "unused")


@rule("KNA905", title="Reads in part", severity=Severity.LOW, judges="routes", remediation="Do.",
      source="x", passes=[], fails=[])  # fmt: skip
def reads_in_part(at: Snapshot) -> Iterator[Problem]:
    """Whatever."""
    for route in at.routes:
        yield Problem(route, "found")
        raise Unread(f"config of {route.label}")


def test_a_rule_that_crashes_finds_nothing_and_takes_no_other_with_it() -> None:
    said = judge(snapshot({"routes": [ROUTE]}), [crashes, every_route])
    assert [finding.rule_id for finding in said.findings] == ["KNA901"]
    assert said.not_run == ("KNA902",)
    (crash,) = said.crashes
    assert "KNA902 crashes failed with KeyError" in str(crash)
    assert "secret" not in str(crash)


def test_one_entity_is_reported_once_by_a_rule_at_its_worst() -> None:
    (finding,) = judge(snapshot({"routes": [ROUTE]}), [twice]).findings
    assert (finding.severity, finding.message) == (Severity.CRITICAL, "very wrong")


def test_a_rule_that_reads_an_unseen_list_without_saying_so_counts_as_not_run() -> None:
    said = judge(snapshot({"routes": [ROUTE]}, seen={"routes"}), [undeclared])
    assert (said.findings, said.not_run, said.crashes) == ((), ("KNA904",), ())
    assert said.unread == ()


def test_a_rule_that_could_not_read_everything_has_not_run_and_keeps_what_it_found() -> None:
    said = judge(snapshot({"routes": [ROUTE | {"name": TOKEN}]}), [reads_in_part])
    assert [finding.rule_id for finding in said.findings] == ["KNA905"]
    assert (said.not_run, said.unread, said.crashes) == (("KNA905",), (f"config of {MASK}",), ())


def test_a_cut_list_is_judged_as_far_as_it_goes() -> None:
    said = judge(snapshot({"routes": [ROUTE]}, cut={"routes"}), [every_route])
    assert len(said.findings) == 1


def test_names_from_the_server_are_scrubbed_of_credentials() -> None:
    said = judge(snapshot({"routes": [ROUTE | {"name": TOKEN}]}, name=TOKEN), [every_route])
    (finding,) = said.findings
    assert TOKEN not in repr(finding)
    assert (finding.entity.name, finding.control_plane.name) == (MASK, MASK)
    assert MASK in finding.message


def test_an_entity_without_a_name_has_none() -> None:
    (finding,) = judge(snapshot({"routes": [{"id": "r", "paths": ["/"]}]}), [every_route]).findings
    assert (finding.entity.id, finding.entity.name) == ("r", None)


def test_a_rule_waits_for_the_lists_of_fellow_group_members() -> None:
    at = snapshot({"routes": [ROUTE], "services": [SERVICE], "fellow_plugins": []})
    assert judge(at, [every_route]).not_run == ()
    (group,) = at.groups
    known = {member: each for member, each in group.plugins.items() if member == "id-one"}
    blind = replace(at, groups=(replace(group, plugins=known),))
    assert judge(blind, [every_route]).not_run == ("KNA901",)
    members_cut = replace(at, groups=(replace(group, whole=False),))
    assert judge(members_cut, [every_route]).not_run == ("KNA901",)


def test_a_finding_says_which_group_might_change_it() -> None:
    at = replace(snapshot({"routes": [ROUTE]}), unclear=(Named(id="g", name="fulfilment"),))
    (finding,) = judge(at, [every_route]).findings
    assert "a member of fulfilment, whose members could not be seen" in finding.message
    (other,) = judge(at, [twice]).findings
    assert "fulfilment" not in other.message
