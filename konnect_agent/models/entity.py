"""What every entity shares: unknown fields are kept, missing and null ones are tolerated.

Kong adds fields over time and the classic tools do not document their output, so an entity is parsed
leniently: a null counts as absent, references to other entities are found wherever they stand
(`service.id`, `service_id`, `serviceId`, ... see `konnect_agent.ids`), and what is not known here stays
reachable through `model_extra`. A field of a wrong type is still an error: guessing would be worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, WrapValidator, model_validator

from konnect_agent.ids import Kind, extract_id, local_id, own_id
from konnect_agent.redaction import redact


class Reference(BaseModel):
    """A pointer to another entity."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    id: str


def _moment(value: Any, parse: Callable[[Any], datetime | None]) -> datetime | None:
    """Core entities count Unix seconds, control planes write ISO 8601 (both documented).

    A time nobody can read is None: it never decides whether an entity can be used.
    """
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        return parse(value or None)
    except (OverflowError, ValueError, OSError):
        return None


Moment = Annotated[datetime | None, WrapValidator(_moment)]


def _tags(value: Any) -> Any:
    """Tags come as a list (core entities) or as labels (control planes), and either may be a mapping."""
    if isinstance(value, Mapping):
        return [f"{key}:{entry}" for key, entry in cast("Mapping[Any, Any]", value).items()]
    if isinstance(value, (list, tuple)):
        return [entry for entry in cast("Sequence[Any]", value) if entry is not None]
    return [value] if isinstance(value, str) else value


Tags = Annotated[tuple[str, ...], BeforeValidator(_tags)]


class Entity(BaseModel):
    """An object of Konnect. `id` is None only when the server left it out."""

    model_config = ConfigDict(
        extra="allow", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    kind: ClassVar[Kind | None] = None
    refers_to: ClassVar[tuple[Kind, ...]] = ()

    id: str | None = None
    tags: Tags = ()
    created_at: Moment = None
    updated_at: Moment = None

    @model_validator(mode="before")
    @classmethod
    def _tolerate(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = cast("Mapping[str, Any]", data)
        fields = cls.model_fields
        kept = {key: value for key, value in given.items() if value is not None or key not in fields}
        own = own_id(given, cls.kind)
        kept["id"] = local_id(own) if own else None
        for kind in cls.refers_to:
            found, inner = extract_id(given, kind), given.get(kind)
            around = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else {}
            if found:
                kept[kind] = {**around, "id": local_id(found)}
            elif not any(around.values()) and (around or not inner):
                kept.pop(kind, None)
        if not any(key in fields and value is not None for key, value in kept.items()):
            raise ValueError(f"it has nothing of a {cls.__name__}")
        return kept

    @property
    def label(self) -> str:
        """What to show a person: the name if there is one, else the id."""
        name = getattr(self, "name", None)
        return name if isinstance(name, str) and name else self.id or "(unnamed)"

    def redacted(self) -> dict[str, Any]:
        """The entity as plain data that may be shown to anyone."""
        return redact(self.model_dump(mode="json"))

    def __repr__(self) -> str:
        """Short, and without configuration: a repr ends up in logs."""
        return f"{type(self).__name__}(id={self.id!r}, name={self.label!r})"

    __str__ = __repr__

    @classmethod
    def parse(cls, data: Any) -> Self:
        """`data` as this entity. Raises pydantic's ValidationError; the client makes it `Undecodable`."""
        return cls.model_validate(data)
