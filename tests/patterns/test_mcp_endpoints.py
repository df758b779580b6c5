"""MCP endpoints as the patterns see them, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from konnect_agent import Konnect
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import audit_configuration, investigate_endpoint

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]


def tools(draft: Draft) -> None:
    draft.service("tools", "tools.example", path="/mcp")
    draft.route("open", "tools", "/open")
    draft.route("kept", "tools", "/kept")
    draft.route("plain", None, "/plain")
    config = {
        "mode": "passthrough-listener",
        "max_request_body_size": 0,
        "default_acl": [{"deny": ["guests"]}],
    }
    draft.plugin("ai-mcp-proxy", config, service="tools")
    draft.plugin("key-auth", {"key_names": ["apikey"]}, route="kept")
    draft.plugin("rate-limiting", {"minute": 60}, route="kept")
    draft.plugin("request-size-limiting", {"allowed_payload_size": 1}, route="kept")


async def test_an_endpoint_is_recognised_with_who_may_call_and_what_limits_it(
    world_of: Callable[..., World], client: Client
) -> None:
    with Sandbox(world=world_of(agents=tools)) as own:
        async with client(own) as konnect:
            kept = (await investigate_endpoint(konnect, "/kept")).result
            plain = (await investigate_endpoint(konnect, "/plain")).result
    (note,) = [note for note in kept.notes if "MCP" in note]
    assert "is an MCP endpoint (ai-mcp-proxy, passthrough-listener)" in note
    assert "tools not for guests" in note
    assert "by size (request-size-limiting) and by rate (rate-limiting)" in note
    assert not any("MCP" in note for note in plain.notes)


async def test_an_audit_finds_what_an_endpoint_lacks(world_of: Callable[..., World], client: Client) -> None:
    with Sandbox(world=world_of(agents=tools)) as own:
        async with client(own) as konnect:
            findings = (await audit_configuration(konnect)).result.findings
    about = {(each.rule_id, each.entity.name) for each in findings if each.rule_id.startswith("KNA09")}
    assert about == {("KNA090", "open"), ("KNA091", "open"), ("KNA092", "open")}
