"""Which routes are MCP endpoints, who may call, and what limits them (fact sheet 10)."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.gateway import AccessRule, McpProxy, effective_plugins, mcp_proxy
from konnect_agent.models import Plugin

ROUTE = {"id": "r", "service": {"id": "s"}}


def proxy(*others: dict[str, Any], **config: Any) -> McpProxy | None:
    """What there is on the route with ai-mcp-proxy, so configured, and other plugins."""
    own = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "passthrough-listener", **config}}
    return mcp_proxy(effective_plugins([Plugin.parse(each) for each in (own, *others)], route=ROUTE))


def found(*others: dict[str, Any], **config: Any) -> McpProxy:
    seen = proxy(*others, **config)
    assert seen is not None
    return seen


def test_a_route_without_the_plugin_is_none() -> None:
    assert mcp_proxy(effective_plugins([{"id": "k", "name": "key-auth"}], route=ROUTE)) is None
    disabled = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "listener"}, "enabled": False}
    assert mcp_proxy(effective_plugins([disabled], route=ROUTE)) is None
    elsewhere = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "listener"}, "route": {"id": "other"}}
    assert mcp_proxy(effective_plugins([elsewhere], route=ROUTE)) is None


@pytest.mark.parametrize(
    ("mode", "is_endpoint"),
    [
        ("passthrough-listener", True),
        ("conversion-listener", True),
        ("listener", True),
        ("conversion-only", False),
        (None, None),
        (7, None),
        ("", None),
        ("Passthrough-Listener", None),
        ("gateway-listener", None),
    ],
)
def test_the_listener_modes_make_an_endpoint_and_of_others_nothing_is_claimed(
    mode: Any, is_endpoint: bool | None
) -> None:
    assert found(mode=mode).is_endpoint is is_endpoint


def test_a_mode_that_is_not_known_here_is_named() -> None:
    said = found(mode="gateway-listener").summary()
    assert "may be an MCP endpoint (ai-mcp-proxy, the mode gateway-listener, which is not known here)" in said


@pytest.mark.parametrize(
    ("size", "read"),
    [
        (None, 1_048_576),
        (8192, 8192),
        ("8192", 8192),
        (1.0, 1),
        (0, 0),
        ("0", 0),
        (-1, None),
        ("-1", None),
        ("much", None),
        (True, None),
        (1.5, None),
        (float("nan"), None),
        ([1], None),
    ],
)
def test_the_size_is_the_plugins_or_its_default_and_never_guessed(size: Any, read: int | None) -> None:
    seen = found(max_request_body_size=size)
    assert seen.max_request_body_size == read
    assert seen.body_is_unlimited is (None if read is None else read == 0)
    other = {"id": "z", "name": "request-size-limiting"}
    assert found(other, max_request_body_size=size).body_is_unlimited is False


def test_a_plugin_whose_config_was_not_shown_has_neither_mode_nor_limit() -> None:
    seen = mcp_proxy(effective_plugins([{"id": "m", "name": "ai-mcp-proxy"}], route=ROUTE))
    assert seen is not None
    assert (seen.mode, seen.max_request_body_size, seen.body_is_unlimited) == (None, None, None)
    assert "may be an MCP endpoint" in seen.summary()
    assert "a size that cannot be told" in seen.summary()
    assert "Who may call which tool cannot be told." in seen.summary()


def test_limits_count_where_they_hold_for_everyone() -> None:
    everyone = {"id": "l", "name": "rate-limiting"}
    sizes = {"id": "z", "name": "request-size-limiting"}
    assert found(everyone, sizes).rate_limits == ("rate-limiting",)
    assert not found(sizes, max_request_body_size=0).body_is_unlimited
    assert found(everyone | {"consumer": {"id": "c"}}).rate_limits == ()


@pytest.mark.parametrize(
    "name",
    ["ai-rate-limiting-advanced", "response-ratelimiting", "graphql-rate-limiting-advanced",
     "kong-response-size-limiting", "websocket-size-limit", "rate-limiting-of-ours"],
)  # fmt: skip
def test_what_counts_tokens_or_responses_limits_no_mcp_request(name: str) -> None:
    seen = found({"id": "l", "name": name}, max_request_body_size=0)
    assert (seen.rate_limits, seen.body_limits, seen.partial_rate) == ((), (), ())


@pytest.mark.parametrize("name", ["rate-limiting", "rate-limiting-advanced", "service-protection"])
def test_what_counts_requests_does(name: str) -> None:
    # Which protocols of a subsystem a plugin names makes no difference to Kong.
    assert found({"id": "l", "name": name, "protocols": ["https"]}).rate_limits == (name,)


def test_a_limit_with_a_condition_is_none_for_everyone_and_is_named() -> None:
    some = {"condition": "request.path == '/x'"}
    rate, size = (
        {"id": "l", "name": "rate-limiting"} | some,
        {"id": "z", "name": "request-size-limiting"} | some,
    )
    own = {"id": "m", "name": "ai-mcp-proxy", "config": {"mode": "listener", "max_request_body_size": 0}}
    seen = mcp_proxy(effective_plugins([own, rate, size], route=ROUTE))
    assert seen is not None
    assert (seen.rate_limits, seen.body_limits, seen.body_is_unlimited) == ((), (), True)
    assert seen.partial_rate == ("rate-limiting has a condition",)
    assert seen.partial_body == ("request-size-limiting has a condition",)
    assert seen.summary().endswith(
        "and not by rate. request-size-limiting has a condition and rate-limiting has a condition."
    )


def under_a_condition(*others: dict[str, Any], **config: Any) -> McpProxy:
    """ai-mcp-proxy, skipped for some requests."""
    set_up = {"mode": "passthrough-listener", **config}
    own = {"id": "m", "name": "ai-mcp-proxy", "condition": "request.path == '/x'", "config": set_up}
    seen = mcp_proxy(effective_plugins([own, *others], route=ROUTE))
    assert seen is not None
    return seen


def test_a_proxy_that_may_be_skipped_limits_and_protects_some_requests_only() -> None:
    seen = under_a_condition(max_request_body_size=10, default_acl=[{"allow": ["agents"]}])
    assert (seen.body_is_unlimited, seen.refuses_strangers) == (True, False)
    assert seen.partial_body == ("ai-mcp-proxy (10 bytes) has a condition",)
    assert seen.who_may_call() == (
        "Access by username: tools for agents only. "
        "ai-mcp-proxy has a condition: its rules hold for requests that meet it."
    )
    assert "not limited by size and not by rate. ai-mcp-proxy (10 bytes) has" in seen.summary()
    assert under_a_condition({"id": "z", "name": "request-size-limiting"}).body_is_unlimited is False


def test_a_condition_of_a_proxy_without_limit_and_rules_takes_nothing_away() -> None:
    seen = under_a_condition(max_request_body_size=0)
    assert (seen.partial_body, seen.partial_access) == ((), ())


@pytest.mark.parametrize("mode", ["listener", "conversion-listener", "conversion-only"])
def test_past_a_proxy_that_answers_by_itself_there_is_no_mcp_server(mode: str) -> None:
    seen = under_a_condition(mode=mode, max_request_body_size=10, default_acl=[{"allow": ["agents"]}])
    assert (seen.body_is_unlimited, seen.refuses_strangers) == (False, True)
    assert (seen.partial_body, seen.partial_access) == ((), ())


def test_a_tools_own_rule_replaces_the_default_even_if_it_is_empty() -> None:
    default = [{"allow": ["agents"]}]
    tools: list[dict[str, Any]] = [
        {"name": "closed", "acl": {"allow": ["admins"]}},
        {"name": "denies", "acl": {"deny": ["guests"]}},
        {"name": "empty", "acl": {"allow": [], "deny": None}},
        {"name": "default", "acl": None},
    ]
    seen = found(default_acl=default, tools=tools)
    assert (seen.refuses_strangers, seen.open_tools) == (True, ("denies", "empty"))
    assert "denies not for guests; empty for whoever gets in" in seen.summary()
    assert found(default_acl=default, tools=tools[:1] + tools[3:]).open_tools == ()


def test_access_is_by_default_and_by_tool() -> None:
    seen = found(
        default_acl=[{"allow": ["agents"], "deny": None}, {"scope": "prompts", "allow": ["x"]}],
        tools=[
            {"name": "delete_user", "description": "", "acl": {"deny": ["guests"]}},
            {"name": "list_users", "description": "", "acl": None},
            {"description": "no name", "acl": {"allow": ["a"]}},
        ],
        consumer_identifier="custom_id",
    )
    assert seen.rules == (
        AccessRule(None, ("agents",), ()),
        AccessRule("delete_user", (), ("guests",)),
        AccessRule("(unnamed)", ("a",), ()),
    )
    assert (seen.by, seen.refuses_strangers) == ("custom_id", True)
    assert "tools for agents only; delete_user not for guests" in seen.summary()


def test_access_may_be_by_a_claim() -> None:
    by = {"acl_attribute_type": "oauth_access_token", "access_token_claim_field": "sub"}
    assert "Access by the claim sub" in found(**by, default_acl=[{"deny": ["x"]}]).summary()


@pytest.mark.parametrize("odd", [None, 1, "x", [None, 1, "x", {"acl": 3}], {}, [[]]])
def test_odd_access_rules_are_no_rules(odd: Any) -> None:
    assert found(default_acl=odd, tools=odd).rules == ()


def test_a_summary_says_what_it_is_and_leaves_open_what_was_not_seen() -> None:
    assert found({"id": "l", "name": "rate-limiting"}).summary() == (
        "The route is an MCP endpoint (ai-mcp-proxy, passthrough-listener). Every tool may be called by "
        "whoever gets in. Requests are limited by size (1,048,576 bytes by the plugin) and by rate "
        "(rate-limiting)."
    )
    assert found().summary().endswith(" and not by rate.")
    assert found().summary(all_plugins=False).endswith("not by rate, as far as could be seen.")
    assert found(mode="conversion-only").summary().endswith("the route is no MCP endpoint.")
