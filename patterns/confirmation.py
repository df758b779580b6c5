"""Nothing that acts on live gateways starts before somebody who saw all of it said yes.

Kong documents an explicit confirmation before CreateDebugSession; here it is a required callback, sync or
async, that gets the full plan. Anything but True declines, and nothing is sent.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from konnect_agent.errors import ConfirmationDeclined
from konnect_agent.models import ControlPlane, DebugCriteria

UNSTOPPABLE = "this server offers no way to stop it before its end"


@dataclass(frozen=True, slots=True)
class DebugPlan:
    """What is about to start: a debug session of `criteria` on a control plane, at an endpoint.

    `found_by` says how the given name led to the control plane (see `find`), `stoppable` whether the server
    offers to stop the session before its end.
    """

    control_plane: ControlPlane
    criteria: DebugCriteria
    endpoint: str
    found_by: str | None = None
    stoppable: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the control plane is the one that was named, not one with a name like it."""
        return self.found_by not in ("prefix", "fuzzy")

    @property
    def region(self) -> str:
        """The host the session will run at; its first label is the region on Konnect's own hosts."""
        return self.endpoint.split("//", 1)[-1].split("/", 1)[0]

    def __str__(self) -> str:
        chosen = self.criteria.resolved()
        limits = f"{lasting(chosen.pop('session_duration'))}, at most {chosen.pop('max_samples')} samples"
        which = ", ".join(f"{name}={value}" for name, value in chosen.items()) or "every request"
        name = f"{self.control_plane.label} ({self.control_plane.id})"
        name += "" if self.is_exact else f", which only has a name like it ({self.found_by} match)"
        limits += "" if self.stoppable else f"; {UNSTOPPABLE}"
        return f"debug session on control plane {name} at {self.region}: {which}; {limits}"


def lasting(duration: Any) -> str:
    """A session's length in words; one that an alert carries may be no number of seconds."""
    return f"{duration} s" if isinstance(duration, int) else str(duration)


Confirm = Callable[[DebugPlan], bool | Awaitable[bool]]


async def confirmed(plan: DebugPlan, confirm: Confirm) -> None:
    """Return when `confirm` says True. Raises `ConfirmationDeclined` otherwise."""
    answer = confirm(plan)
    if inspect.isawaitable(answer):
        answer = await answer
    if answer is not True:
        raise ConfirmationDeclined(f"Not confirmed, nothing was sent: {plan}.")
