"""An MCP endpoint as reports name it: in which mode, who may call, who gets in, and what limits requests.

Made of what `konnect_agent.gateway.mcp_proxy` reads out of the plugins of a route; every text is scrubbed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from konnect_agent.gateway import AccessRule, Authentication, AuthenticationKind, McpProxy
from konnect_agent.redaction import scrub


@dataclass(frozen=True, slots=True)
class McpAuthentication:
    """What the authentication `plugins` add up to; `protected` is None where that is left open."""

    kind: AuthenticationKind
    protected: bool | None
    plugins: tuple[str, ...]
    because: str

    @classmethod
    def of(cls, entry: Authentication) -> McpAuthentication:
        """The answer of `konnect_agent.gateway.authentication`."""
        names = tuple(scrub(plugin.name) for plugin in entry.plugins)
        return cls(entry.kind, entry.protected, names, scrub(entry.because))


@dataclass(frozen=True, slots=True, kw_only=True)
class McpLimits:
    """What limits requests. `max_request_body_size` is the proxy's own, in bytes: 0 is no limit, None could
    not be told. `body` and `rate` are plugins that run for every request, `partial_body` and `partial_rate`
    those that may be skipped, each with the reason. `said` is all of it in words."""

    max_request_body_size: int | None
    body: tuple[str, ...]
    rate: tuple[str, ...]
    partial_body: tuple[str, ...]
    partial_rate: tuple[str, ...]
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class McpEndpoint:
    """What `ai-mcp-proxy` makes of a route. Slotted, like a finding: a global one makes every route one.

    `is_endpoint` is False for a mode that offers tools to other routes only, None for one that is missing or
    not known here. `access_by` says what `access` names, `partial_access` why it does not hold for every
    request; `who_may_call` is the same in a sentence, `said` everything but the authentication, which is None
    where not every plugin was seen.
    """

    plugin_id: str | None
    mode: str | None
    is_endpoint: bool | None
    who_may_call: str
    access_by: str
    access: tuple[AccessRule, ...]
    partial_access: tuple[str, ...]
    authentication: McpAuthentication | None
    limits: McpLimits
    said: str

    @classmethod
    def of(cls, proxy: McpProxy, entry: Authentication | None) -> McpEndpoint:
        """The endpoint of a proxy; `entry` is None where not every plugin was seen."""
        return cls(
            plugin_id=scrub(proxy.plugin.id) or None,
            mode=scrub(proxy.mode) if proxy.mode else None,
            is_endpoint=proxy.is_endpoint,
            who_may_call=scrub(proxy.who_may_call()),
            access_by=scrub(proxy.by),
            access=tuple(map(_scrubbed, proxy.rules)),
            partial_access=proxy.partial_access,
            authentication=McpAuthentication.of(entry) if entry else None,
            limits=McpLimits(
                max_request_body_size=proxy.max_request_body_size,
                body=proxy.body_limits,
                rate=proxy.rate_limits,
                partial_body=proxy.partial_body,
                partial_rate=proxy.partial_rate,
                said=scrub(proxy.limits(all_plugins=entry is not None)),
            ),
            said=scrub(proxy.summary(all_plugins=entry is not None)),
        )


def _scrubbed(rule: AccessRule) -> AccessRule:
    return replace(
        rule,
        tool=scrub(rule.tool) if rule.tool else None,
        allow=tuple(map(scrub, rule.allow)),
        deny=tuple(map(scrub, rule.deny)),
    )
