"""Ids, in one place: where they stand in an object, and the two-part ids of analytics.

An id of kind `service` may stand as `service_id`, `serviceId`, `service.id`, `service` (a bare id),
`gateway_service`, or inside `scoping`; the REST API uses `service.id`, the other renderings are inferred.
Analytics rows carry `<control plane id>:<entity id>` (documented) because entity ids are only unique inside
a control plane: split before any lookup. Ids and names may have colons of their own (`urn:uuid:...`): a pair
is only what begins with a UUID, or with an id known to be a control plane's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

Kind = Literal[
    "control_plane", "service", "route", "consumer", "consumer_group", "plugin", "vault", "debug_session"
]
KINDS: tuple[Kind, ...] = (
    "control_plane", "service", "route", "consumer", "consumer_group", "plugin", "vault", "debug_session",
)  # fmt: skip

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PAIR = re.compile(rf"({_UUID.pattern}):")
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "service": ("gateway_service",),
    "debug_session": ("session", "tracing_session", "active_tracing_session"),
    "control_plane": ("cp",),
}


@dataclass(frozen=True, slots=True)
class CompositeId:
    """An analytics id taken apart. `control_plane_id` is None when the id came without one."""

    control_plane_id: str | None
    id: str

    def __str__(self) -> str:
        return f"{self.control_plane_id}:{self.id}" if self.control_plane_id else self.id


def is_id(text: str) -> bool:
    """Whether `text` has the form of a Konnect id (a UUID, either case)."""
    return bool(_UUID.fullmatch(text.strip()))


def split_composite(value: str, known: Collection[str | None] = ()) -> CompositeId:
    """`<control plane id>:<entity id>` taken apart; anything else is an id on its own.

    `known` are ids of control planes that are no UUIDs.
    """
    text = value.strip()
    pair = _PAIR.match(text)
    halves = [pair.group(1)] if pair else [half for half in known if half and text.startswith(f"{half}:")]
    control_plane_id = max(halves, key=len, default=None)
    entity_id = text[len(control_plane_id) + 1 :].strip(":") if control_plane_id else ""
    return CompositeId(control_plane_id, entity_id) if entity_id else CompositeId(None, text.strip(":"))


def join_composite(control_plane_id: str, entity_id: str) -> str:
    """The form the analytics filters document for consumers, services, routes and nodes."""
    is_pair = split_composite(entity_id, (control_plane_id,)).control_plane_id
    return entity_id if is_pair else f"{control_plane_id}:{entity_id}"


def extract_id(data: Mapping[str, Any], kind: Kind) -> str | None:
    """The id of `kind` that `data` refers to, wherever it stands, or None. Composite ids stay whole."""
    places = [data]
    if isinstance(data.get("scoping"), Mapping):
        places.append(cast("Mapping[str, Any]", data["scoping"]))
    found = (_id_of(place.get(key)) for place in places for key in renderings(kind))
    return next(filter(None, found), None)


def extract_ids(data: Mapping[str, Any]) -> dict[str, str]:
    """Every id `data` refers to, as `{"service_id": ..., ...}`."""
    found = {f"{kind}_id": extract_id(data, kind) for kind in KINDS}
    return {name: value for name, value in found.items() if value}


@cache
def renderings(kind: Kind) -> tuple[str, ...]:
    """Every key an id of `kind` may stand under, the documented one first."""
    names = [(name, _camel(name)) for name in (kind, *_OTHER_NAMES.get(kind, ()))]
    spelled = ((f"{name}_id", f"{camel}Id", f"{camel}ID", f"{name}-id", name, camel) for name, camel in names)
    return tuple(key for keys in spelled for key in keys)


def own_id(data: Mapping[str, Any], kind: Kind | None = None) -> str | None:
    """The id of the object itself: `id`, `uuid` or, of a `kind`, its own `<kind>_id`."""
    for key in ("id", "uuid", "ID"):
        found = _id_of(data.get(key))
        if found:
            return found
    return extract_id(data, kind) if kind else None


def local_id(value: str) -> str:
    """The entity's own id when `value` is a pair of UUIDs, as analytics writes it; `value` otherwise."""
    control_plane_id, _, entity_id = value.strip().rpartition(":")
    return entity_id if is_id(control_plane_id) and is_id(entity_id) else value.strip()


def _id_of(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = cast("Mapping[str, Any]", value).get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
