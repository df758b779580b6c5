"""The options that describe a passthrough, and the description they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import MODE, Access, Passthrough, ToolAccess

_AROUND = Group("Service and route", sort_key=1)
_PLUGIN = Group("Plugin", sort_key=2)
_ACCESS = Group("Who may call", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DescriptionOptions:
    """What is wanted, field by field as in `Passthrough`."""

    upstream: Annotated[str | None, Parameter(group=_AROUND, help="the MCP server's URL")] = None
    path: Annotated[tuple[str, ...], Parameter(group=_AROUND, help="of the route, /mcp if left out")] = ()
    host: Annotated[tuple[str, ...], Parameter(group=_AROUND, help="of the route, any if left out")] = ()
    service: Annotated[str, Parameter(group=_AROUND, help="its name")] = "mcp-service"
    route: Annotated[str, Parameter(group=_AROUND, help="its name")] = "mcp-route"
    alone: Annotated[
        bool, Parameter(group=_AROUND, help="the plugin alone: service and route exist already")
    ] = False
    keep_path: Annotated[bool, Parameter(group=_AROUND, help="send the route's path upstream, too")] = False
    protocol: Annotated[
        tuple[Literal["http", "https"], ...], Parameter(group=_AROUND, help="https if left out")
    ] = ()
    buffering: Annotated[bool, Parameter(group=_AROUND, help="hold requests and answers until complete")] = (
        False
    )
    tag: Annotated[tuple[str, ...], Parameter(group=_AROUND, help="on everything that is made")] = ()

    mode: Annotated[str, Parameter(group=_PLUGIN)] = MODE
    max_request_body_size: Annotated[int, Parameter(group=_PLUGIN, help="bytes, 0 for no limit")] = 1_048_576
    timeout: Annotated[float | None, Parameter(group=_PLUGIN, help="of a tool call, in seconds")] = None
    withhold_client_headers: Annotated[
        bool, Parameter(group=_PLUGIN, help="forward_client_headers: false")
    ] = False
    log_statistics: Annotated[bool, Parameter(group=_PLUGIN)] = False
    log_payloads: Annotated[bool, Parameter(group=_PLUGIN, help="sensitive")] = False
    log_audits: Annotated[bool, Parameter(group=_PLUGIN)] = False

    allow: Annotated[tuple[str, ...], Parameter(group=_ACCESS, help="a consumer, group or claim")] = ()
    deny: Annotated[tuple[str, ...], Parameter(group=_ACCESS)] = ()
    tool_allow: Annotated[tuple[str, ...], Parameter(group=_ACCESS, help="TOOL=WHO, instead of --allow")] = ()
    tool_deny: Annotated[tuple[str, ...], Parameter(group=_ACCESS, help="TOOL=WHO")] = ()
    consumer_identifier: Annotated[
        Literal["username", "consumer_id", "custom_id"],
        Parameter(group=_ACCESS, help="what names a consumer"),
    ] = "username"
    include_consumer_groups: Annotated[bool, Parameter(group=_ACCESS, help="groups have a say, too")] = False
    access_token_claim_field: Annotated[
        str | None, Parameter(group=_ACCESS, help="a claim of the OAuth token says who calls")
    ] = None

    def description(self, scope: Literal["global", "service", "route"]) -> Passthrough:
        """The description. Raises `ConfigError` for what could not work, or would do nothing."""
        if self.alone:
            self._check_alone(scope)
        return Passthrough(
            upstream=self.upstream,
            paths=self.path or (() if self.host else ("/mcp",)),
            hosts=self.host,
            scope=scope,
            service=self.service,
            route=self.route,
            alone=self.alone,
            strip_path=not self.keep_path,
            protocols=self.protocol or ("https",),
            buffering=self.buffering,
            mode=self.mode,
            max_request_body_size=self.max_request_body_size,
            log_statistics=self.log_statistics,
            log_payloads=self.log_payloads,
            log_audits=self.log_audits,
            timeout=self.timeout,
            forward_client_headers=not self.withhold_client_headers,
            consumer_identifier=self.consumer_identifier,
            include_consumer_groups=self.include_consumer_groups,
            acl_attribute_type="oauth_access_token" if self.access_token_claim_field else "consumer",
            access_token_claim_field=self.access_token_claim_field,
            default_access=Access(allow=self.allow, deny=self.deny) if self.allow or self.deny else None,
            tools=tuple(_tools(self.tool_allow, self.tool_deny)),
            tags=self.tag,
        )

    def _check_alone(self, scope: str) -> None:
        """Raise `ConfigError` for an option of what the plugin alone leaves as it is."""
        others = {
            "--upstream": self.upstream, "--path": self.path, "--host": self.host,
            "--keep-path": self.keep_path, "--protocol": self.protocol, "--buffering": self.buffering,
            "--service": scope != "service" and self.service != DescriptionOptions.service,
            "--route": scope != "route" and self.route != DescriptionOptions.route,
        }  # fmt: skip
        for name in (name for name, value in others.items() if value):
            raise ConfigError(
                f"{name} means nothing with --alone and the scope {scope}: only the plugin is made.",
                hint="Leave one of them out.",
            )


def _tools(allowed: Sequence[str], denied: Sequence[str]) -> list[ToolAccess]:
    """The rules for single tools, in the order the tools are first named."""
    lists: dict[str, tuple[list[str], list[str]]] = {}
    for place, written in enumerate((allowed, denied)):
        for entry in written:
            name, equals, who = entry.partition("=")
            if not (name and equals and who):
                raise ConfigError(f"{entry!r} is no rule for a tool.", hint="Write TOOL=WHO.")
            lists.setdefault(name, ([], []))[place].append(who)
    return [ToolAccess(name=name, allow=tuple(a), deny=tuple(d)) for name, (a, d) in lists.items()]
