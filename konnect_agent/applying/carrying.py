"""Carrying a plan out: every step or none, as far as that can be done.

1. Look at what is there, and make the plan. 2. Without a confirmation of that plan nothing is sent. 3. Take
its steps; what is updated has to be what was shown, up to the moment before. A request that has left is
waited for even when the caller is cancelled, because otherwise nobody would know what it did. 4. When a step
fails, or somebody cancels: undo in reverse (`undoing`), and say what could not be undone or is not known.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from konnect_agent.applying.exchange import Exchange, Object, exchanging, may_have_happened
from konnect_agent.applying.plan import make_plan
from konnect_agent.applying.stated import Difference
from konnect_agent.applying.steps import Kind, Plan, PlannedStep, plain
from konnect_agent.applying.target import Target
from konnect_agent.applying.undoing import Done, Undoing, Undone
from konnect_agent.errors import ConfirmationDeclined, KonnectError
from konnect_agent.gateway.passthrough import Passthrough

Outcome = Literal["created", "updated", "unchanged", "removed", "restored", "left", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one entity, and of an updated one which `fields` changed.

    `left` is what could not be undone, `unknown` what was not there when it was looked for, and may still
    appear: its request got no clear answer. `because` says why.
    """

    outcome: Outcome
    kind: Kind
    name: str
    id: str
    because: str | None = None
    fields: tuple[Difference, ...] = ()


Confirm = Callable[[Plan], bool | Awaitable[bool]]
Tell = Callable[[Change], None]


async def apply(
    description: Passthrough,
    *,
    to: Target,
    confirm: Confirm,
    tell: Tell | None = None,
    show: Callable[[Plan], None] | None = None,
) -> tuple[Change, ...]:
    """Create or update the entities of a description; run again, it changes nothing.

    `confirm` gets the plan and says whether to go on; it is not asked when there is nothing to do, `show`
    gets the plan in any case. `tell` hears of every change when it is made or undone. Raises
    `ConfirmationDeclined`, also when what was shown is no longer what is there, or the error of the request
    that failed, with all changes in its `report`.
    """
    made = _Made(tell)
    async with exchanging(to) as exchange:
        plan = await make_plan(exchange, to, description)
        if show is not None:
            show(plan)
        if not plan.changes_nothing:
            answer = confirm(plan)
            if inspect.isawaitable(answer):
                answer = await answer
            if answer is not True:
                raise ConfirmationDeclined(f"Not confirmed, nothing was changed at {to.base}.")
        try:
            for step in plan.steps:
                await made.take(exchange, step)
                await checkpoint_if_cancelled()
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await made.undo(exchange)
            if isinstance(error, KonnectError):
                error.report = tuple(made.changes)
                error.hint = " ".join((error.hint, *made.what_is_left())).strip()
            else:
                for sentence in made.what_is_left():
                    error.add_note(sentence)
            raise
    return tuple(made.changes)


class _Made:
    """What was done so far, in that order, and what was told of it."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._done: list[Done] = []
        self._ids: dict[Kind, str] = {}
        self.changes: list[Change] = []

    async def take(self, exchange: Exchange, step: PlannedStep) -> None:
        """Take a step, to its end. Raises what its request raises."""
        if step.within is not None and (given := self._ids.get(step.within[0])):
            step = replace(step, within=(step.within[0], given))
        if step.action == "keep":
            self._note("unchanged", step)
        elif step.action == "create":
            step = await self._sent(step, exchange.create, step.collection)
            self._note("created", step)
        else:
            await _check_unchanged(exchange, step)
            await self._sent(step, exchange.replace, step.path)
            self._note("updated", step, fields=step.changes)

    async def _sent(
        self, step: PlannedStep, send: Callable[[str, Object], Awaitable[Object]], path: str
    ) -> PlannedStep:
        """The step, with the id its entity was given, which is the one that counts."""
        with anyio.CancelScope(shield=True):
            try:
                entity = await send(path, step.body)
            except BaseException as error:
                if may_have_happened(error):
                    self._done.append(Done(step, None))
                raise
            self._ids[step.kind] = str(entity["id"])
            step = replace(step, id=self._ids[step.kind])
            self._done.append(Done(step, entity))
        return step

    async def undo(self, exchange: Exchange) -> None:
        """Undo every step, the last one first; never raises an error of the tree, nor one of `tell`."""

        def note(done: Done, undone: Undone) -> None:
            if undone is None:
                return
            with suppress(Exception):  # somebody who cannot listen does not keep us from cleaning up
                self._note(undone[0], done.step, undone[1])

        await Undoing(exchange).undo(self._done, note)

    def what_is_left(self) -> list[str]:
        """A sentence about each entity that could not be undone, or of which nobody knows."""
        sentences = {
            "left": "could not be undone: look at it.",
            "unknown": "may still appear: look for it.",
        }
        return [
            f"The {each.kind} {each.name} ({each.id}) {sentences[each.outcome]}"
            for each in self.changes
            if each.outcome in sentences
        ]

    def _note(
        self,
        outcome: Outcome,
        step: PlannedStep,
        because: str | None = None,
        fields: tuple[Difference, ...] = (),
    ) -> None:
        change = Change(outcome, step.kind, step.name, step.id, because, fields)
        self.changes.append(change)
        if self._tell is not None:
            self._tell(change)


async def _check_unchanged(exchange: Exchange, step: PlannedStep) -> None:
    """Raise `ConfirmationDeclined` for what is no longer as it was shown: an update writes all of it."""
    now = await exchange.get(step.path)
    if now is None or plain(now) != step.before:
        what = "deleted" if now is None else "changed"
        raise ConfirmationDeclined(
            f"The {step.kind} {step.name} was {what} by somebody else meanwhile, and is not as it was shown.",
            hint="Run it again to see what there is now.",
        )
