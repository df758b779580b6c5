"""What happened, as values, and who listens. Nothing here prints.

The client tells every call and every look at a debug session to the sinks of the current context; a
workflow adds its own sink for as long as it runs, a command line adds one that draws progress. Sinks are
inherited by tasks started below, so nothing has to be passed along.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

log = logging.getLogger("konnect_agent")


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A tool call is about to be sent."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallFinished:
    """A tool call ended. `outcome` is `ok` or the error's class name; `duration_s` includes retries."""

    tool: str
    arguments: Mapping[str, Any]
    duration_s: float
    attempts: int
    outcome: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallRetried:
    """A call failed and will be tried again after `wait_s` seconds."""

    tool: str
    attempt: int
    wait_s: float
    error: str


@dataclass(frozen=True, slots=True)
class Polled:
    """One look at a running debug session. `remaining_s` is an estimate, None once it is overdue."""

    debug_session_id: str
    status: str
    elapsed_s: float
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A debug session that was started here was stopped before its end, and the server has confirmed it."""

    debug_session_id: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A workflow entered a step. `path` names the steps around it, outermost first."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A workflow left a step."""

    path: tuple[str, ...]
    status: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Advanced:
    """A fan-out finished `done` of `total` pieces."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Connected:
    """An mcp session began, in the negotiated era; `server` is its name for itself, None if it gives none."""

    era: str
    server: str | None


@dataclass(frozen=True, slots=True)
class HttpAnswered:
    """The head of an HTTP answer came. `date` is its Date header: what the server takes the time to be."""

    status: int
    date: str | None


Event = (
    CallStarted
    | CallFinished
    | CallRetried
    | Polled
    | Stopped
    | StepStarted
    | StepFinished
    | Advanced
    | Connected
    | HttpAnswered
)


class Sink(Protocol):
    """Whoever wants to know. Must return quickly; what it raises is logged, and hinders nobody."""

    def __call__(self, event: Event, /) -> None: ...


_sinks: ContextVar[tuple[Sink, ...]] = ContextVar("konnect_agent_sinks", default=())


def listened() -> bool:
    """Whether anybody listens here, for whoever tells something that takes time to put together."""
    return bool(_sinks.get())


def emit(event: Event) -> None:
    """Tell every sink of the current context."""
    for sink in _sinks.get():
        try:
            sink(event)
        except (
            Exception
        ) as error:  # somebody else's code, in the middle of a call that is none of its business
            log.warning("A sink failed on %s: %s", type(event).__name__, error, exc_info=True)


@contextmanager
def listening(sink: Sink) -> Generator[None]:
    """Add `sink` for the duration of the block, and for the tasks started inside it."""
    token = _sinks.set((*_sinks.get(), sink))
    try:
        yield
    finally:
        _sinks.reset(token)
