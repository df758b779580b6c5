"""Pattern 2, endpoint investigation, in Kong's documented steps.

1. The control plane that serves the path (`get_by_route`; fallback: a look through all of them).
2. Its routes (with those of fellow group members), and the one that serves the request. 3. That route's
service. 4. The plugins that run on it: of the route, its service, and global ones, in execution order, each
with why it is the one that runs.
What the gateway would do is computed by `konnect_agent.gateway`, never by substring matching.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, NoMatch
from konnect_agent.gateway import authentication, effective_plugins
from konnect_agent.models import Consumer, ControlPlane, Plugin, Route, Service
from konnect_agent.redaction import scrub
from konnect_agent.resources.resource import required
from patterns.coverage import fan_out
from patterns.locating import candidates, locate
from patterns.selection import Selected
from patterns.serving import Asked, Serving, explanation, serving
from patterns.views import CandidateView, PluginView, RequestView, RouteView, ServiceView
from patterns.workflow import OpenStep, Result, keep, missed, step, truncated, workflow


class EndpointResult(Result):
    """Who answers a request, and what runs on it. `plugins` is in execution order.

    `served` is False when the route's service is disabled and no other route is left: the gateway says 404.
    `shadowed_plugins` lost to a more specific configuration or are disabled; `other_routes` would also
    match, but lose. `if_strict` is the route a data plane with `route_match_calculation = strict` would
    choose, when that is another one. `notes` are sentences for a person; `candidates` come with `explain`.
    `unseen` names what of the answer was not seen, or not wholly: it may be there all the same.
    """

    request: RequestView = RequestView()
    control_plane: Selected = Selected()
    route: RouteView | None = None
    service: ServiceView | None = None
    served: bool = False
    plugins: tuple[PluginView, ...] = ()
    shadowed_plugins: tuple[PluginView, ...] = ()
    other_routes: tuple[RouteView, ...] = ()
    if_strict: RouteView | None = None
    router_flavor: str | None = None
    upstream_url: str | None = None
    authentication: str | None = None
    candidates: tuple[CandidateView, ...] = ()
    unseen: tuple[Literal["service", "plugins"], ...] = ()
    notes: tuple[str, ...] = ()


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
        service_id = _service_id(found.route)
        service = next((each for each in services if each.id == service_id), None)
        this.extract(route_id=found.route.id, service_id=service.id if service else None)
    async with step("plugins") as this:
        plugins, all_seen = await _plugins(konnect, holders)
        all_seen = all_seen and place.whole
        caller = await _consumer(konnect, holders, consumer, this) if consumer else None

    route = found.route
    ran = effective_plugins(plugins, route=route, service=service, consumer=caller)
    disabled = [PluginView.idle(entry) for entry in ran.disabled]
    compared = explanation(asked, routes, services).candidates if explain else ()
    upstream = found.match.upstream_url if final else None
    return result.model_copy(
        update={
            "route": RouteView.of(route),
            "service": ServiceView.of(service) if service else None,
            "served": final is not None,
            "plugins": tuple(PluginView.running(entry) for entry in ran.plugins),
            "shadowed_plugins": (*(PluginView.idle(entry) for entry in ran.shadowed), *disabled),
            "other_routes": tuple(RouteView.of(entry) for entry in found.others),
            "if_strict": RouteView.routed(found.strict.route) if found.strict and found.is_disputed else None,
            "router_flavor": found.flavor,
            "upstream_url": scrub(upstream) if upstream else None,
            "authentication": authentication(plugins, route=route, service=service).because
            if all_seen
            else None,
            "candidates": tuple(CandidateView.of(entry) for entry in compared),
            "unseen": (
                *(("service",) if service_id and service is None else ()),
                *(() if all_seen else ("plugins",)),
            ),
            "notes": (*located.notes, *_notes(final, found, services, disabled, all_seen=all_seen)),
        }
    )


async def _with_services(
    konnect: Konnect,
    asked: Asked,
    holders: Sequence[ControlPlane],
    routes: Sequence[Route],
    first: Serving,
) -> tuple[Serving | None, list[Service]]:
    """Who serves once the services are known: routes of a disabled one do not exist for the router.

    Services are looked up one by one until the serving route's is enabled; None when no route is left.
    """
    known: list[Service] = []
    asked_for: set[str] = set()  # each once, whatever the server answers
    found: Serving | None = first
    while found and (wanted := _service_id(found.route)) and wanted not in asked_for:
        asked_for.add(wanted)
        service = await _service(konnect, holders, wanted)
        if service is None:
            break
        known.append(service.model_copy(update={"id": wanted}))
        found = serving(asked, routes, known)
    return found, known


async def _service(konnect: Konnect, holders: Sequence[ControlPlane], service_id: str) -> Service | None:
    """A service by id, in whichever member holds it; None, and noted as missing, when none shows it."""
    failure: KonnectError | None = None
    for holder in holders:
        try:
            return await konnect.services.get(service_id, control_plane_id=holder.id or "")
        except KonnectError as error:
            failure = failure or error  # the first holder is the one that has the route
    missed("the service", failure or NoMatch(f"No service has the id {service_id}."))
    return None


async def _plugins(konnect: Konnect, holders: Sequence[ControlPlane]) -> tuple[list[Plugin], bool]:
    """The plugins of all holders, and whether every one of them could be seen."""
    width = konnect.config.max_in_flight
    answers = await fan_out("plugins", holders, lambda each: konnect.plugins.list(each.id or ""), width=width)
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


def _notes(
    final: Serving | None,
    found: Serving,
    services: Sequence[Service],
    disabled: Sequence[PluginView],
    *,
    all_seen: bool,
) -> Iterable[str]:
    """What a person should know beside the plain answer."""
    if not all_seen:
        yield "Not every plugin could be seen: who gets in, and what else runs here, is not known."
    for service in services:
        if not service.enabled:
            then = f"{scrub(found.route.label)} serves it instead" if final else "the gateway answers 404"
            yield f"The service {scrub(service.label)} is disabled, so its routes are out: {then}."
    if found.route.service is None:
        yield "The route has no service: only a plugin can answer, there is no upstream."
    elif found.match.outcome != "proxied":
        yield f"The request is not proxied: {found.match.because}."
    if found.is_disputed:
        name = RouteView.routed(found.strict.route).name if found.strict else "no route"
        yield (
            f"With route_match_calculation = strict, {name} serves it instead; "
            "this answer assumes the default, original."
        )
    for entry in found.match.undecided:
        name = RouteView.routed(entry).name
        yield f"{name} may serve it instead: it has a regex that cannot be evaluated here."
    for view in disabled:
        yield f"The plugin {view.name} ({view.scope}) is disabled."
