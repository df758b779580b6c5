"""Errors of the tree as data, and back: every attribute an error has, but for a report."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ValidationError, create_model

from konnect_agent.errors import KonnectError
from konnect_agent.redaction import Hide, scrub_quoted


def as_data(error: KonnectError, hide: Hide) -> dict[str, Any]:
    """`error` as plain data; its texts are free of secrets already, and made sure to be."""
    kept = {name: value for name, value in vars(error).items() if name != "report"}
    return {"type": type(error).__name__, **{name: _plain(value, hide) for name, value in kept.items()}}


def from_data(data: Mapping[str, Any]) -> KonnectError:
    """A new error as `as_data` wrote it. Raises `ValueError` for what is none."""
    kind = _kinds(KonnectError).get(str(data.get("type")))
    if kind is None:
        raise ValueError(f"there is no error called {data.get('type')}")
    try:
        given = dict(_attributes(kind).model_validate(data))
    except ValidationError as error:
        wrong = error.errors()[0]["loc"][0]
        raise ValueError(f"the error {kind.__name__} has no such {wrong}") from None
    # Without its constructor, which composes what is kept here as it was.
    error = kind.__new__(kind, given["message"])
    vars(error).update({name: _frozen(value) for name, value in given.items()}, report=None)
    error.hint = error.hint or ""
    return error


@cache
def _attributes(kind: type[KonnectError]) -> type[BaseModel]:
    """The attributes of an error: what it and those above it are made of."""
    fields: dict[str, Any] = {}
    for above in reversed(kind.__mro__):
        if issubclass(above, KonnectError) and "__init__" in vars(above):
            hints = get_type_hints(above.__init__)
            for name, given in inspect.signature(above.__init__).parameters.items():
                if name in hints and given.kind is not inspect.Parameter.VAR_KEYWORD:
                    fields[name] = (hints[name], ... if given.default is given.empty else given.default)
    return create_model(kind.__name__, **fields)


def _kinds(root: type[KonnectError]) -> dict[str, type[KonnectError]]:
    """Every class of the tree by name."""
    found = {root.__name__: root}
    for kind in root.__subclasses__():
        if kind.__module__ == KonnectError.__module__:
            found |= _kinds(kind)
    return found


def _plain(value: Any, hide: Hide) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry, hide) for entry in cast("tuple[Any, ...]", value)]
    return scrub_quoted(value, hide) if isinstance(value, str) else value


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
