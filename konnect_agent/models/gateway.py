"""Core entities of a control plane (fact sheet 3.3 to 3.8; Kong: control-planes-config v2).

Times are Unix seconds on the wire. Only services and plugins can be disabled: routes, consumers and vaults
have no `enabled`, and none is invented here. Protocols and methods have one case in Kong, and so here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints

from konnect_agent.ids import Kind
from konnect_agent.models.address import spelled_out
from konnect_agent.models.entity import Entity, Reference
from konnect_agent.models.matcher import matchers
from konnect_agent.models.scope import references, scope
from konnect_agent.models.switch import switched
from konnect_agent.models.tolerant import without_nulls

Lower = Annotated[str, StringConstraints(to_lower=True)]
Upper = Annotated[str, StringConstraints(to_upper=True)]


class Switched(Entity):
    """An entity that can be switched off: `enabled` may stand elsewhere (see `switch`)."""

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        placed = super()._arranged(given, inside)
        said = None if "enabled" in placed else switched(placed)
        return placed if said is None else placed | {"enabled": said}


class Service(Switched):
    """An upstream: where matched requests are sent. Timeouts are in milliseconds, as Kong stores them."""

    kind: ClassVar[Kind | None] = "service"
    decisive: ClassVar[frozenset[str]] = frozenset(("enabled", "protocol", "host", "port", "tls_verify"))

    name: str = ""
    enabled: bool = True
    protocol: Lower = "http"
    host: str = ""
    port: int = 80
    path: str | None = None
    retries: int = 5
    connect_timeout: int = 60_000
    read_timeout: int = 60_000
    write_timeout: int = 60_000
    tls_verify: bool | None = None

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        return spelled_out(super()._arranged(given, inside))


class Route(Entity):
    """A rule that sends requests to a service; traditional fields, or an `expression` with a `priority`."""

    kind: ClassVar[Kind | None] = "route"
    refers_to: ClassVar[tuple[Kind, ...]] = ("service",)
    decisive: ClassVar[frozenset[str]] = frozenset((
        "service", "protocols", "methods", "hosts", "paths", "headers", "snis", "sources", "destinations",
        "regex_priority", "strip_path", "expression", "priority",
    ))  # fmt: skip
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **Entity.other_names,
        **{
            name: (name, name.removesuffix("s"))
            for name in ("protocols", "methods", "hosts", "paths", "snis")
        },
    }

    name: str = ""
    service: Reference | None = None
    protocols: tuple[Lower, ...] = ("https",)
    methods: tuple[Upper, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    headers: Annotated[Mapping[str, Any], BeforeValidator(without_nulls)] = {}
    snis: tuple[str, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    destinations: tuple[Mapping[str, Any], ...] = ()
    regex_priority: int = 0
    strip_path: bool = True
    path_handling: Lower = "v0"
    preserve_host: bool = False
    https_redirect_status_code: int = 426
    expression: str | None = None
    priority: int | None = None

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        return super()._arranged(matchers(given, cls._fields, cls._by_field), inside)

    @classmethod
    def _references(cls, given: Mapping[str, Any]) -> Mapping[Kind, str]:
        return references(given, cls.refers_to)


class Plugin(Switched):
    """One configuration of a plugin. Its scope is what it refers to; referring to nothing is global."""

    kind: ClassVar[Kind | None] = "plugin"
    refers_to: ClassVar[tuple[Kind, ...]] = ("service", "route", "consumer", "consumer_group")
    decisive: ClassVar[frozenset[str]] = frozenset((
        "name", "enabled", "config", "service", "route", "consumer", "consumer_group", "protocols",
        "ordering", "condition",
    ))  # fmt: skip
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # what it is displayed as is not what it is

    name: str = ""
    instance_name: str | None = None
    enabled: bool = True
    config: Mapping[str, Any] = Field(default={}, repr=False)
    service: Reference | None = None
    route: Reference | None = None
    consumer: Reference | None = None
    consumer_group: Reference | None = None
    protocols: tuple[Lower, ...] = ()
    ordering: Mapping[str, Any] | None = None
    condition: str | None = None

    @classmethod
    def _references(cls, given: Mapping[str, Any]) -> Mapping[Kind, str]:
        return scope(given, cls.refers_to)

    @property
    def is_global(self) -> bool:
        """Whether this configuration acts on the whole control plane."""
        return not (self.service or self.route or self.consumer or self.consumer_group)


class Consumer(Entity):
    """Who calls. `username` is for people, `id` for joins; one of `username` and `custom_id` is set."""

    kind: ClassVar[Kind | None] = "consumer"

    username: str | None = None
    custom_id: str | None = None

    @property
    def label(self) -> str:
        """The username, else the caller's own id, else Kong's."""
        return self.username or self.custom_id or self.id or "(unnamed)"


class ConsumerGroup(Entity):
    """A named set of consumers that plugins can be scoped to."""

    kind: ClassVar[Kind | None] = "consumer_group"

    name: str = ""


class Vault(Entity):
    """Where `{vault://prefix/...}` references are read from.

    In REST `name` is the provider (`env`, `hcv`, ...) and `prefix` the handle; how the tool fills `name`
    and `provider` is not documented, so both are kept.
    """

    kind: ClassVar[Kind | None] = "vault"
    decisive: ClassVar[frozenset[str]] = frozenset(("name", "prefix"))
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    name: str = ""
    prefix: str = ""
    provider: str | None = None
    description: str = ""
    config: Mapping[str, Any] = Field(default={}, repr=False)
