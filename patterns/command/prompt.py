"""The question before anything acts on live gateways: asked on a terminal, answered no anywhere else.

The answer is waited for by the event loop, so that Ctrl-C at the prompt works like anywhere else. What was
typed before the question was shown answers nothing: it is thrown away.
"""

from __future__ import annotations

import sys
import termios
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import anyio

from patterns.command.outcome import say
from patterns.command.progress import Display

if TYPE_CHECKING:
    from patterns.confirmation import DebugPlan


def confirming(yes: bool, display: Display) -> Callable[[DebugPlan], bool | Awaitable[bool]]:
    """A confirmation for `debug_performance`: `--yes`, or the person at the terminal, who sees the plan."""
    from patterns.confirmation import UNSTOPPABLE

    async def ask(plan: DebugPlan) -> bool:
        from patterns.report.documents.performance import criteria_text

        plane = plan.control_plane
        near = "" if plan.is_exact else f", found by {plan.found_by} match"
        rows = [
            ("control plane", f"{plane.label} ({plane.id}){near}"),
            ("at", plan.region),
            ("requests", criteria_text(plan.criteria.resolved())),
        ]
        if not plan.stoppable:
            rows.append(("beware", UNSTOPPABLE))
        return await confirm("A debug session samples live requests on the data planes.", rows, display)

    def agree(plan: DebugPlan) -> bool:
        if not plan.is_exact:
            say(f"--yes stands for a control plane named exactly; this one is a {plan.found_by} match.")
        elif not plan.stoppable:
            say(f"warning: a debug session is about to start, and {UNSTOPPABLE}.")
        return plan.is_exact

    return agree if yes else ask


async def confirm(question: str, facts: Iterable[tuple[str, str]], display: Display) -> bool:
    """Whether the person at the terminal said yes; no without a terminal to ask on, and no by default."""
    if not is_interactive():
        return False
    with display.paused():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
        say(question)
        for name, value in facts:
            say(f"  {name:<14}  {value}")
        print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        await anyio.wait_readable(sys.stdin)
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def is_interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()
