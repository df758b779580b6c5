"""Spans for workflow, step and call, through OpenTelemetry's API alone.

Nothing is exported unless the program around us installs an OpenTelemetry SDK; without one a span is a
no-op. Attributes are named `konnect.*`, carry ids and outcomes, never arguments or answers.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.trace import Span, StatusCode, get_tracer

_tracer = get_tracer("konnect_agent")


@contextmanager
def span(name: str, **attributes: str | int | None) -> Generator[Span]:
    """A span around the block; an error sets its status to the error's class, without its words."""
    given = {f"konnect.{key}": value for key, value in attributes.items() if value is not None}
    with _tracer.start_as_current_span(
        name, attributes=given, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise
