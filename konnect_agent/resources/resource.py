"""What every tool family shares: asking, and reading the answer as an entity.

Arguments are checked before anything is sent; an answer that is no such entity is `Undecodable`, naming the
field; an error that does not know its operation yet is given the intent's name.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from konnect_agent.decoding import Listing, Object, undecodable
from konnect_agent.dialects import Intent
from konnect_agent.errors import InvalidArguments, NotFound, Undecodable
from konnect_agent.models.entity import Entity
from konnect_agent.models.tolerant import Tolerant
from konnect_agent.origin import reading, request_id

log = logging.getLogger("konnect_agent")

E = TypeVar("E", bound=Entity)
T = TypeVar("T", bound=Tolerant)


class Ask(Protocol):
    """Ask the server for an intent; answers plain data in the intent's form."""

    def __call__(self, intent: Intent, arguments: Mapping[str, Any], /) -> Awaitable[Any]: ...


class Resource:
    """The base of every namespace of `Konnect`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def _many(self, intent: Intent, model: type[E], /, **arguments: Any) -> Listing[E]:
        with answering(intent):
            checked = _checked(arguments)
            data: Listing[Object] = await self._ask(intent, checked)
            entities, whole = readable(model, data, inside=checked.get("control_plane_id"))
        return Listing(entities, complete=data.complete and whole)

    async def _one(self, intent: Intent, model: type[E], /, **arguments: Any) -> E:
        with answering(intent):
            checked = _checked(arguments)
            data = await self._ask(intent, checked)
            if data is None:
                asked = ", ".join(f"{key}={value}" for key, value in arguments.items())
                raise NotFound(f"The server answered with nothing for {asked}.")
            return _parsed(model, data, "$", checked.get("control_plane_id"))


def answering(intent: Intent) -> AbstractContextManager[None]:
    """Errors raised while reading an answer learn which question it was, and which call."""
    return reading(intent.name)


def readable(model: type[T], rows: Sequence[Object], *, inside: str | None = None) -> tuple[list[T], bool]:
    """The rows that are a `model`, and whether all of them are; `inside` is the control plane's id.

    One that is not costs no other, and is told in a warning. Raises `Undecodable` when none of them is.
    """
    read: list[T] = []
    failures: list[Undecodable] = []
    for index, row in enumerate(rows):
        try:
            read.append(_parsed(model, row, f"$[{index}]", inside))
        except Undecodable as failure:
            failures.append(failure)
    if failures and not read:
        raise failures[0]
    if failures:
        left_out = "%d of %d rows are left out, the first: %s request_id=%s"
        log.warning(left_out, len(failures), len(rows), failures[0], request_id())
    return read, not failures


def required(value: Any, what: str) -> str:
    """`value` without surrounding white space, which is part of a name, though.

    Raises `InvalidArguments` when it is no text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidArguments(f"An empty {what} was given.", hint=f"Give the {what}.")
    return value if what.endswith("name") else value.strip()


def unreadable(what: str, error: ValidationError, data: Any, path: str) -> Undecodable:
    """The error for an object that is no `what`: its first unreadable field, and the place of it."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return undecodable(f"unreadable as {what}: {first['msg']}", data, path + where)


def _parsed(model: type[T], data: Any, path: str, inside: str | None) -> T:
    try:
        return model.parse(data, inside=inside)
    except ValidationError as error:
        raise unreadable(model.__name__, error, data, path) from None


def _checked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as `required` makes them: what is no text or empty is refused before it is sent."""
    return {key: required(value, key.replace("_", " ")) for key, value in arguments.items()}
