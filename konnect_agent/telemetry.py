"""Telling about what happens: spans for workflow, step and call, events for the sinks, a line for the log.

Spans go through OpenTelemetry's API alone: nothing is exported unless the program around us installs an
SDK, and without one a span is a no-op. Attributes are named `konnect.*`, carry ids and outcomes, never
arguments or answers. The log is the standard one, under `konnect_agent`, with a request id per line.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Protocol, cast

from opentelemetry.propagate import inject
from opentelemetry.trace import Span, StatusCode, get_tracer, use_span

from konnect_agent import events
from konnect_agent.redaction import redact, scrub

log = logging.getLogger("konnect_agent")

_tracer = get_tracer("konnect_agent")


@contextmanager
def span(name: str, **attributes: str | int | None) -> Generator[Span]:
    """A span around the block; an error sets its status to the error's class, without its words."""
    given = {f"konnect.{key}": value for key, value in attributes.items() if value is not None}
    current = _tracer.start_span(name, attributes=given)
    if not current.get_span_context().is_valid:  # nobody traces: there is nothing to end or to be inside of
        yield current
        return
    with use_span(current, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traced(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """What goes into the parameters of an MCP request so that the server can continue the trace; nothing
    when nobody traces (W3C trace context under `_meta`, as MCP's SEP-414 has it)."""
    carried: dict[str, str] = {}
    inject(carried)
    return {"_meta": {**((params or {}).get("_meta") or {}), **carried}} if carried else {}


class Tally(Protocol):
    """What is counted while a call is made."""

    request_id: str
    attempts: int


@contextmanager
def told(
    tool: str, operation: str, arguments: Mapping[str, Any], tally: Tally, *, endpoint: str
) -> Generator[None]:
    """Tell the sinks, the log and the trace about the call made in the block."""
    # Most of what telling costs is to make arguments fit to be seen: done when somebody looks at them.
    shown = cast("Mapping[str, Any]", redact(arguments)) if events.listened() else None
    if shown is not None:
        events.emit(events.CallStarted(tool, shown))
    started, outcome = perf_counter(), "ok"
    plane = scrub(str(arguments["control_plane_id"])) if arguments.get("control_plane_id") else None
    try:
        with span(f"call {operation}", tool=tool, endpoint=endpoint, control_plane_id=plane) as current:
            try:
                yield
            finally:
                if current.is_recording():
                    current.set_attribute("konnect.attempts", tally.attempts)
                    current.set_attribute("konnect.request_id", tally.request_id)
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        took, tries, request_id = perf_counter() - started, tally.attempts, tally.request_id
        log.info("%s %s in %.3f s, attempts=%d request_id=%s", operation, outcome, took, tries, request_id)
        if shown is not None:
            events.emit(events.CallFinished(tool, shown, took, tries, outcome, request_id))
