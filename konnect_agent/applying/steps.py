"""What a plan consists of: one step for each entity, and how entities are found and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote

from konnect_agent.applying.exchange import Object
from konnect_agent.applying.stated import Difference
from konnect_agent.applying.target import Target
from konnect_agent.gateway.passthrough.bodies import Kind

Action = Literal["create", "update", "keep"]
Holder = tuple[Kind, str]
"""Kind and id of what an entity is made in."""

_SCOPES = ("service", "route", "consumer", "consumer_group")
_STAMPS = ("created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One entity: `body` is what is sent, `before` what there was, `changes` are the fields that differ.

    `beware` says what else the step would act on, or why it would not have the effect it should, in
    sentences; there may be some about what is kept, too.
    """

    action: Action
    kind: Kind
    name: str
    id: str
    within: Holder | None
    body: Object
    before: Object | None = None
    changes: tuple[Difference, ...] = ()
    beware: tuple[str, ...] = ()

    @property
    def collection(self) -> str:
        """Where entities of this kind are made and listed, below the target's base."""
        return collection(self.kind, self.within)

    @property
    def path(self) -> str:
        """Where the entity is, below the target's base."""
        return f"{self.kind}s/{quote(self.id, safe='')}"

    def __str__(self) -> str:
        what = f"{self.action} {self.kind} {self.name}"
        return f"{what} ({', '.join(each.field for each in self.changes)})" if self.changes else what


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, in the order they are taken, and where."""

    target: Target
    steps: tuple[PlannedStep, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether everything is there already."""
        return all(step.action == "keep" for step in self.steps)

    @property
    def beware(self) -> tuple[str, ...]:
        """What the plan would do beyond what was described: nobody should agree without having read it."""
        return tuple(sentence for step in self.steps if step.action != "keep" for sentence in step.beware)


def collection(kind: Kind, within: Holder | None) -> str:
    """Where entities of a kind are: all of them, or those of one holder."""
    return f"{kind}s" if within is None else f"{within[0]}s/{quote(within[1], safe='')}/{kind}s"


def plain(entity: Object) -> dict[str, Any]:
    """An entity without what changes by itself."""
    return {name: value for name, value in entity.items() if name not in _STAMPS}


def scope(entity: Object) -> dict[str, str]:
    """The ids of what a plugin is scoped to, or of the service a route belongs to."""
    references = {kind: entity.get(kind) for kind in _SCOPES}
    return {
        kind: str(cast("Object", reference).get("id"))
        for kind, reference in references.items()
        if isinstance(reference, Mapping)
    }
