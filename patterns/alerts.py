"""From an alert to its cause: composition of the other patterns.

1. FetchAlertingEventDetails. 2. Its `debug_session_inputs` straight into pattern 1 (confirmed like any
other). 3. Pattern 2 on the affected path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from konnect_agent import Konnect
from konnect_agent.errors import ConfirmationDeclined, KonnectError
from konnect_agent.models import AlertEvent
from patterns.confirmation import Confirm
from patterns.endpoint import EndpointResult, investigate_endpoint
from patterns.performance import PerformanceResult, debug_performance
from patterns.workflow import Report, Result, keep, missed, step, workflow


class AlertResult(Result):
    """The alert, untouched except for secrets, and the reports of the patterns it led to."""

    alert: Mapping[str, Any] = {}
    performance: Report[PerformanceResult] | None = None
    endpoint: Report[EndpointResult] | None = None


@workflow("investigate_alert", AlertResult)
async def investigate_alert(konnect: Konnect, alert_event_id: str, *, confirm: Confirm) -> AlertResult:
    """Look into an alert event: debug session (after `confirm`), then the endpoint it is about.

    A part that fails is noted in `coverage`; declining raises `ConfirmationDeclined` before anything is sent.
    """
    async with step("fetch alert") as this:
        alert = await konnect.alerts.get(alert_event_id)
        plane_id = alert.control_plane.id if alert.control_plane else None
        this.extract(control_plane_id=plane_id, entity_id=alert.entity_id)
    result = keep(AlertResult(alert=alert.redacted()))
    inputs = alert.debug_session_inputs or {}

    if inputs:
        async with step("debug performance"):
            try:
                report = await debug_performance(konnect, plane_id, confirm=confirm, inputs=inputs)
                result = keep(result.model_copy(update={"performance": report}))
            except ConfirmationDeclined:
                raise
            except KonnectError as error:
                missed("the debug session", error)
    path = _affected_path(alert)
    if path:
        async with step("investigate endpoint"):
            try:
                endpoint = await investigate_endpoint(konnect, path, control_plane=plane_id)
                result = keep(result.model_copy(update={"endpoint": endpoint}))
            except KonnectError as error:
                missed(f"the endpoint {path}", error)
    return result


def _affected_path(alert: AlertEvent) -> str | None:
    """The path an alert is about; the field is not documented, so the plausible ones are tried."""
    inputs = alert.debug_session_inputs or {}
    more = alert.model_extra or {}
    candidates = (inputs.get("http_path"), more.get("http_path"), more.get("path"), more.get("request_path"))
    return next((text for text in candidates if isinstance(text, str) and text.startswith("/")), None)
