from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.dialects.classic import ROWS
from konnect_agent.errors import InvalidArguments, ToolUnavailable
from konnect_agent.sandbox.tools import TOOLS
from konnect_agent.toolbox import DOCUMENTED, Tool, Toolbox, check_writable


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
        ("kong_konnectgetservice", "GetService"),
        ("KonnectGetService", "GetService"),
        ("GetServiceTool", "GetService"),
        ("get_service_tool_v2", "GetService"),
        ("kong-konnect_get-service-v12", "GetService"),
        ("GetServiceV1", "GetService"),
        ("CreateDebugSessionTool", "CreateDebugSession"),
    ],
)
def test_spellings_nobody_planned_are_found_too(live: str, documented: str) -> None:
    assert found(toolbox(live), documented) == live


@pytest.mark.parametrize(
    "live",
    [
        "GetConsumerGroup", "get_consumers", "forget_consumer", "consumer", "", "---", "取得", "tool", "v2",
        "get_consumer_tools", "get_consumer_status", "get_consumer_2", "konnect",
    ],
)  # fmt: skip
def test_another_tool_is_not_mistaken_for_the_documented_one(live: str) -> None:
    assert found(toolbox(live), "GetConsumer") is None


def test_the_very_name_wins_over_prefixed_and_respelled_ones() -> None:
    assert found(toolbox("x_get_route", "get_route", "GetRoute"), "GetRoute") == "GetRoute"
    assert found(toolbox("x_get_route", "get_route"), "GetRoute") == "get_route"


def test_of_two_prefixes_the_one_more_tools_share_is_the_servers_own() -> None:
    names = ("evil_get_route", "kong_get_service", "kong_get_route", "kong_get_plugin")
    assert found(toolbox(*names), "GetRoute") == "kong_get_route"
    assert found(toolbox(*reversed(names)), "GetRoute") == "kong_get_route"


def test_what_stands_behind_another_prefix_than_the_servers_is_another_tool() -> None:
    for names in (
        ("GetControlPlane", "GetRoute", "MeshGetService", "MeshGetRoute", "mesh_get_vault"),
        ("get_control_plane", "get_route", "mesh_get_service", "mesh_list"),
        ("kong_get_control_plane", "kong_get_route", "mesh_get_service", *(f"mesh_{n}" for n in range(20))),
        ("GetControlPlane", "MeshGetService", "MeshGetRoute", "MeshGetPlugin"),
    ):
        box = toolbox(*names)
        assert found(box, "GetService") is None
        assert found(box, "GetControlPlane") in names


def test_the_only_documented_name_tells_the_prefix_by_itself() -> None:
    assert found(toolbox("tags", "mesh_list", "kong-konnect_get-service"), "GetService") is not None
    assert found(toolbox("one_get_service", "another_get_service"), "GetService") is None


def test_konnects_own_name_is_no_other_prefix() -> None:
    box = toolbox("GetControlPlane", "konnect_get_service", "mesh_get_service", "kong_mesh_get_route")
    assert found(box, "GetService") == "konnect_get_service"
    assert found(box, "GetRoute") is None
    many = (
        "kong_get_control_plane",
        "kong_get_route",
        "kong_get_plugin",
        "get_plugin",
        "KnowledgeBaseSearch",
    )
    assert found(toolbox(*many), "GetRoute") == "kong_get_route"
    assert found(toolbox(*many[:4]), "GetPlugin") == "kong_get_plugin"


def test_the_closest_spelling_wins_and_two_versions_are_a_choice_for_nobody() -> None:
    assert found(toolbox("get_service_v2", "get_service"), "GetService") == "get_service"
    assert found(toolbox("get_service_v1", "get_service_v2"), "GetService") is None


def test_a_plural_is_the_documented_tool_if_it_takes_an_operation() -> None:
    def plural(**properties: Any) -> str | None:
        tool = Tool("GetServices", input_schema={"type": "object", "properties": properties})
        return found(Toolbox([tool]), "GetService")

    assert plural(operation={"enum": ["list", "get_by_id"]}, control_plane_id={}) == "GetServices"
    assert plural(request={"type": "object", "properties": {"operation": {}}}) == "GetServices"
    assert plural(control_plane_id={}) is None
    assert found(toolbox("list_services", "GetServices"), "GetService") is None


def test_a_tool_that_nobody_documents_is_found_in_another_spelling_too() -> None:
    assert found(toolbox("GetControlPlane", "mesh_get_zone"), "MeshGetZone") == "mesh_get_zone"
    assert found(toolbox("kong_get_route", "kong_search"), "search") == "kong_search"


def test_every_tool_the_dialect_asks_for_is_a_documented_one() -> None:
    assert {tool for tool, _ in ROWS.values()} <= set(DOCUMENTED)


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


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return {"a": value}


@pytest.mark.parametrize(
    "arguments",
    [
        {1: 2},
        {"a": [{"b": {None: 1}}]},
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": {1, 2}},
        {"a": "\ud800"},
        nested(400),
        nested(10_000),
    ],
)
def test_what_no_message_can_carry_is_refused(arguments: Any) -> None:
    with pytest.raises(InvalidArguments, match="cannot be written as JSON"):
        check_writable(arguments, "tool")


def test_a_cycle_is_refused_and_ordinary_data_is_not() -> None:
    cycle: dict[str, Any] = {}
    cycle["a"] = [cycle]
    with pytest.raises(InvalidArguments):
        check_writable(cycle, "tool")
    same = {"b": 1}
    check_writable({"a": [same, same, (1, "ü", None, True)], "c": nested(50)}, "tool")
