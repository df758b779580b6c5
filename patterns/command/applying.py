"""Asking before a configuration is applied, telling what became of it, and naming what is left behind."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from konnect_agent.errors import ConfirmationDeclined
from patterns.command.outcome import say
from patterns.command.progress import NoDisplay
from patterns.command.prompt import confirm, is_interactive
from patterns.command.running import last_words

if TYPE_CHECKING:
    from konnect_agent.applying import Change, Plan, PlannedStep, Target
    from konnect_agent.gateway.passthrough import Passthrough


class Applying:
    """A description on its way to a target, and what became of it, as far as it was told."""

    def __init__(self, description: Passthrough, target: Target, *, yes: bool) -> None:
        self._description, self._target, self._yes = description, target, yes
        self._plan: Plan | None = None
        self._changes: list[Change] = []

    async def run(self) -> None:
        """Apply it. Raises what `apply` raises."""
        from konnect_agent.applying import apply

        with last_words(self._left):
            await apply(
                self._description, to=self._target, confirm=self._agree, tell=self._hear, show=self._show
            )

    def result(self) -> dict[str, Any]:
        """What became of it so far, as plain data: what was changed, and what there is to beware of."""
        return {
            "target": self._target.base,
            "changes": [asdict(change) for change in self._changes],
            "beware": [sentence for step in self._steps for sentence in step.beware],
        }

    @property
    def _steps(self) -> tuple[PlannedStep, ...]:
        return () if self._plan is None else self._plan.steps

    def _show(self, plan: Plan) -> None:
        self._plan = plan
        for step in plan.steps:
            for sentence in step.beware if step.action == "keep" else ():
                say(f"warning: {sentence}")

    def _agree(self, plan: Plan) -> bool | Awaitable[bool]:
        """`--yes` stands for what was described, and not for what else hangs on it."""
        if plan.beware and not (is_interactive() and not self._yes):
            for sentence in plan.beware:
                say(f"--yes does not stand for this: {sentence}")
            raise ConfirmationDeclined(
                f"This would do more than was described, or less: nothing was changed at {plan.target.base}.",
                hint="Describe it so (--host, --path, --allow, --scope, ...), or change what is in the way "
                "on the gateway first. On a terminal, without --yes, you are asked and may agree to it.",
            )
        return self._yes or _asked(plan)

    def _hear(self, change: Change) -> None:
        """After a failure or Ctrl-C somebody wants to know what became of everything."""
        self._changes.append(change)
        if change.outcome in ("removed", "restored", "left", "unknown"):
            because = f": {change.because}" if change.because else ""
            say(f"{change.outcome} {change.kind} {change.name} ({change.id}){because}")

    def _left(self) -> Iterator[str]:
        """What was done and not undone, and what was being done when everything ended."""
        heard = {change.kind: change for change in self._changes}
        for step in self._steps:
            change = heard.get(step.kind)
            if step.action == "keep":
                continue
            if change is None:
                yield f"perhaps {step.action}d, look for it: {step.kind} {step.name} ({step.id})"
                return  # the steps after it were not begun
            if change.outcome not in ("removed", "restored"):
                yield f"{change.outcome}, and not undone: {step.kind} {step.name} ({change.id})"


def written(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each change, and below it one for each field."""
    for change in changes:
        yield f"{change['outcome']:<9}  {change['kind']:<7}  {change['name']}  {change['id']}"
        yield from (f"           {_arrow(**field)}" for field in change["fields"])


async def _asked(plan: Plan) -> bool:
    """The person at the terminal, who sees the plan."""
    rows: list[tuple[str, str]] = [("at", plan.target.base)]
    for step in plan.steps:
        rows.append((step.action, f"{step.kind} {step.name}"))
        rows += [("", _arrow(each.field, each.before, each.after)) for each in step.changes]
        rows += [("beware", sentence) for sentence in step.beware if step.action != "keep"]
    return await confirm(
        f"This changes the gateway's configuration by its {plan.target.api}.", rows, NoDisplay()
    )


def _arrow(field: str, before: Any, after: Any) -> str:
    """A field with its old and its new value."""
    old, new = (json.dumps(value, ensure_ascii=False) for value in (before, after))
    return f"{field}: {old} -> {new}"
