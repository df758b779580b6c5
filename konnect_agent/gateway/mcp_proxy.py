"""MCP endpoints in a configuration: what `ai-mcp-proxy` makes of a route (fact sheet 10, documented).

In the listener modes the route is an MCP endpoint; in `conversion-only` it is an API whose tools another
route's listener offers. Who may call is the plugin's access rules on top of authentication: deny first, then
an allow list if there is one, and a tool's own rule instead of the default. What limits requests is the
plugin's own `max_request_body_size` (0: nothing), and plugins of those roles beside it that run for everyone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from konnect_agent.gateway.effective_plugin import EffectivePlugin, EffectivePlugins, listed
from konnect_agent.gateway.entities import read_plugin
from konnect_agent.gateway.entity_fields import mapping_of, texts_of

MCP_PROXY = "ai-mcp-proxy"
_LISTENERS = frozenset({"passthrough-listener", "conversion-listener", "listener"})
_DEFAULT_SIZE = 1_048_576


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who is allowed and who is denied; `tool` is None for the default of all tools."""

    tool: str | None
    allow: tuple[str, ...]
    deny: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class McpProxy:
    """What the plugin does on a route. Sizes are bytes, 0 for no limit; None is what cannot be told.

    `by` says what the access rules name: `username`, `consumer_id`, `custom_id`, or a claim of a token.
    `body_limits` and `rate_limits` name the other plugins that limit requests there.
    """

    plugin: EffectivePlugin
    mode: str | None
    max_request_body_size: int | None
    by: str
    rules: tuple[AccessRule, ...]
    body_limits: tuple[str, ...]
    rate_limits: tuple[str, ...]

    @property
    def is_endpoint(self) -> bool:
        """Whether MCP clients can talk to the route."""
        return self.mode in _LISTENERS

    @property
    def body_is_unlimited(self) -> bool:
        """Whether nothing at the gateway's level limits the size of a request, as far as can be told."""
        return self.max_request_body_size == 0 and not self.body_limits

    @property
    def refuses_strangers(self) -> bool:
        """Whether whoever is not known by name may call no tool, but for those with a rule of their own."""
        return any(rule.tool is None and rule.allow for rule in self.rules)

    def summary(self, *, all_plugins: bool = True) -> str:
        """What it is, who may call, and its limits, in a few sentences. Without `all_plugins`, what other
        plugins do is left open."""
        mode = self.mode or "a mode that cannot be told"
        if self.mode is not None and not self.is_endpoint:
            return f"{MCP_PROXY} runs here in the mode {mode}: the route is no MCP endpoint."
        what = "is an MCP endpoint" if self.is_endpoint else "may be an MCP endpoint"
        return f"The route {what} ({MCP_PROXY}, {mode}). {self._who()} {self._limits(all_plugins)}"

    def _who(self) -> str:
        if not self.rules:
            return "Every tool may be called by whoever gets in."
        said: list[str] = []
        for rule in self.rules:
            tools = "tools" if rule.tool is None else rule.tool
            said += [f"{tools} for {listed(rule.allow)} only"] if rule.allow else []
            said += [f"{tools} not for {listed(rule.deny)}"] if rule.deny else []
        return f"Access by {self.by}: {'; '.join(said)}."

    def _limits(self, all_plugins: bool) -> str:
        size = self.max_request_body_size
        sizes = [f"{size:,} bytes by the plugin"] if size else []
        sizes += self.body_limits
        more = "" if all_plugins else ", as far as could be seen"
        body = f"limited by size ({listed(sizes)})" if sizes else f"not limited by size{more}"
        body = "limited by a size that cannot be told" if size is None and not sizes else body
        rate = f"by rate ({listed(self.rate_limits)})" if self.rate_limits else f"not by rate{more}"
        return f"Requests are {body} and {rate}."


def mcp_proxy(running: EffectivePlugins) -> McpProxy | None:
    """What ai-mcp-proxy does among the plugins that run on a route, None if it is not one of them."""
    plugin = next((each for each in running if each.name == MCP_PROXY), None)
    if plugin is None:
        return None
    config = read_plugin(plugin.plugin).config
    mode = config.get("mode")
    claim = config.get("access_token_claim_field")
    by_token = config.get("acl_attribute_type") == "oauth_access_token"
    return McpProxy(
        plugin=plugin,
        mode=mode if isinstance(mode, str) and mode else None,
        max_request_body_size=_size(config),
        by=f"the claim {claim}" if by_token else str(config.get("consumer_identifier") or "username"),
        rules=tuple(_rules(config)),
        body_limits=_named(running, "payload-size-limiting"),
        rate_limits=_named(running, "rate-limiting"),
    )


def _size(config: Mapping[str, object]) -> int | None:
    """The limit in bytes; the default where there is a configuration that leaves it out."""
    size = config.get("max_request_body_size")
    if size is None:
        return _DEFAULT_SIZE if config else None
    return size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None


def _rules(config: Mapping[str, object]) -> list[AccessRule]:
    """The rules that name somebody: the default ones, then those of tools."""
    rules = [
        AccessRule(None, *_lists(entry))
        for entry in _objects(config.get("default_acl"))
        if entry.get("scope") in (None, "tools")
    ]
    for tool in _objects(config.get("tools")):
        acl = mapping_of(tool.get("acl")) or {}
        rules.append(AccessRule(str(tool.get("name") or "(unnamed)"), *_lists(acl)))
    return [rule for rule in rules if rule.allow or rule.deny]


def _lists(entry: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return texts_of(entry.get("allow")), texts_of(entry.get("deny"))


def _objects(value: object) -> list[Mapping[str, object]]:
    """The mappings of a list; nothing of what is no list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    found = (mapping_of(entry) for entry in cast("Sequence[object]", value))
    return [entry for entry in found if entry is not None]


def _named(running: EffectivePlugins, role: str) -> tuple[str, ...]:
    return tuple(plugin.name for plugin in running if role in plugin.roles)
