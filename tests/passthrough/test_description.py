"""What can be wanted, what is refused, and what is warned about."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import Access, Passthrough, Place, ToolAccess, render, traps

UPSTREAM = "http://tools.internal:3001/mcp"


def described(**fields: Any) -> Passthrough:
    """A description that is sound but for these fields."""
    given: dict[str, Any] = {"upstream": UPSTREAM, "protocols": ("http", "https"), **fields}
    return Passthrough(**given)


def said(form: str | None = None, **fields: Any) -> str:
    return " ".join(traps(described(**fields), form))


@pytest.mark.parametrize(
    "fields",
    [
        {"upstream": None},
        {"upstream": ""},
        {"upstream": "tools.internal/mcp"},
        {"upstream": "ftp://tools/mcp"},
        {"upstream": "http://tools:0/mcp"},
        {"upstream": "http://tools:99999/mcp"},
        {"upstream": "http://tools/mcp?token=1"},
        {"upstream": "http://tools/mcp#x"},
        {"upstream": "http://to\nols/mcp"},
        {"upstream": "http://tools/m cp"},
        {"upstream": 'http://to"ols/mcp'},
        {"upstream": "http://tools/${x}"},
        {"upstream": "http://[::1"},
        {"scope": "consumer"},
        {"scope": "consumer_group"},
        {"scope": "workspace"},
        {"mode": "conversion-listener"},
        {"mode": "nonsense"},
        {"service": ""},
        {"service": "a b"},
        {"service": ".."},
        {"route": "a/b"},
        {"paths": ()},
        {"paths": ("mcp",)},
        {"paths": ("/a b",)},
        {"paths": ("/a//b",)},
        {"paths": ("~/a\n",)},
        {"hosts": ("a b",)},
        {"hosts": ("*.a.*",)},
        {"protocols": ()},
        {"protocols": ("grpc",)},
        {"max_request_body_size": -1},
        {"max_request_body_size": True},
        {"max_request_body_size": 1.5},
        {"timeout": 0.0},
        {"timeout": float("nan")},
        {"consumer_identifier": "email"},
        {"acl_attribute_type": "oauth_access_token"},
        {"access_token_claim_field": "sub"},
        {"default_access": Access()},
        {"default_access": Access(allow=("",))},
        {"tools": (ToolAccess(name="t", allow=("a",)), ToolAccess(name="t", deny=("b",)))},
        {"tools": (ToolAccess(name="", allow=("a",)),)},
        {"tools": (ToolAccess(name="t"),)},
        {"tools": (ToolAccess(name="t", allow=("a",), description="\x00"),)},
        {"tags": ("a,b",)},
        {"tags": ("",)},
    ],
)
def test_what_could_not_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        described(**fields)
    assert raised.value.hint


def test_credentials_in_an_upstream_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        Passthrough(upstream="http://user:hunter2@tools/mcp")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("fields", [{"region": "mars"}, {"control_plane": ""}, {"route_kind": "gateway"}])
def test_a_place_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Place(**fields)
    with pytest.raises(ConfigError):
        render(Passthrough(alone=True), "helm")  # pyright: ignore[reportArgumentType]


def test_a_sound_description_has_nothing_to_warn_about() -> None:
    assert said() == ""
    assert said(upstream="https://us.mcp.konghq.com/") == ""
    assert said(upstream="https://us.mcp.konghq.com", paths=("/",), strip_path=False) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"upstream": "http://mcp.internal:3001"},
            "Requests to /mcp reach http://mcp.internal:3001/: strip_path",
        ),
        ({"strip_path": False}, "Requests to /mcp reach http://tools.internal:3001/mcp/mcp"),
        (
            {"upstream": "http://rest.internal/marketplace", "paths": ("/x",)},
            "Nothing in the upstream URL says MCP",
        ),
        ({"upstream": "http://tools.internal/sse"}, "HTTP+SSE transport of 2024"),
        ({"upstream": "http://localhost:3001/mcp"}, "localhost is the data plane itself"),
        ({"upstream": "http://us.mcp.konghq.com/"}, "carries the token for everybody to read"),
        ({"upstream": "https://us.mcp.konghq.com/mcp"}, "leave /mcp out of the upstream URL"),
        ({"upstream": "https://mcp.konghq.com/mcp"}, "leave /mcp out of the upstream URL"),
        (
            {"upstream": "https://us.mcp.konghq.com/", "paths": ("/konnect-mcp",), "strip_path": False},
            "let strip_path remove /konnect-mcp",
        ),
        (
            {"upstream": "https://us.mcp.konghq.com/", "forward_client_headers": False},
            "forward the client's headers",
        ),
        ({"protocols": ("https",)}, "answered 426"),
        ({"buffering": True}, "events of a stream"),
        ({"scope": "global"}, "every route of the control plane"),
        ({"max_request_body_size": 0}, "only nginx limits"),
        ({"log_payloads": True}, "secrets included"),
        ({"default_access": Access(allow=("a",))}, "need an authentication plugin"),
        ({"log_audits": True}, "3.13"),
        ({"acl_attribute_type": "oauth_access_token", "access_token_claim_field": "sub"}, "3.14"),
    ],
)
def test_a_trap_is_named(fields: dict[str, Any], words: str) -> None:
    assert words in said(**fields)


def test_traps_of_a_form_are_named_for_that_form_only() -> None:
    assert "deck gateway sync" in said("deck")
    assert "deck gateway sync" not in said("deck", tags=("mcp",))
    assert "overwriting" in said("kubernetes", alone=True)
    assert "overwriting" not in said("kubernetes")
    assert said("terraform") == ""


def test_another_server_is_not_taken_for_konnect() -> None:
    assert said(upstream="https://evilmcp.konghq.com.example/mcp") == ""
    assert said(upstream="http://my-mcp.konghq.com.internal/mcp") == ""
    assert said(forward_client_headers=False) == ""


def test_keeping_the_path_before_a_bare_upstream_is_no_trap() -> None:
    assert said(upstream="http://tools.internal:3001", strip_path=False) == ""
