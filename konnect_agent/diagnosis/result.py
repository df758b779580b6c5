"""What a diagnosis says, in the form programs read: one entry per check, in the order they were made.

The words come partly from a server, so they are untrusted text; secrets are already gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from konnect_agent.errors import (
    ConfigError,
    Forbidden,
    HttpError,
    KonnectError,
    ToolUnavailable,
    Unauthorized,
)

Status = Literal["ok", "warning", "failure", "skipped"]
Family = Literal["configuration", "permission", "connection"]


class Checked(BaseModel):
    """One check. `seen` is what it saw, or why it was skipped; `advice` the next thing to do.

    `family` says whose matter a failure is and `error` is its class in `konnect_agent.errors`; both are None
    for everything else. `hop` is who refused, as far as that is known: `the gateway` on the way, `another
    gateway` behind it, `Konnect`, or `the server or a gateway` where the answer does not tell. `facts` are
    the figures and names behind `seen`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    seen: str
    advice: str = ""
    family: Family | None = None
    error: str | None = None
    hop: str | None = None
    facts: Mapping[str, Any] = {}
    duration_s: float = 0.0


class Diagnosis(BaseModel):
    """All checks. `endpoint` is None when no usable URL was given; `status` is that of the worst check."""

    model_config = ConfigDict(frozen=True)

    endpoint: str | None
    status: Literal["ok", "warning", "failure"]
    started_at: datetime
    duration_s: float
    checks: tuple[Checked, ...]

    def __getitem__(self, name: str) -> Checked:
        """The check of that name. Raises `KeyError`."""
        found = next((each for each in self.checks if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def family(self) -> Family | None:
        """Whose matter the first failure is, None if there is none."""
        return next((each.family for each in self.checks if each.family), None)


def family_of(error: KonnectError) -> Family:
    """Whose matter an error is: of the settings, of the token's owner, or of what is in between."""
    if isinstance(error, ConfigError):
        return "configuration"
    # A tool is most often missing because the token's owner may not use it (documented reasons).
    if isinstance(error, (Unauthorized, Forbidden, ToolUnavailable)):
        return "permission"
    return "connection"


def hop_of(error: KonnectError) -> str | None:
    """Who refused: a gateway, surely or perhaps, or Konnect, which leaves its trace; else None."""
    if isinstance(error, HttpError) and error.hop:
        return error.hop
    return "Konnect" if (error.trace or "").startswith("kong:trace:") else None
