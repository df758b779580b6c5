"""Carrying a plan out: every step or none, as far as that can be done.

1. Look at what is there, and make the plan. 2. Without a confirmation of that plan nothing is sent. 3. Take
its steps; a request that has left is waited for even when the caller is cancelled, because otherwise nobody
would know what it did. 4. When a step fails, or somebody cancels: undo in reverse, delete what was created
and put back what was updated, including the step whose outcome is unknown; say what could not be undone.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from konnect_agent.applying.exchange import Exchange, exchanging, may_have_happened
from konnect_agent.applying.plan import Plan, PlannedStep, make_plan
from konnect_agent.applying.target import Target
from konnect_agent.errors import ConfirmationDeclined, KonnectError, NotFound
from konnect_agent.gateway.passthrough import Passthrough

Outcome = Literal["created", "updated", "unchanged", "removed", "restored", "left"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one entity. `left` is what could not be undone, and `because` says why."""

    outcome: Outcome
    kind: str
    name: str
    id: str
    because: str | None = None


Confirm = Callable[[Plan], bool | Awaitable[bool]]
Tell = Callable[[Change], None]


async def apply(
    description: Passthrough, *, to: Target, confirm: Confirm, tell: Tell | None = None
) -> tuple[Change, ...]:
    """Create or update the entities of a description; run again, it changes nothing.

    `confirm` gets the plan and says whether to go on; it is not asked when there is nothing to do. `tell`
    hears of every change when it is made or undone. Raises `ConfirmationDeclined`, or the error of the
    request that failed, with all changes in its `report`.
    """
    made = _Made(tell)
    async with exchanging(to) as exchange:
        plan = await make_plan(exchange, to, description)
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
            raise
    return tuple(made.changes)


class _Made:
    """What was done so far; `undoable` in the order it was done."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._undoable: list[tuple[PlannedStep, bool]] = []
        self.changes: list[Change] = []

    async def take(self, exchange: Exchange, step: PlannedStep) -> None:
        """Take a step, to its end. Raises what its request raises."""
        if step.action == "keep":
            self._note("unchanged", step)
            return
        create = step.action == "create"
        with anyio.CancelScope(shield=True):
            try:
                await exchange.send(
                    "POST" if create else "PUT", step.collection if create else step.path, step.body
                )
            except BaseException as error:
                if may_have_happened(error):
                    self._undoable.append((step, False))
                raise
        self._undoable.append((step, True))
        self._note("created" if create else "updated", step)

    async def undo(self, exchange: Exchange) -> None:
        """Undo every step, the last one first; never raises an error of the tree."""
        for step, is_certain in reversed(self._undoable):
            create = step.action == "create"
            try:
                if create:
                    await exchange.delete(step.path)
                else:
                    await exchange.send("PUT", step.path, step.before or {})
            except NotFound:
                if create and is_certain:
                    self._note("removed", step)  # by somebody else
                elif not create:
                    self._note("left", step, "it is gone")
            except KonnectError as error:
                self._note("left", step, error.message)
            else:
                self._note("removed" if create else "restored", step)

    def what_is_left(self) -> list[str]:
        """A sentence about each entity that could not be undone."""
        left = [change for change in self.changes if change.outcome == "left"]
        return [f"The {each.kind} {each.name} ({each.id}) could not be undone: look at it." for each in left]

    def _note(self, outcome: Outcome, step: PlannedStep, because: str | None = None) -> None:
        change = Change(outcome, step.kind, step.name, step.id, because)
        self.changes.append(change)
        if self._tell is not None:
            self._tell(change)
