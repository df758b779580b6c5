"""Pattern 2, endpoint investigation, in Kong's documented steps.

1. The control plane that serves the path (`get_by_route`; fallback: a look through all of them).
2. Its routes (with those of fellow group members), and the one that serves the request. 3. That route's
service. 4. The plugins that run on it: of the route, its service, and global ones, in execution order, each
with why it is the one that runs.
What the gateway would do is computed by `konnect_agent.gateway`, never by substring matching; where that
depends on a setting nobody can see (`route_match_calculation`), both answers are given, each whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from pydantic import computed_field

from konnect_agent import Konnect
from konnect_agent.errors import Ambiguous, KonnectError, NoMatch
from konnect_agent.gateway import Match, PluginIndex, authentication, effective_plugins, mcp_proxy
from konnect_agent.ids import is_id
from konnect_agent.models import Consumer, ControlPlane, Plugin, Route, Service
from konnect_agent.redaction import scrub
from konnect_agent.resources.resource import required
from patterns.answered import is_answered, runs_anyway
from patterns.coverage import ask_each
from patterns.encounters import Passage, doubts_about_groups
from patterns.locating import candidates, locate
from patterns.mcp_endpoint import McpEndpoint
from patterns.selection import Selected
from patterns.serving import Asked, Serving, explanation
from patterns.upstreams import Upstreams, service_id, upstreams
from patterns.views import CandidateView, OtherRouteView, PluginView, RequestView, RouteView, ServiceView
from patterns.workflow import Frozen, OpenStep, Result, keep, missed, step, truncated, workflow

_TOLD = 5


class Answer(Frozen):
    """Who answers a request, and what runs on it. `plugins` is in execution order.

    `served` is False when nothing serves it: without a route that is left, as when its service is disabled,
    or when the gateway answers before any plugin could (`outcome`: `redirect`, `upgrade_required`, ...);
    `status` is what the gateway then says. `outcome` is None without a route that is left.
    `shadowed_plugins` lost to a more specific configuration, are disabled, or come too late for such an
    answer. `mcp_endpoint` is what ai-mcp-proxy makes of the route, None if it does not run there. `unseen`
    names what of the answer was not seen, or not wholly: it may be there all the same.
    """

    route: RouteView | None = None
    service: ServiceView | None = None
    served: bool = False
    plugins: tuple[PluginView, ...] = ()
    shadowed_plugins: tuple[PluginView, ...] = ()
    upstream_url: str | None = None
    outcome: str | None = None
    status: int | None = None
    authentication: str | None = None
    mcp_endpoint: McpEndpoint | None = None
    unseen: tuple[Literal["service", "plugins"], ...] = ()


class EndpointResult(Answer, Result):
    """The answer of a data plane as it comes, and what may make it another one.

    `other_routes` would also match, or serve requests that have what their `serves` says. When a data plane
    with `route_match_calculation = strict` would answer otherwise, `strict` is that whole answer and
    `if_strict` its route, None for no route. `if_trusted` is the whole answer of one that trusts the
    X-Forwarded-Proto of the request, if it is another.
    `router_flavor` and `route_match_calculation` are assumed: Konnect does not show them.
    `notes` are sentences for a person; `candidates` come with `explain`.
    """

    request: RequestView = RequestView()
    control_plane: Selected = Selected()
    other_routes: tuple[OtherRouteView, ...] = ()
    strict: Answer | None = None
    if_trusted: Answer | None = None
    router_flavor: str | None = None
    route_match_calculation: str | None = None
    candidates: tuple[CandidateView, ...] = ()
    notes: tuple[str, ...] = ()

    @computed_field
    @property
    def if_strict(self) -> RouteView | None:
        """The route of the `strict` answer."""
        return self.strict.route if self.strict else None


@dataclass(frozen=True)
class _Known:
    """What was read about the routes that may serve; `all_plugins` is False when there may be more.

    `consumers` are those that authentication falls back to by name, as far as they were seen.
    """

    services: Mapping[str, Service]
    plugins: Sequence[Plugin]
    all_plugins: bool
    caller: Consumer | None
    consumers: Sequence[Consumer] = ()

    def service_of(self, route: Route) -> Service | None:
        return self.services.get(service_id(route) or "")


@workflow("investigate_endpoint", EndpointResult)
async def investigate_endpoint(
    konnect: Konnect,
    path: str,
    *,
    method: str | None = None,
    host: str | None = None,
    headers: Mapping[str, str | Sequence[str]] | None = None,
    scheme: str = "https",
    sni: str | None = None,
    consumer: str | None = None,
    control_plane: str | None = None,
    explain: bool = False,
) -> EndpointResult:
    """Which route serves `path`, its service, and the plugins that run on it and why.

    What is not given (`method`, `host`, `headers`, `sni`) may be anything a matching route asks for.
    `consumer` (name or id) adds the plugins scoped to it. Without `control_plane` (name or id) the one
    serving the path is looked up. Raises `InvalidArguments` before anything is sent, `NoMatch` when no route
    serves it, `Ambiguous` when several control planes do.
    """
    asked = Asked(path, method, host, headers or None, scheme, sni)
    for what, value in (("consumer", consumer), ("control plane", control_plane)):
        if value is not None:
            required(value, what)
    result = keep(EndpointResult(request=RequestView.of(asked)))

    async with step("control plane by route") as this:
        given = await candidates(konnect, asked, control_plane, this)
    async with step("routes") as this:
        located = await locate(konnect, asked, given)
        place, routes, first = located.place, located.routes, located.first
        plane, holders = place.control_plane, place.holders
        this.extract(control_plane_id=plane.id, route_id=first.route.id, service_id=service_id(first.route))
    selected = Selected(id=plane.id, name=scrub(plane.label), found_by=located.how)
    unknown: dict[str, Any] = {"unseen": ("service", "plugins"), "notes": located.notes}
    known = {"control_plane": selected, "route": RouteView.of(first.route)}
    assumed: dict[str, Any] = {"router_flavor": first.flavor, "route_match_calculation": "original"}
    result = keep(result.model_copy(update={**known, **unknown, **assumed}))
    async with step("service") as this:
        found = await upstreams(konnect, asked, located)
        final, services = found.found, found.services
        best = final or first
        service = services.get(service_id(best.route) or "")
        this.extract(route_id=best.route.id, service_id=service.id if service else None)
    async with step("plugins") as this:
        plugins, all_plugins = await _plugins(konnect, holders)
        seen = _Known(services, plugins, all_plugins and place.whole, None)
        if consumer:
            seen = replace(seen, caller=await _consumer(konnect, holders, consumer, this))
        if seen.all_plugins:
            seen = replace(seen, consumers=await _fallbacks(konnect, holders, best, seen))

    trusted = _trusted(best.match) if final else None
    trusted_answer = _answer(trusted, seen) if trusted else None
    compared = explanation(asked, routes, list(services.values())).candidates if explain else ()
    answer = _answer(best.match, seen, is_left=final is not None)
    strict = _answer(final.strict, seen) if final and final.is_disputed else None
    return result.model_copy(
        update={
            **dict(answer),
            "other_routes": tuple(_others(best)),
            "strict": strict,
            "if_trusted": trusted_answer,
            "candidates": tuple(map(CandidateView.of, compared)),
            "notes": (
                *located.notes,
                *_about_disabled(found, answer),
                *_notes(best, answer, strict, seen),
                *_if_trusted(trusted_answer),
                *_instead(best, seen),
                *_compared(asked, best, explain=explain),
            ),
        }
    )


def _trusted(match: Match) -> Match | None:
    """The match where the gateway trusts X-Forwarded-Proto, when that makes a difference."""
    other = match.if_trusted
    if other is None:
        return None
    return replace(
        match, outcome=other.outcome, status=other.status, location=other.location, because=other.because
    )


def _others(found: Serving) -> Iterator[OtherRouteView]:
    serves = {id(route): (f"method {' or '.join(methods)}",) for route, methods in found.by_method}
    serves |= {id(route): asking for route, asking in found.elsewhere}
    for route in found.others:
        view = RouteView.of(route)
        yield OtherRouteView(**dict(view), serves=tuple(map(scrub, serves.get(id(route), ()))))


def _answer(match: Match | None, seen: _Known, *, is_left: bool = True) -> Answer:
    """What a match comes to with the services and plugins that were seen; nothing without a match."""
    if match is None:
        return Answer(status=404)
    route = cast("Route", match.route)
    service = seen.service_of(route)
    index = PluginIndex(seen.plugins)
    ran = effective_plugins(index, route=route, service=service, consumer=seen.caller)
    running, idle = tuple(map(PluginView.running, ran.plugins)), tuple[PluginView, ...]()
    entry = authentication(index, route=route, service=service, consumers=seen.consumers)
    proxy = mcp_proxy(ran)
    answered = is_left and is_answered(match)
    because = entry.because if seen.all_plugins else None
    if answered:
        running, idle = runs_anyway(index, ran)
        because = f"not asked for: the gateway answers {match.status} before any plugin could"
    lost = service_id(route) and service is None
    return Answer(
        route=RouteView.of(route),
        service=ServiceView.of(service) if service else None,
        served=is_left and not answered,
        plugins=running,
        shadowed_plugins=(*idle, *map(PluginView.idle, (*ran.shadowed, *ran.disabled))),
        upstream_url=scrub(match.upstream_url) if is_left and not answered and match.upstream_url else None,
        outcome=match.outcome if is_left else None,
        status=match.status if answered else None if is_left else 404,
        authentication=None if because is None else scrub(because),
        mcp_endpoint=McpEndpoint.of(proxy, entry if seen.all_plugins else None) if proxy else None,
        unseen=(*(("service",) if lost else ()), *(() if seen.all_plugins else ("plugins",))),
    )


async def _plugins(konnect: Konnect, holders: Sequence[ControlPlane]) -> tuple[list[Plugin], bool]:
    """The plugins of all holders, and whether every one of them could be seen."""
    answers = await ask_each(konnect, "plugins", holders, lambda each: konnect.plugins.list(each.id or ""))
    plugins: list[Plugin] = []
    seen = True
    for holder, listed in zip(holders, answers, strict=True):
        if isinstance(listed, KonnectError):
            missed("plugins", listed, control_plane=holder)
            seen = False
            continue
        if not listed.complete:
            truncated("plugins")
            seen = False
        plugins += listed
    return plugins, seen


async def _consumer(konnect: Konnect, holders: Sequence[ControlPlane], name: str, this: OpenStep) -> Consumer:
    """The consumer called `name`, in whichever member holds it. Raises what the last look raised."""
    failure: KonnectError = NoMatch(f"No consumer is called {name!r}.")
    for holder in holders:
        try:
            found = await konnect.consumers.find(name, control_plane_id=holder.id or "")
        except NoMatch as error:
            failure = error
            continue
        this.extract(consumer_id=found.id)
        return found.entity
    raise failure


async def _fallbacks(
    konnect: Konnect, holders: Sequence[ControlPlane], best: Serving, seen: _Known
) -> list[Consumer]:
    """The consumers that authentication falls back to, where they are given by name (ids need no look)."""
    index = PluginIndex(seen.plugins)
    routes = [cast("Route", match.route) for match in (best.match, best.strict) if match]
    entries = [authentication(index, route=route, service=seen.service_of(route)) for route in routes]
    names = dict.fromkeys(name for entry in entries for name in entry.anonymous if not is_id(name))
    found = [await _called(konnect, holders, name) for name in names]
    return [consumer for consumer in found if consumer]


async def _called(konnect: Konnect, holders: Sequence[ControlPlane], name: str) -> Consumer | None:
    """The consumer of that very name, in whichever member holds it; None where none is seen."""
    for holder in holders:
        try:
            found = (await konnect.consumers.find(name, control_plane_id=holder.id or "")).entity
        except (NoMatch, Ambiguous):  # only others are called like that
            continue
        except KonnectError as error:
            missed(f"the anonymous consumer {scrub(name)}", error, control_plane=holder)
            continue
        if found.username == name:
            return found
    return None


def _about_disabled(found: Upstreams, answer: Answer) -> Iterator[str]:
    """What the disabled services take with them."""
    name = answer.route.name if answer.route else None
    for service in found.services.values():
        if service.enabled:
            continue
        said = f"The service {scrub(service.label)} is disabled, so its routes are out"
        if service in found.instead_of:
            said += ": the gateway answers 404" if found.found is None else f": {name} serves it instead"
        yield f"{said}."


def _notes(found: Serving, answer: Answer, strict: Answer | None, seen: _Known) -> Iterator[str]:
    """What a person should know beside the plain answer."""
    if not seen.all_plugins:
        yield "Not every plugin could be seen: who gets in, and what else runs here, is not known."
    if found.route.service is None:
        yield "The route has no service: only a plugin can answer, there is no upstream."
    elif is_answered(found.match):
        yield f"The request is not proxied: {found.match.because}."
    if strict is not None:
        yield (
            f"With route_match_calculation = strict, {_told(strict)}; "
            "this answer assumes the default, original."
        )
    if found.filled_in and answer.outcome:
        filled_in = ", ".join(found.filled_in)
        yield f"This answer is for requests with {filled_in}: others to this path may get 404."
    for route, methods in found.by_method:
        yield (
            f"This answer is for {found.request.method}: {', '.join(methods)} would be served by "
            f"{_labelled(route, seen)}. Say the method to see that answer."
        )
    for route in found.maybe:
        asks = "what it asks for could not be made up here"
        yield f"{scrub(route.label)} may serve some requests to this path: {asks}."
    for entry in found.match.undecided:
        name = RouteView.routed(entry).name
        yield f"{name} may serve it instead: it has a regex that cannot be evaluated here."
    for view in answer.shadowed_plugins:
        if not view.enabled:
            yield f"The plugin {view.name} ({view.scope}) is disabled."
    if answer.mcp_endpoint is not None:
        yield answer.mcp_endpoint.said
    if seen.caller is not None:
        yield from doubts_about_groups(seen.plugins, [Passage.of(found.route)])


def _labelled(route: Route, seen: _Known) -> str:
    unsure = service_id(route) is not None and seen.service_of(route) is None
    return f"{scrub(route.label)}{', if its service is enabled' if unsure else ''}"


def _instead(found: Serving, seen: _Known) -> Iterator[str]:
    """Who serves requests that have what was not said of this one."""
    for route, asking in found.elsewhere[:_TOLD]:
        serves = f"would be served by {_labelled(route, seen)}"
        yield f"Requests with {scrub(', '.join(asking))} {serves}. Say that to see that answer."
    if len(found.elsewhere) > _TOLD:
        yield f"{len(found.elsewhere) - _TOLD} more of the other routes serve requests of their own."
    for each in found.disputes[:_TOLD]:
        told = _labelled(each.strict, seen) if each.strict else "no route"
        asking = f"requests with {scrub(', '.join(each.asking))}" if each.asking else "other requests"
        instead = f"would be served by {told} instead of {scrub(each.original.label)}"
        yield f"With route_match_calculation = strict, {asking} {instead}."
    if not found.is_compared or len(found.disputes) > _TOLD:
        yield "With route_match_calculation = strict, more requests of other kinds may go elsewhere."


def _if_trusted(answer: Answer | None) -> Iterator[str]:
    """The answer behind a proxy that the gateway trusts, as where TLS ends before it."""
    if answer is not None:
        unlike = "Where the gateway trusts the sender (trusted_ips, which Konnect does not show)"
        yield f"{unlike}, X-Forwarded-Proto counts: {_told(answer, '')}."


def _compared(asked: Asked, found: Serving, *, explain: bool) -> Iterator[str]:
    """What the sentences of the compared routes call the request's method."""
    if explain and asked.method is None:
        yield f"No method was said: the routes are compared for {found.request.method}."


def _told(answer: Answer, instead: str = " instead") -> str:
    """The answer in one clause."""
    if answer.route is None:
        return "no route serves it and the gateway answers 404"
    if not answer.served:
        return f"{answer.route.name} is its route, and the gateway answers {answer.status} by itself"
    service = f"service {answer.service.name}" if answer.service else "no service"
    service = "a service that could not be seen" if "service" in answer.unseen else service
    ran = ", ".join(f"{plugin.name} ({plugin.scope})" for plugin in answer.plugins) or "no plugin"
    ran = f"{ran} and perhaps more" if "plugins" in answer.unseen else ran
    return f"{answer.route.name} serves it{instead}, with {service} and {ran}"
