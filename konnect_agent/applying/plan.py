"""What there is already, and what that leaves to do: create, update, or nothing. Only reads.

A service and a route are found by their name (both APIs take it for an id, documented), the plugin by its
scope, since there is one per scope. What is there becomes what is described, and keeps every field the
description does not know (`stated`). A route of that name on another service, or the plugin in another mode,
is somebody else's, and refused; what else would change, or would not work, is said in `beware` (see there).
What is created gets an id chosen here, so that undoing can never hit anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import quote
from uuid import uuid4

from konnect_agent.applying.beware import beware
from konnect_agent.applying.exchange import Exchange, Object
from konnect_agent.applying.stated import differences, settled, stated
from konnect_agent.applying.steps import Holder, Kind, Plan, PlannedStep, collection, plain, scope
from konnect_agent.applying.target import Target
from konnect_agent.errors import ConfigError, NotFound
from konnect_agent.gateway.passthrough import Passthrough, Wanted, wanted


def in_scope(plugins: Sequence[Object], name: str, holder: Holder | None) -> Object | None:
    """The plugin with exactly this scope, if there is one."""
    expected = {} if holder is None else {holder[0]: holder[1]}
    found = (plugin for plugin in plugins if plugin.get("name") == name and scope(plugin) == expected)
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
        steps[each.kind] = PlannedStep(
            "update" if changes else "keep",
            each.kind, each.name, str(existing["id"]), holder, plain(after), plain(existing), changes,
        )  # fmt: skip
    seen = tuple(steps.values())
    return Plan(target, tuple([replace(step, beware=await beware(exchange, step, seen)) for step in seen]))


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


def _check_ours(existing: Object, each: Wanted, holder: Holder | None) -> None:
    """Raise `ConfigError` for what serves another purpose already, and would stop doing so."""
    if each.kind == "route" and holder is not None and (owner := scope(existing).get("service")) != holder[1]:
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
