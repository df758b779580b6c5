"""`konnect-agent schema`: the JSON Schema of a pattern's report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from patterns.command import outcome
from patterns.command.delivery import Destination
from patterns.command.options import Options

Pattern = Literal[
    "debug_performance",
    "investigate_endpoint",
    "analyze_consumers",
    "audit_configuration",
    "investigate_alert",
]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RESULTS = {
    "debug_performance": "PerformanceResult",
    "investigate_endpoint": "EndpointResult",
    "analyze_consumers": "ConsumersResult",
    "audit_configuration": "AuditResult",
    "investigate_alert": "AlertResult",
}


def schema(
    pattern: Annotated[Pattern, Parameter(help="which report")],
    /,
    *,
    output: Annotated[str | None, Parameter(name=("--output", "-o"), help="write it to a file")] = None,
) -> int:
    """Print the JSON Schema of a report, as `--format json` prints the report."""
    from patterns.report.as_json import dump

    Destination.of(Options(output=output)).write(dump({"$schema": _DIALECT, **schema_of(pattern)}))
    return outcome.DONE


def schema_of(pattern: str) -> dict[str, Any]:
    """The JSON Schema of the report of a pattern."""
    import patterns

    return patterns.Report[getattr(patterns, _RESULTS[pattern])].model_json_schema(mode="serialization")
