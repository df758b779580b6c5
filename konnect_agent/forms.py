"""Entities in the forms other conventions give them: keyed by name or id, and JSON:API.

Neither is documented for any of Kong's tools (inferred). A map is believed only when its values prove to be
entities: a plugin's configuration and a control plane's labels are objects of objects too.
"""

from __future__ import annotations

from konnect_agent.decoding import Object, as_object
from konnect_agent.ids import is_id, own_id

_RESOURCE = {"id", "type", "attributes", "relationships", "links", "meta"}


def from_map(item: Object, *, name: str, expected: bool) -> list[Object] | None:
    """The entities of a map by name or id, each with what its key says about it; None for any other object.

    `name` is the field that names them. Where a list is `expected` one entry will do, and an id as its key.
    """
    found: list[Object] = []
    for key, value in item.items():
        entry = as_object(value)
        entity = None if entry is None else _keyed(key, entry, name, expected=expected)
        if entity is None:
            return None
        found.append(entity)
    return found if expected or len(found) > 1 or is_id(next(iter(item))) else None


def from_resource(item: Object) -> Object:
    """A JSON:API resource object as the entity it is; any other object as it came."""
    attributes = as_object(item.get("attributes"))
    if attributes is None or "id" not in item or not item.keys() <= _RESOURCE:
        return item
    relationships = as_object(item.get("relationships")) or {}
    related = ((key, _pointer(as_object(value) or {})) for key, value in relationships.items())
    return {**{key: pointer for key, pointer in related if pointer}, **attributes, "id": item["id"]}


def _keyed(key: str, entry: Object, name: str, *, expected: bool) -> Object | None:
    """The entity that stood under `key`, None when nothing says that it is one."""
    own, called = own_id(entry), entry.get(name) or entry.get("name")
    if own is None:
        if is_id(key) and (called or expected):
            return {"id": key, **entry}
        return entry if called == key else None
    if called or key == own or is_id(key):
        return entry
    # Nothing but an id is a reference: its key says what it is to the object it stands in.
    return {name: key, **entry} if expected or len(entry) > 1 else None


def _pointer(relationship: Object) -> Object | None:
    """The entity a to-one relationship points at."""
    data = as_object(relationship.get("data"))
    return {"id": data["id"]} if data and "id" in data else None
