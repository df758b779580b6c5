"""`konnect-agent alert`: from an alert to its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from patterns.command.options import ReportOptions, checked_name
from patterns.command.progress import Display
from patterns.command.prompt import confirming
from patterns.command.reporting import reporting

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import AlertResult, Report

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

    async def work(konnect: Konnect, display: Display) -> Report[AlertResult]:
        return await investigate_alert(konnect, alert_event_id, confirm=confirming(yes, display))

    with reporting(options, "investigate_alert") as this:
        checked_name(alert_event_id, "ID")
        why = "an alert is one region's, and so is the debug session it may ask for"
        return (await this.run(work, one_region=why)).status
