"""Four documented workflows on Kong Konnect, and what follows from them; none needs a language model.

    report = await investigate_endpoint(konnect, "/api/users", method="GET")
    report.result.plugins, report.coverage, report.model_dump_json()

Each workflow takes a connected `konnect_agent.Konnect` and returns a `Report` of its result type; what
failed raises one error of `konnect_agent.errors`, whose `.report` holds what was found until then. The
names below are loaded when first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patterns.alerts import AlertResult, investigate_alert
    from patterns.audit import AuditResult, audit_configuration
    from patterns.confirmation import DebugPlan
    from patterns.consumers import ConsumersResult, analyze_consumers
    from patterns.endpoint import EndpointResult, investigate_endpoint
    from patterns.performance import PerformanceResult, debug_performance
    from patterns.regions import RegionsReport, in_regions
    from patterns.workflow import Report

_HOME_OF = {
    "AlertResult": "alerts",
    "AuditResult": "audit",
    "ConsumersResult": "consumers",
    "DebugPlan": "confirmation",
    "EndpointResult": "endpoint",
    "PerformanceResult": "performance",
    "RegionsReport": "regions",
    "Report": "workflow",
    "analyze_consumers": "consumers",
    "audit_configuration": "audit",
    "debug_performance": "performance",
    "in_regions": "regions",
    "investigate_alert": "alerts",
    "investigate_endpoint": "endpoint",
}

__all__ = [
    "AlertResult",
    "AuditResult",
    "ConsumersResult",
    "DebugPlan",
    "EndpointResult",
    "PerformanceResult",
    "RegionsReport",
    "Report",
    "analyze_consumers",
    "audit_configuration",
    "debug_performance",
    "in_regions",
    "investigate_alert",
    "investigate_endpoint",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
