"""What every entity shares: an id, tags, times, and references to other entities wherever they stand.

`service.id`, `service_id`, `serviceId`, ... are one reference (see `konnect_agent.ids`). Ids of what a
control plane holds are read in lower case and without its own id in front, so that they compare; that of the
control plane, an argument of every call, stays as sent. All else is read as `tolerant` says: unknown fields
are kept in `model_extra`, missing and null ones have their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import to_jsonable_python

from konnect_agent.ids import Kind, canonical, extract_id, local_id, own_id
from konnect_agent.models.moment import Moment
from konnect_agent.models.tolerant import Tolerant, says
from konnect_agent.redaction import redact, scrub_quoted

_LOCAL = frozenset(("service", "route", "consumer", "consumer_group", "plugin", "vault"))


class Reference(BaseModel):
    """A pointer to another entity."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    id: str


def _tags(value: Any) -> Any:
    """Tags come as a list (core entities) or as labels (control planes), and either may be a mapping."""
    if isinstance(value, Mapping):
        return [f"{key}:{entry}" for key, entry in cast("Mapping[Any, Any]", value).items()]
    if isinstance(value, (list, tuple)):
        return [entry for entry in cast("Sequence[Any]", value) if entry is not None]
    return value


Tags = Annotated[tuple[str, ...], BeforeValidator(_tags)]


class Entity(Tolerant):
    """An object of Konnect. `id` is None only when the server left it out."""

    kind: ClassVar[Kind | None] = None
    refers_to: ClassVar[tuple[Kind, ...]] = ()
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ("name", "display_name")}

    id: str | None = None
    tags: Tags = ()
    created_at: Moment = None
    updated_at: Moment = None

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        own, found = own_id(given, cls.kind), cls._references(given)
        placed = given | {"id": _plain(cls.kind, own, given, inside) if own else None}
        for kind in cls.refers_to:
            inner = given.get(kind)
            around = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else {}
            if kind in found:
                placed[kind] = {**around, "id": _plain(kind, found[kind], given, inside)}
            elif not any(around.values()) and (around or not says(inner)):
                placed.pop(kind, None)
        return placed

    @classmethod
    def _references(cls, given: Mapping[str, Any]) -> Mapping[Kind, str]:
        """The ids of what it refers to. Raises ValueError when it refers to something unreadable."""
        return {kind: found for kind in cls.refers_to if (found := extract_id(given, kind))}

    @property
    def label(self) -> str:
        """What to show a person: the name if there is one, else the id."""
        name = getattr(self, "name", None)
        return name if isinstance(name, str) and name else self.id or "(unnamed)"

    def redacted(self) -> dict[str, Any]:
        """The entity as plain data that may be shown to anyone; what is nested too deep is masked."""
        fields = {name: dict(value) if isinstance(value, BaseModel) else value for name, value in self}
        for name, value in self.unread.items():
            if isinstance(value, str):  # it may be half of an object, with secrets in it
                fields["unread"] = {**fields["unread"], name: scrub_quoted(value)}
        return to_jsonable_python(redact(fields))

    def __repr__(self) -> str:
        """Short, and without configuration: a repr ends up in logs."""
        return f"{type(self).__name__}(id={self.id!r}, name={self.label!r})"

    __str__ = __repr__


def _plain(kind: Kind | None, value: str, around: Mapping[str, Any], inside: str | None) -> str:
    """The id of an entity of that kind in the one form that everything compares."""
    if kind not in _LOCAL:
        return local_id(value)
    planes = (inside, extract_id(around, "control_plane")) if ":" in value else ()
    return canonical(local_id(value, planes))
