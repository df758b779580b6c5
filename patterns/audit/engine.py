"""Runs rules and makes findings of what they object to.

1. A rule runs where the list it judges was seen and those it needs were seen whole, here and in fellow
   group members; elsewhere it neither passes nor fails. Nor does it for entities it could not read, which it
   says in the end by raising `Unread`: what it found in the others stands.
2. A rule that crashes finds nothing there: the crash becomes part of the coverage, not the audit's end.
3. One finding per rule and entity, the most severe; whatever a server named in it is scrubbed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from traceback import extract_tb

from konnect_agent.errors import KonnectError
from konnect_agent.redaction import scrub
from patterns.audit.facts import Organisation
from patterns.audit.finding import EntityName, Finding, fingerprint
from patterns.audit.rule import About, Problem, Rule, RuleAcross
from patterns.audit.snapshot import Snapshot, Unread, Unseen
from patterns.coverage import Named


class RuleFailed(KonnectError):
    """A rule crashed. The exception's own words may hold configuration values, so only its class is told."""

    default_hint = "This is a mistake in the rule, not in your configuration: report it with the rule's id."

    def __init__(self, about: About, error: Exception) -> None:
        self.rule_id = about.id
        frames = extract_tb(error.__traceback__)
        at = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
        super().__init__(f"The rule {about.id} {about.slug} failed with {type(error).__name__}{at}.")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say. `not_run` are ids of rules that could not, or not everywhere, crashed ones too;
    `unread` says what kept some of them from it although the lists were seen."""

    findings: tuple[Finding, ...] = ()
    not_run: tuple[str, ...] = ()
    crashes: tuple[RuleFailed, ...] = ()
    unread: tuple[str, ...] = ()


def judge(at: Snapshot, rules: Iterable[Rule]) -> Judgement:
    """Every rule on one control plane."""
    findings: list[Finding] = []
    not_run: list[str] = []
    crashes: list[RuleFailed] = []
    unread: list[str] = []
    for each in rules:
        if not _can_run(each, at):
            not_run.append(each.id)
            continue
        problems: list[Problem] = []
        try:
            for problem in each(at):
                problems.append(problem)  # those before an exception count
        except Unread as what:
            not_run.append(each.id)
            unread.append(scrub(str(what)))
        except Unseen:
            not_run.append(each.id)
            continue
        except Exception as error:  # a rule is no reason to lose the others
            not_run.append(each.id)
            crashes.append(RuleFailed(each, error))
            continue
        findings.extend(_findings(each, problems, at.name, proviso=_proviso(each, at)))
    return Judgement(tuple(findings), tuple(not_run), tuple(crashes), tuple(dict.fromkeys(unread)))


def judge_across(organisation: Organisation, rules: Sequence[RuleAcross]) -> Judgement:
    """Every rule between control planes."""
    findings: list[Finding] = []
    crashes: list[RuleFailed] = []
    for each in rules:
        try:
            findings.extend(_findings(each, list(each(organisation)), Named()))
        except Exception as error:  # as above
            crashes.append(RuleFailed(each, error))
    return Judgement(tuple(findings), tuple(crash.rule_id for crash in crashes), tuple(crashes))


def _can_run(each: Rule, at: Snapshot) -> bool:
    return (
        at.saw(each.judges) and all(map(at.saw_whole, each.needs)) and all(map(at.saw_fellows, each.of_group))
    )


def _proviso(each: Rule, at: Snapshot) -> str:
    """What to add where a group may change everything, but its members could not be seen."""
    if not each.of_group or not at.unclear:
        return ""
    groups = ", ".join(group.name or group.id or "" for group in at.unclear)
    return (
        f" This may not hold if the control plane is a member of {groups}, whose members could not be seen."
    )


def _findings(
    about: About, problems: Sequence[Problem], where: Named, *, proviso: str = ""
) -> Iterator[Finding]:
    worst: dict[str, Finding] = {}
    for problem in problems:
        finding = _finding(about, problem, problem.control_plane or where, proviso)
        known = worst.get(finding.fingerprint)
        if known is None or finding.severity > known.severity:
            worst[finding.fingerprint] = finding
    yield from worst.values()


def _finding(about: About, problem: Problem, where: Named, proviso: str) -> Finding:
    entity = problem.entity if isinstance(problem.entity, EntityName) else EntityName.of(problem.entity)
    return Finding(
        rule_id=about.id,
        slug=about.slug,
        severity=problem.severity or about.severity,
        message=scrub(problem.message) + proviso,
        remediation=about.remediation,
        fingerprint=fingerprint(about.id, where.id, entity),
        control_plane=where,
        entity=entity,
    )
