"""Alert events (tool FetchAlertingEventDetails: in Kong's drafts and FAQ, absent from the launch page).

A server without the tool raises `ToolUnavailable`, which says so.
"""

from __future__ import annotations

from konnect_agent.dialects import Intent
from konnect_agent.models import AlertEvent
from konnect_agent.resources.resource import Resource

_GET = Intent("alerts.get", "one", ("alert_event", "alertEvent", "alert", "event"))


class Alerts(Resource):
    """`konnect.alerts`."""

    async def get(self, alert_event_id: str) -> AlertEvent:
        """The alert event with that id: its control plane, entity and, if any, `debug_session_inputs`."""
        return await self._one(_GET, AlertEvent, alert_event_id=alert_event_id)
