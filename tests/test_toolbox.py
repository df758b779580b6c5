from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.errors import ToolUnavailable
from konnect_agent.sandbox.tools import TOOLS
from konnect_agent.toolbox import Tool, Toolbox


def toolbox(*names: str) -> Toolbox:
    return Toolbox(Tool(name) for name in names)


def found(box: Toolbox, documented: str) -> str | None:
    tool = box.find(documented)
    return tool.name if tool else None


@pytest.mark.parametrize("prefix", ["", "kong-konnect_", "konnect.", "mcp__kong__", "KongKonnect_"])
@pytest.mark.parametrize("spelling", ["pascal", "snake", "kebab"])
def test_every_documented_tool_is_found_in_every_spelling(prefix: str, spelling: Any) -> None:
    spelled = {tool.name: tool.spelled(spelling, prefix=prefix) for tool in TOOLS}
    box = toolbox("tags", "Search", *spelled.values())
    assert {name: found(box, name) for name in spelled} == spelled


@pytest.mark.parametrize(
    ("live", "documented"),
    [
        ("getcontrolplane", "GetControlPlane"),
        ("kong_getcontrolplane", "GetControlPlane"),
        ("GETCONTROLPLANE", "GetControlPlane"),
        ("Get Control Plane", "GetControlPlane"),
        ("query_llm_analytics", "QueryLLMAnalytics"),
        ("QueryLlmAnalytics", "QueryLLMAnalytics"),
        ("v2_get_route", "GetRoute"),
    ],
)
def test_spellings_nobody_planned_are_found_too(live: str, documented: str) -> None:
    assert found(toolbox(live), documented) == live


@pytest.mark.parametrize(
    "live", ["GetConsumerGroup", "get_consumers", "forget_consumer", "consumer", "", "---", "取得"]
)
def test_another_tool_is_not_mistaken_for_the_documented_one(live: str) -> None:
    assert found(toolbox(live), "GetConsumer") is None


def test_the_very_name_wins_over_prefixed_and_respelled_ones() -> None:
    assert found(toolbox("x_get_route", "get_route", "GetRoute"), "GetRoute") == "GetRoute"
    assert found(toolbox("x_get_route", "get_route"), "GetRoute") == "get_route"


def test_of_two_prefixes_the_one_more_tools_share_is_the_servers_own() -> None:
    names = ("evil_get_route", "kong_get_service", "kong_get_route", "kong_get_plugin")
    assert found(toolbox(*names), "GetRoute") == "kong_get_route"
    assert found(toolbox(*reversed(names)), "GetRoute") == "kong_get_route"


def test_a_missing_tool_names_what_is_there_and_why_it_can_be_missing() -> None:
    with pytest.raises(ToolUnavailable) as caught:
        toolbox("GetRoute", "GetService").require("GetVault", "GetVault.list")
    error = caught.value
    assert error.available == ("GetRoute", "GetService")
    assert error.operation == "GetVault.list"
    assert "no tool GetVault; it offers GetRoute, GetService" in str(error)
    for reason in ("permission", "entitlement", "feature flag", "stale"):
        assert reason in error.hint


def test_a_long_list_of_tools_is_cut_in_the_message_only() -> None:
    with pytest.raises(ToolUnavailable, match="and 60 more") as caught:
        toolbox(*(f"tool_{n}" for n in range(100))).require("GetVault")
    assert len(caught.value.available) == 100
    with pytest.raises(ToolUnavailable, match="no tools at all"):
        toolbox().require("GetVault")


def fitted(properties: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return Tool("t", input_schema={"type": "object", "properties": properties}).fit(arguments)


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
