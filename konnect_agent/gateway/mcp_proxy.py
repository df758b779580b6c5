"""MCP endpoints in a configuration: what `ai-mcp-proxy` makes of a route (fact sheet 10, documented).

In the listener modes the route is an MCP endpoint; in `conversion-only` it is an API whose tools another
route's listener offers; of a mode not known here nothing can be told. Who may call is the plugin's access
rules on top of authentication: deny first, then an allow list if there is one, and a tool's own rule, also an
empty one, instead of the default. What limits requests is the plugin's own `max_request_body_size` (an
integer in its schema; 0: no limit, less than 0: nowhere explained), and the plugins beside it that count
requests or measure their bodies. Those that count tokens, responses or GraphQL costs do not. Where the proxy
itself has a condition, requests that miss it reach an MCP server behind the route with neither its rules nor
its limit (inferred); the modes that answer by themselves have none there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from konnect_agent.gateway.effective_plugin import EffectivePlugin, EffectivePlugins, listed
from konnect_agent.gateway.entities import read_plugin
from konnect_agent.gateway.entity_fields import EntityFields, mapping_of, texts_of

MCP_PROXY = "ai-mcp-proxy"
_LISTENERS = frozenset({"passthrough-listener", "conversion-listener", "listener"})
_NO_LISTENER = "conversion-only"
_ANSWERING = {*_LISTENERS, _NO_LISTENER} - {"passthrough-listener"}
_DEFAULT_SIZE = 1_048_576
_BY_SIZE = frozenset({"request-size-limiting"})
_BY_RATE = frozenset({"rate-limiting", "rate-limiting-advanced", "service-protection"})


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
    `body_limits` and `rate_limits` name the other plugins that limit every request there, `partial_body` and
    `partial_rate` those that may be skipped, each with the reason, and so may this one be: `partial_access`
    says it of the access rules.
    """

    plugin: EffectivePlugin
    mode: str | None
    max_request_body_size: int | None
    by: str
    rules: tuple[AccessRule, ...]
    body_limits: tuple[str, ...]
    rate_limits: tuple[str, ...]
    partial_body: tuple[str, ...] = ()
    partial_rate: tuple[str, ...] = ()
    partial_access: tuple[str, ...] = ()

    @property
    def may_be_skipped(self) -> bool:
        """Whether requests may reach an MCP server here without it."""
        return self.plugin.conditional and self.mode not in _ANSWERING

    @property
    def is_endpoint(self) -> bool | None:
        """Whether MCP clients can talk to the route; None for a mode that is missing or not known here."""
        return True if self.mode in _LISTENERS else False if self.mode == _NO_LISTENER else None

    @property
    def body_is_unlimited(self) -> bool | None:
        """Whether nothing at the gateway's level limits the size of a request; None if it cannot be told."""
        if self.body_limits:
            return False
        if self.may_be_skipped:
            return True
        return None if self.max_request_body_size is None else self.max_request_body_size == 0

    @property
    def refuses_strangers(self) -> bool:
        """Whether whoever is not known by name may call no tool, but for those with a rule of their own."""
        return not self.may_be_skipped and any(rule.tool is None and rule.allow for rule in self.rules)

    @property
    def open_tools(self) -> tuple[str, ...]:
        """The tools whose own rule lets in whoever it does not deny, whatever the default says."""
        return tuple(rule.tool for rule in self.rules if rule.tool is not None and not rule.allow)

    def summary(self, *, all_plugins: bool = True) -> str:
        """What it is, who may call, and its limits, in a few sentences. Without `all_plugins`, what other
        plugins do is left open."""
        if self.is_endpoint is False:
            return f"{MCP_PROXY} runs here in the mode {self.mode}: the route is no MCP endpoint."
        known = self.mode if self.is_endpoint else f"the mode {self.mode}, which is not known here"
        mode = known if self.mode else "a mode that cannot be told"
        what = "is an MCP endpoint" if self.is_endpoint else "may be an MCP endpoint"
        return f"The route {what} ({MCP_PROXY}, {mode}). {self.who_may_call()} {self.limits(all_plugins)}"

    def who_may_call(self) -> str:
        """The access rules in a sentence."""
        if self.mode is None:  # required: a configuration without it was not shown
            return "Who may call which tool cannot be told."
        if not self.rules:
            return "Every tool may be called by whoever gets in."
        said: list[str] = []
        for rule in self.rules:
            tools = "tools" if rule.tool is None else rule.tool
            said += [f"{tools} for {listed(rule.allow)} only"] if rule.allow else []
            said += [f"{tools} not for {listed(rule.deny)}"] if rule.deny else []
            said += [] if rule.allow or rule.deny else [f"{tools} for whoever gets in"]
        besides = f" {listed(self.partial_access)}." if self.partial_access else ""
        return f"Access by {self.by}: {'; '.join(said)}.{besides}"

    def limits(self, all_plugins: bool = True) -> str:
        """What limits requests, in a sentence or two."""
        size = 0 if self.may_be_skipped else self.max_request_body_size
        sizes = [f"{size:,} bytes by the plugin"] if size else []
        sizes += self.body_limits
        more = "" if all_plugins else ", as far as could be seen"
        body = f"limited by size ({listed(sizes)})" if sizes else f"not limited by size{more}"
        body = "limited by a size that cannot be told" if size is None and not sizes else body
        rate = f"by rate ({listed(self.rate_limits)})" if self.rate_limits else f"not by rate{more}"
        partial = (*self.partial_body, *self.partial_rate)
        besides = f" {listed(partial)}." if partial else ""
        return f"Requests are {body} and {rate}.{besides}"


