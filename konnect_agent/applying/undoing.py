"""Taking back what was done: what was created is deleted, what was updated is put back.

1. Of a request without a clear answer nobody knows whether it was carried out, or will be: it is looked
for, for some seconds, and once more when everything else is undone. 2. Only what is surely ours is touched:
an id that was chosen here or given to us, and of an update what still is as it was written. An API answers
204 also for what was never there, and a PUT creates what is gone (both documented), so what is there is
looked up first. 3. A passing failure is tried again, a bounded number of times: deleting by id, or writing
the same, does no harm twice. 4. Whatever is left is said, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import anyio

from konnect_agent.applying.exchange import Exchange, Object
from konnect_agent.applying.plan import in_scope
from konnect_agent.applying.stated import settled
from konnect_agent.applying.steps import PlannedStep, plain
from konnect_agent.errors import ConnectionFailed, HttpError, KonnectError, NotFound, RateLimited, ServerError

_PAUSES = (1.0, 2.0)
"""Seconds before a second and a third try or look."""
_PATIENCE, _LONGEST_PAUSE = 30.0, 10.0
_CHANGED = "somebody else changed it meanwhile"
_MAY_APPEAR = "it is not there now, but its request got no clear answer and may still be carried out"
_MAY_CHANGE = "it is as it was, but the request to change it got no clear answer and may still be carried out"

Undone = tuple[Literal["removed", "restored", "left", "unknown"], str | None] | None
"""What became of a step, and why; None if there was nothing, and nothing can come any more."""
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Done:
    """A step, and the entity it was answered with; None without a clear answer."""

    step: PlannedStep
    answer: Object | None


class Undoing:
    """Requests of a roll-back; after some time nothing is tried again."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._until = anyio.current_time() + _PATIENCE

    async def undo(self, done: Sequence[Done], note: Callable[[Done, Undone], None]) -> None:
        """Undo steps, the last one first, and note what became of each. Raises no error of the tree."""
        unseen: list[Done] = []
        for each in reversed(done):
            outcome = await self._undone(each)
            if outcome is not None and outcome[0] == "unknown":
                unseen.append(each)
            else:
                note(each, outcome)
        for each in unseen:
            note(each, await self._undone(each, patient=False))

    async def _undone(self, done: Done, *, patient: bool = True) -> Undone:
        create = done.step.action == "create"
        try:
            return await (self._uncreated if create else self._restored)(done, patient)
        except KonnectError as error:
            return "left", error.message

    async def _uncreated(self, done: Done, patient: bool) -> Undone:
        step = done.step
        if done.answer is None:
            there = await self._look(step, lambda found: found is not None, patient)
            if there is None:
                return await self._not_seen(step)
        failure: KonnectError | None = None
        try:
            await self._patiently(lambda: self._exchange.delete(step.path))
        except KonnectError as error:
            failure = error  # its answer may have got lost, too
        if failure is None and done.answer is not None:
            return "removed", None
        if await self._get(step) is None:
            return "removed", None
        return "left", failure.message if failure else "it is still there after it was deleted"

    async def _not_seen(self, step: PlannedStep) -> Undone:
        """What is not there by its id: perhaps not yet, or under an id of the API's own."""
        try:
            there = await self._patiently(lambda: self._exchange.list(step.collection))
        except NotFound:
            return None  # what it was to be in is gone: now it cannot appear any more
        if step.kind == "plugin":
            other = in_scope(there, step.name, step.within)
        else:
            other = next((entity for entity in there if entity.get("name") == step.name), None)
        if other is None:
            return "unknown", _MAY_APPEAR
        return "left", f"there is one with the id {other['id']} now, and nobody knows whose it is"

    async def _restored(self, done: Done, patient: bool) -> Undone:
        step, before = done.step, done.step.before or {}
        now = await self._look(
            step, lambda found: found is None or plain(found) != before, patient, done.answer
        )
        if now is None:
            return "left", "it is gone"
        if plain(now) == before:
            return ("restored", None) if done.answer else ("unknown", _MAY_CHANGE)
        ours = plain(now) == plain(done.answer) if done.answer else settled(now, step.body) == now
        if not ours:
            return "left", _CHANGED
        try:
            await self._patiently(lambda: self._exchange.replace(step.path, before))
        except KonnectError:
            now = await self._get(step)
            if now is None or plain(now) != before:
                raise
        return "restored", None

    async def _look(
        self,
        step: PlannedStep,
        is_seen: Callable[[Object | None], bool],
        patient: bool,
        answer: Object | None = None,
    ) -> Object | None:
        """The entity, as soon as it shows what is waited for; with an answer nothing is waited for."""
        there = await self._get(step)
        for pause in _PAUSES if patient and answer is None else ():
            if is_seen(there):
                break
            await anyio.sleep(pause)
            there = await self._get(step)
        return there

    async def _get(self, step: PlannedStep) -> Object | None:
        return await self._patiently(lambda: self._exchange.get(step.path))

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What is answered, at the latest to the third try. Raises what that raises."""
        for pause in _PAUSES:
            try:
                return await ask()
            except (ConnectionFailed, ServerError, RateLimited) as error:
                asked = error.retry_after if isinstance(error, HttpError) else None
                wait = max(pause, min(asked or 0.0, _LONGEST_PAUSE))
                if anyio.current_time() + wait > self._until:
                    raise
                await anyio.sleep(wait)
        return await ask()
