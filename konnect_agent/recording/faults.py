"""Errors of the tree as data, and back: every attribute an error has, but for a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from konnect_agent.errors import KonnectError
from konnect_agent.redaction import Hide, scrub_quoted

_ALWAYS = {"hint": "", "operation": None, "endpoint": None, "attempts": 0, "request_id": None, "trace": None}


def as_data(error: KonnectError, hide: Hide) -> dict[str, Any]:
    """`error` as plain data; its texts are free of secrets already, and made sure to be."""
    kept = {name: value for name, value in vars(error).items() if name != "report"}
    return {"type": type(error).__name__, **{name: _plain(value, hide) for name, value in kept.items()}}


def from_data(data: Mapping[str, Any]) -> KonnectError:
    """A new error as `as_data` wrote it. Raises `ValueError` for what is none."""
    kind = _kinds(KonnectError).get(str(data.get("type")))
    message = data.get("message")
    if kind is None or not isinstance(message, str):
        raise ValueError(f"there is no error called {data.get('type')}")
    # Without its constructor, which composes what is kept here as it was.
    error = kind.__new__(kind, message)
    given = {name: _frozen(value) for name, value in data.items() if name != "type"}
    vars(error).update({**_ALWAYS, **given, "report": None})
    return error


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
