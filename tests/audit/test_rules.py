"""Every rule against the examples beside it, and what all rules have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from patterns.audit import Finding, Rule, RuleAcross, all_rules
from patterns.audit.engine import judge, judge_across
from patterns.audit.rule import Example
from patterns.audit.snapshot import LISTS, ListName

from .examples import organisation, snapshot

RULES = [each for each in all_rules() if isinstance(each, Rule)]
ACROSS = [each for each in all_rules() if isinstance(each, RuleAcross)]


def found(rule: Rule | RuleAcross, example: object) -> tuple[Finding, ...]:
    """What a rule finds in one of its examples; it must not crash, and must have been able to run."""
    if isinstance(rule, Rule):
        said = judge(snapshot(example), [rule])  # pyright: ignore[reportArgumentType]  # of this kind of rule
    else:
        said = judge_across(organisation(example), [rule])  # pyright: ignore[reportArgumentType]
    assert (said.crashes, said.not_run) == ((), ())
    return said.findings


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_a_rule_finds_nothing_in_what_passes(rule: Rule | RuleAcross) -> None:
    assert rule.passes
    for example in rule.passes:
        assert found(rule, example) == ()


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_a_rule_objects_to_what_fails(rule: Rule | RuleAcross) -> None:
    assert rule.fails
    for example in rule.fails:
        findings = found(rule, example)
        assert findings
        assert {finding.rule_id for finding in findings} == {rule.id}
        assert len({finding.fingerprint for finding in findings}) == len(findings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_a_rule_looks_at_no_list_it_does_not_declare(rule: Rule) -> None:
    declared: set[ListName] = {rule.judges, *rule.needs}
    for example in (*rule.passes, *rule.fails):
        everything, only_declared = snapshot(example), snapshot(example, seen=declared)
        assert [problem.entity for problem in rule(only_declared)] == [
            problem.entity for problem in rule(everything)
        ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_a_rule_does_not_run_without_a_list_it_needs(rule: Rule) -> None:
    for missing in {rule.judges, *rule.needs}:
        for example in rule.fails:
            said = judge(snapshot(example, seen=set(LISTS) - {missing}), [rule])
            assert (said.findings, said.not_run, said.crashes) == ((), (rule.id,), ())
    for cut in rule.needs:
        for example in rule.fails:
            said = judge(snapshot(example, cut={cut}), [rule])
            assert (said.findings, said.not_run, said.crashes) == ((), (rule.id,), ())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_a_rule_does_not_depend_on_the_order_of_entities(rule: Rule) -> None:
    for example in rule.fails:
        backwards: Example = {name: list(reversed(entities)) for name, entities in example.items()}
        assert {f.fingerprint for f in found(rule, backwards)} == {
            f.fingerprint for f in found(rule, example)
        }


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_a_rule_says_what_it_is_why_it_matters_and_what_to_do(rule: Rule | RuleAcross) -> None:
    assert re.fullmatch(r"KNA\d{3}", rule.id)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.slug)
    assert rule.source.startswith("https://developer.konghq.com/")
    for text in (rule.rationale, rule.remediation):
        assert text[0].isupper()
        assert text.endswith(".")
    assert not rule.title.endswith(".")


def test_ids_and_slugs_are_unique_and_rules_come_in_the_order_of_their_ids() -> None:
    ids = [rule.id for rule in all_rules()]
    assert ids == sorted(set(ids))
    assert len({rule.slug for rule in all_rules()}) == len(ids)
    assert len(ids) >= 14


def test_no_message_shows_the_secret_it_is_about() -> None:
    findings = [finding for rule in RULES for example in rule.fails for finding in found(rule, example)]
    assert any(finding.slug == "plain-text-secret" for finding in findings)
    assert "example-only" not in "".join(finding.message for finding in findings)
    assert all(len(finding.message) < 400 for finding in findings)


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    "",
    "{vault://",
    "http://[",
    [],
    [None, [1]],
    {},
    {"headers": {"": None}, "ssl": "?"},
)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_rule_crashes_on_configuration_of_another_shape(odd: object) -> None:
    everything = judge(snapshot({}), RULES)
    for rule in RULES:
        for example in rule.fails:
            strange = {
                name: [_with_odd_config(entity, odd) for entity in entities]
                for name, entities in example.items()
            }
            said = judge(snapshot(strange), RULES)
            assert said.crashes == ()
            assert bool(said.unread) is (said.not_run != everything.not_run)


def _with_odd_config(entity: Mapping[str, Any], odd: object) -> Mapping[str, Any]:
    config: Mapping[str, Any] = entity.get("config") or {}
    return {**entity, "config": {**dict.fromkeys(config, odd), "added": odd, "http_endpoint": odd}}
