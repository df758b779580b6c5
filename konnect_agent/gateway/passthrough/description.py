"""What is wanted: an MCP server behind a gateway, in one value that is checked when it is made.

Fields of the plugin have Kong's names and defaults (fact sheet 10.2, documented); only those that mean
something in passthrough-listener mode are here. What a name, a path or a tag may contain follows Kong's own
schemas where the sheet knows them and is narrower elsewhere (inferred), so that no value can break out of
the text it is written into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from konnect_agent.errors import ConfigError
from konnect_agent.redaction import scrub

PLUGIN: Final = "ai-mcp-proxy"
MODE: Final = "passthrough-listener"

Scope = Literal["global", "service", "route"]
ConsumerIdentifier = Literal["username", "consumer_id", "custom_id"]
AclAttribute = Literal["consumer", "oauth_access_token"]

_OTHER_MODES = ("listener", "conversion-listener", "conversion-only")
_NAME = re.compile(r"[A-Za-z0-9._~-]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")
_ROUTE_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?:\.\*)?(?::\d{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may call: consumers, groups or values of a claim. A denied one is out even if it is allowed."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAccess(Access):
    """Who may call one tool; replaces the default completely. `name` is the upstream server's own."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passthrough:
    """An MCP server (`upstream`, a URL) behind a service and a route, or with `alone` the plugin by itself.

    `service` and `route` are names; `timeout` is in seconds, sizes are bytes, 0 for no limit of the plugin.
    `buffering` is that of requests and responses on the route: event streams want none. Raises `ConfigError`
    for what could not work.
    """

    upstream: str | None = None
    paths: tuple[str, ...] = ("/mcp",)
    hosts: tuple[str, ...] = ()
    scope: Scope = "service"
    service: str = "mcp-service"
    route: str = "mcp-route"
    alone: bool = False
    strip_path: bool = True
    protocols: tuple[str, ...] = ("https",)
    buffering: bool = False
    mode: str = MODE
    max_request_body_size: int = 1_048_576
    log_statistics: bool = False
    log_payloads: bool = False
    log_audits: bool = False
    timeout: float | None = None
    forward_client_headers: bool = True
    consumer_identifier: ConsumerIdentifier = "username"
    include_consumer_groups: bool = False
    acl_attribute_type: AclAttribute = "consumer"
    access_token_claim_field: str | None = None
    default_access: Access | None = None
    tools: tuple[ToolAccess, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_mode_and_scope()
        _check_name(self.service, "service")
        _check_name(self.route, "route")
        if not self.alone:
            split_upstream(self.upstream)
            self._check_route()
        self._check_plugin()
        self._check_access()
        for tag in self.tags:
            if not tag or not tag.isprintable() or tag != tag.strip() or set(tag) & {",", "/"}:
                raise ConfigError(f"{tag!r} is no tag.", hint="A tag is text without commas and slashes.")

    @property
    def has_acl(self) -> bool:
        """Whether it says who may call which tool."""
        return bool(self.tools) or self.default_access is not None

    def _check_mode_and_scope(self) -> None:
        if self.mode != MODE:
            known = self.mode in _OTHER_MODES
            why = "makes REST APIs or tools of Kong's own into an MCP server" if known else "is no mode"
            raise ConfigError(
                f"{self.mode!r} {why}: a server that exists is passed through with {MODE}.",
                hint=f"Use the mode {MODE}, or leave it out.",
            )
        if str(self.scope).startswith("consumer"):
            raise ConfigError(
                f"{PLUGIN} cannot be scoped to a consumer or a consumer group.",
                hint="Scope it to a route or a service, and say who may call with default_access or tools.",
            )
        _check_choice(self.scope, get_args(Scope), "scope")

    def _check_route(self) -> None:
        if not self.paths and not self.hosts:
            raise ConfigError("The route has neither a path nor a host.", hint="Give a path such as /mcp.")
        for path in self.paths:
            plain = _PATH.fullmatch(path) and "//" not in path
            if not (plain or (path.startswith("~/") and path.isprintable() and " " not in path)):
                raise ConfigError(
                    f"{path!r} is no path of a route.",
                    hint="A path starts with / (or ~/ for a regex); other characters are written as %XX.",
                )
        for host in self.hosts:
            if not _ROUTE_HOST.fullmatch(host) or host.count("*") > 1:
                raise ConfigError(
                    f"{host!r} is no host of a route.", hint="Use example.com or *.example.com."
                )
        if not self.protocols or not {"http", "https"}.issuperset(self.protocols):
            raise ConfigError(
                f"{', '.join(self.protocols) or 'nothing'}: an MCP endpoint is reached by http or https.",
                hint="Use https, or both http and https.",
            )

    def _check_plugin(self) -> None:
        size = self.max_request_body_size
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"max_request_body_size is {size!r}.", hint="Use bytes, 0 for no limit.")
        if self.timeout is not None and not (isfinite(self.timeout) and self.timeout >= 0.001):
            raise ConfigError(f"timeout is {self.timeout!r}.", hint="Use seconds, 0.001 or more.")

    def _check_access(self) -> None:
        _check_choice(self.consumer_identifier, get_args(ConsumerIdentifier), "consumer_identifier")
        _check_choice(self.acl_attribute_type, get_args(AclAttribute), "acl_attribute_type")
        by_claim = self.acl_attribute_type == "oauth_access_token"
        if by_claim != bool(self.access_token_claim_field):
            raise ConfigError(
                "acl_attribute_type oauth_access_token and access_token_claim_field come together.",
                hint="Name the claim that says who calls, such as sub, or leave both out.",
            )
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ConfigError("A tool is named twice.", hint="Say everything about a tool once.")
        rules: tuple[Access, ...] = (*self.tools, *((self.default_access,) if self.default_access else ()))
        subjects = [subject for rule in rules for subject in (*rule.allow, *rule.deny)]
        for text in (*names, *subjects, self.access_token_claim_field or "claim"):
            if not text.strip() or not text.isprintable():
                raise ConfigError(f"{text!r} names nobody and nothing.", hint="Check the access rules.")
        if not all(each.isprintable() or each in "\n\t" for tool in self.tools for each in tool.description):
            raise ConfigError("A tool's description has characters that are no text.", hint="Leave them out.")
        for rule in rules:
            if not (rule.allow or rule.deny):
                what = f"The tool {rule.name}" if isinstance(rule, ToolAccess) else "default_access"
                raise ConfigError(f"{what} allows nobody and denies nobody.", hint="Leave it out.")


