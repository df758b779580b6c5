"""The border: models or Konnect's JSON in, small frozen records with Kong's defaults out.

Everything behind this module works on these records only. `origin` is the very object that was passed in.
A field that is null, missing, or left at its default by a model reads as absent (None): Kong's router
distinguishes an absent list from an empty one (fact sheet 7.6, `hosts: []`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from konnect_agent.gateway.entity_fields import EntityFields, mapping_of, texts_of
from konnect_agent.ids import canonical
from konnect_agent.models.address import spelled_out

STREAM_PROTOCOLS = frozenset({"tcp", "udp", "tls", "tls_passthrough"})
_HTTP_SERVICES = frozenset({"http", "https", "grpc", "grpcs", "ws", "wss"})
_GRPC = frozenset({"grpc", "grpcs"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One element of `sources` or `destinations`."""

    ip: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A route as the router reads it. None means absent; an empty tuple means present and empty."""

    origin: object
    id: str
    name: str
    service_id: str | None
    protocols: tuple[str, ...] | None
    methods: tuple[str, ...] | None
    hosts: tuple[str, ...] | None
    paths: tuple[str, ...] | None
    headers: Mapping[str, tuple[str, ...]] | None
    snis: tuple[str, ...] | None
    sources: tuple[Endpoint, ...] | None
    destinations: tuple[Endpoint, ...] | None
    regex_priority: int
    expression: str | None
    priority: int
    strip_path: bool
    path_handling: str
    preserve_host: bool
    redirect_status: int
    created_at: int | None

    @property
    def is_stream(self) -> bool:
        """Whether Kong treats it as a stream route: decided by the first protocol alone."""
        return bool(self.protocols and self.protocols[0] in STREAM_PROTOCOLS)

    @property
    def label(self) -> str:
        """How to call it in a sentence."""
        return self.name or self.id or "(unnamed)"


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service as the router reads it. `path` is "/" for HTTP services without one, None for stream ones."""

    origin: object
    id: str
    name: str
    enabled: bool
    protocol: str
    host: str
    port: int | None
    path: str | None


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """A plugin configuration. Ids are None where the configuration is not scoped to that kind."""

    origin: object
    id: str
    name: str
    enabled: bool
    route_id: str | None
    service_id: str | None
    consumer_id: str | None
    consumer_group_id: str | None
    protocols: tuple[str, ...] | None
    config: Mapping[str, object]
    ordering: Mapping[str, object] | None
    condition: str | None


def read_route(entity: object) -> RouteRecord:
    """Read a route model or mapping."""
    get = EntityFields(entity)
    protocols = get.texts("protocols")
    return RouteRecord(
        origin=entity,
        id=get.id(),
        name=get.text("name"),
        service_id=get.reference("service"),
        protocols=protocols,
        methods=get.texts("methods"),
        hosts=get.texts("hosts"),
        paths=get.texts("paths"),
        headers=_headers(get.value("headers")),
        snis=get.texts("snis"),
        sources=_endpoints(get.value("sources")),
        destinations=_endpoints(get.value("destinations")),
        regex_priority=get.integer("regex_priority") or 0,
        expression=get.text("expression") or None,
        priority=get.integer("priority") or 0,
        strip_path=get.flag("strip_path", default=not _GRPC.intersection(protocols or ())),
        path_handling=get.text("path_handling") or "v0",
        preserve_host=get.flag("preserve_host", default=False),
        redirect_status=get.integer("https_redirect_status_code") or 426,
        created_at=get.integer("created_at"),
    )


def read_service(entity: object) -> ServiceRecord:
    """Read a service model or mapping."""
    written = mapping_of(entity)
    get = EntityFields(entity if written is None else spelled_out(written))
    protocol = get.text("protocol") or "http"
    path = get.text("path") or "/"
    return ServiceRecord(
        origin=entity,
        id=get.id(),
        name=get.text("name"),
        enabled=get.flag("enabled", default=True),
        protocol=protocol,
        host=get.text("host"),
        port=get.integer("port"),
        path=path if protocol in _HTTP_SERVICES else None,
    )


def read_plugin(entity: object) -> PluginRecord:
    """Read a plugin model or mapping."""
    get = EntityFields(entity)
    config, ordering = get.value("config"), get.value("ordering")
    return PluginRecord(
        origin=entity,
        id=get.id(),
        name=get.text("name"),
        enabled=get.flag("enabled", default=True),
        route_id=get.reference("route"),
        service_id=get.reference("service"),
        consumer_id=get.reference("consumer"),
        consumer_group_id=get.reference("consumer_group"),
        protocols=get.texts("protocols"),
        config=mapping_of(config) or {},
        ordering=mapping_of(ordering),
        condition=get.text("condition") or None,
    )


def read_identity(entity: object) -> tuple[str, str]:
    """Id and name (or username) of a consumer, group, route or service; a bare string is taken as the id."""
    if isinstance(entity, str):
        return canonical(entity), ""
    get = EntityFields(entity)
    return get.id(), get.text("name") or get.text("username") or get.text("custom_id")


def read_route_scope(entity: object) -> tuple[str | None, bool]:
    """Of a route, only the id of its service and whether it is a stream route."""
    get = EntityFields(entity)
    protocols = get.texts("protocols")
    return get.reference("service"), bool(protocols and protocols[0] in STREAM_PROTOCOLS)


def read_vault(entity: object) -> str:
    """The prefix by which references name a vault; a bare string is taken as the prefix."""
    return entity if isinstance(entity, str) else EntityFields(entity).text("prefix")


def _headers(value: object) -> Mapping[str, tuple[str, ...]] | None:
    mapping = mapping_of(value)
    return None if mapping is None else {name: texts_of(values) for name, values in mapping.items()}


def _endpoints(value: object) -> tuple[Endpoint, ...] | None:
    if value is None or isinstance(value, str) or not isinstance(value, Sequence):
        return None
    readers = [EntityFields(item) for item in cast("Sequence[object]", value)]
    return tuple(Endpoint(get.text("ip") or None, get.integer("port")) for get in readers)
