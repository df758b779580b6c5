"""What a tool takes, however its schema is put together."""

from __future__ import annotations

from typing import Any

from konnect_agent.schemas import flattened, properties, required
from konnect_agent.toolbox import Tool

ROUTE: dict[str, Any] = {
    "allOf": [{"$ref": "#/$defs/Plane"}, {"properties": {"size": {"$ref": "#/$defs/Size"}}}],
    "anyOf": [
        {"properties": {"id": {}, "deep": {}}, "required": ["id", "deep"]},
        {"properties": {"name": {}, "deep": {}}, "required": ["name", "deep"]},
    ],
    "$defs": {
        "Plane": {"properties": {"plane": {"type": "string"}}, "required": ["plane"]},
        "Size": {"allOf": [{"type": "integer"}, {"maximum": 500}], "description": "How many"},
    },
}


def test_a_tool_has_the_parameters_of_all_that_its_schema_is_made_of() -> None:
    tool = Tool("list_route", "", ROUTE)
    assert {*tool.parameters} == {"plane", "size", "id", "name", "deep"}
    assert tool.parameters["size"] == {"type": "integer", "maximum": 500, "description": "How many"}


def test_what_only_some_alternatives_demand_is_not_demanded() -> None:
    assert Tool("list_route", "", ROUTE).required == {"plane", "deep"}


def test_a_schema_that_refers_to_itself_or_to_nothing_is_read_to_its_end() -> None:
    schema: dict[str, Any] = {"allOf": [{"$ref": "#"}] * 9, "anyOf": [{"$ref": "#"}, {"$ref": "#/nowhere"}]}
    schema["properties"] = {"a": {"$ref": "#/properties/a"}, "b": {"anyOf": [{"$ref": "#"}]}}
    assert {*properties(schema, schema)} == {"a", "b"}
    assert required(schema, schema) == frozenset()
    assert flattened(schema["properties"]["a"], schema) == {}