def split_upstream(url: str | None) -> SplitResult:
    """The parts of an upstream URL. Raises `ConfigError` for none, and for what a service cannot be."""
    if not url:
        raise ConfigError("There is no upstream.", hint="Give the URL of the MCP server.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets that do not close, a port that is no number
        parts, port = urlsplit(""), None
    if parts.username is not None or parts.password is not None or scrub(url) != url:
        raise ConfigError(
            "The upstream URL carries credentials.",
            hint="Let the gateway add them with request-transformer, from a vault.",
        )
    usable = (
        url.isprintable()
        and parts.scheme in ("http", "https")
        and port != 0
        and _HOST.fullmatch(parts.netloc.rpartition(":")[0] if port else parts.netloc)
        and (not parts.path or (_PATH.fullmatch(parts.path) and "//" not in parts.path))
    )
    if not usable:
        raise ConfigError(f"{url!r} is no URL of a service.", hint="Use one such as http://tools:3001/mcp.")
    if "?" in url or "#" in url:
        raise ConfigError(f"{url!r}: a service URL has no query and no fragment.", hint="Leave it out.")
    return parts


def upstream_port(parts: SplitResult) -> int:
    """The port of an upstream, that of its scheme if it names none."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name) or not name.strip("."):
        raise ConfigError(
            f"{name!r} is no name of a {what}.", hint="Names consist of letters, digits and . _ ~ -"
        )


def _check_choice(value: object, choices: tuple[str, ...], what: str) -> None:
    if value not in choices:
        raise ConfigError(f"{value!r} is no {what}.", hint=f"Use one of {', '.join(choices)}.")
