"""MCP endpoints: tools that act, offered to programs that try things out.

Which routes are MCP endpoints, and what limits them, is `konnect_agent.gateway.mcp_proxy`'s to say (fact
sheet 10, documented); how much it matters is this project's judgement. Where the mode, or the limit in
question, cannot be told and a rule would object, it says in the end that it could not judge everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from konnect_agent.gateway import MCP_PROXY, McpProxy
from patterns.audit.exposure import Exposure
from patterns.audit.finding import Severity
from patterns.audit.mcp_endpoints import mcp_routes
from patterns.audit.rule import Problem, rule
from patterns.audit.rules.authentication import how_open
from patterns.audit.snapshot import Snapshot, Unread
from patterns.audit.wording import listed

_PAGE = "https://developer.konghq.com/plugins/ai-mcp-proxy/"

_SERVICE = {"id": "s", "name": "tools", "host": "tools.internal", "path": "/mcp"}
_ROUTE = {"id": "r", "name": "tools", "paths": ["/mcp"], "service": {"id": "s"}}
_CONFIG = {"mode": "passthrough-listener", "max_request_body_size": 1048576}
_PROXY = {"id": "m", "name": "ai-mcp-proxy", "config": _CONFIG, "service": {"id": "s"}}
_CONVERSION = _PROXY | {"config": {"mode": "conversion-only", "max_request_body_size": 0}}
_LISTENER = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "listener"}}
_UNLIMITED = _PROXY | {"config": _CONFIG | {"max_request_body_size": 0}}
_AGENTS = {"default_acl": [{"scope": "tools", "allow": ["agents"]}]}
_ONLY_AGENTS = _PROXY | {"config": _CONFIG | _AGENTS}
_KEY_AUTH = {"id": "p", "name": "key-auth", "config": {"key_names": ["apikey"]}}
_LIMIT = {"id": "l", "name": "rate-limiting", "config": {"minute": 60}}
_SIZE = {"id": "z", "name": "request-size-limiting", "config": {"allowed_payload_size": 1}}
_TOOL = {"name": "delete_all", "description": "Everything", "acl": {"deny": ["guests"]}}
_ONE_FOR_ALL = _PROXY | {"config": _CONFIG | _AGENTS | {"tools": [_TOOL]}}
_CONDITION = {"condition": "request.headers['x-internal'] != 'yes'"}
_AROUND = {"services": [_SERVICE], "routes": [_ROUTE]}


@rule(
    "KNA090",
    title="An MCP endpoint can be called by anyone",
    severity=Severity.HIGH,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Put an authentication plugin on the route (ai-mcp-oauth2 for OAuth, or key-auth), then say "
    "with the plugin's access rules who may call which tool.",
    source=_PAGE,
    passes=[
        {**_AROUND, "plugins": [_PROXY, _KEY_AUTH]},
        {**_AROUND, "plugins": [_PROXY, {"id": "o", "name": "ai-mcp-oauth2"}]},
        {**_AROUND, "plugins": [_PROXY], "fellow_plugins": [_KEY_AUTH]},
        {**_AROUND, "plugins": [_CONVERSION]},
        {**_AROUND, "plugins": [_PROXY | {"enabled": False}]},
        {**_AROUND, "plugins": [_PROXY, {"id": "t", "name": "request-termination"}]},
        {"routes": [_ROUTE | {"service": None}], "plugins": [_PROXY | {"service": None}]},
        {**_AROUND, "plugins": []},
    ],
    fails=[
        {**_AROUND, "plugins": [_PROXY]},
        {**_AROUND, "plugins": [_ONLY_AGENTS]},
        {**_AROUND, "plugins": [_ONE_FOR_ALL]},
        {**_AROUND, "plugins": [_PROXY, _KEY_AUTH | _CONDITION]},
        {**_AROUND, "plugins": [_ONLY_AGENTS | _CONDITION]},
        {"routes": [_ROUTE | {"service": None}], "plugins": [_LISTENER]},
        {**_AROUND, "plugins": [_PROXY | {"service": None}, _KEY_AUTH | {"enabled": False}]},
    ],
)
def mcp_endpoint_without_authentication(at: Snapshot) -> Iterator[Problem]:
    """An MCP endpoint tells every caller which tools there are, and runs them. Without authentication that is
    everyone who can reach the route, and the plugin's access rules know nobody by name: where the default has
    an allow list, they may call only tools whose own rule has none. Medium where authentication runs, but not
    for every request. Where it lets strangers in as its `anonymous` consumer, KNA003 says so, not this rule.
    """
    yield from _problems(at, _open)


def _open(exposure: Exposure, proxy: McpProxy) -> Problem | None:
    entry = exposure.authentication
    what = f"MCP endpoint {exposure.route.label}{exposure.where}"
    if entry.kind == "required" and entry.protected is None:
        return Problem(exposure.route, f"{what}: {entry.because}.", Severity.MEDIUM)
    if entry.kind != "none" or exposure.running("authorization") == ["acl"]:
        return None
    if proxy.refuses_strangers and not proxy.open_tools:
        message = f"{what} has access rules, but no authentication plugin tells it who is calling."
        return Problem(exposure.route, message, Severity.MEDIUM)
    tools = f"call {listed(proxy.open_tools)}" if proxy.refuses_strangers else "list and call its tools"
    severity, besides = how_open(exposure)
    return Problem(exposure.route, f"{what} ({proxy.mode}): anyone can {tools}.{besides}", severity)


@rule(
    "KNA091",
    title="Nothing limits the size of requests to an MCP endpoint",
    severity=Severity.LOW,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Set `max_request_body_size` to what the tools need (1048576 is the default), or add "
    "request-size-limiting.",
    source=f"{_PAGE}reference/",
    passes=[
        {**_AROUND, "plugins": [_PROXY]},
        {**_AROUND, "plugins": [_PROXY | {"config": {"mode": "listener"}}]},
        {**_AROUND, "plugins": [_PROXY | _CONDITION | {"config": {"mode": "conversion-listener"}}]},
        {**_AROUND, "plugins": [_PROXY | _CONDITION, _SIZE]},
        {**_AROUND, "plugins": [_UNLIMITED, _SIZE]},
        {**_AROUND, "plugins": [_CONVERSION]},
    ],
    fails=[
        {**_AROUND, "plugins": [_UNLIMITED]},
        {**_AROUND, "plugins": [_PROXY | {"config": _CONFIG | {"max_request_body_size": "0"}}]},
        {**_AROUND, "plugins": [_UNLIMITED, _SIZE | _CONDITION]},
        {**_AROUND, "plugins": [_PROXY | _CONDITION]},
        {**_AROUND, "plugins": [_UNLIMITED, _SIZE | {"consumer": {"id": "c"}}]},
        {**_AROUND, "fellow_plugins": [_UNLIMITED | {"service": None}]},
    ],
)
def mcp_endpoint_without_body_limit(at: Snapshot) -> Iterator[Problem]:
    """The gateway reads a whole MCP message before it passes it on. With `max_request_body_size` 0 only
    nginx's own setting, which no control plane shows, keeps one message from taking the memory of many.
    """
    yield from _problems(at, _of_any_size, "max_request_body_size")


def _of_any_size(exposure: Exposure, proxy: McpProxy) -> Problem | None:
    if proxy.body_is_unlimited is False:
        return None
    what = f"MCP endpoint {exposure.route.label}{exposure.where}"
    return Problem(exposure.route, f"{what} takes requests of any size.{_besides(proxy.partial_body)}")


@rule(
    "KNA092",
    title="Nothing limits the rate of requests to an MCP endpoint",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "plugins"),
    of_group=("plugins",),
    remediation="Put rate-limiting or rate-limiting-advanced on the route or its service.",
    source=_PAGE,
    passes=[
        {**_AROUND, "plugins": [_PROXY, _LIMIT]},
        {**_AROUND, "plugins": [_PROXY], "fellow_plugins": [_LIMIT]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"name": "service-protection"}]},
        {**_AROUND, "plugins": [_CONVERSION]},
    ],
    fails=[
        {**_AROUND, "plugins": [_PROXY]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"enabled": False}]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | _CONDITION]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"name": "ai-rate-limiting-advanced"}]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"name": "response-ratelimiting"}]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"consumer": {"id": "c"}}]},
    ],
)
def mcp_endpoint_without_rate_limit(at: Snapshot) -> Iterator[Problem]:
    """Agents call tools in loops, ping while they wait, and try again when they fail. Nothing but a limit
    stops one that runs wild, and every request of it is counted and paid for.
    """
    yield from _problems(at, _at_any_rate)


def _at_any_rate(exposure: Exposure, proxy: McpProxy) -> Problem | None:
    if proxy.rate_limits:
        return None
    what = f"MCP endpoint {exposure.route.label}{exposure.where}"
    message = f"{what} has no rate limit that holds for everyone.{_besides(proxy.partial_rate)}"
    return Problem(exposure.route, message)


def _besides(partial: tuple[str, ...]) -> str:
    """The limits that hold for some requests only."""
    return f" {listed(partial)}." if partial else ""


def _problems(
    at: Snapshot, objection: Callable[[Exposure, McpProxy], Problem | None], field: str | None = None
) -> Iterator[Problem]:
    """The objections to MCP endpoints. Raises `Unread` at the end, if there would be some to routes of which
    the mode, or the `field` in question, cannot be told."""
    unread: dict[str, list[str]] = {}
    for exposure, proxy in mcp_routes(at):
        problem = objection(exposure, proxy)
        if problem is None:
            continue
        if proxy.is_endpoint is None:
            unread.setdefault("mode", []).append(exposure.route.label)
        elif field is not None and proxy.body_is_unlimited is None:
            unread.setdefault(field, []).append(exposure.route.label)
        else:
            yield problem
    if unread:
        what = (f"config.{name} of {MCP_PROXY} on {listed(labels)}" for name, labels in unread.items())
        raise Unread("; ".join(what))
