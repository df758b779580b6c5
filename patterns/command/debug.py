"""`konnect-agent debug`: pattern 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from konnect_agent.errors import ConfigError, InvalidArguments
from patterns.command.options import ReportOptions, checked_name
from patterns.command.progress import Display
from patterns.command.prompt import confirming
from patterns.command.reporting import reporting

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import PerformanceResult, Report

_DEFAULTS = ReportOptions()
_FORMS = {
    "http_path": ("--path", "A path starts with / and has no spaces; other characters are written as %XX."),
    "http_method": ("--method", "Use GET, POST, PUT, DELETE or PATCH."),
    "http_status_code": ("--status-code", "Use one number from 100 to 599."),
    "http_latency": ("--latency", "Write it in milliseconds, with at least in front: '>=1000ms'."),
    "session_duration": ("--duration", "Use seconds, from 10 to 1800."),
    "max_samples": ("--max-samples", "Use a whole number, 1 or more."),
}


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

    criteria: dict[str, Any] = {
        "http_path": path,
        "http_method": method,
        "http_status_code": status_code,
        "http_latency": latency,
        "max_samples": max_samples,
    }

    async def work(konnect: Konnect, display: Display) -> Report[PerformanceResult]:
        return await debug_performance(
            konnect,
            control_plane,
            confirm=confirming(yes, display),
            service=service,
            session_duration=duration,
            debug_session_id=debug_session,
            **criteria,
        )

    with reporting(options, "debug_performance") as this:
        _check({**criteria, "session_duration": duration})
        checked_name(control_plane, "--control-plane")
        checked_name(service, "--service")
        checked_name(debug_session, "--debug-session")
        if debug_session and any(each is not None for each in (service, *criteria.values())):
            raise ConfigError(
                "The criteria of a debug session that exists are settled.",
                hint="With --debug-session, leave out which requests to trace.",
            )
        done = await this.run(work, one_region="a debug session belongs to one control plane")
    return done.status


def _check(criteria: Mapping[str, Any]) -> None:
    """Raise `InvalidArguments` for the first criterion that cannot be right, in the words of its option."""
    from konnect_agent.models import DebugCriteria

    for name, value in criteria.items():
        try:
            DebugCriteria.of({name: value})
        except InvalidArguments:
            option, form = _FORMS[name]
            raise InvalidArguments(f"{option} cannot be {value!r}.", hint=form) from None
