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
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import computed_field

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, NoMatch
from konnect_agent.gateway import Match, authentication, effective_plugins, mcp_proxy
from konnect_agent.ids import is_id
from konnect_agent.models import Consumer, ControlPlane, Plugin, Route, Service
from konnect_agent.redaction import scrub
from konnect_agent.resources.resource import required
from patterns.coverage import ask_each
from patterns.encounters import Passage, doubts_about_groups
from patterns.locating import candidates, locate
from patterns.mcp_endpoint import McpEndpoint
from patterns.selection import Selected
from patterns.serving import Asked, Serving, explanation, serving
from patterns.views import CandidateView, PluginView, RequestView, RouteView, ServiceView
from patterns.workflow import Frozen, OpenStep, Result, keep, missed, step, truncated, workflow


class Answer(Frozen):
    """Who answers a request, and what runs on it. `plugins` is in execution order.

    `served` is False when nothing serves it, as when the route's service is disabled: the gateway says 404.
    `shadowed_plugins` lost to a more specific configuration or are disabled. `mcp_endpoint` is what
    ai-mcp-proxy makes of the route, None if it does not run there. `unseen` names what of the answer was not
    seen, or not wholly: it may be there all the same.
    """

    route: RouteView | None = None
    service: ServiceView | None = None
    served: bool = False
    plugins: tuple[PluginView, ...] = ()
    shadowed_plugins: tuple[PluginView, ...] = ()
    upstream_url: str | None = None
    authentication: str | None = None
    mcp_endpoint: McpEndpoint | None = None
    unseen: tuple[Literal["service", "plugins"], ...] = ()


class EndpointResult(Answer, Result):
    """The answer of a data plane as it comes, and what may make it another one.

    `other_routes` would also match, but lose. When a data plane with `route_match_calculation = strict`
    would answer otherwise, `strict` is that whole answer and `if_strict` its route, None for no route.
    `notes` are sentences for a person; `candidates` come with `explain`.
    """

    request: RequestView = RequestView()
    control_plane: Selected = Selected()
    other_routes: tuple[RouteView, ...] = ()
    strict: Answer | None = None
    router_flavor: str | None = None
    candidates: tuple[CandidateView, ...] = ()
    notes: tuple[str, ...] = ()

    @computed_field
    @property
    def if_strict(self) -> RouteView | None:
        """The route of the `strict` answer."""
        return self.strict.route if self.strict else None


@dataclass(frozen=True)
class _Known:
    """What was read about the routes that may serve; `all_plugins` is False when there may be more."""

    services: Mapping[str, Service]
    plugins: Sequence[Plugin]
    all_plugins: bool
    caller: Consumer | None

    def service_of(self, route: Route) -> Service | None:
        return self.services.get(_service_id(route) or "")


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
        plane, holders, service_id = place.control_plane, place.holders, _service_id(first.route)
        this.extract(control_plane_id=plane.id, route_id=first.route.id, service_id=service_id)
    selected = Selected(id=plane.id, name=scrub(plane.label), found_by=located.how)
    unknown: dict[str, Any] = {"unseen": ("service", "plugins"), "notes": located.notes}
    known = {"control_plane": selected, "route": RouteView.of(first.route)}
    result = keep(result.model_copy(update={**known, **unknown}))
    async with step("service") as this:
        final, services = await _with_services(konnect, asked, holders, routes, first)
        found = final or first
        service = services.get(_service_id(found.route) or "")
        this.extract(route_id=found.route.id, service_id=service.id if service else None)
    async with step("plugins") as this:
        plugins, all_plugins = await _plugins(konnect, holders)
        caller = await _consumer(konnect, holders, consumer, this) if consumer else None

    seen = _Known(services, plugins, all_plugins and place.whole, caller)
    answer = _answer(found.match, seen, served=final is not None)
    strict = _answer(final.strict, seen) if final and final.is_disputed else None
    compared = explanation(asked, routes, list(services.values())).candidates if explain else ()
    return result.model_copy(
        update={
            **dict(answer),
            "other_routes": tuple(RouteView.of(entry) for entry in found.others),
            "strict": strict,
            "router_flavor": found.flavor,
            "candidates": tuple(CandidateView.of(entry) for entry in compared),
            "notes": (*located.notes, *_notes(found, answer, strict, seen)),
        }
    )


