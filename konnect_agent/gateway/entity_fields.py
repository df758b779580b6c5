"""Fields of an entity, read the same from a model and from Konnect's JSON."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from konnect_agent.ids import canonical

_CAMEL = {
    "service_id": "serviceId",
    "route_id": "routeId",
    "consumer_id": "consumerId",
    "consumer_group_id": "consumerGroupId",
}
_NO = frozenset(("false", "no", "off", "0", "disabled"))


class EntityFields:
    """Access by field name. A field that is null, missing or a model's default reads as None."""

    __slots__ = ("_entity", "_mapping", "_set")

    def __init__(self, entity: object) -> None:
        self._entity = entity
        self._mapping = mapping_of(entity)
        given = getattr(entity, "model_fields_set", None)
        self._set = cast("set[str]", given) if isinstance(given, set) else None

    def value(self, name: str) -> object:
        """The field as it stands."""
        if self._mapping is not None:
            return self._mapping.get(name)
        found: object = getattr(self._entity, name, None)
        if self._set is not None and name not in self._set and found in ((), {}):
            return None
        return found

    def text(self, name: str) -> str:
        """The field as a text, empty if absent."""
        found = self.value(name)
        return "" if found is None else str(found)

    def id(self) -> str:
        """Its own id in the one form that everything compares, empty if absent."""
        return canonical(self.text("id"))

    def integer(self, name: str) -> int | None:
        """The field as a whole number, times as seconds since 1970; None if it is neither."""
        found = self.value(name)
        if isinstance(found, datetime):
            return int(found.timestamp())
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            return None
        try:
            return int(found)
        except (ValueError, OverflowError):
            return None

    def flag(self, name: str, *, default: bool) -> bool:
        """The field as yes or no, also in words."""
        found = self.value(name)
        if isinstance(found, str):
            return found.strip().lower() not in _NO
        return default if found is None else bool(found)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """The field as a list of texts."""
        found = self.value(name)
        return None if found is None else texts_of(found)

    def reference(self, name: str) -> str | None:
        """The id of the entity the field refers to, however it is written: nested, flat or in camel case."""
        found = self.value(name)
        if isinstance(found, str):
            return canonical(found) or None
        if found is not None:
            return EntityFields(found).id() or None
        flat = f"{name}_id"
        return canonical(self.text(flat) or self.text(_CAMEL.get(flat, flat))) or None


def mapping_of(value: object) -> Mapping[str, object] | None:
    """The value if it is a mapping."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def texts_of(value: object) -> tuple[str, ...]:
    """A list of texts; a single text is a list of one."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Iterable):
        return tuple(str(item) for item in cast("Iterable[object]", value))
    return ()
