"""Applying a description through the Admin API and the Konnect API, against a stand-in that validates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from konnect_agent.applying import Change, Plan, Target, admin_api, apply, konnect_api
from konnect_agent.errors import (
    ConfigError,
    ConfirmationDeclined,
    HttpError,
    InvalidArguments,
    KonnectError,
    NotFound,
    ServerError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from konnect_agent.gateway.passthrough import Access, Passthrough, ToolAccess

from .stand_in import ADMIN_TOKEN, CONTROL_PLANE, KONNECT_TOKEN, Fault, StandIn

pytestmark = pytest.mark.anyio

WANTED = Passthrough(
    upstream="http://tools.internal:3001/mcp",
    tags=("mcp",),
    default_access=Access(allow=("agents",)),
    tools=(ToolAccess(name="list_users", deny=("guests",)),),
)


@pytest.fixture(params=["admin", "konnect"])
def target(request: pytest.FixtureRequest, stand_in: StandIn) -> Target:
    """Both APIs: what is true of one is true of the other."""
    if request.param == "admin":
        return admin_api(stand_in.url, token=ADMIN_TOKEN)
    return konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=stand_in.url)


def yes(plan: Plan) -> bool:
    return True


def outcomes(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.outcome, change.kind) for change in changes]


async def failing(description: Passthrough, target: Target, kind: type[KonnectError]) -> KonnectError:
    with pytest.raises(kind) as raised:
        await apply(description, to=target, confirm=yes)
    return raised.value


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


async def test_what_differs_is_updated_and_what_is_not_described_stays(
    stand_in: StandIn, target: Target
) -> None:
    theirs = stand_in.put("services", name="mcp-service", host="old.internal", retries=1)
    seen: list[Plan] = []

    def agreed(plan: Plan) -> bool:
        seen.append(plan)
        return True

    changes = await apply(WANTED, to=target, confirm=agreed)
    assert outcomes(changes)[0] == ("updated", "service")
    assert set(seen[0].steps[0].changes) == {"tags", "host", "port", "path"}
    (service,) = stand_in.all("services")
    assert service["id"] == theirs["id"]
    assert (service["host"], service["retries"]) == ("tools.internal", 1)


async def test_an_update_keeps_what_the_description_does_not_know(stand_in: StandIn, target: Target) -> None:
    await apply(WANTED, to=target, confirm=yes)
    (plugin,) = stand_in.all("plugins")
    plugin["config"]["tools"][0]["annotations"] = {"title": "Users"}
    plugin["config"]["server"] = {"tag": "theirs"}
    changes = await apply(replace(WANTED, timeout=5.0), to=target, confirm=yes)
    assert outcomes(changes) == [("unchanged", "service"), ("unchanged", "route"), ("updated", "plugin")]
    (plugin,) = stand_in.all("plugins")
    assert plugin["config"]["tools"][0]["annotations"] == {"title": "Users"}
    assert plugin["config"]["server"] == {"tag": "theirs", "timeout": 5000}


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


async def test_a_route_of_another_service_is_left_alone(stand_in: StandIn, target: Target) -> None:
    other = stand_in.put("services", name="other", host="other")
    stand_in.put("routes", name="mcp-route", paths=["/other"], service={"id": other["id"]})
    error = await failing(WANTED, target, ConfigError)
    assert "belongs to another service" in error.message
    assert stand_in.writes() == []


async def test_nothing_is_sent_without_a_yes(stand_in: StandIn, target: Target) -> None:
    async def no(plan: Plan) -> bool:
        return False

    def words(plan: Plan) -> Any:
        return "yes"

    for answer in (no, words):
        with pytest.raises(ConfirmationDeclined):
            await apply(WANTED, to=target, confirm=answer)
    assert stand_in.writes() == []


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
@pytest.mark.parametrize("collection", ["routes", "plugins"])
async def test_a_later_failure_takes_back_what_was_created(
    kind: str, collection: str, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [Fault("POST", f"/{collection}$", kind=kind)]  # pyright: ignore[reportArgumentType]
    error = await failing(WANTED, target, Unreachable if kind == "cut" else ServerError)
    assert [stand_in.all(each) for each in ("services", "routes", "plugins")] == [[], [], []]
    assert ("removed", "service") in outcomes(error.report)
    assert "could not be undone" not in error.hint


async def test_an_answer_that_never_comes_may_have_been_a_yes(
    stand_in: StandIn, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("konnect_agent.applying.exchange._LONGEST", 0.5)
    stand_in.faults = [Fault("POST", "/services$", kind="silent")]
    error = await failing(WANTED, target, TimedOut)
    assert outcomes(error.report) == [("removed", "service")]
    assert stand_in.all("services") == []


async def test_nobody_listening_is_unreachable_and_nothing_has_to_be_undone() -> None:
    error = await failing(WANTED, admin_api("http://127.0.0.1:1"), Unreachable)
    assert "Admin API" in error.hint


async def test_what_was_updated_is_put_back(stand_in: StandIn, target: Target) -> None:
    before = dict(stand_in.put("services", name="mcp-service", host="old.internal"))
    stand_in.faults = [Fault("POST", "/plugins$")]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report)[-2:] == [("removed", "route"), ("restored", "service")]
    assert stand_in.all("services") == [before]


async def test_what_cannot_be_taken_back_is_named(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/plugins$"), Fault("DELETE", "/routes/")]
    told: list[Change] = []
    with pytest.raises(ServerError) as raised:
        await apply(WANTED, to=target, confirm=yes, tell=told.append)
    left = [change for change in told if change.outcome == "left"]
    assert {change.kind for change in left} == {"route", "service"}  # the route still refers to the service
    assert all(change.because for change in left)
    assert all(change.id in raised.value.hint for change in left)
    assert raised.value.report == tuple(told)


async def test_somebody_elses_entity_of_the_same_name_is_never_deleted(
    stand_in: StandIn, target: Target
) -> None:
    def meanwhile() -> None:
        stand_in.put("services", name="mcp-service", host="theirs")

    stand_in.faults = [Fault("POST", "/services$", then=meanwhile, status=503)]
    await failing(WANTED, target, ServerError)
    assert [service["host"] for service in stand_in.all("services")] == ["theirs"]


async def test_a_name_taken_meanwhile_is_a_conflict_and_nothing_of_ours_stays(
    stand_in: StandIn, target: Target
) -> None:
    def meanwhile() -> None:
        service = stand_in.put("services", name="other", host="theirs")
        stand_in.put("routes", name="mcp-route", paths=["/x"], service={"id": service["id"]})

    stand_in.faults = [Fault("POST", "/services$", status=None, then=meanwhile)]
    error = await failing(WANTED, target, HttpError)
    assert isinstance(error, HttpError)
    assert error.status == 409
    assert [service["name"] for service in stand_in.all("services")] == ["other"]


async def test_a_plugin_in_another_mode_is_left_alone(stand_in: StandIn, target: Target) -> None:
    service = stand_in.put("services", name="mcp-service", host="tools.internal")
    stand_in.put("plugins", name="ai-mcp-proxy", config={"mode": "listener"}, service={"id": service["id"]})
    error = await failing(WANTED, target, ConfigError)
    assert "in the mode listener" in error.message
    assert stand_in.writes() == []


async def test_the_fields_that_fail_are_named(stand_in: StandIn, target: Target) -> None:
    stand_in.put("services", name="mcp-service", host="h", tags=["x"])
    stand_in.entities["services"][stand_in.all("services")[0]["id"]]["retries"] = "many"
    error = await failing(WANTED, target, InvalidArguments)
    assert "retries" in error.message


async def test_a_cancelled_run_takes_back_what_it_created(stand_in: StandIn, target: Target) -> None:
    with anyio.CancelScope() as scope:

        def interrupted(change: Change) -> None:
            if change.kind == "route":
                scope.cancel()

        await apply(WANTED, to=target, confirm=yes, tell=interrupted)
    assert scope.cancelled_caught
    assert [stand_in.all(each) for each in ("services", "routes", "plugins")] == [[], [], []]


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
    ["https://example.com", "https://us.api.konghq.com.example.com", "http://us.api.konghq.com", "nonsense"],
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
