"""`konnect-agent debug`: pattern 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from patterns.command.delivery import deliver
from patterns.command.options import ReportOptions
from patterns.command.progress import Display
from patterns.command.prompt import confirming

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import PerformanceResult, Report

_DEFAULTS = ReportOptions()


async def debug(
    *,
    control_plane: Annotated[str | None, Parameter(help="name or id; optional if there is only one")] = None,
    path: Annotated[str | None, Parameter(help="only requests with this path")] = None,
    method: Annotated[str | None, Parameter(help="GET, POST, PUT, DELETE or PATCH")] = None,
    status_code: Annotated[str | None, Parameter(help="only responses with this status")] = None,
    latency: Annotated[str | None, Parameter(help="only slow requests, such as '>=1000ms'")] = None,
    service: Annotated[str | None, Parameter(help="only requests of this service (name or id)")] = None,
    duration: Annotated[int | None, Parameter(help="seconds, 10 to 1800; 60 if left out")] = None,
    max_samples: Annotated[int | None, Parameter(help="requests to trace at most; 100 if left out")] = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="start without asking")] = False,
    debug_session: Annotated[str | None, Parameter(help="look at a session that exists, start none")] = None,
    options: ReportOptions = _DEFAULTS,
) -> int:
    """Trace slow or failing requests on live data planes and say where their time goes.

    Starting a debug session is confirmed first: on a terminal it asks, elsewhere it needs --yes. A session
    that was started here is stopped when the command is interrupted.
    """
    from patterns import debug_performance

    async def work(konnect: Konnect, display: Display) -> Report[PerformanceResult]:
        return await debug_performance(
            konnect,
            control_plane,
            confirm=confirming(yes, display),
            http_path=path,
            http_method=method,
            http_status_code=status_code,
            http_latency=latency,
            service=service,
            session_duration=duration,
            max_samples=max_samples,
            debug_session_id=debug_session,
        )

    status, _ = await deliver(options, work)
    return status
