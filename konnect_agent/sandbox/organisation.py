"""Drafting the entities of one control plane in Kong's own JSON shapes.

A `Draft` collects services, routes, plugins, consumers, consumer groups and vaults by name and turns every
name into an id derived from the seed, so that references need no bookkeeping and the same seed gives the same
bytes. `ControlPlane` is the finished, read-only result. Fields and defaults follow Kong's published
control plane APIs (documented); which of them the MCP tools render is not documented, so all are kept.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Entity = dict[str, Any]
"""One object as the server sends it: JSON values only."""

_FIRST_DAY = datetime(2025, 2, 3, 8, 0, tzinfo=UTC)
_ENTITY_KINDS = ("services", "routes", "plugins", "consumers", "consumer_groups", "vaults")


def derive_id(seed: int, *parts: str | None) -> str:
    """The UUID that belongs to these names under this seed; the same names always give the same UUID."""
    digest = hashlib.blake2b(repr((seed, parts)).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A control plane and everything configured in it; `members` holds the ids of a group's members."""

    entity: Entity
    services: tuple[Entity, ...] = ()
    routes: tuple[Entity, ...] = ()
    plugins: tuple[Entity, ...] = ()
    consumers: tuple[Entity, ...] = ()
    consumer_groups: tuple[Entity, ...] = ()
    vaults: tuple[Entity, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.entity["id"])

    @property
    def name(self) -> str:
        return str(self.entity["name"])

    @property
    def is_group(self) -> bool:
        return str(self.entity["config"]["cluster_type"]).endswith("CONTROL_PLANE_GROUP")

    def listing(self, kind: str) -> tuple[Entity, ...]:
        """All entities of a kind such as `services`."""
        if kind not in _ENTITY_KINDS:
            raise KeyError(kind)
        entities: tuple[Entity, ...] = getattr(self, kind)
        return entities

    def entities(self) -> Iterator[tuple[str, Entity]]:
        """Every entity with its kind."""
        for kind in _ENTITY_KINDS:
            for entity in self.listing(kind):
                yield kind, entity

    def find(self, kind: str, name: str) -> Entity:
        """The entity with that name (username or custom id of a consumer); KeyError if there is none."""
        for entity in self.listing(kind):
            if name in (entity.get("name"), entity.get("username"), entity.get("custom_id")):
                return entity
        raise KeyError(f"{self.name} has no {kind[:-1]} {name!r}")


@dataclass(kw_only=True)
class Draft:
    """A control plane being written down; `done()` freezes it."""

    seed: int
    name: str
    description: str
    cluster_type: str = "CLUSTER_TYPE_CONTROL_PLANE"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    members: tuple[str, ...] = ()
    _entities: dict[str, list[Entity]] = field(
        default_factory=lambda: {kind: list[Entity]() for kind in _ENTITY_KINDS}, init=False
    )

    def id_of(self, kind: str, name: str | None) -> str:
        return derive_id(self.seed, self.name, kind, name)

    def service(self, name: str, host: str, **fields: Any) -> None:
        """A service with Kong's defaults, except that it speaks https on port 443 unless told otherwise."""
        defaults: Entity = {
            "enabled": True,
            "protocol": "https",
            "port": 443,
            "path": None,
            "connect_timeout": 60000,
            "write_timeout": 60000,
            "read_timeout": 60000,
            "retries": 5,
            "client_certificate": None,
            "ca_certificates": None,
            "tls_verify": None,
            "tags": None,
        }
        self._add("services", name, {"name": name, "host": host} | defaults | fields)

    def route(self, name: str, service: str | None, *paths: str, **fields: Any) -> None:
        """A traditional route; `service=None` leaves it without one."""
        defaults: Entity = {
            "hosts": None,
            "methods": None,
            "headers": None,
            "snis": None,
            "protocols": ["https"],
            "strip_path": False,
            "preserve_host": False,
            "path_handling": "v0",
            "regex_priority": 0,
            "https_redirect_status_code": 426,
            "request_buffering": True,
            "response_buffering": True,
            "tags": None,
        }
        reference = {"service": None if service is None else {"id": self.id_of("services", service)}}
        self._add("routes", name, {"name": name, "paths": list(paths)} | reference | defaults | fields)

    def plugin(
        self,
        name: str,
        config: Entity | None = None,
        *,
        service: str | None = None,
        route: str | None = None,
        consumer: str | None = None,
        consumer_group: str | None = None,
        **fields: Any,
    ) -> None:
        """A plugin instance; without any scope it is global."""
        scope = {
            "services": service,
            "routes": route,
            "consumers": consumer,
            "consumer_groups": consumer_group,
        }
        references = {
            kind[:-1]: None if target is None else {"id": self.id_of(kind, target)}
            for kind, target in scope.items()
        }
        defaults: Entity = {
            "instance_name": None,
            "enabled": True,
            "protocols": ["grpc", "grpcs", "http", "https"],
            "ordering": None,
            "tags": None,
        }
        key = "|".join([name, *(f"{kind}={target}" for kind, target in scope.items() if target is not None)])
        self._add("plugins", key, {"name": name, "config": config or {}} | references | defaults | fields)

    def consumer(
        self, username: str | None, custom_id: str | None = None, *, tags: tuple[str, ...] = ()
    ) -> None:
        entity: Entity = {"username": username, "custom_id": custom_id, "tags": list(tags)}
        self._add("consumers", username or custom_id, entity)

    def consumer_group(self, name: str) -> None:
        self._add("consumer_groups", name, {"name": name, "tags": None})

    def vault(self, provider: str, prefix: str, description: str, config: Entity) -> None:
        """A vault; as in the REST object the field `name` is the provider."""
        entity: Entity = {"name": provider, "prefix": prefix, "description": description}
        self._add("vaults", prefix, entity | {"config": config, "tags": None})

    def done(self) -> ControlPlane:
        """The finished control plane."""
        identity = derive_id(self.seed, self.name)
        host = f"{identity[:8]}.us.{{}}.konghq.com"
        created = (_FIRST_DAY + timedelta(hours=int(identity[:3], 16))).isoformat().replace("+00:00", "Z")
        entity: Entity = {
            "id": identity,
            "name": self.name,
            "description": self.description,
            "labels": dict(self.labels),
            "tags": [f"{key}:{value}" for key, value in self.labels.items()],
            "config": {
                "control_plane_endpoint": "https://" + host.format("cp"),
                "telemetry_endpoint": "https://" + host.format("tp"),
                "cluster_type": self.cluster_type,
                "auth_type": "pinned_client_certs",
                "cloud_gateway": "SERVERLESS" in self.cluster_type,
                "proxy_urls": [],
            },
            "created_at": created,
            "updated_at": created,
        }
        frozen = {kind: tuple(entities) for kind, entities in self._entities.items()}
        return ControlPlane(entity=entity, members=self.members, **frozen)

    def _add(self, kind: str, key: str | None, entity: Entity) -> None:
        identity = self.id_of(kind, key)
        created = int(_FIRST_DAY.timestamp()) + int(identity[:6], 16)
        self._entities[kind].append(
            {"id": identity} | entity | {"created_at": created, "updated_at": created}
        )
