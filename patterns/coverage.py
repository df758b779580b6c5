"""What could not be seen, kept apart from what is not there; and the fan-out that many workflows share.

`fan_out` runs one piece of work for each item through one flat, bounded queue. A piece that fails never
costs the others: its error becomes part of the coverage, and the report `incomplete`. `ask_each` is the
fan-out of questions to one server, as wide as that server makes worth while.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self, TypeVar, cast

import anyio
from pydantic import BaseModel, ConfigDict

from konnect_agent import Konnect, events
from konnect_agent.errors import HttpError, KonnectError
from konnect_agent.redaction import scrub

T = TypeVar("T")
V = TypeVar("V")


class Failure(BaseModel):
    """An error as data: its class, what happened, and what to do next; `hop` is the gateway that said it."""

    model_config = ConfigDict(frozen=True)

    type: str
    message: str
    hint: str = ""
    hop: str | None = None

    @classmethod
    def of(cls, error: KonnectError) -> Self:
        """`error` as data."""
        hop = error.hop if isinstance(error, HttpError) else None
        return cls(type=type(error).__name__, message=str(error), hint=error.hint, hop=hop)


class Named(BaseModel):
    """An entity as a report names it."""

    model_config = ConfigDict(frozen=True)

    id: str | None = None
    name: str | None = None


class Missing(BaseModel):
    """One thing that could not be seen, and why."""

    model_config = ConfigDict(frozen=True)

    what: str
    control_plane: Named | None = None
    error: Failure


class Coverage(BaseModel):
    """What a report did not see. `complete` only when nothing is missing and no list was cut.

    `aggregated` is what the server counted itself, where its rows were cut and would have been too few.
    """

    model_config = ConfigDict(frozen=True)

    complete: bool = True
    missing: tuple[Missing, ...] = ()
    truncated: tuple[str, ...] = ()
    aggregated: tuple[str, ...] = ()

    def without(self, what: str, error: KonnectError, control_plane: Any = None) -> Coverage:
        """This coverage, less one thing."""
        where = None
        if control_plane is not None:
            name = scrub(getattr(control_plane, "name", None) or "")
            where = Named(id=control_plane.id, name=name or None)
        missing = Missing(what=what, control_plane=where, error=Failure.of(error))
        return self.model_copy(update={"complete": False, "missing": (*self.missing, missing)})

    def cut(self, what: str) -> Coverage:
        """This coverage, with one list known to be longer than what was seen."""
        if what in self.truncated:
            return self
        return self.model_copy(update={"complete": False, "truncated": (*self.truncated, what)})

    def counted(self, what: str) -> Coverage:
        """This coverage, with one thing that the server counted itself."""
        return self.model_copy(update={"aggregated": tuple(dict.fromkeys((*self.aggregated, what)))})

    def and_also(self, other: Coverage) -> Coverage:
        """Both coverages together."""
        return Coverage(
            complete=self.complete and other.complete,
            missing=(*self.missing, *other.missing),
            truncated=tuple(dict.fromkeys((*self.truncated, *other.truncated))),
            aggregated=tuple(dict.fromkeys((*self.aggregated, *other.aggregated))),
        )


async def fan_out(
    what: str, items: Sequence[T], work: Callable[[T], Awaitable[V]], *, width: int
) -> list[V | KonnectError]:
    """`work` for every item, at most `width` at once; results in the order of `items`, failures as errors.

    Only errors of the tree are caught: a cancellation, or a mistake in this program, still ends everything,
    and leaves as itself, in no group.
    """
    results: dict[int, V | KonnectError] = {}
    queue = iter(enumerate(items))
    done = 0

    async def worker() -> None:
        nonlocal done
        for index, item in queue:
            try:
                results[index] = await work(item)
            except KonnectError as error:
                results[index] = error
            done += 1
            events.emit(events.Advanced(what, done, len(items)))

    try:
        async with anyio.create_task_group() as workers:
            for _ in range(min(width, len(items))):
                workers.start_soon(worker)
    except BaseExceptionGroup as group:
        raise _first(group) from None
    return [results[index] for index in range(len(items))]


async def ask_each(
    konnect: Konnect, what: str, items: Sequence[T], ask: Callable[[T], Awaitable[V]]
) -> list[V | KonnectError]:
    """`fan_out` with as many questions at once as go into the calls in flight: code mode batches them.

    Raises what connecting raises, if nothing was asked before.
    """
    return await fan_out(what, items, ask, width=await konnect.at_once()) if items else []


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a group that is no consequence of another: those are cancellations."""
    leaves: list[BaseException] = []
    level: list[BaseException] = [group]
    while level:
        error = level.pop(0)
        if isinstance(error, BaseExceptionGroup):
            level = [*cast("BaseExceptionGroup[BaseException]", error).exceptions, *level]
        else:
            leaves.append(error)
    cancelled = anyio.get_cancelled_exc_class()
    return next((leaf for leaf in leaves if not isinstance(leaf, cancelled)), leaves[0])
