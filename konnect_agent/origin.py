"""Where an answer came from, for the errors of its reading.

A call is over when its answer is read, by a dialect and then by a resource, in the task that made it. So the
connection notes here what it knows of the call, and an error raised from then on takes it from here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from konnect_agent.errors import KonnectError


@dataclass(frozen=True, slots=True)
class Origin:
    """The call an answer belongs to: the URL, how often it was tried, and the id sent with it."""

    endpoint: str
    attempts: int
    request_id: str


_last: ContextVar[Origin | None] = ContextVar("konnect_agent_origin", default=None)


def request_id() -> str | None:
    """The id of the request whose answer is being read, None while none is."""
    origin = _last.get()
    return origin.request_id if origin else None


def answered(origin: Origin) -> None:
    """Note that an answer came; whatever is read in this context from now on is that answer."""
    _last.set(origin)


@contextmanager
def reading(operation: str) -> Generator[None]:
    """Errors raised in the block learn which operation it is, and of which call they read the answer."""
    before = _last.set(None)
    try:
        yield
    except KonnectError as error:
        error.operation = error.operation or operation
        origin = _last.get()
        if origin is not None and error.endpoint is None:
            error.endpoint, error.attempts = origin.endpoint, origin.attempts
            error.request_id = error.request_id or origin.request_id
        raise
    finally:
        _last.reset(before)