def mcp_proxy(running: EffectivePlugins) -> McpProxy | None:
    """What ai-mcp-proxy does among the plugins that run on a route, None if it is not one of them."""
    plugin = next((each for each in running if each.name == MCP_PROXY), None)
    if plugin is None:
        return None
    config = read_plugin(plugin.plugin).config
    rules, size = tuple(_rules(config)), _size(config)
    mode = config.get("mode")
    claim = config.get("access_token_claim_field")
    by_token = config.get("acl_attribute_type") == "oauth_access_token"
    proxy = McpProxy(
        plugin=plugin,
        mode=mode if isinstance(mode, str) and mode else None,
        max_request_body_size=size,
        by=f"the claim {claim}" if by_token else str(config.get("consumer_identifier") or "username"),
        rules=rules,
        body_limits=_always(running, _BY_SIZE),
        rate_limits=_always(running, _BY_RATE),
        partial_body=_partly(running, _BY_SIZE),
        partial_rate=_partly(running, _BY_RATE),
    )
    if not proxy.may_be_skipped:
        return proxy
    most = f" ({size:,} bytes)" if size else ""
    own = () if size == 0 else (f"{MCP_PROXY}{most} has a condition",)
    held = (f"{MCP_PROXY} has a condition: its rules hold for requests that meet it",) if rules else ()
    return replace(proxy, partial_body=(*own, *proxy.partial_body), partial_access=held)


def _always(running: EffectivePlugins, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(each.name for each in running if each.name in names and not each.conditional)


def _partly(running: EffectivePlugins, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(f"{e.name} has a condition" for e in running if e.name in names and e.conditional)


def _size(config: Mapping[str, object]) -> int | None:
    """The limit in bytes; the default where there is a configuration that leaves it out."""
    written = config.get("max_request_body_size")
    if written is None:
        return _DEFAULT_SIZE if config else None
    if isinstance(written, float) and not written.is_integer():
        return None
    size = EntityFields(config).integer("max_request_body_size")
    return size if size is not None and size >= 0 else None


def _rules(config: Mapping[str, object]) -> list[AccessRule]:
    """The default rules that name somebody, and every rule of a tool: an empty one opens it to all."""
    rules = [
        AccessRule(None, *_lists(entry))
        for entry in _objects(config.get("default_acl"))
        if entry.get("scope") in (None, "tools") and any(_lists(entry))
    ]
    for tool in _objects(config.get("tools")):
        acl = mapping_of(tool.get("acl"))
        if acl is not None:
            rules.append(AccessRule(str(tool.get("name") or "(unnamed)"), *_lists(acl)))
    return rules


def _lists(entry: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return texts_of(entry.get("allow")), texts_of(entry.get("deny"))


def _objects(value: object) -> list[Mapping[str, object]]:
    """The mappings of a list; nothing of what is no list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    found = (mapping_of(entry) for entry in cast("Sequence[object]", value))
    return [entry for entry in found if entry is not None]
