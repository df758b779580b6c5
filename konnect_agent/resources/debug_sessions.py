"""Debug sessions (tools CreateDebugSession and ActiveTracingSession; fact sheet 2.1 and 5).

Creating one acts on live data planes: Kong asks for an explicit confirmation beforehand, so call `create`
only when you have one, or use `patterns.debug_performance`, which requires it. A creation is sent once,
unless it provably never left; `running` makes sure that what was started here is stopped when the block is
left early, by an error, a cancellation or Ctrl-C.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from konnect_agent import events
from konnect_agent.background import see_through
from konnect_agent.clocks import Clock
from konnect_agent.decoding import undecodable
from konnect_agent.dialects import Intent
from konnect_agent.envelopes import unwrapped
from konnect_agent.errors import (
    DebugSessionFailed,
    InvalidArguments,
    KonnectError,
    NotFound,
    ToolError,
    ToolUnavailable,
    Undecodable,
)
from konnect_agent.ids import local_id, split_composite
from konnect_agent.models.debugging import DebugCriteria, DebugSession, DebugStatus, TraceAnswer
from konnect_agent.pacing import urgent
from konnect_agent.polling import Schedule, watch
from konnect_agent.redaction import scrub
from konnect_agent.resources.debug_answers import (
    ids_in,
    refusal_in,
    session_id_in,
    shortened,
    status_in,
    words_in,
)
from konnect_agent.resources.resource import Ask, Resource, answering, required
from konnect_agent.sending import watched

log = logging.getLogger("konnect_agent.debug_sessions")
"""Warns of sessions that may be left running, and of nothing else."""

_CREATE = Intent("debug_sessions.create", "any", changes=True)
_FETCH_STATUS = Intent("debug_sessions.fetch_status", "any")
_SUMMARIZE = Intent("debug_sessions.summarize", "any")
_COMPACT = Intent("debug_sessions.compact_traces", "any")
_COMPRESSED = Intent("debug_sessions.compressed_traces", "any")
_STOP = Intent("debug_sessions.stop", "any")

_PHASES = ("ingress", "egress")
# In seconds. Whoever interrupts a program waits five at most: for an answer on its way, and for the stop.
_STOP_LIMIT = 10.0
_PATIENCE = 4.0
_CREATION_PATIENCE = 2.5
_MOST_UNREADABLE = 40  # in a row: the longest session has 30 looks before its announced end
_MAYBE_RUNNING = (
    "Whether a debug session was started is not known; one may be running, and would end by itself after its "
    "duration. Look at the control plane's debug sessions in Konnect before starting another one: "
    "`konnect.debug_sessions.stop(ID, control_plane_id=...)` stops the one with that id."
)
_NOT_STARTED = "No debug session was started."


@contextmanager
def starting() -> Generator[None]:
    """Errors raised in the block, in which a debug session is created, say whether one may be running.

    That none is must be provable: a tool may have started one and then failed, whatever it says.
    """
    with watched() as creation:
        try:
            yield
        except KonnectError as error:
            known = _MAYBE_RUNNING if creation.left else _NOT_STARTED
            error.hint = f"{known} {error.hint}".strip()
            raise


class DebugSessions(Resource):
    """`konnect.debug_sessions`."""

    def __init__(
        self,
        ask: Ask,
        *,
        offered: Callable[[Intent], Awaitable[None]],
        clock: Callable[[], Clock],
        time_scale: float = 1.0,
    ) -> None:
        super().__init__(ask)
        self._offered, self._clock = offered, clock
        self._time_scale = time_scale

    async def ensure_available(self) -> None:
        """Return if the server offers all that a debug session needs, from creating to summarizing it.

        Raises `ToolUnavailable`: a session nobody can watch must not be started.
        """
        for intent in (_CREATE, _FETCH_STATUS, _SUMMARIZE):
            await self._offered(intent)

    async def can_be_stopped(self) -> bool:
        """Whether the server offers to stop a session before its end."""
        try:
            await self._offered(_STOP)
        except ToolUnavailable:
            return False
        return True

    async def create(
        self,
        control_plane_id: str,
        criteria: DebugCriteria | None = None,
        *,
        http_path: str | None = None,
        http_method: str | None = None,
        http_status_code: int | str | None = None,
        http_latency: str | None = None,
        service_id: str | None = None,
        session_duration: int | None = None,
        max_samples: int | None = None,
    ) -> DebugSession:
        """Start a debug session on live data planes, now. Never sent twice.

        Criteria come as one `DebugCriteria` or one by one: `http_latency` as `>=1000ms`, `session_duration`
        in seconds, 10 to 1800. Raises `InvalidArguments` before anything is sent; the hint of any other
        error says whether a session may exist.
        """
        single = {
            "http_path": http_path, "http_method": http_method, "http_status_code": http_status_code,
            "http_latency": http_latency, "session_duration": session_duration, "max_samples": max_samples,
            "service_id": split_composite(service_id).id if service_id else service_id,
        }  # fmt: skip
        given = {**(criteria.arguments() if criteria else {}), **DebugCriteria.of(single).arguments()}
        cp = required(control_plane_id, "control plane id")
        if given.setdefault("control_plane_id", cp) != cp:
            raise InvalidArguments(
                f"The criteria are for the control plane {given['control_plane_id']}, not for {cp}.",
                hint="Create the debug session on the control plane its criteria name.",
            )
        with answering(_CREATE), starting():
            data = await self._ask(_CREATE, given)
            session_id = session_id_in(data, sent=ids_in(given))
        session = _session(session_id, cp, data)
        has_status = session.status in (DebugStatus.PENDING, DebugStatus.IN_PROGRESS)
        # Any other word, such as `success` or `created`, is about the call.
        return session if has_status else session.model_copy(update={"raw_status": None})

    @asynccontextmanager
    async def running(self, control_plane_id: str, criteria: DebugCriteria) -> AsyncGenerator[DebugSession]:
        """Create a debug session for the block; it is stopped when the block ends in any other way than well.

        The creation itself cannot be interrupted half-way: once it was sent, a cancellation of any kind waits
        for the answer (2.5 s at most), so that what was started can be stopped (within 4 s of an interruption
        altogether, 10 s after an error); before, it is not sent any more. A session that could not be stopped
        is named, with its end and how to stop it, in a warning and in a note (`__notes__`) on what leaves the
        block.
        """
        with watched() as sending:
            creation = await see_through(
                lambda: self.create(control_plane_id, criteria),
                patience=lambda: _CREATION_PATIENCE if sending.left else 0.0,
            )
        if creation.error is not None:
            if creation.interruption is not None and sending.left:
                failed = creation.error  # which the interruption hides
                _warn(creation.interruption, f"{failed} {_MAYBE_RUNNING}", of=failed)
            raise creation.interruption or creation.error
        if creation.interruption is not None and not sending.left:
            raise creation.interruption
        session, end = creation.value, self._end_of(criteria)
        try:
            if creation.interruption is not None:
                raise creation.interruption
            await checkpoint()
            if session is None:
                raise DebugSessionFailed("The creation was not answered in time.", status=None)
            yield session
        except BaseException as error:
            ended = isinstance(error, DebugSessionFailed) and error.status in ("timed_out", "cancelled")
            if not ended:
                spent = _CREATION_PATIENCE if creation.interruption is not None else 0.0
                await self._stop_at_last(
                    session, control_plane_id, error, end=end, patience=_PATIENCE - spent
                )
            raise

    async def _stop_at_last(
        self,
        session: DebugSession | None,
        control_plane_id: str,
        error: BaseException,
        *,
        end: str,
        patience: float,
    ) -> None:
        """Stop what was started here because of `error`; when that cannot be done, say so, also on `error`.

        Raises what interrupts it.
        """
        if session is None or session.id is None:
            what = (
                f"The start of a debug session on control plane {control_plane_id} was not answered in time."
            )
            _warn(error, f"{what} {_MAYBE_RUNNING}")
            return
        session_id, limit = session.id, _STOP_LIMIT if isinstance(error, Exception) else patience
        stop = await see_through(
            lambda: self._stop_within(session_id, control_plane_id, limit), patience=lambda: patience
        )
        leaving = (stop.interruption if isinstance(error, Exception) else None) or error
        if stop.value:
            events.emit(events.Stopped(session_id))
        else:
            why = str(stop.error or "the attempt to stop it was not answered in time")
            _warn(leaving, _left_running(session_id, control_plane_id, until=end, why=why), of=stop.error)
        if leaving is not error:
            raise leaving

    def _end_of(self, criteria: DebugCriteria) -> str:
        """When a session that starts now will end by itself."""
        if criteria.length is None:
            return "its time is over"
        end = datetime.now(UTC) + timedelta(seconds=criteria.length / self._time_scale)
        return f"{end:%Y-%m-%d %H:%M:%S} UTC"

    async def _stop_within(self, session_id: str, control_plane_id: str, limit: float) -> bool:
        with anyio.move_on_after(limit):
            await self.stop(session_id, control_plane_id=control_plane_id)
            return True
        return False

    async def fetch_status(self, debug_session_id: str, *, control_plane_id: str) -> DebugSession:
        """The session with its current status; `completed` is the one that has data."""
        with answering(_FETCH_STATUS):
            data = await self._trace(_FETCH_STATUS, debug_session_id, control_plane_id)
            session = _session(debug_session_id, control_plane_id, data)
            if session.raw_status is None:
                raise undecodable("no status in the answer", data)
        return session

    async def wait(
        self, debug_session_id: str, *, control_plane_id: str, duration: float = 60.0, grace: float = 60.0
    ) -> DebugSession:
        """Poll `fetch_status` until the session completed, for `duration + grace` seconds at most.

        The last answer may take five seconds more.
        Raises `DebugSessionFailed` when it timed out, was cancelled, failed, or is stuck at the hard stop.
        The schedule is `konnect_agent.polling.Schedule`; statuses nobody knows count as running, and so do
        answers that have none, up to forty of them in a row.
        """
        schedule = Schedule(duration, grace, self._time_scale)
        unreadable = 0

        async def look() -> DebugSession:
            nonlocal unreadable
            try:
                session = await self.fetch_status(debug_session_id, control_plane_id=control_plane_id)
            except (Undecodable, ToolError) as error:
                if isinstance(error, (NotFound, InvalidArguments)):
                    raise
                unreadable += 1
                return DebugSession(id=debug_session_id, raw_status="unknown", message=error.message)
            unreadable = 0
            return session

        def seen(session: DebugSession, elapsed: float) -> None:
            status = session.raw_status or session.status.value
            events.emit(events.Polled(debug_session_id, status, elapsed, schedule.remaining(elapsed)))

        last = await watch(
            look,
            until=lambda session: session.status.is_final or unreadable == _MOST_UNREADABLE,
            schedule=schedule,
            seen=seen,
            clock=self._clock(),
        )
        if last is not None and last.status is DebugStatus.COMPLETED:
            return last
        raise _failure(debug_session_id, last)

    async def summarize(self, debug_session_id: str, *, control_plane_id: str) -> TraceAnswer:
        """Aggregated span metrics, latency analysis and bottlenecks; field names are not documented."""
        return await self._answer(_SUMMARIZE, debug_session_id, control_plane_id)

    async def compact_traces(
        self,
        debug_session_id: str,
        *,
        control_plane_id: str,
        phase: str | None = None,
        plugin_id: str | None = None,
    ) -> TraceAnswer:
        """Trace details, compacted. `phase` is `ingress` or `egress`, `plugin_id` keeps one plugin's spans.

        Kong's pages name the plugin parameter `plugin_filter` or `phase_filter`: the live schema decides.
        """
        if phase is not None and phase not in _PHASES:
            raise InvalidArguments(f"{phase!r} is no phase.", hint=f"Use one of {', '.join(_PHASES)}.")
        plugin = split_composite(plugin_id).id if plugin_id else None
        return await self._answer(
            _COMPACT, debug_session_id, control_plane_id, phase=phase, phase_filter=plugin
        )

    async def compressed_traces(self, debug_session_id: str, *, control_plane_id: str) -> TraceAnswer:
        """Unique traces, compacted."""
        return await self._answer(_COMPRESSED, debug_session_id, control_plane_id)

    async def stop(self, debug_session_id: str, *, control_plane_id: str) -> None:
        """End a running session at once, before all other calls.

        Raises what an answer says that calls itself an error.
        """
        with answering(_STOP), urgent():
            refused = refusal_in(await self._trace(_STOP, debug_session_id, control_plane_id))
            if refused is not None:
                raise refused

    async def _answer(
        self, intent: Intent, session_id: str, control_plane_id: str, **more: Any
    ) -> TraceAnswer:
        data = await self._trace(intent, session_id, control_plane_id, **more)
        return TraceAnswer(id=session_id, data=unwrapped(data, ("summary", "traces")))

    async def _trace(self, intent: Intent, session_id: str, control_plane_id: str, **more: Any) -> Any:
        plane_id = required(control_plane_id, "control plane id")
        own_id = local_id(required(session_id, "debug session id")).removeprefix(f"{plane_id}:")
        ids = {"control_plane_id": plane_id, "debug_session_id": own_id}
        return await self._ask(intent, {**ids, **more})


def _session(session_id: str, control_plane_id: str, data: Any) -> DebugSession:
    """The session as an answer about it says it is."""
    status = status_in(data, session_id=local_id(session_id))
    return DebugSession.parse(
        {
            "id": session_id,
            "control_plane_id": control_plane_id,
            "raw_status": shortened(status) if status else None,
            "message": words_in(data, session_id=local_id(session_id)),
        }
    )


def _warn(error: BaseException, what: str, *, of: BaseException | None = None) -> None:
    """Tell what `error` leaves behind, in the log and on itself; `of` is the call that failed, if one did."""
    log.warning("%s request_id=%s", what, getattr(of, "request_id", None))
    error.add_note(scrub(what))


def _left_running(session_id: str, control_plane_id: str, *, until: str, why: str) -> str:
    """What is said of a session that could not be stopped."""
    ids = {"control_plane_id": control_plane_id, "debug_session_id": session_id}
    arguments = json.dumps({"operation": "stop_session", **ids}, ensure_ascii=False)
    command = shlex.join(("konnect-agent", "call", "ActiveTracingSession", arguments, "--yes"))
    return (
        f"The debug session {session_id} on control plane {control_plane_id} may still be running until "
        f"{until}, stop it with `{command}`: {why}"
    )


def _failure(session_id: str, last: DebugSession | None) -> DebugSessionFailed:
    """The error for a session that did not complete, with the server's own words."""
    status = last.raw_status or last.status.value if last else None
    what = f"is stuck: still {status} after its time"
    if last is not None and last.status.is_final:
        status = last.status.value
        what = f"ended as {status}"
    words = f" ({last.message})" if last is not None and last.message else ""
    return DebugSessionFailed(
        f"The debug session {session_id} {what}{words}.", status=status, debug_session_id=session_id
    )
