"""`konnect-agent schema`: the JSON Schema of a pattern's report, or of a diagnosis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from patterns.command import outcome
from patterns.command.contract import Name, pattern_of, regions_report_type, report_type
from patterns.command.delivery import Destination
from patterns.command.options import Options

Subject = Literal[Name, "doctor"]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(
    pattern: Annotated[Subject, Parameter(help="which report, by its pattern or its command")],
    /,
    *,
    regions: Annotated[bool, Parameter(help="of the report of several regions")] = False,
    output: Annotated[str | None, Parameter(name=("--output", "-o"), help="write it to a file")] = None,
) -> int:
    """Print the JSON Schema of a report, as `--format json` prints the report."""
    from patterns.report.as_json import dump

    found = schema_of_regions(pattern) if regions else schema_of(pattern)
    Destination.of(Options(output=output)).write(dump({"$schema": _DIALECT, **found}))
    return outcome.DONE


def schema_of(pattern: Subject) -> dict[str, Any]:
    """The JSON Schema of the report of a pattern, or of a diagnosis."""
    if pattern == "doctor":
        from konnect_agent.diagnosis import Diagnosis

        return Diagnosis.model_json_schema(mode="serialization")
    return report_type(pattern_of(pattern)).model_json_schema(mode="serialization")


def schema_of_regions(pattern: Subject) -> dict[str, Any]:
    """The JSON Schema of its report from several regions. Raises `ConfigError` for what runs in one only."""
    named = pattern if pattern == "doctor" else pattern_of(pattern)
    return regions_report_type(named).model_json_schema(mode="serialization")