def _answer(match: Match | None, seen: _Known, *, served: bool = True) -> Answer:
    """What a match comes to with the services and plugins that were seen; nothing without a match."""
    if match is None:
        return Answer()
    route = cast("Route", match.route)
    service = seen.service_of(route)
    ran = effective_plugins(seen.plugins, route=route, service=service, consumer=seen.caller)
    lost = _service_id(route) and service is None
    entry = authentication(seen.plugins, route=route, service=service) if seen.all_plugins else None
    proxy = mcp_proxy(ran)
    return Answer(
        route=RouteView.of(route),
        service=ServiceView.of(service) if service else None,
        served=served,
        plugins=tuple(map(PluginView.running, ran.plugins)),
        shadowed_plugins=tuple(map(PluginView.idle, (*ran.shadowed, *ran.disabled))),
        upstream_url=scrub(match.upstream_url) if served and match.upstream_url else None,
        authentication=entry.because if entry else None,
        mcp_endpoint=McpEndpoint.of(proxy, entry) if proxy else None,
        unseen=(*(("service",) if lost else ()), *(() if seen.all_plugins else ("plugins",))),
    )


async def _with_services(
    konnect: Konnect,
    asked: Asked,
    holders: Sequence[ControlPlane],
    routes: Sequence[Route],
    first: Serving,
) -> tuple[Serving | None, dict[str, Service]]:
    """Who serves once the services are known: routes of a disabled one do not exist for the router.

    Services are looked up one by one until those of the serving routes (of both calculations) are enabled,
    or cannot be seen; None when no route is left.
    """
    known: dict[str, Service] = {}
    asked_for: set[str] = set()  # each once, whatever the server answers
    found: Serving | None = first
    while found and (wanted := next((key for key in _service_ids(found) if key not in asked_for), None)):
        asked_for.add(wanted)
        service = await _service(konnect, holders, wanted)
        if service is not None:
            known[wanted] = service.model_copy(update={"id": wanted})
            found = serving(asked, routes, list(known.values()))
    return found, known


async def _service(konnect: Konnect, holders: Sequence[ControlPlane], service_id: str) -> Service | None:
    """A service by id, in whichever member holds it; None, and noted as missing, when none shows it."""
    failure: KonnectError | None = None
    for holder in holders:
        try:
            service = await konnect.services.get(service_id, control_plane_id=holder.id or "")
        except KonnectError as error:
            failure = failure or error  # the first holder is the one that has the route
            continue
        if not service.id or not is_id(service_id) or service.id.lower() == service_id.lower():
            return service
        said = f"The service {service_id} was asked for, and {service.label} is another one."
        failure = failure or NoMatch(said)
    missed("the service", failure or NoMatch(f"No service has the id {service_id}."))
    return None


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


def _service_id(route: Route) -> str | None:
    return route.service.id if route.service else None


def _service_ids(found: Serving) -> Iterator[str]:
    """The services of the route that serves, and of the one `strict` would choose."""
    for match in (found.match, found.strict):
        service_id = _service_id(cast("Route", match.route)) if match else None
        if service_id:
            yield service_id


def _notes(found: Serving, answer: Answer, strict: Answer | None, seen: _Known) -> Iterator[str]:
    """What a person should know beside the plain answer."""
    if not seen.all_plugins:
        yield "Not every plugin could be seen: who gets in, and what else runs here, is not known."
    for service in seen.services.values():
        if not service.enabled:
            then = f"{scrub(found.route.label)} serves it instead"
            then = then if answer.served else "the gateway answers 404"
            yield f"The service {scrub(service.label)} is disabled, so its routes are out: {then}."
    if found.route.service is None:
        yield "The route has no service: only a plugin can answer, there is no upstream."
    elif found.match.outcome != "proxied":
        yield f"The request is not proxied: {found.match.because}."
    if strict is not None:
        yield (
            f"With route_match_calculation = strict, {_told(strict)}; "
            "this answer assumes the default, original."
        )
    for route, methods in found.by_method:
        yield (
            f"This answer is for {found.request.method}: {', '.join(methods)} would be served by "
            f"{scrub(route.label)}. Say the method to see that answer."
        )
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


def _told(answer: Answer) -> str:
    """The answer in one clause."""
    if answer.route is None:
        return "no route serves it and the gateway answers 404"
    service = f"service {answer.service.name}" if answer.service else "no service"
    service = "a service that could not be seen" if "service" in answer.unseen else service
    ran = ", ".join(f"{plugin.name} ({plugin.scope})" for plugin in answer.plugins) or "no plugin"
    ran = f"{ran} and perhaps more" if "plugins" in answer.unseen else ran
    return f"{answer.route.name} serves it instead, with {service} and {ran}"
