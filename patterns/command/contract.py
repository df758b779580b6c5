"""The reports of the patterns as types: their schema, and the report of a run that never began.

Whoever reads `--format json` finds one report per run, also when there was no connection, no token or no
sense in what was asked: failed, empty, with the error in `error` and everything missing in `coverage`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from konnect_agent.errors import KonnectError

if TYPE_CHECKING:
    from patterns import Report
    from patterns.workflow import Result

Pattern = Literal[
    "debug_performance",
    "investigate_endpoint",
    "analyze_consumers",
    "audit_configuration",
    "investigate_alert",
]
_RESULTS: dict[Pattern, str] = {
    "debug_performance": "PerformanceResult",
    "investigate_endpoint": "EndpointResult",
    "analyze_consumers": "ConsumersResult",
    "audit_configuration": "AuditResult",
    "investigate_alert": "AlertResult",
}


def report_type(pattern: Pattern) -> type[Report[Any]]:
    """The type of a pattern's report."""
    from patterns import Report

    return Report[_result_type(pattern)]


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
