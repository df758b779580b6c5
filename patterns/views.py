"""Entities as reports show them: the fields a person needs, and no text a server could do harm with."""

from __future__ import annotations

from typing import Self, cast

from konnect_agent.gateway import Candidate as GatewayCandidate
from konnect_agent.gateway import EffectivePlugin, IdlePlugin
from konnect_agent.models import Plugin, Route, Service
from konnect_agent.redaction import scrub
from patterns.serving import Asked
from patterns.workflow import Frozen


class RequestView(Frozen):
    """The request in question, None for what was left open. `headers` are names: values may be secrets."""

    path: str | None = None
    method: str | None = None
    host: str | None = None
    scheme: str | None = None
    sni: str | None = None
    headers: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """The view of what was asked; a path may carry a token."""
        return cls(
            path=scrub(asked.path),
            method=asked.method,
            host=scrub(asked.host) if asked.host else None,
            scheme=asked.scheme,
            sni=scrub(asked.sni) if asked.sni else None,
            headers=tuple(asked.headers or ()),
        )


class RouteView(Frozen):
    """A route."""

    id: str | None = None
    name: str | None = None
    protocols: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    expression: str | None = None

    @classmethod
    def of(cls, route: Route) -> Self:
        """The view of an entity."""
        return cls(
            id=route.id,
            name=scrub(route.label),
            protocols=route.protocols,
            methods=route.methods,
            hosts=route.hosts,
            paths=tuple(map(scrub, route.paths)),
            expression=scrub(route.expression) if route.expression else None,
        )

    @classmethod
    def routed(cls, route: object) -> Self:
        """The view of a route as the router hands it back."""
        return cls.of(cast("Route", route))


class OtherRouteView(RouteView):
    """A route that may serve other requests to the path; `serves` is what those have, empty if unknown."""

    serves: tuple[str, ...] = ()


class CandidateView(Frozen):
    """A route the request was compared with. `matched` is None when a regex could not be evaluated."""

    id: str | None = None
    name: str | None = None
    matched: bool | None = None
    won: bool = False
    because: str = ""

    @classmethod
    def of(cls, entry: GatewayCandidate) -> Self:
        """The view of one candidate of an explanation."""
        route = cast("Route", entry.route)
        return cls(
            id=route.id,
            name=scrub(route.label),
            matched=entry.matched,
            won=entry.won,
            because=scrub(entry.because),
        )


class ServiceView(Frozen):
    """A service: where requests go. `url` is protocol, host, port and path."""

    id: str | None = None
    name: str | None = None
    enabled: bool = True
    url: str = ""

    @classmethod
    def of(cls, service: Service) -> Self:
        """The view of an entity."""
        url = f"{service.protocol}://{service.host}:{service.port}{service.path or ''}"
        return cls(id=service.id, name=scrub(service.label), enabled=service.enabled, url=scrub(url))


class PluginView(Frozen):
    """A plugin configuration, its scope, and why it runs (or does not) here."""

    id: str | None = None
    name: str | None = None
    enabled: bool = True
    scope: str
    because: str
    roles: tuple[str, ...] = ()

    @classmethod
    def running(cls, entry: EffectivePlugin) -> Self:
        """The view of a configuration that runs."""
        return cls._of(entry, tuple(sorted(entry.roles)))

    @classmethod
    def idle(cls, entry: IdlePlugin) -> Self:
        """The view of a configuration that would apply and does not run."""
        return cls._of(entry, ())

    @classmethod
    def _of(cls, entry: EffectivePlugin | IdlePlugin, roles: tuple[str, ...]) -> Self:
        plugin = cast("Plugin", entry.plugin)
        return cls(
            id=plugin.id,
            name=scrub(plugin.name),
            enabled=plugin.enabled,
            scope=entry.scope,
            because=scrub(entry.because),
            roles=roles,
        )


class MetPlugin(PluginView):
    """A plugin that runs where somebody fails; `routes` are the ids of those it runs on.

    `refuses` says whether it can turn requests away, by what it is for; None where that cannot be told.
    """

    refuses: bool | None = None
    routes: tuple[str, ...] = ()
