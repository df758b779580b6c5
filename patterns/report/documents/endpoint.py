"""Pattern 2: the way of a request, from route to upstream, and the plugins it meets."""

from __future__ import annotations

from collections.abc import Iterator

from patterns.endpoint import EndpointResult
from patterns.report.document import Block, Cell, Column, Items, Part, Section, Toned, table
from patterns.views import PluginView, RouteView

_VERDICTS = {True: "yes", False: "no", None: "undecidable"}


def describe(result: EndpointResult) -> Part:
    """The document of an endpoint."""
    plane, route, service = result.control_plane, result.route, result.service
    upstream: Cell | None = result.upstream_url or (service.url if service else None)
    if service is not None and not service.enabled:
        upstream = Toned(f"{service.url} (service is disabled)", "bad")
    return Part(
        title="Endpoint investigation",
        headline=_headline(result),
        facts=(
            ("control plane", plane.name or plane.id),
            ("route", f"{_name(route)}  {matches(route)}" if route else None),
            ("service", service.name or service.id if service else None),
            ("upstream", upstream),
            ("authentication", result.authentication),
        ),
        blocks=tuple(_blocks(result)),
    )


def matches(route: RouteView) -> str:
    """What a route asks of a request, in a few words."""
    asked = (" ".join(route.methods), " ".join(route.hosts), " ".join(route.paths), route.expression or "")
    return "  ".join(filter(None, asked))


def _headline(result: EndpointResult) -> str:
    if result.route is None:
        return ""
    if not result.served:
        return f"The route {_name(result.route)} matches, but nothing serves it: the gateway answers 404."
    where = f"service {result.service.name}" if result.service else "no service"
    running = ", ".join(plugin.name or "?" for plugin in result.plugins) or "no plugin"
    return f"The route {_name(result.route)} serves it with {where}; on it run {running}."


def _blocks(result: EndpointResult) -> Iterator[Block]:
    if result.notes:
        yield Items(result.notes, "warn")
    if result.route is not None:
        columns = [Column("#", "right"), Column("plugin", exact=True), Column("scope"), Column("why it runs")]
        rows = [(str(place), *_plugin(plugin)) for place, plugin in enumerate(result.plugins, start=1)]
        empty = Items(("None.",), "dim")
        yield Section("Plugins, in the order they run", (table(columns, rows) if rows else empty,))
    if result.shadowed_plugins:
        columns = [Column("plugin", exact=True), Column("scope"), Column("why it does not run")]
        yield Section("Configured, but idle here", (table(columns, map(_plugin, result.shadowed_plugins)),))
    if result.other_routes:
        columns = [Column("route", exact=True), Column("matches"), Column("id", exact=True)]
        rows = [(_name(route), matches(route), route.id or "-") for route in result.other_routes]
        yield Section("Routes that would also match, and lose", (table(columns, rows),))
    if result.candidates:
        columns = [Column("route", exact=True), Column("matches"), Column("why")]
        rows = [
            (entry.name or entry.id or "?", _VERDICTS[entry.matched], entry.because)
            for entry in result.candidates
        ]
        yield Section("Every route compared, as the gateway would", (table(columns, rows),))


def _plugin(plugin: PluginView) -> tuple[Cell, Cell, Cell]:
    name: Cell = plugin.name or plugin.id or "?"
    return (name if plugin.enabled else Toned(f"{name} (off)", "dim"), plugin.scope, plugin.because)


def _name(route: RouteView) -> str:
    return route.name or route.id or "?"
