"""Applying a description through the Admin API and the Konnect API, against a stand-in that validates."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.applying import Plan, Target, admin_api, apply, konnect_api
from konnect_agent.errors import (
    ConfigError,
    ConfirmationDeclined,
    Forbidden,
    HttpError,
    InvalidArguments,
    McpAccessDisabled,
    NotFound,
    Unauthorized,
    Unreachable,
)
from konnect_agent.gateway.passthrough import Passthrough

from .applied import WANTED, failing, outcomes, yes
from .stand_in import ADMIN_TOKEN, CONTROL_PLANE, KONNECT_TOKEN, Fault, StandIn

pytestmark = pytest.mark.anyio


async def test_service_route_and_plugin_are_created_as_described(stand_in: StandIn, target: Target) -> None:
    changes = await apply(WANTED, to=target, confirm=yes)
    assert outcomes(changes) == [("created", "service"), ("created", "route"), ("created", "plugin")]
    (service,), (route,), (plugin,) = (stand_in.all(each) for each in ("services", "routes", "plugins"))
    assert [change.id for change in changes] == [service["id"], route["id"], plugin["id"]]
    assert (service["name"], service["host"], service["port"]) == ("mcp-service", "tools.internal", 3001)
    assert (service["protocol"], service["path"], service["tags"]) == ("http", "/mcp", ["mcp"])
    assert (route["paths"], route["service"]) == (["/mcp"], {"id": service["id"]})
    assert (route["request_buffering"], route["response_buffering"]) == (False, False)
    assert (plugin["service"], plugin["route"]) == ({"id": service["id"]}, None)
    assert plugin["config"]["mode"] == "passthrough-listener"
    assert plugin["config"]["default_acl"] == [{"scope": "tools", "allow": ["agents"]}]


async def test_applied_again_it_sends_nothing_and_asks_nobody(stand_in: StandIn, target: Target) -> None:
    await apply(WANTED, to=target, confirm=yes)
    sent = len(stand_in.writes())
    changes = await apply(WANTED, to=target, confirm=lambda plan: pytest.fail("asked"))
    assert {change.outcome for change in changes} == {"unchanged"}
    assert len(stand_in.writes()) == sent


@pytest.mark.parametrize("scope", ["global", "service", "route"])
async def test_each_scope_has_a_plugin_of_its_own(scope: str, stand_in: StandIn, target: Target) -> None:
    for each in ("global", "service", "route"):
        await apply(Passthrough(upstream="http://mcp/", scope=each), to=target, confirm=yes)  # pyright: ignore[reportArgumentType]
    assert len(stand_in.all("plugins")) == 3
    again = await apply(Passthrough(upstream="http://mcp/", scope=scope), to=target, confirm=yes)  # pyright: ignore[reportArgumentType]
    assert {change.outcome for change in again} == {"unchanged"}


async def test_the_plugin_alone_goes_onto_a_route_that_exists(stand_in: StandIn, target: Target) -> None:
    route = stand_in.put("routes", name="theirs", paths=["/theirs"])
    changes = await apply(Passthrough(alone=True, scope="route", route="theirs"), to=target, confirm=yes)
    assert outcomes(changes) == [("created", "plugin")]
    assert stand_in.all("plugins")[0]["route"] == {"id": route["id"]}


async def test_the_plugin_alone_needs_what_it_is_scoped_to(stand_in: StandIn, target: Target) -> None:
    error = await failing(Passthrough(alone=True, service="nowhere"), target, NotFound)
    assert "no service nowhere" in error.message
    assert stand_in.writes() == []


async def test_a_plugin_is_found_on_a_later_page(stand_in: StandIn, target: Target) -> None:
    stand_in.page = 2
    for number in range(4):
        holder = stand_in.put("services", name=f"other-{number}", host="other")
        stand_in.put(
            "plugins", name="ai-mcp-proxy", config={"mode": "listener"}, service={"id": holder["id"]}
        )
    everywhere = Passthrough(alone=True, scope="global")
    await apply(everywhere, to=target, confirm=yes)
    again = await apply(everywhere, to=target, confirm=yes)
    assert outcomes(again) == [("unchanged", "plugin")]


async def test_nothing_is_sent_without_a_yes(stand_in: StandIn, target: Target) -> None:
    async def no(plan: Plan) -> bool:
        return False

    def words(plan: Plan) -> Any:
        return "yes"

    for answer in (no, words):
        with pytest.raises(ConfirmationDeclined):
            await apply(WANTED, to=target, confirm=answer)
    assert stand_in.writes() == []


async def test_nobody_listening_is_unreachable_and_nothing_has_to_be_undone() -> None:
    error = await failing(WANTED, admin_api("http://127.0.0.1:1"), Unreachable)
    assert "Admin API" in error.hint


async def test_the_fields_that_fail_are_named(stand_in: StandIn, target: Target) -> None:
    stand_in.put("services", name="mcp-service", host="h", tags=["x"])
    stand_in.entities["services"][stand_in.all("services")[0]["id"]]["retries"] = "many"
    error = await failing(WANTED, target, InvalidArguments)
    assert "retries" in error.message


async def test_a_wrong_token_is_unauthorized_and_never_shown(stand_in: StandIn) -> None:
    wrong = admin_api(stand_in.url, token="not-the-one")
    error = await failing(WANTED, wrong, Unauthorized)
    assert "KONG_ADMIN_TOKEN" in error.hint
    assert "not-the-one" not in f"{error!r}{error}{error.hint}{wrong!r}"
    error = await failing(
        WANTED, konnect_api(CONTROL_PLANE, token="kpat_Wrong0", url=stand_in.url), Unauthorized
    )
    assert "kpat_" in error.hint


async def test_a_control_plane_that_is_not_there_is_not_found(stand_in: StandIn) -> None:
    nowhere = konnect_api("00000000-0000-4000-8000-000000000000", token=KONNECT_TOKEN, url=stand_in.url)
    error = await failing(WANTED, nowhere, NotFound)
    assert "region" in error.hint


async def test_each_api_gets_its_own_token_and_no_other(stand_in: StandIn) -> None:
    await apply(WANTED, to=admin_api(stand_in.url, token=ADMIN_TOKEN), confirm=yes)
    assert all("authorization" not in headers for headers in stand_in.headers)
    stand_in.headers.clear()
    await apply(WANTED, to=konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=stand_in.url), confirm=yes)
    assert all("kong-admin-token" not in headers for headers in stand_in.headers)
    stand_in.admin_token = None
    stand_in.headers.clear()
    await apply(WANTED, to=admin_api(stand_in.url), confirm=yes)
    assert all("kong-admin-token" not in headers for headers in stand_in.headers)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://us.api.konghq.com.example.com",
        "http://us.api.konghq.com",
        "nonsense",
        r"https://example.com\.api.konghq.com",
        "https://.api.konghq.com",
        "https://a.us.api.konghq.com",
        "https://us.mcp.konghq.com",
        "https://us.api.konghq.com/v2",
    ],
)
async def test_a_konnect_token_goes_to_konnect_only(url: str) -> None:
    with pytest.raises(ConfigError):
        konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=url)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://localhost:8001", KONNECT_TOKEN),
        ("http://localhost:8001", "two words"),
        ("http://localhost:8001", ""),
        ("http://kong.example.com:8001", "secret"),
        ("http://localhost:8001?x=1", "secret"),
        ("http://admin:secret@localhost:8001", None),
    ],
)
async def test_an_admin_api_gets_a_token_of_its_own_over_a_safe_way(url: str, token: str | None) -> None:
    with pytest.raises(ConfigError) as raised:
        admin_api(url, token=token)
    assert "secret" not in str(raised.value)


async def test_a_redirect_is_not_followed(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("GET", "/services/", status=307)]
    error = await failing(WANTED, target, HttpError)
    assert isinstance(error, HttpError)
    assert error.status == 307


async def test_a_region_or_its_host_says_where_konnect_is_and_not_both() -> None:
    by_host = konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url="https://eu.api.konghq.com/")
    assert by_host.base == konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, region="eu").base
    with pytest.raises(ConfigError):
        konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, region="us", url="https://eu.api.konghq.com")


@pytest.mark.parametrize("host", ["kong-admin:8001", "10.0.0.5:8001", "kong.kong.svc:8001", "[fd00::1]:8001"])
async def test_a_private_admin_api_is_asked_without_a_token_but_never_sent_one(host: str) -> None:
    assert admin_api(f"http://{host}").base == f"http://{host}"
    with pytest.raises(ConfigError) as raised:
        admin_api(f"http://{host}", token="one")
    assert "unencrypted" in raised.value.message


@pytest.mark.parametrize("host", ["kong.example.com", "8.8.8.8", "internal.example.com"])
async def test_a_public_admin_api_is_not_asked_in_the_clear(host: str) -> None:
    with pytest.raises(ConfigError):
        admin_api(f"http://{host}:8001")


@pytest.mark.parametrize("status", [400, 403, 405, 408, 409, 429, 500, 503])
async def test_no_refusal_is_explained_with_the_mcp_server(
    status: int, stand_in: StandIn, target: Target
) -> None:
    text = '{"message": "access denied"}'
    stand_in.faults = [Fault("POST", "/services$", status=status, text=text)]
    with pytest.raises((HttpError, InvalidArguments)) as raised:
        await apply(WANTED, to=target, confirm=yes)
    error = raised.value
    assert isinstance(error, Forbidden) == (status == 403)
    assert not isinstance(error, McpAccessDisabled)
    assert error.hint
    for foreign in ("MCP", "tools TOOL", "max_in_flight", "Kong support"):
        assert foreign not in error.hint
    assert str(error).startswith(f"POST services: HTTP {status}")
    assert target.base in str(error)
