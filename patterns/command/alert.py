"""`konnect-agent alert`: from an alert to its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from patterns.command.delivery import deliver
from patterns.command.options import ReportOptions
from patterns.command.progress import Display
from patterns.command.prompt import confirming

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

    status, _ = await deliver(options, work)
    return status
