"""Debug sessions and what their traces say (fact sheet 2.1 and 5; Kong: debugger, debugger-spans).

Statuses are documented; the field names inside a summary or a trace are not, so those stay plain data and
are read by `patterns.performance`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from konnect_agent.errors import InvalidArguments
from konnect_agent.ids import Kind
from konnect_agent.models.entity import Entity, Reference
from konnect_agent.models.tolerant import folded
from konnect_agent.redaction import redact


class DebugStatus(StrEnum):
    """The documented statuses of a debug session, and what servers may say beside them.

    `failed` is documented nowhere, but a session that says so has ended. `unknown` is any other word, and
    counts as running.
    """

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen (inferred: all but the first two and `unknown` end a session)."""
        return self not in (DebugStatus.PENDING, DebugStatus.IN_PROGRESS, DebugStatus.UNKNOWN)

    @classmethod
    def read(cls, text: str, *, strictly: bool = False) -> DebugStatus:
        """The status written as `text`: any case, any separator, one `l` or two, as `done` or as `expired`.

        `strictly` reads only the documented words: the others may as well be about the call that asked.
        """
        folded = _PREFIX.sub("", re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_"))
        word = _SPELLINGS.get(folded) or (None if strictly else _SYNONYMS.get(folded)) or folded
        known = next((status for status in cls if status.value == word), cls.UNKNOWN)
        return cls.UNKNOWN if strictly and known is cls.FAILED else known


# The names of an enumeration: SESSION_STATUS_COMPLETED.
_PREFIX = re.compile(r"^(?:(?:active|debug|tracing|session|status|state)_)+")
_SPELLINGS = {
    "inprogress": "in_progress", "complete": "completed", "canceled": "cancelled",
    "timeout": "timed_out", "timedout": "timed_out", "time_out": "timed_out",
}  # fmt: skip
_SYNONYMS = {
    "done": "completed", "finished": "completed", "success": "completed", "succeeded": "completed",
    "successful": "completed", "expired": "timed_out", "stopped": "cancelled", "aborted": "cancelled",
    "terminated": "cancelled", "error": "failed", "errored": "failed", "failure": "failed",
}  # fmt: skip


_CARRIED: Any = object()  # the context of a validation that refuses nothing


class DebugCriteria(BaseModel):
    """Which requests to trace, for how long: the documented arguments of CreateDebugSession.

    `session_duration` is seconds (10 to 1800), `http_latency` has the form `>=1000ms`, `http_status_code`
    goes out as text. Fields are known in any spelling (`httpPath`); unknown ones are kept and sent. What a
    person gives is checked; what an alert carries is for the server to judge (`carrying`).
    """

    model_config = ConfigDict(
        frozen=True, extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    control_plane_id: str | None = None
    http_path: str | None = None
    http_method: Literal["GET", "POST", "PUT", "DELETE", "PATCH"] | None = None
    http_status_code: str | None = Field(default=None, pattern=r"^[1-5][0-9][0-9]$")
    http_latency: str | None = Field(default=None, pattern=r"^>=[0-9]+ms$")
    service_id: str | None = Field(default=None, min_length=1)
    session_duration: int = Field(default=60, ge=10, le=1800)
    max_samples: int = Field(default=100, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = cast("Mapping[str, Any]", data)
        fields = {folded(name): name for name in cls.model_fields if name not in given}
        return {fields.get(folded(key), key): value for key, value in given.items()}

    @field_validator("http_method", "http_latency", "http_status_code", mode="before")
    @classmethod
    def _spelled(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return re.sub(r"\s+", "", value).upper().replace("MS", "ms") if isinstance(value, str) else value

    @field_validator("http_path")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"/[!-~]*", value):
            raise ValueError("a path starts with / and has no spaces; write other characters as %XX")
        return value

    @field_validator("*", mode="wrap")
    @classmethod
    def _judged(cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return check(value)
        except ValidationError:
            if info.context is _CARRIED:
                return value
            raise

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

    def carrying(self, inputs: Mapping[str, Any]) -> DebugCriteria:
        """These criteria, and before them what an alert carries: its `debug_session_inputs`.

        Kong means those to go on unchanged (fact sheet 2.1), so a value that is none of the documented ones
        (`5XX`, `>1000ms`, `10s`) is kept as it came.
        """
        given = {**self.arguments(), **inputs}
        return self.model_validate(
            {key: value for key, value in given.items() if value is not None}, context=_CARRIED
        )

    @property
    def length(self) -> float | None:
        """How long the session will run, in seconds; None when what an alert carries does not say."""
        duration = cast("object", self.session_duration)
        return float(duration) if isinstance(duration, int) and 0 < duration <= 1800 else None

    def arguments(self) -> dict[str, Any]:
        """What goes out to CreateDebugSession: everything that was given."""
        return {name: value for name, value in self if name in self.model_fields_set and value is not None}

    def resolved(self) -> dict[str, Any]:
        """What will happen, to be shown: everything that was given, and the documented defaults otherwise."""
        return redact({name: value for name, value in self if value is not None})


class DebugSession(Entity):
    """A debug session: `id` is what the tools call `debug_session_id`.

    `raw_status` is the server's word, `message` what else it says about the session.
    """

    kind: ClassVar[Kind | None] = "debug_session"
    refers_to: ClassVar[tuple[Kind, ...]] = ("control_plane",)

    control_plane: Reference | None = None
    raw_status: str | None = None
    message: str | None = None

    @property
    def status(self) -> DebugStatus:
        """The status as last seen; a session just created is pending."""
        return DebugStatus.read(self.raw_status) if self.raw_status else DebugStatus.PENDING

    def __repr__(self) -> str:
        """What it is called and how it is doing."""
        return f"DebugSession(id={self.id!r}, status={self.status.value!r})"


class TraceAnswer(Entity):
    """The answer of a trace operation, in the server's own words: `data`, out of its envelope."""

    data: Any = None
