"""Pattern 1, performance debugging, in Kong's documented steps.

1. Select the control plane. 2. Confirm the full criteria. 3. CreateDebugSession. 4. `fetch_status` until
completed. 5. `summarize_session`: bottlenecks worst first, and the latency distribution.
A session that was started here is stopped when the workflow is left early; the unfinished report has its
status as last seen, or `cancelled` once the server has confirmed the stop. A summary that
yields no figure, and does not say that there were no samples, was not understood: the coverage says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, cast

from konnect_agent import Konnect, events
from konnect_agent.decoding import CUT, as_object, undecodable
from konnect_agent.errors import DebugSessionFailed, InvalidArguments, KonnectError
from konnect_agent.ids import split_composite
from konnect_agent.models import DebugCriteria, DebugStatus
from konnect_agent.redaction import redact
from konnect_agent.resources.resource import required
from patterns.confirmation import Confirm, DebugPlan, confirmed
from patterns.selection import Selected, select_control_plane
from patterns.traces import (
    Bottleneck,
    read_bottlenecks,
    read_latency,
    read_samples,
    speaks_of_bottlenecks,
)
from patterns.workflow import Frozen, Result, keep, missed, step, truncated, workflow

_LONGEST_TEXT = 50_000


class SessionState(Frozen):
    """The debug session as last seen; `id` is None when none was started."""

    id: str | None = None
    status: str | None = None


class PerformanceResult(Result):
    """What the traces say. `summary` is the server's own, untouched except for secrets and endless texts.

    Bottlenecks come worst first; `share` is the part of the whole request's time, from 0 to 1.
    """

    control_plane: Selected = Selected()
    criteria: Mapping[str, Any] = {}
    debug_session: SessionState = SessionState()
    bottlenecks: tuple[Bottleneck, ...] = ()
    latency: Mapping[str, Any] = {}
    summary: Any = None


@workflow("debug_performance", PerformanceResult)
async def debug_performance(
    konnect: Konnect,
    control_plane: str | None = None,
    *,
    confirm: Confirm,
    http_path: str | None = None,
    http_method: str | None = None,
    http_status_code: int | str | None = None,
    http_latency: str | None = None,
    service: str | None = None,
    session_duration: int | None = None,
    max_samples: int | None = None,
    debug_session_id: str | int | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> PerformanceResult:
    """Trace live requests that fit the criteria, and say where their time goes.

    `confirm` sees the whole plan (a `DebugPlan`) and must return True; declining sends nothing and raises
    `ConfirmationDeclined`. `http_latency` has the form `>=1000ms`, `session_duration` is 10 to 1800 s (60 if
    left out), `max_samples` 100 if left out. `service` is a name or id. `debug_session_id` resumes a session
    instead of creating one; with a control plane's id in front, it also says which. `inputs` are an alert's
    `debug_session_inputs`: they go on to CreateDebugSession whatever they say, and a control plane they name
    is the one meant.
    Raises `InvalidArguments` before anything is sent, `DebugSessionFailed` when no usable data came.
    """
    given = {
        "http_path": http_path, "http_method": http_method, "http_status_code": http_status_code,
        "http_latency": http_latency, "session_duration": session_duration, "max_samples": max_samples,
    }  # fmt: skip
    criteria = DebugCriteria.of(given).carrying(inputs or {})
    wanted = _one_plane(control_plane, (inputs or {}).get("control_plane_id"))
    existing = None if debug_session_id is None else required(str(debug_session_id), "debug session id")
    pair = split_composite(existing) if existing else None
    owner = pair.control_plane_id if pair else None

    async with step("select control plane") as this:
        await konnect.debug_sessions.ensure_available()
        plane, selected = await select_control_plane(konnect, owner if wanted is None else wanted, this)
        plane_id = selected.id or ""
        if owner is not None and owner.lower() != plane_id.lower():
            raise InvalidArguments(
                f"The debug session {existing} is not one of the control plane {plane.label} ({plane_id}).",
                hint="Leave out the control plane, or give the debug session's id alone.",
            )
        if service is not None:
            found = await konnect.services.find(service, control_plane_id=plane_id)
            this.extract(service_id=found.id)
            criteria = criteria.model_copy(update={"service_id": found.id})
    result = keep(PerformanceResult(control_plane=selected))

    if pair is not None:
        result = await _completed(konnect, _with_session(result, pair.id, None), session_duration)
        return await _summarized(konnect, result)
    result = keep(result.model_copy(update={"criteria": criteria.resolved()}))
    async with step("confirm"):
        stoppable = await konnect.debug_sessions.can_be_stopped()
        await confirmed(DebugPlan(plane, criteria, konnect.endpoint, selected.found_by, stoppable), confirm)
    stopped: list[str] = []
    with events.listening(lambda event: stopped.extend(_stopped_in(event))):
        try:
            async with AsyncExitStack() as until_done:
                async with step("create debug session") as this:
                    running = konnect.debug_sessions.running(plane_id, criteria)
                    session = await until_done.enter_async_context(running)
                    this.extract(debug_session_id=session.id)
                started = _with_session(result, session.id, session.status)
                result = await _completed(konnect, started, criteria.length)
        except DebugSessionFailed:  # its status is the one it ended with
            raise
        except BaseException:
            for session_id in stopped:
                keep(_with_session(result, session_id, DebugStatus.CANCELLED))
            raise
    return await _summarized(konnect, result)


def _one_plane(named: str | None, inside: Any) -> str | None:
    """The control plane meant: the one named, or the one the inputs name. They must not contradict."""
    if isinstance(inside, str) and inside.strip():
        if named is not None and named != inside:
            raise InvalidArguments(
                f"The inputs are for the control plane {inside}, not for {named}.",
                hint="Leave out one of them.",
            )
        return inside
    return named


async def _completed(konnect: Konnect, result: PerformanceResult, length: float | None) -> PerformanceResult:
    """Step 4 on a session that exists; one of unknown `length` ends at the usual time or any later."""
    length, grace = (length, 60.0) if length else (60.0, 1800.0)
    plane_id, session_id = result.control_plane.id or "", result.debug_session.id or ""
    keep(result)

    def note(event: events.Event) -> None:
        if isinstance(event, events.Polled):
            keep(_with_session(result, session_id, event.status))

    async with step("wait until completed") as this:
        this.extract(debug_session_id=session_id)
        try:
            with events.listening(note):
                await konnect.debug_sessions.wait(
                    session_id, control_plane_id=plane_id, duration=length, grace=grace
                )
        except DebugSessionFailed as failure:
            ended = keep(_with_session(result, session_id, failure.status))
            with suppress(KonnectError):  # what was traced until then may be there; the failure stands
                keep(await _with_summary(konnect, ended))
            raise
    return keep(_with_session(result, session_id, DebugStatus.COMPLETED))


async def _summarized(konnect: Konnect, result: PerformanceResult) -> PerformanceResult:
    """Step 5."""
    async with step("summarize"):
        return await _with_summary(konnect, result)


async def _with_summary(konnect: Konnect, result: PerformanceResult) -> PerformanceResult:
    session_id, plane_id = result.debug_session.id or "", result.control_plane.id or ""
    answer = await konnect.debug_sessions.summarize(session_id, control_plane_id=plane_id)
    summary = redact(answer.data)
    bottlenecks, latency = read_bottlenecks(summary), read_latency(summary)
    samples = read_samples(summary)
    if samples != 0 and not bottlenecks and (not latency or speaks_of_bottlenecks(summary)):
        count = "samples without a count" if samples is None else f"{samples} samples"
        unread = "bottleneck" if latency else "bottleneck or latency"
        what = f"the server reports {count}, and no {unread} that can be read"
        missed("the figures of the debug session's summary", undecodable(what, summary))
    shown = _shortened(summary)
    if shown != summary or (as_object(summary) or {}).get(CUT) is True:
        truncated("the debug session's summary")
    figures = {"bottlenecks": bottlenecks, "latency": latency, "summary": shown}
    return result.model_copy(update=figures)


def _shortened(data: Any) -> Any:
    """`data` without what follows in texts longer than anybody reads."""
    if isinstance(data, str) and len(data) > _LONGEST_TEXT:
        return f"{data[:_LONGEST_TEXT]}... [{len(data) - _LONGEST_TEXT} more characters]"
    if isinstance(data, Mapping):
        return {key: _shortened(value) for key, value in cast("Mapping[str, Any]", data).items()}
    return [_shortened(entry) for entry in cast("list[Any]", data)] if isinstance(data, list) else data


def _stopped_in(event: events.Event) -> tuple[str, ...]:
    """The debug session that an event says was stopped."""
    return (event.debug_session_id,) if isinstance(event, events.Stopped) else ()


def _with_session(result: PerformanceResult, session_id: str | None, status: str | None) -> PerformanceResult:
    known = DebugStatus.read(status or "")
    shown = status if known is DebugStatus.UNKNOWN else known.value
    return result.model_copy(update={"debug_session": SessionState(id=session_id, status=shown)})
