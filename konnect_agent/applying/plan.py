"""What there is already, and what that leaves to do: create, update, or nothing. Only reads.

A service and a route are found by their name (both APIs take it for an id, documented), the plugin by its
scope, since there is one per scope. What is there becomes what is described, and keeps every field the
description does not know (`stated`). A route of that name on another service, or the plugin in another mode,
is somebody else's, and refused; what else an update would change the way of is said in `beware`. What is
created gets an id chosen here, so that undoing can never hit anything else.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote
from uuid import uuid4

from konnect_agent.applying.exchange import Exchange, Object
from konnect_agent.applying.stated import Difference, differences, settled, stated
from konnect_agent.applying.target import Target
from konnect_agent.errors import ConfigError, NotFound
from konnect_agent.gateway.passthrough import Passthrough, Wanted, wanted
from konnect_agent.gateway.passthrough.bodies import Kind

Action = Literal["create", "update", "keep"]
Holder = tuple[Kind, str]
"""Kind and id of what an entity is made in."""

_SCOPES = ("service", "route", "consumer", "consumer_group")
_STAMPS = ("created_at", "updated_at")
_LEADING = {"protocol", "host", "port", "path", "enabled"}
_NARROWING = {"headers", "snis", "sources", "destinations", "condition"}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One entity: `body` is what is sent, `before` what there was, `changes` are the fields that differ.

    `beware` says what else the step would act on, in sentences.
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
        return tuple(sentence for step in self.steps for sentence in step.beware)


def collection(kind: Kind, within: Holder | None) -> str:
    """Where entities of a kind are: all of them, or those of one holder."""
    return f"{kind}s" if within is None else f"{within[0]}s/{quote(within[1], safe='')}/{kind}s"


def plain(entity: Object) -> dict[str, Any]:
    """An entity without what changes by itself."""
    return {name: value for name, value in entity.items() if name not in _STAMPS}


def in_scope(plugins: Sequence[Object], name: str, holder: Holder | None) -> Object | None:
    """The plugin with exactly this scope, if there is one."""
    expected = {} if holder is None else {holder[0]: holder[1]}
    found = (plugin for plugin in plugins if plugin.get("name") == name and _scope(plugin) == expected)
    return next(found, None)


async def make_plan(exchange: Exchange, target: Target, description: Passthrough) -> Plan:
    """The plan for a description. Raises `NotFound` for a service or route that has to exist and does not,
    `ConfigError` for a route that is another service's, and what reading raises."""
    await exchange.check()
    steps: dict[Kind, PlannedStep] = {}
    for each in wanted(description):
        holder = await _holder(exchange, each, steps)
        made = steps.get(holder[0]) if holder is not None else None
        if each.kind != "plugin":
            existing = await exchange.get(f"{each.kind}s/{quote(each.name, safe='')}")
        elif made is not None and made.action == "create":
            existing = None
        else:
            existing = in_scope(await exchange.list(collection(each.kind, holder)), each.name, holder)
        if existing is None:
            identity = str(uuid4())
            body = {"id": identity, **each.body}
            steps[each.kind] = PlannedStep("create", each.kind, each.name, identity, holder, body)
            continue
        _check_ours(existing, each, holder)
        after = settled(existing, stated(each, description))
        changes = tuple(differences(existing, after))
        beware = tuple(
            [sentence async for sentence in _beware(exchange, existing, each, description, changes)]
        )
        steps[each.kind] = PlannedStep(
            "update" if changes else "keep",
            each.kind, each.name, str(existing["id"]), holder, plain(after), plain(existing), changes, beware,
        )  # fmt: skip
    return Plan(target, tuple(steps.values()))


async def _holder(exchange: Exchange, each: Wanted, steps: Mapping[Kind, PlannedStep]) -> Holder | None:
    """What an entity is made in: an earlier step's, or something that exists already."""
    if each.within is None:
        return None
    kind, name = each.within
    if kind in steps:
        return kind, steps[kind].id
    found = await exchange.get(f"{kind}s/{quote(name, safe='')}")
    if found is None:
        raise NotFound(
            f"There is no {kind} {name}.", hint="Check the name, or create it along with the plugin."
        )
    return kind, str(found["id"])


def _scope(entity: Object) -> dict[str, str]:
    """The ids of what a plugin is scoped to, or of the service a route belongs to."""
    references = {kind: entity.get(kind) for kind in _SCOPES}
    return {
        kind: str(cast("Object", reference).get("id"))
        for kind, reference in references.items()
        if isinstance(reference, Mapping)
    }


def _check_ours(existing: Object, each: Wanted, holder: Holder | None) -> None:
    """Raise `ConfigError` for what serves another purpose already, and would stop doing so."""
    if (
        each.kind == "route"
        and holder is not None
        and (owner := _scope(existing).get("service")) != holder[1]
    ):
        whose = "another service" if owner else "no service"
        raise ConfigError(
            f"There is a route {each.name} already, and it belongs to {whose}.",
            hint="Give the route another name.",
        )
    config = existing.get("config")
    mode = cast("Object", config).get("mode") if isinstance(config, Mapping) else None
    if each.kind == "plugin" and mode not in (None, each.body["config"]["mode"]):
        raise ConfigError(
            f"There is an {each.name} in this scope already, in the mode {mode}.",
            hint="Choose another scope, or remove that plugin first.",
        )


async def _beware(
    exchange: Exchange,
    existing: Object,
    each: Wanted,
    description: Passthrough,
    changes: Sequence[Difference],
) -> AsyncIterator[str]:
    """What an update would do to requests nobody spoke of."""
    if each.kind == "service" and _LEADING & {change.field for change in changes}:
        routes = await exchange.list(collection("route", ("service", str(existing["id"]))))
        others = [route for route in routes if route.get("name") != description.route]
        if others:
            yield (
                f"The service {each.name} has other routes, and their requests would go the new way, too: "
                f"{', '.join(map(_shown_route, others))}."
            )
    for change in changes:
        if change.field in _NARROWING:
            yield (
                f"The {each.kind} {each.name} acts on fewer requests than described "
                f"({change.field} {json.dumps(change.before)}): that restriction would be taken away."
            )


def _shown_route(route: Object) -> str:
    """A route by its name, or its id, and what it takes."""
    takes = [str(value) for name in ("paths", "hosts") for value in cast("list[Any]", route.get(name) or [])]
    return " ".join((str(route.get("name") or route["id"]), f"({', '.join(takes)})" if takes else "")).strip()
