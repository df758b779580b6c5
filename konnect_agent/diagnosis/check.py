"""A check: a small function that says what it saw, or raises the one error of the tree it ran into.

    @check(needs=(dns,))
    async def tcp(case: Case) -> Seen:
        ...
        return ok("accepts connections")

What it raises is the failure, with its own hint as the next thing to do. `needs` are the checks without which
it makes no sense; one of those that chose to skip is no obstacle. A new check is one such function and its
place in `checks.CHECKS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from konnect_agent.diagnosis.case import Case

_LIMIT = 20.0  # longer than any limit of the connection, whose errors say more


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw, what to do next, and its figures and names for programs; untrusted text."""

    status: Literal["ok", "warning", "skipped"]
    text: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


Run = Callable[[Case], Awaitable[Seen]]


@dataclass(frozen=True, eq=False, slots=True)
class Check:
    """A check by its name; `limit` is in seconds."""

    name: str
    run: Run
    needs: tuple[Check, ...]
    limit: float

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ")


def check(*, needs: tuple[Check, ...] = (), limit: float = _LIMIT) -> Callable[[Run], Check]:
    """Make a function a check of the same name."""

    def made(run: Run) -> Check:
        return Check(getattr(run, "__name__", ""), run, needs, limit)

    return made


def ok(text: str, **facts: Any) -> Seen:
    """All is well."""
    return Seen("ok", text, facts=facts)


def warning(text: str, *, advice: str, **facts: Any) -> Seen:
    """It works, and somebody should look at it."""
    return Seen("warning", text, advice, facts)


def skipped(reason: str, **facts: Any) -> Seen:
    """There is nothing to check here."""
    return Seen("skipped", reason, facts=facts)
