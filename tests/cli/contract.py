"""The JSON contract, as a reader of standard output holds a report against it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from .conftest import Here

STEPS = {"name", "status", "duration_s", "extracted", "calls", "steps"}
CALLS = {"tool", "arguments", "duration_s", "attempts", "outcome"}


def schema_of(pattern: str, here: Here) -> Any:
    printed = here("schema", pattern)
    assert (printed.status, printed.err) == (0, "")
    schema = json.loads(printed.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def checked(text: str, pattern: str, here: Here) -> Any:
    """The report in `text`, valid against its own printed schema and the contract's keys."""
    report = json.loads(text)
    jsonschema.validate(report, schema_of(pattern, here))
    assert list(report) == [
        "pattern", "status", "endpoint", "started_at", "duration_s", "steps", "result", "coverage", "error",
    ]  # fmt: skip
    assert report["pattern"] == pattern
    steps = list(report["steps"])
    for step in steps:
        assert set(step) == STEPS
        assert all(set(call) == CALLS for call in step["calls"])
        steps.extend(step["steps"])
    return report
