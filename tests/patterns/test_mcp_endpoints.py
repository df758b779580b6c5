"""MCP endpoints as the patterns see them, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from konnect_agent import Konnect
from konnect_agent.gateway import AccessRule
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import audit_configuration, investigate_endpoint
from patterns.report import render

from ..handmade import TOKEN, Serve, as_json

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
    assert plain.mcp_endpoint is None
    endpoint = kept.mcp_endpoint
    assert endpoint is not None
    assert (endpoint.is_endpoint, endpoint.mode) == (True, "passthrough-listener")
    assert (endpoint.access_by, endpoint.access) == ("username", (AccessRule(None, (), ("guests",)),))
    entry, limits = endpoint.authentication, endpoint.limits
    assert entry is not None
    assert (entry.kind, entry.protected, entry.plugins) == ("required", True, ("key-auth",))
    assert (limits.max_request_body_size, limits.body, limits.rate) == (
        0,
        ("request-size-limiting",),
        ("rate-limiting",),
    )


async def test_an_audit_finds_what_an_endpoint_lacks(world_of: Callable[..., World], client: Client) -> None:
    with Sandbox(world=world_of(agents=tools)) as own:
        async with client(own) as konnect:
            findings = (await audit_configuration(konnect)).result.findings
    about = {(each.rule_id, each.entity.name) for each in findings if each.rule_id.startswith("KNA09")}
    assert about == {("KNA090", "open"), ("KNA091", "open"), ("KNA092", "open")}


async def test_an_audit_names_every_endpoint_also_one_without_findings(
    world_of: Callable[..., World], client: Client
) -> None:
    with Sandbox(world=world_of(agents=tools, others=nothing)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
    written = json.loads(report.model_dump_json())["result"]["mcp_endpoints"]
    assert [(each["control_plane"]["name"], each["route"]["name"]) for each in written] == [
        ("agents", "kept"),
        ("agents", "open"),
    ]
    kept, open_ = (each["endpoint"] for each in written)
    assert kept["authentication"]["plugins"] == ["key-auth"]
    assert kept["limits"]["rate"] == ["rate-limiting"]
    assert (open_["authentication"]["kind"], open_["authentication"]["protected"]) == ("none", False)
    assert (open_["mode"], open_["access"]) == (
        "passthrough-listener",
        [{"tool": None, "allow": [], "deny": ["guests"]}],
    )
    for form in ("text", "markdown", "html"):
        said = render(report, form)
        assert "MCP endpoints" in said
        assert "key-auth must succeed" in " ".join(said.split())


def nothing(draft: Draft) -> None:
    draft.route("plain", None, "/plain")


def unreadable(draft: Draft) -> None:
    draft.service("tools", "tools.example", path="/mcp")
    draft.route("unknown", "tools", "/unknown")
    draft.route("open", "tools", "/open")
    draft.plugin("ai-mcp-proxy", {"mode": "gateway-listener"}, route="unknown")
    draft.plugin("ai-mcp-proxy", {"mode": "passthrough-listener"}, route="open")


async def test_a_mode_this_version_does_not_know_is_not_judged_and_never_silence(
    world_of: Callable[..., World], client: Client
) -> None:
    with Sandbox(world=world_of(agents=unreadable)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
            seen = (await investigate_endpoint(konnect, "/unknown")).result.mcp_endpoint
    result = report.result
    assert seen is not None
    assert (seen.is_endpoint, seen.mode) == (None, "gateway-listener")
    found = {(each.rule_id, each.entity.name) for each in result.findings if each.rule_id.startswith("KNA09")}
    assert not any(name == "unknown" for _, name in found)
    assert ("KNA090", "open") in found
    (plane,) = result.control_planes
    assert set(plane.rules_not_run) == {"KNA090", "KNA092"}  # the limit is the default
    assert report.status == "incomplete"
    (missing,) = report.coverage.missing
    assert missing.what == "config.mode of ai-mcp-proxy on unknown"
    assert [each.endpoint.is_endpoint for each in result.mcp_endpoints] == [True, None]


def unreadable_but_guarded(draft: Draft) -> None:
    unreadable(draft)
    draft.plugin("key-auth", {"key_names": ["apikey"]}, service="tools")
    draft.plugin("rate-limiting", {"minute": 60}, service="tools")
    draft.plugin("request-size-limiting", {"allowed_payload_size": 1}, service="tools")


async def test_what_no_mode_could_make_a_finding_of_needs_no_mode(
    world_of: Callable[..., World], client: Client
) -> None:
    with Sandbox(world=world_of(agents=unreadable_but_guarded)) as own:
        async with client(own) as konnect:
            report = await audit_configuration(konnect)
    assert report.status == "complete"
    assert report.result.control_planes[0].rules_not_run == ()


async def test_an_endpoint_whose_plugins_were_not_all_seen_leaves_open_who_gets_in(serve: Serve) -> None:
    service = {"id": "s", "name": "tools", "host": "tools.example", "path": "/mcp"}
    route = {"id": "r", "name": "tools", "paths": ["/mcp"], "service": {"id": "s"}}
    plugin = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "passthrough-listener"}}
    server = serve(
        {
            "GetControlPlane": as_json([{"id": "cp", "name": "one"}]),
            "GetService": as_json([service]),
            "GetRoute": as_json([route]),
            "GetPlugin": as_json({"plugins": [plugin], "meta": {"page": {"has_more": True}}}),
            "GetConsumer": as_json([]),
            "GetVault": as_json([]),
        }
    )
    async with Konnect(token=TOKEN, url=server.url) as konnect:
        (found,) = (await audit_configuration(konnect)).result.mcp_endpoints
    assert found.endpoint.authentication is None
    assert "not by rate, as far as could be seen" in found.endpoint.limits.said
