"""Asking before a configuration is applied, telling what became of it, and naming what is left behind."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from patterns.command.outcome import say
from patterns.command.progress import NoDisplay
from patterns.command.prompt import confirm
from patterns.command.running import last_words

if TYPE_CHECKING:
    from konnect_agent.applying import Change, Plan, PlannedStep, Target
    from konnect_agent.gateway.passthrough import Passthrough


async def applied(description: Passthrough, target: Target, *, yes: bool) -> dict[str, Any]:
    """What was changed at a target, as plain data. Raises what `apply` raises."""
    from konnect_agent.applying import apply

    standing = _Standing()

    def agree(plan: Plan) -> bool | Awaitable[bool]:
        standing.steps = plan.steps
        return _agreed(plan) if yes else _asked(plan)

    with last_words(standing.left):
        changes = await apply(description, to=target, confirm=agree, tell=standing.hear)
    return {"target": target.base, "changes": [asdict(change) for change in changes]}


def written(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each change, and below it one for each field."""
    for change in changes:
        yield f"{change['outcome']:<9}  {change['kind']:<7}  {change['name']}  {change['id']}"
        yield from (f"           {_arrow(**field)}" for field in change["fields"])


class _Standing:
    """What is on the gateway because of us, as far as it was told."""

    def __init__(self) -> None:
        self.steps: tuple[PlannedStep, ...] = ()
        self._heard: dict[str, Change] = {}

    def hear(self, change: Change) -> None:
        """After a failure or Ctrl-C somebody wants to know what became of everything."""
        self._heard[change.kind] = change
        if change.outcome in ("removed", "restored", "left", "unknown"):
            because = f": {change.because}" if change.because else ""
            say(f"{change.outcome} {change.kind} {change.name} ({change.id}){because}")

    def left(self) -> Iterator[str]:
        """What was done and not undone, and what was being done when everything ended."""
        for step in self.steps:
            change = self._heard.get(step.kind)
            if step.action == "keep":
                continue
            if change is None:
                yield f"perhaps {step.action}d, look for it: {step.kind} {step.name} ({step.id})"
                return  # the steps after it were not begun
            if change.outcome not in ("removed", "restored"):
                yield f"{change.outcome}, and not undone: {step.kind} {step.name} ({change.id})"


def _agreed(plan: Plan) -> bool:
    """`--yes` stands for what was described, not for what else hangs on it."""
    for sentence in plan.beware:
        say(f"--yes does not stand for this: {sentence}")
    return not plan.beware


async def _asked(plan: Plan) -> bool:
    """The person at the terminal, who sees the plan."""
    rows: list[tuple[str, str]] = [("at", plan.target.base)]
    for step in plan.steps:
        rows.append((step.action, f"{step.kind} {step.name}"))
        rows += [("", _arrow(each.field, each.before, each.after)) for each in step.changes]
        rows += [("beware", sentence) for sentence in step.beware]
    return await confirm(
        f"This changes the gateway's configuration by its {plan.target.api}.", rows, NoDisplay()
    )


def _arrow(field: str, before: Any, after: Any) -> str:
    """A field with its old and its new value."""
    old, new = (json.dumps(value, ensure_ascii=False) for value in (before, after))
    return f"{field}: {old} -> {new}"
