"""Debug sessions and what their traces say (fact sheet 2.1 and 5; Kong: debugger, debugger-spans).

Statuses are documented; the field names inside a summary or a trace are not, so those stay plain data and
are read by `patterns.performance`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from konnect_agent.errors import InvalidArguments
from konnect_agent.ids import Kind, split_composite
from konnect_agent.models.entity import Entity, Reference


class DebugStatus(StrEnum):
    """The documented statuses of a debug session, and `unknown` for any other, which counts as running."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen (inferred: the last three end a session)."""
        return self in (DebugStatus.COMPLETED, DebugStatus.TIMED_OUT, DebugStatus.CANCELLED)

    @classmethod
    def read(cls, text: str) -> DebugStatus:
        """The status written as `text`: any case, any separator, one `l` or two."""
        folded = re.sub(r"[^a-z]+", "_", text.strip().lower()).strip("_")
        folded = {"canceled": "cancelled", "timeout": "timed_out", "inprogress": "in_progress",
                  "timedout": "timed_out", "complete": "completed"}.get(folded, folded)  # fmt: skip
        return next((status for status in cls if status.value == folded), cls.UNKNOWN)


class DebugCriteria(BaseModel):
    """Which requests to trace, for how long: the documented arguments of CreateDebugSession.

    `session_duration` is seconds (10 to 1800), `http_latency` has the form `>=1000ms`, `http_status_code`
    goes out as text. Unknown fields, such as those of an alert's `debug_session_inputs`, are kept and sent.
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    http_path: str | None = None
    http_method: Literal["GET", "POST", "PUT", "DELETE", "PATCH"] | None = None
    http_status_code: str | None = Field(default=None, pattern=r"^[1-5][0-9][0-9]$")
    http_latency: str | None = Field(default=None, pattern=r"^>=[0-9]+ms$")
    service_id: str | None = Field(default=None, min_length=1)
    session_duration: int = Field(default=60, ge=10, le=1800)
    max_samples: int = Field(default=100, ge=1)

    @field_validator("http_method", "http_latency", "http_status_code", mode="before")
    @classmethod
    def _spelled(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return re.sub(r"\s+", "", value).upper().replace("MS", "ms") if isinstance(value, str) else value

    @field_validator("service_id")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return split_composite(value).id if value else value

    @field_validator("http_path")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"/[!-~]*", value):
            raise ValueError("a path starts with / and has no spaces; write other characters as %XX")
        return value

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> DebugCriteria:
        """Checked criteria. Raises `InvalidArguments` saying which one cannot be right, and why."""
        try:
            return cls.model_validate({key: value for key, value in arguments.items() if value is not None})
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"
                for entry in error.errors(include_input=False, include_url=False)
            )
            raise InvalidArguments(
                f"The debug session's criteria cannot be right: {problems}.",
                hint="Latency is written >=1000ms, a duration is 10 to 1800 s, methods are GET, POST, PUT, "
                "DELETE, PATCH, a path starts with /.",
            ) from None

    def arguments(self) -> dict[str, Any]:
        """What goes out to CreateDebugSession: everything that was given."""
        return self.model_dump(exclude_none=True, exclude_unset=True)

    def resolved(self) -> dict[str, Any]:
        """What will happen: everything that was given, and the documented defaults for the rest."""
        return self.model_dump(exclude_none=True)


class DebugSession(Entity):
    """A debug session: `id` is what the tools call `debug_session_id`. `raw_status` is the server's word."""

    kind: ClassVar[Kind | None] = "debug_session"
    refers_to: ClassVar[tuple[Kind, ...]] = ("control_plane",)

    control_plane: Reference | None = None
    raw_status: str | None = None

    @property
    def status(self) -> DebugStatus:
        """The status as last seen; a session just created is pending."""
        return DebugStatus.read(self.raw_status) if self.raw_status else DebugStatus.PENDING


class TraceAnswer(Entity):
    """The answer of a trace operation, in the server's own words: `data`, out of its envelope."""

    data: Any = None
