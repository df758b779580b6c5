"""`konnect-agent schema`: the JSON Schema of a pattern's report."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from patterns.command import outcome
from patterns.command.contract import Name, Pattern, pattern_of, report_type
from patterns.command.delivery import Destination
from patterns.command.options import Options

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(
    pattern: Annotated[Name, Parameter(help="which report, by its pattern or its command")],
    /,
    *,
    output: Annotated[str | None, Parameter(name=("--output", "-o"), help="write it to a file")] = None,
) -> int:
    """Print the JSON Schema of a report, as `--format json` prints the report."""
    from patterns.report.as_json import dump

    Destination.of(Options(output=output)).write(
        dump({"$schema": _DIALECT, **schema_of(pattern_of(pattern))})
    )
    return outcome.DONE


def schema_of(pattern: Pattern) -> dict[str, Any]:
    """The JSON Schema of the report of a pattern."""
    return report_type(pattern).model_json_schema(mode="serialization")
