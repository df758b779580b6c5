"""What is kept of a control plane once its rules have run: compact facts for what concerns several of them.

An audit of hundreds of control planes must not hold their entities, so each becomes a `Facts`: its services
as tuples of the fields that define them, and how often each plugin is configured. `drift` compares services
of one name; an `Organisation` is all facts together, with the control plane groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from konnect_agent.models import Plugin, Service
from patterns.audit.snapshot import Group, Snapshot
from patterns.coverage import Named


class ServiceFacts(NamedTuple):
    """What defines a service. Timeouts are milliseconds; `tls_verify` is None where the default holds."""

    id: str | None
    name: str
    enabled: bool
    protocol: str
    host: str
    port: int
    path: str | None
    retries: int
    connect_timeout: int
    read_timeout: int
    write_timeout: int
    tls_verify: bool | None


COMPARED = ServiceFacts._fields[2:]
"""The fields in which two services of one name can differ."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One control plane in short. `services` and `plugins` are None where the list was not seen.

    `plugins` counts the enabled and the disabled configurations of each plugin.
    """

    control_plane: Named
    services: tuple[ServiceFacts, ...] | None
    plugins: Mapping[str, tuple[int, int]] | None

    @classmethod
    def of(cls, at: Snapshot) -> Facts:
        """The facts of a snapshot."""
        return cls(
            control_plane=at.name,
            services=tuple(map(_service, at.services)) if at.saw("services") else None,
            plugins=_usage(at.plugins) if at.saw("plugins") else None,
        )


@dataclass(frozen=True, slots=True)
class Organisation:
    """All control planes that were seen, in the order of their names, and the groups."""

    facts: tuple[Facts, ...]
    groups: tuple[Group, ...] = ()


class Drift(NamedTuple):
    """A service defined more than once under one name, the fields that differ, and the definitions."""

    name: str
    fields: tuple[str, ...]
    definitions: tuple[tuple[Named, ServiceFacts], ...]


def drift(facts: Sequence[Facts]) -> Iterator[Drift]:
    """Services that several control planes define differently, by name; definitions by control plane."""
    named = [(service.name, where, service) for where, service in _services(facts) if service.name]
    named.sort(key=lambda entry: (entry[0], entry[1].name or "", entry[1].id or "", entry[2].id or ""))
    for name, entries in groupby(named, key=lambda entry: entry[0]):
        definitions = tuple((where, service) for _, where, service in entries)
        if len({where.id for where, _ in definitions}) > 1:
            fields = tuple(field for field in COMPARED if _differ(definitions, field))
            if fields:
                yield Drift(name, fields, definitions)


def _services(facts: Sequence[Facts]) -> Iterator[tuple[Named, ServiceFacts]]:
    for each in facts:
        for service in each.services or ():
            yield each.control_plane, service


def _differ(definitions: Sequence[tuple[Named, ServiceFacts]], field: str) -> bool:
    return len({getattr(service, field) for _, service in definitions}) > 1


def _service(service: Service) -> ServiceFacts:
    return ServiceFacts(
        id=service.id,
        name=service.name,
        enabled=service.enabled,
        protocol=service.protocol,
        host=service.host,
        port=service.port,
        path=service.path,
        retries=service.retries,
        connect_timeout=service.connect_timeout,
        read_timeout=service.read_timeout,
        write_timeout=service.write_timeout,
        tls_verify=service.tls_verify,
    )


def _usage(plugins: Sequence[Plugin]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for plugin in plugins:
        enabled, disabled = counts.get(plugin.name, (0, 0))
        counts[plugin.name] = (enabled + plugin.enabled, disabled + (not plugin.enabled))
    return counts
