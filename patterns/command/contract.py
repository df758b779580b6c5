"""The reports of the patterns as types: their schema, and the report of a run that never began.

Whoever reads `--format json` finds one report per run, also when there was no connection, no token or no
sense in what was asked: failed, empty, with the error in `error` and everything missing in `coverage`. A run
that was stopped by a signal has failed too, with what it found until then.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from konnect_agent.errors import ConfigError, KonnectError

if TYPE_CHECKING:
    from patterns import RegionsReport, Report
    from patterns.workflow import Result

Pattern = Literal[
    "debug_performance",
    "investigate_endpoint",
    "analyze_consumers",
    "audit_configuration",
    "investigate_alert",
]
Name = Literal[Pattern, "debug", "endpoint", "consumers", "audit", "alert"]
"""A pattern's own name, or that of its command."""

_COMMANDS: dict[Name, Pattern] = {
    "debug": "debug_performance",
    "endpoint": "investigate_endpoint",
    "consumers": "analyze_consumers",
    "audit": "audit_configuration",
    "alert": "investigate_alert",
}
_RESULTS: dict[Pattern, str] = {
    "debug_performance": "PerformanceResult",
    "investigate_endpoint": "EndpointResult",
    "analyze_consumers": "ConsumersResult",
    "audit_configuration": "AuditResult",
    "investigate_alert": "AlertResult",
}


class Interrupted(KonnectError):
    """The error in the report of a run that a signal stopped. It is raised nowhere."""

    default_hint = "Run the command again to see the rest."


IN_REGIONS: tuple[Pattern, ...] = ("investigate_endpoint", "analyze_consumers", "audit_configuration")


def report_type(pattern: Pattern) -> type[Report[Any]]:
    """The type of a pattern's report."""
    from patterns import Report

    return Report[_result_type(pattern)]


def pattern_of(name: Name) -> Pattern:
    """The pattern that goes by that name."""
    return cast("Pattern", _COMMANDS.get(name, name))


def regions_report_type(pattern: str) -> type[RegionsReport[Any]]:
    """The type of its report from several regions. Raises `ConfigError` for what runs in one only."""
    from patterns import RegionsReport

    if pattern not in IN_REGIONS:
        raise ConfigError(f"{pattern} runs in one region.", hint=f"Several: {', '.join(IN_REGIONS)}.")
    return RegionsReport[_result_type(pattern)]


def never_begun(
    pattern: Pattern, error: KonnectError, *, endpoint: str, started_at: datetime, duration_s: float
) -> Report[Any]:
    """The report of a run that `error` ended before its first step; `endpoint` is empty if none is known."""
    from patterns.coverage import Coverage, Failure

    return report_type(pattern)(
        pattern=pattern,
        status="failed",
        endpoint=endpoint,
        started_at=started_at,
        duration_s=round(duration_s, 6),
        steps=(),
        result=_result_type(pattern)(),
        coverage=Coverage().without("everything", error),
        error=Failure.of(error),
    )


def _result_type(pattern: Pattern) -> type[Result]:
    import patterns

    return getattr(patterns, _RESULTS[pattern])
