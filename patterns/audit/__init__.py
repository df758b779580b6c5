"""Pattern 4: what is configured across control planes, and what is wrong with it.

`audit_configuration` reads and judges; `load_baseline` and `write_baseline` keep what a team already knows;
`gate` picks the findings that should stop a pipeline. A rule is written with `rule` or `rule_across`, see
`patterns.audit.rule`; those that come with this package are in `patterns.audit.rules`.
"""

from patterns.audit.baseline import Baseline
from patterns.audit.baseline import load as load_baseline
from patterns.audit.baseline import write as write_baseline
from patterns.audit.configuration import audit_configuration
from patterns.audit.finding import EntityName, Finding, Severity, fingerprint, gate
from patterns.audit.result import AuditResult
from patterns.audit.rule import Problem, Rule, RuleAcross, rule, rule_across
from patterns.audit.rules import all_rules

__all__ = [
    "AuditResult",
    "Baseline",
    "EntityName",
    "Finding",
    "Problem",
    "Rule",
    "RuleAcross",
    "Severity",
    "all_rules",
    "audit_configuration",
    "fingerprint",
    "gate",
    "load_baseline",
    "rule",
    "rule_across",
    "write_baseline",
]
