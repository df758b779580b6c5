"""Pattern 1, performance debugging, in Kong's documented steps.

1. Select the control plane. 2. Confirm the full criteria. 3. CreateDebugSession. 4. `fetch_status` until
completed. 5. `summarize_session`: bottlenecks worst first, and the latency distribution.
A session that was started here is stopped when the workflow is left early.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from konnect_agent import Konnect
from konnect_agent.errors import DebugSessionFailed, KonnectError
from konnect_agent.models import DebugCriteria
from konnect_agent.redaction import redact
from patterns.confirmation import Confirm, DebugPlan, confirmed
from patterns.selection import Selected, select_control_plane
from patterns.traces import Bottleneck, read_bottlenecks, read_latency
from patterns.workflow import Frozen, Result, keep, step, workflow


class SessionState(Frozen):
    """The debug session as last seen; `id` is None when none was started."""

    id: str | None = None
    status: str | None = None


class PerformanceResult(Result):
    """What the traces say. `summary` is the server's own, untouched except for secrets.

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
    session_duration: int = 60,
    max_samples: int = 100,
    debug_session_id: str | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> PerformanceResult:
    """Trace live requests that fit the criteria, and say where their time goes.

    `confirm` sees the whole plan (a `DebugPlan`) and must return True; declining sends nothing and raises
    `ConfirmationDeclined`. `http_latency` has the form `>=1000ms`, `session_duration` is 10 to 1800 s.
    `service` is a name or id. `debug_session_id` resumes a session instead of creating one. `inputs` are
    further arguments for CreateDebugSession, such as an alert's `debug_session_inputs`, sent unchanged.
    Raises `InvalidArguments` before anything is sent, `DebugSessionFailed` when no usable data came.
    """
    given = {
        "http_path": http_path, "http_method": http_method, "http_status_code": http_status_code,
        "http_latency": http_latency, "session_duration": session_duration, "max_samples": max_samples,
    }  # fmt: skip
    criteria = DebugCriteria.of(
        {**given, **{k: v for k, v in (inputs or {}).items() if k != "control_plane_id"}}
    )

    async with step("select control plane") as this:
        plane, selected = await select_control_plane(konnect, control_plane, this)
        plane_id = selected.id or ""
        if service:
            found = await konnect.services.find(service, control_plane_id=plane_id)
            this.extract(service_id=found.id)
            criteria = criteria.model_copy(update={"service_id": found.id})
    result = keep(PerformanceResult(control_plane=selected, criteria=criteria.arguments()))

    if debug_session_id:
        return await _observe(konnect, result, plane_id, debug_session_id, criteria.session_duration)
    async with step("confirm"):
        await confirmed(DebugPlan(plane, criteria, konnect.endpoint), confirm)
    async with AsyncExitStack() as until_done:
        async with step("create debug session") as this:
            running = konnect.debug_sessions.running(plane_id, criteria)
            session_id = (await until_done.enter_async_context(running)).id or ""
            this.extract(debug_session_id=session_id)
        return await _observe(konnect, result, plane_id, session_id, criteria.session_duration)


async def _observe(
    konnect: Konnect, result: PerformanceResult, plane_id: str, session_id: str, duration: float
) -> PerformanceResult:
    """Steps 4 and 5 on a session that exists."""
    result = keep(_with_session(result, session_id, None))
    async with step("wait until completed") as this:
        this.extract(debug_session_id=session_id)
        try:
            await konnect.debug_sessions.wait(session_id, control_plane_id=plane_id, duration=duration)
        except DebugSessionFailed as failure:
            result = keep(_with_session(result, session_id, failure.status))
            with suppress(KonnectError):  # what was traced until then may be there; the failure stands
                keep(await _summarized(konnect, result, plane_id, session_id))
            raise
    result = keep(_with_session(result, session_id, "completed"))
    async with step("summarize"):
        return await _summarized(konnect, result, plane_id, session_id)


async def _summarized(
    konnect: Konnect, result: PerformanceResult, plane_id: str, session_id: str
) -> PerformanceResult:
    answer = await konnect.debug_sessions.summarize(session_id, control_plane_id=plane_id)
    summary = redact(answer.data)
    figures = {"bottlenecks": read_bottlenecks(summary), "latency": read_latency(summary), "summary": summary}
    return result.model_copy(update=figures)


def _with_session(result: PerformanceResult, session_id: str, status: str | None) -> PerformanceResult:
    return result.model_copy(update={"debug_session": SessionState(id=session_id, status=status)})
