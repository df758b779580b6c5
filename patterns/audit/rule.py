"""The form of an audit rule: one decorated pure function, with its metadata and its examples beside it.

    @rule("KNA001", title=..., severity=Severity.HIGH, judges="routes", needs=("services", "plugins"),
          remediation=..., source="https://developer.konghq.com/...", passes=[...], fails=[...])
    def route_without_authentication(at: Snapshot) -> Iterator[Problem]:
        \"\"\"Why it matters.\"\"\"

The slug is the function's name, the rationale its docstring, the topic its module's name. `rule` sees one
control plane, `rule_across` all of them. Examples are entities as Konnect sends them; the tests run them.
A list a rule only `judges` may be cut short; from one it `needs` it also concludes what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from konnect_agent.models.entity import Entity
from patterns.audit.facts import Organisation
from patterns.audit.finding import EntityName, Severity
from patterns.audit.snapshot import ListName, Snapshot
from patterns.coverage import Named

Example = Mapping[str, Sequence[Mapping[str, Any]]]
"""Lists by name; one that is left out is empty. With `fellow_plugins` or `fellow_vaults` the control plane is
member of a group, and these are the lists of another member."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found wrong with one entity. `severity` only where it differs from the rule's own.

    A rule reports an entity once, with everything it has to say about it. A rule across control planes also
    names the control plane the entity is in.
    """

    entity: Entity | EntityName
    message: str
    severity: Severity | None = None
    control_plane: Named | None = None


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known about a rule without running it."""

    id: str
    slug: str
    title: str
    severity: Severity
    topic: str
    rationale: str
    remediation: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Rule(About):
    """A rule about one control plane.

    `judges` is the list it goes through, `needs` are lists it must have seen whole, `of_group` lists it must
    have seen whole in every fellow member of a control plane group.
    """

    check: Callable[[Snapshot], Iterable[Problem]] = field(repr=False)
    judges: ListName
    needs: tuple[ListName, ...] = ()
    of_group: tuple[ListName, ...] = ()
    passes: Sequence[Example] = field(repr=False)
    fails: Sequence[Example] = field(repr=False)

    def __call__(self, at: Snapshot) -> Iterator[Problem]:
        """The problems of one control plane."""
        return iter(self.check(at))


@dataclass(frozen=True, kw_only=True)
class RuleAcross(About):
    """A rule about several control planes together. Each of its examples is a list of control planes."""

    check: Callable[[Organisation], Iterable[Problem]] = field(repr=False)
    passes: Sequence[Sequence[Example]] = field(repr=False)
    fails: Sequence[Sequence[Example]] = field(repr=False)

    def __call__(self, organisation: Organisation) -> Iterator[Problem]:
        """The problems between control planes."""
        return iter(self.check(organisation))


AnyRule = Rule | RuleAcross


def rule(
    id: str,  # noqa: A002  # the name it has in the report
    *,
    title: str,
    severity: Severity,
    judges: ListName,
    remediation: str,
    source: str,
    passes: Sequence[Example],
    fails: Sequence[Example],
    needs: tuple[ListName, ...] = (),
    of_group: tuple[ListName, ...] = (),
) -> Callable[[Callable[[Snapshot], Iterable[Problem]]], Rule]:
    """Make a function over a `Snapshot` a `Rule`."""

    def decorate(check: Callable[[Snapshot], Iterable[Problem]]) -> Rule:
        return Rule(
            id=id,
            **_said_by(check),
            title=title,
            severity=severity,
            remediation=remediation,
            source=source,
            check=check,
            judges=judges,
            needs=needs,
            of_group=of_group,
            passes=passes,
            fails=fails,
        )

    return decorate


def rule_across(
    id: str,  # noqa: A002
    *,
    title: str,
    severity: Severity,
    remediation: str,
    source: str,
    passes: Sequence[Sequence[Example]],
    fails: Sequence[Sequence[Example]],
) -> Callable[[Callable[[Organisation], Iterable[Problem]]], RuleAcross]:
    """Make a function over an `Organisation` a `RuleAcross`."""

    def decorate(check: Callable[[Organisation], Iterable[Problem]]) -> RuleAcross:
        return RuleAcross(
            id=id,
            **_said_by(check),
            title=title,
            severity=severity,
            remediation=remediation,
            source=source,
            check=check,
            passes=passes,
            fails=fails,
        )

    return decorate


def _said_by(check: Callable[..., Any]) -> dict[str, str]:
    """What the function itself says about its rule."""
    return {
        "slug": check.__name__.replace("_", "-"),
        "topic": check.__module__.rpartition(".")[2].replace("_", " "),
        "rationale": " ".join((check.__doc__ or "").split()),
    }
