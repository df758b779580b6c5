"""What there is already, and what that leaves to do: create, update, or nothing. Only reads.

A service and a route are found by their name (both APIs take it for an id, documented), the plugin by its
scope, since there is one per scope. What is there keeps every field the description says nothing about.
A route of that name on another service, or the plugin in another mode, is somebody else's, and refused. What
is created gets an id chosen here, so that undoing can never hit anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote
from uuid import uuid4

from konnect_agent.applying.exchange import Exchange, Object
from konnect_agent.applying.target import Target
from konnect_agent.errors import ConfigError, NotFound
from konnect_agent.gateway.passthrough import Passthrough, Wanted, wanted
from konnect_agent.gateway.passthrough.bodies import Kind
from konnect_agent.gateway.passthrough.description import split_upstream, upstream_port

Action = Literal["create", "update", "keep"]
_SCOPES = ("service", "route", "consumer", "consumer_group")
_STAMPS = ("created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One entity: `body` is what is sent, `before` what there was; `changes` names the fields that differ."""

    action: Action
    kind: Kind
    name: str
    id: str
    collection: str
    body: Object
    before: Object | None = None
    changes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where the entity is, below the target's base."""
        return f"{self.kind}s/{self.id}"

    def __str__(self) -> str:
        what = f"{self.action} {self.kind} {self.name}"
        return f"{what} ({', '.join(self.changes)})" if self.changes else what


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, in the order they are taken, and where."""

    target: Target
    steps: tuple[PlannedStep, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether everything is there already."""
        return all(step.action == "keep" for step in self.steps)


async def make_plan(exchange: Exchange, target: Target, description: Passthrough) -> Plan:
    """The plan for a description. Raises `NotFound` for a service or route that has to exist and does not,
    `ConfigError` for a route that is another service's, and what reading raises."""
    steps: dict[Kind, PlannedStep] = {}
    for each in wanted(description):
        holder = await _holder(exchange, each, steps)
        collection = f"{each.kind}s" if holder is None else f"{holder[0]}s/{holder[1]}/{each.kind}s"
        created_within = holder is not None and (made := steps.get(holder[0])) and made.action == "create"
        if each.kind != "plugin":
            existing = await exchange.get(f"{each.kind}s/{quote(each.name, safe='')}")
        elif created_within:
            existing = None
        else:
            existing = _in_scope(await exchange.list(collection), each.name, holder)
        if existing is not None:
            _check_ours(existing, each, holder)
        steps[each.kind] = _step(each, collection, existing)
    return Plan(target, tuple(steps.values()))


async def _holder(
    exchange: Exchange, each: Wanted, steps: Mapping[Kind, PlannedStep]
) -> tuple[Kind, str] | None:
    """Kind and id of what an entity is made in: of an earlier step, or something that exists already."""
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
    return kind, str(found.get("id") or name)


def _in_scope(plugins: Sequence[Object], name: str, holder: tuple[Kind, str] | None) -> Object | None:
    """The plugin with exactly this scope, if there is one."""
    expected = {} if holder is None else {holder[0]: holder[1]}
    return next(
        (plugin for plugin in plugins if plugin.get("name") == name and _scope(plugin) == expected), None
    )


def _scope(plugin: Object) -> dict[str, str]:
    references = {kind: plugin.get(kind) for kind in _SCOPES}
    return {
        kind: str(cast("Object", reference).get("id"))
        for kind, reference in references.items()
        if isinstance(reference, Mapping)
    }


def _check_ours(existing: Object, each: Wanted, holder: tuple[Kind, str] | None) -> None:
    """Raise `ConfigError` for what serves another purpose already, and would stop doing so."""
    if each.kind == "route" and holder is not None and _scope(existing).get("service") != holder[1]:
        raise ConfigError(
            f"There is a route {each.name} already, and it belongs to another service.",
            hint="Give the route another name.",
        )
    config = existing.get("config")
    mode = cast("Object", config).get("mode") if isinstance(config, Mapping) else None
    if each.kind == "plugin" and mode not in (None, each.body["config"]["mode"]):
        raise ConfigError(
            f"There is an {each.name} in this scope already, in the mode {mode}.",
            hint="Choose another scope, or remove that plugin first.",
        )


def _step(each: Wanted, collection: str, existing: Object | None) -> PlannedStep:
    if existing is None:
        identity = str(uuid4())
        return PlannedStep(
            "create", each.kind, each.name, identity, collection, {"id": identity, **each.body}
        )
    described = _in_parts(each.body)
    if not described.get("tags"):
        described.pop("tags", None)
    merged = _merged(existing, described)
    changes = tuple(name for name in described if not _covers(existing.get(name), described[name]))
    identity = str(existing.get("id") or each.name)
    before = {name: value for name, value in existing.items() if name not in _STAMPS}
    body = {name: value for name, value in merged.items() if name not in _STAMPS}
    action: Action = "update" if changes else "keep"
    return PlannedStep(action, each.kind, each.name, identity, collection, body, before, changes)


def _in_parts(body: Object) -> dict[str, Any]:
    """A body as the API gives it back: `url` is only a way of writing four other fields."""
    parts = dict(body)
    if "url" in parts:
        url = split_upstream(parts.pop("url"))
        parts |= {"protocol": url.scheme, "host": url.hostname, "port": upstream_port(url)}
        parts["path"] = url.path or None
    return parts


def _merged(existing: Object, described: Object) -> dict[str, Any]:
    """What there is, with what is described written over it, object by object; lists as a whole."""
    merged = dict(existing)
    for name, value in described.items():
        before = merged.get(name)
        if _covers(before, value):
            continue
        deeper = isinstance(value, Mapping) and isinstance(before, Mapping)
        merged[name] = _merged(cast("Object", before), cast("Object", value)) if deeper else value
    return merged


def _covers(existing: object, described: object) -> bool:
    """Whether what there is says what is described, with whatever an API adds to it: defaults and nulls."""
    if isinstance(described, Mapping):
        fields = cast("Object", described).items()
        return isinstance(existing, Mapping) and all(
            _covers(cast("Object", existing).get(name), value) for name, value in fields
        )
    if isinstance(described, list):
        values = cast("list[object]", described)
        there = cast("list[object]", existing) if isinstance(existing, list) else []
        return len(there) == len(values) and all(map(_covers, there, values))
    return existing == described
