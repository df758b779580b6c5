"""Arguments as a live schema spells them: names, values, and one object around all of them."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.errors import InvalidArguments
from konnect_agent.toolbox import Tool

DEFINITIONS = {
    "Status": {"type": "string"},
    "Operation": {"type": "string", "enum": ["GetById", "List"]},
    "Loop": {"anyOf": [{"$ref": "#/$defs/Loop"}, {"$ref": "#"}]},
}


def fitted(properties: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "$defs": DEFINITIONS}
    return Tool("t", input_schema=schema).fit(arguments)


def test_arguments_take_the_names_of_the_live_schema() -> None:
    assert fitted({"controlPlaneId": {}}, control_plane_id="x") == {"controlPlaneId": "x"}
    assert fitted({"failure_only": {}}, failureOnly=True) == {"failure_only": True}
    assert fitted({"plugin_filter": {}}, phase_filter="p") == {"plugin_filter": "p"}
    assert fitted({"phase_filter": {}}, phase_filter="p") == {"phase_filter": "p"}
    assert fitted({"pluginFilter": {}}, phase_filter="p") == {"pluginFilter": "p"}


def test_what_the_schema_does_not_mention_goes_out_as_documented() -> None:
    assert fitted({"operation": {}}, failureOnly=True) == {"failureOnly": True}
    assert Tool("t").fit({"failureOnly": True}) == {"failureOnly": True}


@pytest.mark.parametrize(
    ("schema", "value", "sent"),
    [
        ({"type": "string"}, 500, "500"),
        ({"$ref": "#/$defs/Status"}, 500, "500"),
        ({"$ref": "#/$defs/Operation"}, "get_by_id", "GetById"),
        ({"allOf": [{"$ref": "#/$defs/Operation"}], "default": "List"}, "list", "List"),
        ({"anyOf": [{"$ref": "#/$defs/Operation"}, {"type": "null"}]}, "get_by_id", "GetById"),
        ({"oneOf": [{"const": "LIST"}, {"const": "GET_BY_ID"}]}, "get_by_id", "GET_BY_ID"),
        ({"const": "LIST"}, "list", "LIST"),
        ({"type": "array", "items": {"$ref": "#/$defs/Status"}}, [500], ["500"]),
        ({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, [500], ["500"]),
        ({"$ref": "#/$defs/Loop"}, "list", "list"),
        ({"$ref": "#/nowhere/at/all"}, "list", "list"),
        ({"$ref": "https://elsewhere.example/schema"}, "list", "list"),
        ({"$ref": 7}, "list", "list"),
        ({"enum": ["list_all", "get"]}, "list", "list_all"),
        ({"enum": ["list_all", "get"]}, "get_by_id", "get"),
        ({"enum": ["by_id", "get"]}, "get_by_id", "get_by_id"),
        ({"enum": ["get", "list"]}, "get_by_name", "get_by_name"),
        ({"type": "integer"}, "500", 500),
        ({"type": ["integer", "null"]}, "500", 500),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "500", 500),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 500, "500"),
        ({"type": ["string", "integer"]}, 500, 500),
        ({"type": ["string", "integer"]}, "500", "500"),
        ({"type": "array", "items": {"type": "string"}}, [500, 503], ["500", "503"]),
        ({"type": "integer"}, "many", "many"),
        ({"type": "string"}, True, True),
        ({"type": "boolean"}, 1, 1),
        ({"enum": ["GetById", "List"]}, "get_by_id", "GetById"),
        ({"anyOf": [{"enum": ["get-by-id"]}, {"type": "null"}]}, "get_by_id", "get-by-id"),
        ({"enum": ["list"]}, "fetch", "fetch"),
        ({}, 5, 5),
        (None, 5, 5),
        ("nonsense", 5, 5),
        ({"type": 7, "anyOf": "x", "oneOf": 3, "enum": {"a": 1}, "items": []}, [5], [5]),
    ],
)
def test_values_take_the_type_and_spelling_the_schema_asks_for(schema: Any, value: Any, sent: Any) -> None:
    result = fitted({"p": schema}, p=value)["p"]
    assert (result, type(result)) == (sent, type(sent))


def test_a_schema_that_is_no_schema_changes_nothing() -> None:
    broken_schemas: list[dict[str, Any]] = [{"properties": []}, {"properties": None}, {}]
    for broken in broken_schemas:
        assert Tool("t", input_schema=broken).fit({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("properties", "arguments", "sent"),
    [
        (("cpId",), {"control_plane_id": "c"}, {"cpId": "c"}),
        (("cp_id", "operation"), {"control_plane_id": "c"}, {"cp_id": "c"}),
        (("controlPlane",), {"control_plane_id": "c"}, {"controlPlane": "c"}),
        (("sessionId",), {"debug_session_id": "d"}, {"sessionId": "d"}),
        (("tracing_session_id",), {"debug_session_id": "d"}, {"tracing_session_id": "d"}),
        (("alertId",), {"alert_event_id": "a"}, {"alertId": "a"}),
        (("id",), {"alert_event_id": "a"}, {"id": "a"}),
        (("limit",), {"max_results": 5}, {"limit": 5}),
        (("question",), {"query": "q"}, {"question": "q"}),
        (
            ("operation", "control_plane_id", "id", "name"),
            {"operation": "get_by_id", "control_plane_id": "c", "service_id": "s"},
            {"operation": "get_by_id", "control_plane_id": "c", "id": "s"},
        ),
        (
            ("action", "cpId", "id", "username"),
            {"operation": "get_by_name", "control_plane_id": "c", "consumer_name": "n"},
            {"action": "get_by_name", "cpId": "c", "username": "n"},
        ),
        (
            ("operation", "control_plane_id", "control_plane_name"),
            {"operation": "get_by_id", "id": "c"},
            {"operation": "get_by_id", "control_plane_id": "c"},
        ),
    ],
)  # fmt: skip
def test_a_renamed_parameter_is_recognised(
    properties: tuple[str, ...], arguments: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert fitted({name: {} for name in properties}, **arguments) == sent


@pytest.mark.parametrize(
    ("properties", "arguments"),
    [
        ({"cp_id": {}, "control_plane": {}}, {"control_plane_id": "c"}),
        ({"limit": {}, "size": {}}, {"max_results": 5}),
        ({"session": {}, "tracing_session_id": {}}, {"debug_session_id": "d"}),
        ({"control_plane": {"type": "object"}}, {"control_plane_id": "c"}),
        ({"action": {"enum": ["allow", "deny"]}}, {"operation": "list"}),
        ({"id": {}}, {"control_plane_id": "c"}),
        ({"operation": {}, "id": {}}, {"operation": "list", "control_plane_id": "c"}),
        ({"operation": {}, "id": {}}, {"operation": "get_by_id", "control_plane_id": "c"}),
        ({"operation": {}, "id": {}}, {"operation": "get_by_id", "service_id": "s", "route_id": "r"}),
        ({"id": {}, "name": {}}, {"service_id": "s", "http_path": "/x"}),
        ({"name": {}}, {"alert_event_id": "a"}),
    ],
)
def test_what_two_parameters_could_mean_or_none_keeps_its_documented_name(
    properties: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert fitted(properties, **arguments) == arguments


def test_the_documented_name_wins_over_every_renaming() -> None:
    assert fitted({"cp_id": {}, "controlPlaneId": {}}, control_plane_id="c") == {"controlPlaneId": "c"}
    assert fitted({"limit": {}, "max_results": {}}, max_results=5) == {"max_results": 5}


@pytest.mark.parametrize("holder", ["params", "request", "input"])
def test_a_tool_that_takes_all_of_it_in_one_object_gets_it_so(holder: str) -> None:
    inside = {"operation": {"enum": ["GetById"]}, "cpId": {"type": "string"}}
    sent = {holder: {"operation": "GetById", "cpId": "c", "service_id": "s"}}
    for schema in (
        {"type": "object", "properties": inside},
        {"anyOf": [{"type": "object", "properties": inside}, {"type": "null"}]},
    ):
        arguments = {"operation": "get_by_id", "control_plane_id": "c", "service_id": "s"}
        assert fitted({holder: schema}, **arguments) == sent


@pytest.mark.parametrize("arguments", [{"query": "q"}, {"options": "none"}])
def test_an_object_for_something_else_holds_no_arguments(arguments: dict[str, Any]) -> None:
    inside: dict[str, Any] = {"verbose": {}, "options": {}}
    assert fitted({"options": {"type": "object", "properties": inside}}, **arguments) == arguments


def test_parameters_may_differ_from_operation_to_operation() -> None:
    listing = {"properties": {"operation": {"const": "LIST"}, "cpId": {}}}
    getting = {"properties": {"operation": {"const": "GET_BY_ID"}, "cpId": {}, "service_id": {}}}
    tool = Tool("t", input_schema={"type": "object", "oneOf": [listing, getting]})
    for operation, spelled in (("list", "LIST"), ("get_by_id", "GET_BY_ID")):
        assert tool.fit({"operation": operation, "control_plane_id": "c"}) == {
            "operation": spelled,
            "cpId": "c",
        }


@pytest.mark.parametrize(
    "schema",
    [{"type": "integer", "maximum": 500}, {"anyOf": [{"type": "integer", "maximum": 500}, {"type": "null"}]}],
)
def test_more_than_the_schema_allows_is_refused_before_it_is_sent(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments, match="max_results: 1000 is greater than the maximum of 500"):
        fitted({"max_results": schema}, max_results=1000)
    assert fitted({"max_results": schema}, max_results=500) == {"max_results": 500}
