"""What a rule finds does not depend on a secret: it finds the same where placeholders stand."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.gateway.sealing import sealed
from konnect_agent.recording.placeholders import Placeholders
from patterns.audit import Rule, RuleAcross, all_rules
from patterns.audit.engine import Judgement, judge, judge_across

from ..audit.examples import organisation, snapshot


def judged(rule: Rule | RuleAcross, example: Any) -> Judgement:
    if isinstance(rule, Rule):
        return judge(snapshot(example), [rule])
    return judge_across(organisation(example), [rule])


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.slug)
def test_a_rule_judges_placeholders_as_it_judges_secrets(rule: Rule | RuleAcross) -> None:
    for example in (*rule.passes, *rule.fails):
        assert judged(rule, sealed(example, Placeholders())) == judged(rule, example)
