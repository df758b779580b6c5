"""What a step would do that nobody spoke of, and why it may not do what was described, as sentences.

1. A service that other routes lead to takes them along. 2. A restriction somebody else made is taken away:
fields no description has, hosts and paths that go, callers the access rules kept out. 3. Routes that are
there take requests from the new one, or lose some to it (`rivalries`); for an update only what it adds to
that. 4. Of several ai-mcp-proxy only the most specific runs, whatever the others say (fact sheet 8.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from konnect_agent.applying.exchange import Exchange, Object
from konnect_agent.applying.steps import PlannedStep, collection, scope
from konnect_agent.decoding import as_list, as_object
from konnect_agent.gateway.rivals import Rivalry, rivalries

_LEADING = {"protocol", "host", "port", "path", "enabled"}
_NARROWING = {"headers", "snis", "sources", "destinations", "condition"}
_METHODS = frozenset({"POST", "GET", "DELETE"})  # of Streamable HTTP
_ANY_HOST = "example.test"  # of a witness that needs none
_MOST = 5
_RIVALS = {
    "loses": "Requests for {what} go to the route {other}, and not to {name}.",
    "ties": "Requests for {what} go to {name} or to the route {other} by chance: both have the same rank.",
    "wins": "Requests for {what} would go to {name}, and no longer to the route {other}.",
}
Rule = tuple[set[str], set[str]]
"""Who is allowed, and who is denied."""


async def beware(exchange: Exchange, step: PlannedStep, steps: Sequence[PlannedStep]) -> tuple[str, ...]:
    """Sentences about one of the steps. Raises what reading raises."""
    if step.kind == "plugin":
        return (*_taken_away(step), *await _overruled(exchange, step, steps))
    if step.action == "keep":
        return ()
    if step.kind == "service":
        return tuple(await _taken_along(exchange, step, steps))
    return (*_taken_away(step), *await _contested(exchange, step))


async def _taken_along(exchange: Exchange, step: PlannedStep, steps: Sequence[PlannedStep]) -> Iterable[str]:
    if not _LEADING & {change.field for change in step.changes}:
        return ()
    own = {each.name for each in steps if each.kind == "route"}
    routes = await exchange.list(collection("route", ("service", step.id)))
    others = [route for route in routes if route.get("name") not in own]
    if not others:
        return ()
    return (
        f"The service {step.name} has other routes, and their requests would go the new way, too: "
        f"{', '.join(map(_shown_route, others))}.",
    )


def _taken_away(step: PlannedStep) -> Iterator[str]:
    before = step.before or {}
    lifted = [(change.field, change.before) for change in step.changes if change.field in _NARROWING]
    for field in ("hosts", "paths") if step.changes else ():
        left = as_list(step.body.get(field)) or []
        gone = [str(value) for value in as_list(before.get(field)) or [] if value not in left]
        if gone and left:
            yield f"The {step.kind} {step.name} would no longer take requests for {', '.join(gone)}."
        elif gone:
            lifted.append((field, gone))
    for field, value in lifted:
        yield (
            f"The {step.kind} {step.name} acts on fewer requests than described "
            f"({field} {json.dumps(value)}): that restriction would be taken away."
        )
    if step.kind == "plugin" and _lets_in(_rules(before), _rules(step.body)):
        rules = [change for change in step.changes if change.field in ("config.default_acl", "config.tools")]
        shown = ", ".join(f"{change.field} {json.dumps(change.before)}" for change in rules)
        yield (
            f"The {step.kind} {step.name} keeps callers out whom the description lets in ({shown}): "
            "that restriction would be taken away."
        )


def _rules(plugin: Object) -> dict[str | None, Rule]:
    """The rule of every tool that has its own, and under None that of all others."""
    config = as_object(plugin.get("config")) or {}
    entries = [(None, entry) for entry in _objects(config.get("default_acl"))]
    tools = [(str(tool.get("name")), as_object(tool.get("acl"))) for tool in _objects(config.get("tools"))]
    owned = [*entries, *((name, acl) for name, acl in tools if acl is not None)]
    found = {name: (_texts(rule.get("allow")), _texts(rule.get("deny"))) for name, rule in owned}
    return {None: (set(), set()), **found}


def _lets_in(before: Mapping[str | None, Rule], after: Mapping[str | None, Rule]) -> bool:
    """Whether somebody gets in who was kept out, and is not among those who are allowed now."""
    for tool in before.keys() | after.keys():
        allowed, denied = before.get(tool, before[None])
        allowed_now, denied_now = after.get(tool, after[None])
        if (allowed and not allowed_now) or denied - denied_now:
            return True
    return False


async def _contested(exchange: Exchange, step: PlannedStep) -> Iterable[str]:
    others = [route for route in await exchange.list("routes") if route["id"] != step.id]
    if not others:
        return ()
    services = await exchange.list("services")
    by_id = {str(route["id"]): route for route in others}
    holder = {step.within[0]: {"id": step.within[1]}} if step.within else {}
    now = rivalries({**holder, **step.body}, others, services, methods=_METHODS)
    before = rivalries(step.before, others, services, methods=_METHODS) if step.before else ()
    known = {(each.how, each.other) for each in before}
    new = [each for each in now if (each.how, each.other) not in known]
    sentences = [
        _RIVALS[each.how].format(
            what=_shown_request(each), name=step.name, other=_shown_route(by_id[each.other])
        )
        for each in new[:_MOST]
    ]
    more = len(new) - _MOST
    return [*sentences, f"So it is with {more} more routes."] if more > 0 else sentences


async def _overruled(exchange: Exchange, step: PlannedStep, steps: Sequence[PlannedStep]) -> Iterable[str]:
    holder = step.within
    if holder is not None and any(each.id == holder[1] and each.action == "create" for each in steps):
        return ()  # nothing else can be in what does not exist
    same = [
        plugin
        for plugin in await exchange.list("plugins")
        if plugin.get("name") == step.name and plugin.get("enabled") is not False and plugin["id"] != step.id
    ]
    scopes = [found for found in map(scope, same) if found]
    names: dict[str, str] = {each.id: each.name for each in steps}
    if holder is not None:
        kind, identity = holder
        routes = {identity} if kind == "route" else set[str]()
        if kind == "service" and any("route" in each for each in scopes):
            inside = await exchange.list(collection("route", holder))
            routes = {str(route["id"]) for route in inside}
            names |= {str(route["id"]): str(route.get("name") or route["id"]) for route in inside}
        scopes = [
            each
            for each in scopes
            if each != {kind: identity} and (each.get("route") in routes or each.get(kind) == identity)
        ]
    if not scopes:
        return ()
    shown = [" and ".join(f"{kind} {names.get(at, at)}" for kind, at in each.items()) for each in scopes]
    more = f" and {len(shown) - _MOST} more" if len(shown) > _MOST else ""
    return (
        f"There is an {step.name} in a more specific scope, and only that one runs there, with its own "
        f"access rules and limits: {', '.join(shown[:_MOST])}{more}.",
    )


def _shown_route(route: Object) -> str:
    """A route by its name, or its id, and what it takes."""
    takes = [str(value) for name in ("paths", "hosts") for value in cast("list[Any]", route.get(name) or [])]
    return " ".join((str(route.get("name") or route["id"]), f"({', '.join(takes)})" if takes else "")).strip()


def _shown_request(rivalry: Rivalry) -> str:
    """What a request is for, as far as it was needed to be said."""
    example = rivalry.example
    host = example.host if example.host != _ANY_HOST else None
    headers = "".join(f" with {name}: {value}" for name, value in example.headers.items())
    return f"{host or ''}{example.path}{headers}"


def _objects(value: object) -> list[Object]:
    return [entry for entry in map(as_object, as_list(value) or []) if entry is not None]


def _texts(value: object) -> set[str]:
    return {str(each) for each in as_list(value) or []}
