"""MCP endpoints: tools that act, offered to programs that try things out.

Which routes are MCP endpoints, and what limits them, is `konnect_agent.gateway.mcp_proxy`'s to say (fact
sheet 10, documented); how much it matters is this project's judgement. A proxy whose mode cannot be told is
left to the rules for routes.
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.gateway import McpProxy, mcp_proxy
from patterns.audit.exposure import Exposure
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.rules.authentication import how_open
from patterns.audit.snapshot import Snapshot

_PAGE = "https://developer.konghq.com/plugins/ai-mcp-proxy/"

_SERVICE = {"id": "s", "name": "tools", "host": "tools.internal", "path": "/mcp"}
_ROUTE = {"id": "r", "name": "tools", "paths": ["/mcp"], "service": {"id": "s"}}
_CONFIG = {"mode": "passthrough-listener", "max_request_body_size": 1048576}
_PROXY = {"id": "m", "name": "ai-mcp-proxy", "config": _CONFIG, "service": {"id": "s"}}
_CONVERSION = _PROXY | {"config": {"mode": "conversion-only", "max_request_body_size": 0}}
_LISTENER = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "listener"}}
_UNLIMITED = _PROXY | {"config": _CONFIG | {"max_request_body_size": 0}}
_ONLY_AGENTS = _PROXY | {"config": _CONFIG | {"default_acl": [{"scope": "tools", "allow": ["agents"]}]}}
_KEY_AUTH = {"id": "p", "name": "key-auth", "config": {"key_names": ["apikey"]}}
_LIMIT = {"id": "l", "name": "rate-limiting", "config": {"minute": 60}}
_SIZE = {"id": "z", "name": "request-size-limiting", "config": {"allowed_payload_size": 1}}
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
        {"routes": [_ROUTE | {"service": None}], "plugins": [_LISTENER]},
        {**_AROUND, "plugins": [_PROXY | {"service": None}, _KEY_AUTH | {"enabled": False}]},
    ],
)
def mcp_endpoint_without_authentication(at: Snapshot) -> Iterator[Problem]:
    """An MCP endpoint tells every caller which tools there are, and runs them. Without authentication that is
    everyone who can reach the route, and the plugin's access rules know nobody by name: where they have an
    allow list, nobody may call anything.
    """
    for exposure, proxy in _endpoints(at):
        if exposure.authentication.kind != "none" or exposure.running("authorization") == ["acl"]:
            continue
        what = f"MCP endpoint {exposure.route.label}{exposure.where}"
        if proxy.refuses_strangers:
            message = f"{what} has access rules, but no authentication plugin tells it who is calling."
            yield Problem(exposure.route, message, Severity.MEDIUM)
        else:
            severity, besides = how_open(exposure)
            message = f"{what} ({proxy.mode}): anyone can list and call its tools.{besides}"
            yield Problem(exposure.route, message, severity)


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
        {**_AROUND, "plugins": [_UNLIMITED, _SIZE]},
        {**_AROUND, "plugins": [_CONVERSION]},
    ],
    fails=[
        {**_AROUND, "plugins": [_UNLIMITED]},
        {**_AROUND, "plugins": [_UNLIMITED, _SIZE | {"consumer": {"id": "c"}}]},
        {**_AROUND, "fellow_plugins": [_UNLIMITED | {"service": None}]},
    ],
)
def mcp_endpoint_without_body_limit(at: Snapshot) -> Iterator[Problem]:
    """The gateway reads a whole MCP message before it passes it on. With `max_request_body_size` 0 only
    nginx's own setting, which no control plane shows, keeps one message from taking the memory of many.
    """
    for exposure, proxy in _endpoints(at):
        if proxy.body_is_unlimited:
            label = exposure.route.label
            yield Problem(exposure.route, f"MCP endpoint {label}{exposure.where} takes requests of any size.")


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
        {**_AROUND, "plugins": [_CONVERSION]},
    ],
    fails=[
        {**_AROUND, "plugins": [_PROXY]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"enabled": False}]},
        {**_AROUND, "plugins": [_PROXY, _LIMIT | {"consumer": {"id": "c"}}]},
    ],
)
def mcp_endpoint_without_rate_limit(at: Snapshot) -> Iterator[Problem]:
    """Agents call tools in loops, ping while they wait, and try again when they fail. Nothing but a limit
    stops one that runs wild, and every request of it is counted and paid for.
    """
    for exposure, proxy in _endpoints(at):
        if not proxy.rate_limits:
            label = exposure.route.label
            message = f"MCP endpoint {label}{exposure.where} has no rate limit that holds for everyone."
            yield Problem(exposure.route, message)


def _endpoints(at: Snapshot) -> Iterator[tuple[Exposure, McpProxy]]:
    """The served routes that MCP clients can talk to. A `listener` answers by itself: it needs no service."""
    for exposure in at.exposures:
        proxy = mcp_proxy(exposure.plugins)
        if proxy is not None and proxy.is_endpoint:
            by_itself = proxy.mode == "listener" and not exposure.answered_before
            if by_itself or exposure.reaches_service:
                yield exposure, proxy
