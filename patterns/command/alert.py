"""`konnect-agent alert`: from an alert to its cause."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from patterns.command.options import ReportOptions, checked_name
from patterns.command.prompt import confirming
from patterns.command.reporting import reporting

_DEFAULTS = ReportOptions()


async def alert(
    alert_event_id: Annotated[str, Parameter(name="ID", help="the alert event's id")],
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="start it without asking")] = False,
    options: ReportOptions = _DEFAULTS,
) -> int:
    """Look into an alert: the debug session it suggests (confirmed first), and the endpoint it is about."""
    from patterns import investigate_alert

    with reporting(options, "investigate_alert") as this:
        checked_name(alert_event_id, "ID")
        async with this.connected() as (konnect, display):
            report = await investigate_alert(konnect, alert_event_id, confirm=confirming(yes, display))
        return this.deliver(report)
