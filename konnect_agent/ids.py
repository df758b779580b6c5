"""Ids, in one place: where they stand in an object, and the two-part ids of analytics.

An id of kind `service` may stand as `service_id`, `serviceId`, `service.id`, `service` (a bare id),
`gateway_service`, or inside `scoping`; the REST API uses `service.id`, the other renderings are inferred.
Analytics rows carry `<control plane id>:<entity id>` (documented) because entity ids are only unique inside
a control plane: split before any lookup. Ids and names may have colons of their own (`urn:uuid:...`): a pair
is only what begins with a UUID, or with an id known to be a control plane's. UUIDs have no case of their own.
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
_NO_ID = frozenset(("", "null", "none"))
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


def canonical(value: str) -> str:
    """An id in the documented case, so that two spellings of a UUID are one; anything else as it is."""
    return value.lower() if is_id(value) else value


def split_composite(value: str, known: Collection[str | None] = ()) -> CompositeId:
    """`<control plane id>:<entity id>` taken apart; anything else is an id on its own.

    `known` are ids of control planes that are no UUIDs.
    """
    text = value.strip()
    pair = _PAIR.match(text)
    control_plane_id = pair.group(1) if pair else _first_half(text, known)
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


def local_id(value: str, known: Collection[str | None] = ()) -> str:
    """The entity's own id when `value` is a pair of UUIDs, as analytics writes it; `value` otherwise.

    With one of the `known` ids of control planes in front it is a pair as well, whatever they look like.
    """
    text = value.strip()
    control_plane_id, colon, entity_id = text.rpartition(":")
    if not colon:
        return text
    if is_id(control_plane_id) and is_id(entity_id):
        return entity_id
    half = _first_half(text, known)
    return (half and text[len(half) + 1 :].strip(":")) or text


def _first_half(text: str, known: Collection[str | None]) -> str | None:
    """The longest of the known ids that `text` begins with as a pair does, spelled as in `text`."""
    sizes = [len(half) for half in known if half and canonical(text[: len(half)]) == canonical(half)]
    fitting = [size for size in sizes if text[size : size + 1] == ":"]
    return text[: max(fitting)] if fitting else None


def _id_of(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = cast("Mapping[str, Any]", value).get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return None if text.lower() in _NO_ID else text


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
