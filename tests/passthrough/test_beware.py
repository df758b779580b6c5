"""What a plan would do that was not described, or why it would have no effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from konnect_agent.applying import Plan, Target, apply
from konnect_agent.gateway.passthrough import Access, Passthrough, ToolAccess

from .applied import outcomes, yes
from .stand_in import StandIn

pytestmark = pytest.mark.anyio

PLAIN = Passthrough(upstream="http://tools.internal:3001/mcp")
RULED = replace(
    PLAIN,
    default_access=Access(allow=("agents",)),
    tools=(ToolAccess(name="delete_user", allow=("admins",), deny=("guests",)),),
)


async def bewaring(description: Passthrough, target: Target) -> tuple[str, ...]:
    """What is said of a plan, after it was carried out."""
    plans: list[Plan] = []
    await apply(description, to=target, confirm=yes, show=plans.append)
    return plans[0].beware


async def test_a_more_specific_plugin_goes_before_the_one_that_is_applied(
    stand_in: StandIn, target: Target
) -> None:
    await apply(replace(PLAIN, scope="route"), to=target, confirm=yes)
    (sentence,) = await bewaring(RULED, target)
    assert "only that one runs there" in sentence
    assert "route mcp-route" in sentence
    (sentence,) = await bewaring(replace(PLAIN, scope="global"), target)
    assert sentence.count("mcp-service") == sentence.count("mcp-route") == 1


async def test_plugins_that_do_not_run_instead_are_nothing_to_beware_of(
    stand_in: StandIn, target: Target
) -> None:
    await apply(replace(PLAIN, scope="global"), to=target, confirm=yes)
    other = stand_in.put("services", name="other", host="other")
    theirs = stand_in.put("routes", name="theirs", paths=["/theirs"], service={"id": other["id"]})
    config = {"mode": "listener"}
    stand_in.put("plugins", name="ai-mcp-proxy", config=config, service={"id": other["id"]})
    stand_in.put("plugins", name="ai-mcp-proxy", config=config, route={"id": theirs["id"]})
    (ours,) = (each for each in stand_in.all("routes") if each["name"] == "mcp-route")
    off = stand_in.put("plugins", name="ai-mcp-proxy", config=config, route={"id": ours["id"]}, enabled=False)
    assert await bewaring(RULED, target) == ()
    del stand_in.entities["plugins"][off["id"]]
    assert await bewaring(replace(RULED, scope="route"), target) == ()


@pytest.mark.parametrize(
    ("less", "field"),
    [
        ({"default_access": None}, "config.default_acl"),
        ({"tools": ()}, "config.tools"),
        ({"tools": (ToolAccess(name="delete_user", allow=("admins",)),)}, "config.tools"),
        ({"tools": (ToolAccess(name="delete_user", deny=("guests",)),)}, "config.tools"),
        ({"default_access": Access(deny=("guests",))}, "config.default_acl"),
    ],
)
async def test_access_rules_that_go_are_named(
    less: dict[str, Any], field: str, stand_in: StandIn, target: Target
) -> None:
    await apply(RULED, to=target, confirm=yes)
    (sentence,) = await bewaring(replace(RULED, **less), target)
    assert field in sentence
    assert sentence.endswith("that restriction would be taken away.")


@pytest.mark.parametrize(
    "other",
    [
        {"default_access": Access(allow=("agents", "robots"))},
        {"default_access": Access(allow=("agents",), deny=("guests",))},
        {"tools": (*RULED.tools, ToolAccess(name="list_users", allow=("agents",)))},
        {"timeout": 5.0},
    ],
)
async def test_rules_that_are_described_are_nothing_to_beware_of(
    other: dict[str, Any], stand_in: StandIn, target: Target
) -> None:
    await apply(RULED, to=target, confirm=yes)
    assert await bewaring(replace(RULED, **other), target) == ()


async def test_hosts_and_paths_that_go_are_named(stand_in: StandIn, target: Target) -> None:
    hosts = replace(PLAIN, hosts=("a.example.com", "b.example.com"), paths=("/mcp", "/legacy"))
    await apply(hosts, to=target, confirm=yes)
    said = await bewaring(replace(hosts, hosts=("a.example.com",), paths=("/mcp", "/new")), target)
    assert said == (
        "The route mcp-route would no longer take requests for b.example.com.",
        "The route mcp-route would no longer take requests for /legacy.",
    )
    (sentence,) = await bewaring(replace(PLAIN, paths=("/mcp", "/new")), target)
    assert '(hosts ["a.example.com"])' in sentence
    assert await bewaring(replace(PLAIN, hosts=("c.example.com",), paths=("/mcp", "/new")), target) == ()


async def test_a_route_with_the_same_requests_is_named_once(stand_in: StandIn, target: Target) -> None:
    shop = stand_in.put("services", name="shop", host="shop")
    stand_in.put("routes", name="shop", paths=["/mcp"], service={"id": shop["id"]})
    (sentence,) = await bewaring(PLAIN, target)
    assert "shop (/mcp)" in sentence
    assert "same rank" in sentence
    # It is as it was, and whoever changes a tag changes nothing about it.
    assert await bewaring(replace(PLAIN, tags=("one",)), target) == ()
    said = await bewaring(replace(PLAIN, hosts=("mcp.example.com",)), target)
    assert said == (
        "Requests for mcp.example.com/mcp would go to mcp-route, and no longer to the route shop (/mcp).",
    )


async def test_a_catch_all_and_longer_paths_are_nothing_to_beware_of(
    stand_in: StandIn, target: Target
) -> None:
    for name, path in (("all", "/"), ("deeper", "/mcp/admin"), ("beside", "/mcp-docs"), ("other", "/shop")):
        stand_in.put("routes", name=name, paths=[path])
    assert await bewaring(PLAIN, target) == ()


async def test_a_host_in_capitals_is_the_same_host(stand_in: StandIn, target: Target) -> None:
    shouted = replace(PLAIN, upstream="http://TOOLS.Internal:3001/mcp")
    await apply(shouted, to=target, confirm=yes)
    for host in ("TOOLS.Internal", "tools.internal"):
        stand_in.all("services")[0]["host"] = host
        again = await apply(shouted, to=target, confirm=lambda plan: pytest.fail("asked"))
        assert {change.outcome for change in again} == {"unchanged"}
    stand_in.all("services")[0]["host"] = "other.internal"
    assert outcomes(await apply(shouted, to=target, confirm=yes))[0] == ("updated", "service")
