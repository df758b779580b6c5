"""Pattern 2: the way of a request, from route to upstream, and the plugins it meets."""

from __future__ import annotations

from collections.abc import Iterator

from patterns.endpoint import EndpointResult
from patterns.mcp_endpoint import McpEndpoint
from patterns.report.document import Block, Cell, Column, Items, Part, Section, Toned, table
from patterns.views import OtherRouteView, PluginView, RequestView, RouteView

_VERDICTS = {True: "yes", False: "no", None: "undecidable"}


def describe(result: EndpointResult) -> Part:
    """The document of an endpoint."""
    plane, route, service = result.control_plane, result.route, result.service
    upstream: Cell | None = result.upstream_url or (service.url if service else None)
    if service is not None and not service.enabled:
        upstream = Toned(f"{service.url} (service is disabled)", "bad")
    elif _is_answered(result):
        upstream = Toned("not reached", "warn")
    return Part(
        title="Endpoint investigation",
        headline=_headline(result),
        facts=(
            ("request", _request(result.request)),
            ("control plane", plane.name or plane.id),
            ("route", f"{_name(route)}  {matches(route)}" if route else None),
            ("service", _service(result)),
            ("upstream", upstream),
            ("authentication", result.authentication),
            ("MCP endpoint", _mcp(result.mcp_endpoint)),
            ("router", _router(result)),
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
    if _is_answered(result):
        by_itself = f"the gateway answers {result.status} by itself and proxies nothing"
        unless = ", unless it trusts the X-Forwarded-Proto" if result.if_trusted else ""
        return f"The route {_name(result.route)} matches, and {by_itself}{unless}."
    if not result.served:
        return f"The route {_name(result.route)} matches, but nothing serves it: the gateway answers 404."
    where = f"service {result.service.name}" if result.service else "no service"
    if "service" in result.unseen:
        where = "a service that could not be seen"
    running = ", ".join(plugin.name or "?" for plugin in result.plugins)
    if "plugins" in result.unseen:
        ran = f"on it run {running} and perhaps more" if running else "which plugins run could not be seen"
    else:
        ran = f"on it run {running or 'no plugin'}"
    return f"The route {_name(result.route)} serves it with {where}; {ran}."


def _is_answered(result: EndpointResult) -> bool:
    """Whether the gateway answers before any plugin of the route could."""
    return not result.served and result.outcome is not None


def _router(result: EndpointResult) -> str | None:
    """What is assumed of the data planes, as a client must state (fact sheet 7.1)."""
    if result.router_flavor is None:
        return None
    calculation = f"route_match_calculation {result.route_match_calculation or 'unknown'}"
    return f"flavor {result.router_flavor}, {calculation} (assumed: Konnect does not show them)"


def _request(request: RequestView) -> str | None:
    """What was asked, as much as was said of it."""
    if request.path is None:
        return None
    parts = [request.method or "any method", request.path, f"({request.scheme})"]
    parts += [f"at {request.host}"] if request.host else []
    parts += [f"SNI {request.sni}"] if request.sni else []
    parts += [f"with {', '.join(request.headers)}"] if request.headers else []
    return " ".join(parts)


def _mcp(endpoint: McpEndpoint | None) -> str | None:
    if endpoint is None:
        return None
    answer = {True: "yes", False: "no", None: "cannot be told"}[endpoint.is_endpoint]
    return f"{answer} (mode {endpoint.mode or 'unknown'})"


def _service(result: EndpointResult) -> Cell | None:
    if result.service is not None:
        return result.service.name or result.service.id
    return Toned("could not be seen", "warn") if "service" in result.unseen else None


def _blocks(result: EndpointResult) -> Iterator[Block]:
    if result.notes:
        yield Items(result.notes, "warn")
    if result.route is not None:
        columns = [Column("#", "right"), Column("plugin", exact=True), Column("scope"), Column("why it runs")]
        rows = [(str(place), *_plugin(plugin)) for place, plugin in enumerate(result.plugins, start=1)]
        blocks: list[Block] = [table(columns, rows)] if rows else []
        if "plugins" in result.unseen:
            blocks.append(
                Items(
                    ("There may be more: not all could be seen." if rows else "Could not be seen.",), "warn"
                )
            )
        elif not rows:
            blocks.append(Items(("None.",), "dim"))
        yield Section("Plugins, in the order they run", tuple(blocks))
    if result.shadowed_plugins:
        columns = [Column("plugin", exact=True), Column("scope"), Column("why it does not run")]
        yield Section("Configured, but idle here", (table(columns, map(_plugin, result.shadowed_plugins)),))
    if result.other_routes:
        columns = [Column("route", exact=True), Column("matches"), Column("serves"), Column("id", exact=True)]
        rows = [
            (_name(route), matches(route), _serves(route), route.id or "-") for route in result.other_routes
        ]
        yield Section("Other routes that match, or may", (table(columns, rows),))
    if result.candidates:
        columns = [Column("route", exact=True), Column("matches"), Column("why")]
        rows = [
            (entry.name or entry.id or "?", _VERDICTS[entry.matched], entry.because)
            for entry in result.candidates
        ]
        yield Section("Every route compared, as the gateway would", (table(columns, rows),))


def _serves(route: OtherRouteView) -> str:
    return f"requests with {', '.join(route.serves)}" if route.serves else "none that was tried"


def _plugin(plugin: PluginView) -> tuple[Cell, Cell, Cell]:
    name: Cell = plugin.name or plugin.id or "?"
    return (name if plugin.enabled else Toned(f"{name} (off)", "dim"), plugin.scope, plugin.because)


def _name(route: RouteView) -> str:
    return route.name or route.id or "?"
