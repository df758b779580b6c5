"""Reading an object whose writer did as it liked: what every entity and every analytics row shares.

1. A key is a field in any spelling (`stripPath`, `Strip-Path`), or under another name the field goes by.
   Null and empty count as absent. A key that is no field stays as sent, and so does all that is inside it.
2. A value of a wrong type is read once more as what it plainly means: `"/x"` as a list of one, `"12ms"` as a
   number, JSON in a text as what it says, an empty container of another kind as empty.
3. What still cannot be read leaves its field at the default and is kept, as sent, in `unread`. A field whose
   default would claim something (no paths: every path) is `decisive`: unreadable, it costs the whole object.
The classic tools do not document their output (fact sheet 2), so all of this is inferred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

_UNREAD = "unread"
_AMOUNT = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*(us|µs|ms|s)", re.IGNORECASE | re.ASCII)
_MILLISECONDS = {"us": 0.001, "µs": 0.001, "ms": 1, "s": 1000}  # Kong counts in milliseconds
_SWITCH = {"enabled": True, "active": True, "disabled": False, "inactive": False}
_NOTHING = ("", "null", "none")
_NEXT_PATH = re.compile(r",\s*(?=~?/)")


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A name as every spelling of it reads: `strip_path`, `stripPath` and `Strip-Path` are one."""
    return name.replace("_", "").replace("-", "").lower()


class Tolerant(BaseModel):
    """An object read leniently. Its fields' `other_names` (likeliest first) and what is `decisive` vary."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    decisive: ClassVar[frozenset[str]] = frozenset()
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    _fields: ClassVar[frozenset[str]] = frozenset()
    _first: ClassVar[frozenset[str]] = frozenset()
    _spellings: ClassVar[Mapping[str, tuple[int, str]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        names = {field: cls.other_names.get(field, (field,)) for field in cls.model_fields}
        ranked = [(name, (rank, field)) for field in names for rank, name in enumerate(names[field])]
        cls._fields = frozenset(names)
        cls._first = frozenset(field for field in names if names[field][0] == field)  # no name is likelier
        cls._spellings = dict(ranked) | {folded(name): entry for name, entry in ranked}

    @property
    def unread(self) -> Mapping[str, Any]:
        """What came under a field's name and could not be read as that field, as sent."""
        kept = (self.model_extra or {}).get(_UNREAD)
        return cast("Mapping[str, Any]", kept) if isinstance(kept, Mapping) else {}

    @classmethod
    def parse(cls, data: Any, *, inside: str | None = None) -> Self:
        """`data` as this object; `inside` is the id of the control plane that it was asked of, if of one.

        Raises pydantic's ValidationError; the client makes it `Undecodable`.
        """
        return cls.model_validate(data, context={"inside": inside})

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        """`given`, its fields under their own names, with what only this class knows put in its place.

        Raises ValueError when that is to be read and cannot be.
        """
        return given

    @model_validator(mode="wrap")
    @classmethod
    def _tolerate(
        cls, data: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo[dict[str, Any] | None]
    ) -> Self:
        if not isinstance(data, Mapping):
            return read(data)
        given, unread = cls._by_field(cast("Mapping[str, Any]", data))
        given = cls._arranged(given, (info.context or {}).get("inside"))
        if not cls._recognises(given):
            raise ValueError(f"it has nothing of the kind {cls.__name__}")
        try:
            made = read(given)
        except ValidationError as first:
            plain = given | {name: _plainly(given[name], fault) for name, fault in _faults(first, given)}
            try:
                made = read(plain)
            except ValidationError as second:
                odd = {name: given[name] for name, _ in _faults(second, given)}
                rest = {name: value for name, value in plain.items() if name not in odd}
                if cls.decisive & odd.keys() or not cls._recognises(rest):
                    raise
                made, unread = read(rest), unread | odd
        if unread and made.model_extra is not None:
            made.model_extra[_UNREAD] = unread
        return made

    @classmethod
    def _by_field(cls, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`data` with each field under its own name, and what stood under a field's name without being it."""
        given: dict[str, Any] = {}
        unread: dict[str, Any] = {}
        claims: dict[str, list[tuple[int, str]]] = {}
        first, spellings = cls._first, cls._spellings
        for key, value in data.items():
            absent = value is None or value == ""
            if key in first:
                if not absent:
                    given[key] = value
                continue
            rank, field = spellings.get(key) or spellings.get(folded(key)) or (0, None)
            if field is not None and not absent:
                claims.setdefault(field, []).append((rank, key))
            elif key not in cls._fields:
                given[key] = value
        for field, keys in claims.items():
            for _, key in sorted(keys):
                if field not in given:
                    given[field] = data[key]
                else:
                    (unread if key in cls._fields else given)[key] = data[key]
        return given, unread

    @classmethod
    def _recognises(cls, given: Mapping[str, Any]) -> bool:
        """Whether any of it is a field: real nonsense must not become an empty object."""
        return any(value is not None and name in cls._fields for name, value in given.items())


def _faults(error: ValidationError, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields an error is about, with pydantic's word for each fault; `part` is one inside the field."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = ((entry["loc"], entry["type"]) for entry in found)
    named = ((str(loc[0]), fault if len(loc) == 1 else "part") for loc, fault in places if loc)
    return [(name, fault) for name, fault in named if name in given]


def _plainly(value: Any, fault: str) -> Any:
    """`value` as what it plainly means where the fault was found, or as it is."""
    if isinstance(value, str) and fault in ("tuple_type", "dict_type"):
        value = _opened(value)
    match fault:
        case "tuple_type":
            return _listed(value)
        case "dict_type":
            return {} if value == [] else value
        case "int_parsing" | "float_parsing":
            amount = _AMOUNT.fullmatch(str(value).strip())
            return float(amount[1]) * _MILLISECONDS[amount[2].lower()] if amount else value
        case "bool_parsing":
            return _SWITCH.get(str(value).strip().lower(), value)
        case "part":
            return without_nulls(value)
        case _:
            return value


def _listed(value: Any) -> Any:
    """One value as a list of one, and a text as the words between its commas."""
    if isinstance(value, list):
        return cast("list[Any]", value)
    if not isinstance(value, str):
        return [] if value == {} else [value]
    # A path may hold a comma, and a regex even one before a slash; nothing else that Kong lists does.
    if value.startswith("~"):
        words = [value]
    else:
        words = _NEXT_PATH.split(value) if value.startswith("/") else value.split(",")
    return [word.strip() for word in words if word.strip()]


def _opened(text: str) -> Any:
    """The object or list that a text holds as JSON, else the text."""
    try:
        found: Any = json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return text
    return found


def says(value: Any, depth: int = 8) -> bool:
    """Whether there is anything in it: not null, not False, no empty text, and no container of such only."""
    if value is None or value is False:
        return False
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING
    if isinstance(value, (Mapping, list, tuple)) and depth:
        given = cast("Mapping[Any, Any] | Sequence[Any]", value)
        return any(says(it, depth - 1) for it in (given.values() if isinstance(given, Mapping) else given))
    return True


def without_nulls(value: Any) -> Any:
    """A map or a list without the entries that are null; anything else as it is."""
    if isinstance(value, Mapping):
        return {key: entry for key, entry in cast("Mapping[Any, Any]", value).items() if entry is not None}
    if isinstance(value, list):
        return [entry for entry in cast("list[Any]", value) if entry is not None]
    return value
