"""Through a real reverse proxy: everything works, and each of its refusals is told as its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from konnect_agent import Konnect
from konnect_agent.errors import (
    TOKEN_HINT,
    Forbidden,
    HttpError,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    Unreachable,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import SLOW_PATH, World
from patterns import (
    analyze_consumers,
    audit_configuration,
    debug_performance,
    investigate_alert,
    investigate_endpoint,
)
from patterns.cli import run

from ..faults.scripted import TOKEN as SCRIPTED_TOKEN
from ..faults.scripted import Request, ScriptedServer, event, rpc, tool_result
from ..handmade import TOKEN, serving
from . import marketplace
from .reverse_proxy import KEY, MOST, ReverseProxy, reverse_proxy

pytestmark = pytest.mark.anyio
Through = Callable[..., Konnect]


@pytest.fixture(scope="module")
def behind(world: World) -> Iterator[Sandbox]:
    """The Konnect behind the gateway, with the debug sessions of these tests."""
    with Sandbox(world=world, time_scale=600) as started:
        yield started


@pytest.fixture(scope="module", params=["plain", "like Kong"])
def proxy(
    request: pytest.FixtureRequest, behind: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ReverseProxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with serving(marketplace.mcp) as mcp, serving(marketplace.rest) as rest:
        servers = {"konnect": behind.url, "marketplace": mcp, "rest": rest}
        with reverse_proxy(servers, folder, like_kong=request.param == "like Kong") as started:
            yield started


@pytest.fixture
def through(proxy: ReverseProxy, behind: Sandbox) -> Through:
    """Make a client that reaches Konnect through a path of the proxy, with its key if no other is given."""

    def make(path: str = "/konnect-mcp", *, key: str | None = KEY, **settings: Any) -> Konnect:
        headers = {} if key is None else {"apikey": key}
        defaults: dict[str, Any] = {"token": behind.token, "time_scale": 600.0, "max_attempts": 1}
        return Konnect(url=proxy.url + path, headers=headers, **{**defaults, **settings})

    return make


async def refused(konnect: Konnect) -> KonnectError:
    """Why a client cannot connect."""
    with pytest.raises(KonnectError) as caught:
        await konnect.__aenter__()
    return caught.value


@pytest.mark.parametrize("path", ["/konnect-mcp", "/buffered/konnect-mcp"])
async def test_performance_debugging_works_through_it(through: Through, path: str) -> None:
    async with through(path) as konnect:
        report = await debug_performance(
            konnect, "storefront-production", confirm=lambda plan: True, http_path=SLOW_PATH,
            http_latency=">=1000ms",
        )  # fmt: skip
    assert report.status == "complete"
    assert report.result.bottlenecks[0].name == "kong.access.plugin.rate-limiting-advanced"


@pytest.mark.parametrize("path", ["/konnect-mcp", "/buffered/konnect-mcp"])
async def test_endpoint_investigation_works_through_it(through: Through, path: str) -> None:
    async with through(path) as konnect:
        report = await investigate_endpoint(konnect, "/api/users", method="GET")
    assert report.result.route
    assert (report.status, report.result.route.name) == ("complete", "users")


@pytest.mark.parametrize("path", ["/konnect-mcp", "/buffered/konnect-mcp"])
async def test_consumer_analysis_works_through_it(through: Through, path: str) -> None:
    async with through(path) as konnect:
        report = await analyze_consumers(konnect, "storefront-production", status_codes=(500, 502, 503))
    assert report.status == "complete"
    assert report.result.consumers


@pytest.mark.parametrize("path", ["/konnect-mcp", "/buffered/konnect-mcp"])
async def test_the_audit_works_through_it(through: Through, path: str) -> None:
    async with through(path) as konnect:
        report = await audit_configuration(konnect)
    assert report.status == "complete"
    assert len(report.result.control_planes) > 1


@pytest.mark.parametrize("path", ["/konnect-mcp", "/buffered/konnect-mcp"])
async def test_alert_investigation_works_through_it(through: Through, world: World, path: str) -> None:
    alert = next(alert for alert in world.alerts.values() if alert.get("debug_session_inputs"))
    async with through(path) as konnect:
        report = await investigate_alert(konnect, alert["id"], confirm=lambda plan: True)
    assert report.status == "complete"
    assert report.result.performance
    assert report.result.endpoint
    assert report.result.performance.result.bottlenecks
    assert report.result.endpoint.result.route
    assert report.result.endpoint.result.route.id == alert["entity_id"]


async def test_the_marketplace_answers_through_it(proxy: ReverseProxy) -> None:
    async with Konnect(TOKEN, url=f"{proxy.url}/marketplace", headers={"apikey": KEY}) as konnect:
        users = await konnect.call("list_users")
        assert users == marketplace.users()
        assert (
            await konnect.call("list_orders", {"user_id": users[0]["id"]}) == marketplace.ORDERS["a1b2c3d4"]
        )
        with pytest.raises(NotFound) as caught:  # of the server behind the gateway, and told as such
            await konnect.call("list_orders", {"user_id": "nobody"})
    assert "no user nobody" in caught.value.message


async def test_a_rest_service_behind_it_is_no_mcp_server(proxy: ReverseProxy) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        users = (await client.get(f"{proxy.url}/rest/marketplace/users")).json()
        assert users == marketplace.users()
        orders = (await client.get(f"{proxy.url}/rest/marketplace/{users[1]['id']}/orders")).json()
        assert orders == marketplace.ORDERS["e5f6a7b8"]
    error = await refused(Konnect(TOKEN, url=f"{proxy.url}/rest/marketplace/users"))
    assert "no MCP endpoint at this URL" in error.message


@pytest.mark.parametrize("key", [None, "another-key"])
async def test_a_missing_or_wrong_key_is_no_wrong_token(through: Through, key: str | None) -> None:
    error = await refused(through(key=key))
    assert isinstance(error, Unauthorized)
    assert error.hop == "the gateway"
    assert error.message.startswith("HTTP 401 from the gateway")
    assert "headers={'apikey'" in error.hint
    assert "another-key" not in f"{error!r} {error} {error.hint}"


async def test_a_wrong_token_stays_one_behind_the_gateway(through: Through) -> None:
    error = await refused(through(token="kpat_SomebodyElses0Token0Example"))
    assert isinstance(error, Unauthorized)
    assert (error.hop, error.hint) == (None, TOKEN_HINT)
    assert "A valid token is required" in error.message


async def test_the_switch_of_the_organization_stays_one_behind_the_gateway(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Sandbox(world=world, mcp_disabled=True) as off:
        servers = {"konnect": off.url, "marketplace": off.url, "rest": off.url}
        with reverse_proxy(servers, tmp_path_factory.mktemp("nginx"), like_kong=True) as proxy:
            error = await refused(
                Konnect(off.token, url=f"{proxy.url}/konnect-mcp", headers={"apikey": KEY}, max_attempts=1)
            )
    assert isinstance(error, McpAccessDisabled)
    assert isinstance(error, Forbidden)
    assert error.hop is None


async def test_a_request_that_is_too_large_is_refused_by_it_and_does_no_harm(through: Through) -> None:
    async with through() as konnect:
        with pytest.raises(HttpError) as caught:
            await konnect.call("KnowledgeBaseSearch", {"query": "x" * MOST})
        assert (caught.value.status, caught.value.hop) == (413, "the gateway")
        assert "max_request_body_size" in caught.value.hint
        assert await konnect.control_planes.list()


async def test_its_rate_limit_is_its_own(through: Through) -> None:
    with pytest.raises(RateLimited) as caught:  # noqa: PT012 - which of the requests it is depends on the others
        async with through("/limited/konnect-mcp") as konnect:
            for _ in range(20):
                await konnect.control_planes.list()
    assert caught.value.hop == "the gateway"
    assert "raise the limit there" in caught.value.hint


async def test_a_rate_limit_of_its_own_only_takes_longer(through: Through) -> None:
    async with through("/steady/konnect-mcp", max_attempts=50, first_wait=0.01, max_wait=0.1) as konnect:
        report = await audit_configuration(konnect, control_planes=["storefront-production"])
    assert report.status == "complete"
    assert any(call.attempts > 1 for each in report.steps for call in each.calls)


async def test_no_route_is_no_missing_tool(through: Through, proxy: ReverseProxy) -> None:
    error = await refused(through("/konnect"))
    assert isinstance(error, HttpError)
    assert error.status == 404
    if proxy.like_kong:
        assert (error.hop, "none of its routes" in error.hint) == ("the gateway", True)
        assert error.message == "HTTP 404 from the gateway: no Route matched with those values"
    else:  # such a page may be any web server's
        assert (error.hop, "no MCP endpoint at this URL" in error.message) == (None, True)


async def test_a_route_that_goes_away_is_no_lost_mcp_session() -> None:
    def script(request: Request) -> None:
        gone = '{"message": "no Route matched with those values"}'
        request.answer(gone, status=404, x_kong_response_latency="0")

    with ScriptedServer(script) as server:
        async with Konnect(SCRIPTED_TOKEN, url=server.url) as konnect:
            with pytest.raises(HttpError) as caught:
                await konnect.call("GetControlPlane")
    assert (type(caught.value), caught.value.hop, caught.value.attempts) == (HttpError, "the gateway", 1)


@pytest.mark.parametrize(("path", "status"), [("/dead/konnect-mcp", 502), ("/silent/konnect-mcp", 504)])
async def test_a_server_it_cannot_reach_is_looked_for_behind_it(
    through: Through, path: str, status: int
) -> None:
    error = await refused(through(path))
    assert isinstance(error, ServerError)
    assert (error.status, error.hop) == (status, "the gateway")
    assert "upstream URL" in error.hint


def _half(request: Request, *, streaming: bool) -> None:
    """The first half of an answer, and then nothing more."""
    answer = rpc(request.id, result=tool_result({"id": "one", "name": "shop"}))
    answer = event(answer) if streaming else answer
    kind = "text/event-stream" if streaming else "application/json"
    request.head(content_type=kind, content_length=str(len(answer)))
    request.write(answer[: len(answer) // 2])
    request.hold()


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("like_kong", [True, False])
async def test_an_answer_it_cuts_in_the_middle_is_asked_for_again_and_nothing_is_done_twice(
    tmp_path: Path, streaming: bool, like_kong: bool
) -> None:
    def script(request: Request) -> None:
        if request.number % 2:
            _half(request, streaming=streaming)
        else:
            request.result({"id": "one", "name": "shop"})

    with ScriptedServer(script) as server:
        servers = {"konnect": server.url, "marketplace": server.url, "rest": server.url}
        with reverse_proxy(servers, tmp_path, like_kong=like_kong) as proxy:
            url = f"{proxy.url}/cutting/konnect-mcp"
            async with Konnect(SCRIPTED_TOKEN, url=url, headers={"apikey": KEY}, first_wait=0.0) as konnect:
                assert await konnect.call("GetControlPlane") == {"id": "one", "name": "shop"}
                assert len(server.of("tools/call")) == 2
                with pytest.raises(Unreachable) as caught:
                    await konnect.call("CreateDebugSession")
        assert len(server.of("tools/call")) == 3
    assert (caught.value.sent, caught.value.attempts) == (True, 1)
    assert "connection" in caught.value.message.lower()
    assert "complete" in caught.value.message


async def test_a_debug_session_starts_once_though_idle_connections_are_dropped(
    through: Through, proxy: ReverseProxy, behind: Sandbox
) -> None:
    before = len(behind.ledger.debug_sessions_created)
    async with through("/dropping/konnect-mcp") as konnect:
        (plane, *_) = await konnect.control_planes.list()
        assert plane.id
        await proxy.idle_connections_are_closed()
        started = await konnect.debug_sessions.create(plane.id, session_duration=60)
        assert started.id
        await proxy.idle_connections_are_closed()
        await konnect.debug_sessions.stop(started.id, control_plane_id=plane.id)
    assert len(behind.ledger.debug_sessions_created) == before + 1


def test_a_job_reaches_konnect_through_it_with_the_key_in_its_environment(
    proxy: ReverseProxy, behind: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KONNECT_TOKEN", behind.token)
    monkeypatch.setenv("KONNECT_MCP_URL", f"{proxy.url}/konnect-mcp")
    assert run(["endpoint", "/api/users"]) == 3
    assert "from the gateway" in capsys.readouterr().err
    monkeypatch.setenv("KONNECT_MCP_HEADERS", f"apikey: {KEY}")
    assert run(["endpoint", "/api/users"]) == 0
    assert KEY not in "".join(capsys.readouterr())
