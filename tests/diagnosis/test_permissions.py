"""What the token may read: one harmless question each, and nothing is created."""

from __future__ import annotations

from dataclasses import replace

import pytest

from konnect_agent.diagnosis import diagnose
from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.world import World

from ..handmade import TOKEN, Serve, as_json, refused
from .conftest import Examine, failures

pytestmark = pytest.mark.anyio

ENTITIES = ("services", "routes", "plugins", "consumers", "consumer_groups", "vaults")


@pytest.mark.parametrize("generation", ["classic", "code-mode"])
async def test_each_family_is_asked_one_harmless_question(
    generation: Generation, world: World, examine: Examine
) -> None:
    with Sandbox(world=world, generation=generation) as sandbox:
        diagnosis = await examine(sandbox)
        assert sandbox.ledger.debug_sessions_created == ()
        if generation == "classic":
            asked = [(call.tool, call.arguments.get("operation")) for call in sandbox.ledger.calls]
            assert asked == [
                ("GetControlPlane", "list"), ("GetService", "list"), ("GetRoute", "list"),
                ("GetPlugin", "list"), ("GetConsumer", "list"), ("GetConsumerGroup", "list"),
                ("GetVault", "list"), ("GetAnalytics", "query_api_requests"), ("KnowledgeBaseSearch", None),
            ]  # fmt: skip
            assert sandbox.ledger.calls[7].arguments["max_results"] == 1
            assert sandbox.ledger.calls[7].arguments["time_range"] == "15M"
    assert diagnosis["control_planes"].facts["count"] == len(world.control_planes)
    assert diagnosis["debug_sessions"].status == "ok"


async def test_a_control_plane_that_may_not_be_read_is_a_matter_of_permission(
    world: World, examine: Examine
) -> None:
    names = [plane.name for plane in world.control_planes]
    with Sandbox(world=world, forbidden=names) as sandbox:
        diagnosis = await examine(sandbox)
    assert failures(diagnosis) == list(ENTITIES)
    assert diagnosis["services"].error == "Forbidden"
    assert "such as Viewer of the control plane" in diagnosis["services"].advice
    assert diagnosis["control_planes"].status == diagnosis["analytics"].status == "ok"
    assert diagnosis.family == "permission"


async def test_a_family_without_a_tool_is_a_warning_with_the_documented_reasons(
    world: World, examine: Examine
) -> None:
    hidden = ["GetPlugin", "GetAnalytics", "KnowledgeBaseSearch", "ActiveTracingSession"]
    with Sandbox(world=world, hide=hidden) as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis.family is None
    for name in ("plugins", "analytics", "knowledge_base", "debug_sessions"):
        assert diagnosis[name].status == "warning"
        assert "feature flag" in diagnosis[name].advice
    assert "GetPlugin" in diagnosis["plugins"].facts["why"]


async def test_without_control_planes_there_is_nothing_to_look_into(world: World, examine: Examine) -> None:
    with Sandbox(world=replace(world, control_planes=())) as sandbox:
        diagnosis = await examine(sandbox)
    assert diagnosis["control_planes"].seen == "0 control planes can be seen"
    for name in ENTITIES:
        assert (diagnosis[name].status, diagnosis[name].advice) == ("skipped", "")
    assert diagnosis["analytics"].status == "ok"


async def test_entities_are_looked_for_in_a_control_plane_that_is_no_group(serve: Serve) -> None:
    group = {"id": "g1", "name": "all", "config": {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}}
    server = serve(
        {
            "GetControlPlane": as_json([group, {"id": "p1", "name": "one"}]),
            "GetService": as_json([]),
            "GetRoute": refused("access denied"),
            "GetPlugin": as_json("nonsense"),
            "GetConsumer": refused("API Error (Status 403): not for you"),
        }
    )
    diagnosis = await diagnose(TOKEN, url=server.url)
    asked = {arguments["control_plane_id"] for tool, arguments in server.calls if tool != "GetControlPlane"}
    assert asked == {"p1"}
    assert diagnosis["services"].seen == "0 services of one"
    assert (diagnosis["routes"].status, diagnosis["routes"].family) == ("failure", "permission")
    assert "AI Settings" in diagnosis["routes"].advice  # "access denied" are the words of the switch
    assert "needs a role" in diagnosis["consumers"].advice
    assert (diagnosis["plugins"].status, diagnosis["plugins"].family) == ("failure", "connection")
    assert diagnosis["vaults"].status == "warning"
