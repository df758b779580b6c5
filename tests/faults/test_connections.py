"""Connections that are refused, reset, cut or never made: one error class, and a client that goes on."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import anyio
import pytest
import trustme
from anyio.to_thread import run_sync

from konnect_agent import Konnect
from konnect_agent.errors import ConfigError, ConnectionFailed, KonnectError, TimedOut, Unreachable
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import TOKEN, Request, ScriptedServer, event, rpc, tool_result

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority nobody trusts."""
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # for pyOpenSSL too
    return context


@pytest.fixture
def silent_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


async def connecting(url: str, **settings: Any) -> KonnectError:
    with anyio.fail_after(30), pytest.raises(KonnectError) as caught:
        await Konnect(token=TOKEN, url=url, max_attempts=2, first_wait=0.001, **settings).connect()
    return caught.value


async def test_a_refused_connection_is_unreachable(silent_port: int) -> None:
    error = await connecting(f"http://127.0.0.1:{silent_port}/")
    assert type(error) is Unreachable
    assert not error.sent
    assert error.attempts == 2
    assert "firewall" in error.hint
    assert "<region>.mcp.konghq.com" in error.hint


async def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    error = await connecting("https://us.mcp.konghq.invalid/")
    assert type(error) is Unreachable
    assert "us.mcp.konghq.invalid does not resolve" in str(error)
    assert "regional URL" in error.hint


async def test_a_certificate_nobody_trusts_is_told_as_such(tls: ssl.SSLContext) -> None:
    with ScriptedServer(lambda request: request.result([]), tls=tls) as server:
        error = await connecting(server.url)
        assert server.requests == []
    assert type(error) is Unreachable
    assert "TLS handshake" in str(error)
    assert "certificate" in str(error)


async def test_a_private_authority_is_trusted_by_the_environment(
    tls: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    connect: Connect,
) -> None:
    certificate = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with ScriptedServer(lambda request: request.result("hello"), tls=tls) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "hello"


async def test_a_server_that_speaks_no_tls_is_unreachable(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        error = await connecting(server.url.replace("http:", "https:"))
    assert type(error) is Unreachable
    assert "TLS handshake" in str(error)


async def test_plain_http_is_refused_except_on_loopback() -> None:
    with pytest.raises(ConfigError, match="http"):
        Konnect(token=TOKEN, url="http://us.mcp.konghq.com/")
    assert Konnect(token=TOKEN, url="http://us.mcp.konghq.com/", allow_insecure=True).endpoint
    assert Konnect(token=TOKEN, url="http://localhost:1234/").endpoint


@pytest.mark.parametrize("kind", ["reset", "lost", "cut"])
async def test_a_broken_connection_is_unreachable_and_costs_only_that_call(
    connect: Connect, world: World, kind: str
) -> None:
    with Sandbox(world=world, faults=f"{kind}:1", eras=("2025",)) as sandbox:
        async with connect(sandbox, max_attempts=1) as konnect:
            with pytest.raises(Unreachable) as caught:
                await konnect.control_planes.list()
            assert await konnect.control_planes.list()
        assert sandbox.ledger.http["initialize"] == 1
    assert caught.value.sent
    assert caught.value.request_id


@pytest.mark.parametrize("json_response", [True, False])
@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_an_answer_cut_in_the_middle_spares_the_calls_beside_it(
    connect: Connect, world: World, era: str, json_response: bool
) -> None:
    outcomes: list[str] = []
    server = Sandbox(world=world, faults="ok:3,cut:1", eras=(era,), json_response=json_response, latency=0.05)
    with server as sandbox:
        async with connect(sandbox, max_attempts=1, max_in_flight=8) as konnect:

            async def one() -> None:
                try:
                    await konnect.control_planes.list()
                    outcomes.append("good")
                except KonnectError as error:
                    outcomes.append(type(error).__name__)

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    for _ in range(8):
                        tasks.start_soon(one)
    assert sorted(outcomes) == ["Unreachable"] + ["good"] * 7


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_a_server_that_dies_and_comes_back_finds_the_same_client(
    connect: Connect, world: World, era: str
) -> None:
    with Sandbox(world=world, eras=(era,)) as sandbox:
        async with connect(sandbox, max_attempts=2) as konnect:
            before = await konnect.control_planes.list()
            await run_sync(sandbox.stop)
            with anyio.fail_after(30), pytest.raises(ConnectionFailed):
                await konnect.control_planes.list()
            await run_sync(sandbox.start)
            assert await konnect.control_planes.list() == before


async def test_a_server_that_is_away_while_connecting_is_waited_for(connect: Connect, world: World) -> None:
    with Sandbox(world=world) as sandbox:
        await run_sync(sandbox.stop)
        konnect = connect(sandbox, max_attempts=1000)
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(konnect.connect)
                await anyio.wait_all_tasks_blocked()
                await run_sync(sandbox.start)
            assert await konnect.control_planes.list()
            await konnect.aclose()


async def test_a_client_may_be_opened_in_one_task_and_closed_in_another(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world) as sandbox:
        konnect = connect(sandbox)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(konnect.connect)
        assert await konnect.control_planes.list()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(konnect.aclose)
            tasks.start_soon(konnect.aclose)
        with pytest.raises(ConfigError, match="closed"):
            await konnect.control_planes.list()


async def test_closing_does_not_wait_for_a_server_that_is_gone(connect: Connect, world: World) -> None:
    with Sandbox(world=world, eras=("2025",)) as sandbox:
        konnect = connect(sandbox)
        await konnect.control_planes.list()
        await run_sync(sandbox.stop)
        with anyio.fail_after(10):  # far less than a call may take
            await konnect.aclose()


async def test_calls_in_flight_end_in_one_error_each_when_the_client_is_closed(connect: Connect) -> None:
    caught: list[KonnectError] = []
    with ScriptedServer(lambda request: request.hold()) as server:
        konnect = connect(server, max_attempts=1)
        await konnect.connect()

        async def one() -> None:
            with pytest.raises(KonnectError) as raised:
                await konnect.call("GetControlPlane")
            caught.append(raised.value)

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(one)
                await run_sync(server.arrived("tools/call", 3).wait)
                await konnect.aclose()
    assert [type(error) for error in caught] == [Unreachable] * 3


@pytest.mark.parametrize("failing", ["initialize", "tools/list"])
@pytest.mark.parametrize("how", ["cut", "garbage", "reset", "refused id"])
async def test_a_handshake_that_fails_is_one_error_and_leaves_nothing_behind(
    connect: Connect, failing: str, how: str
) -> None:
    def script(request: Request) -> None:
        if how == "cut":
            request.head(content_length="1000")
            request.cut()
        elif how == "garbage":
            request.answer("{{{")
        elif how == "reset":
            request.reset()
        else:
            request.answer(rpc(request.id, error={"code": -32603, "message": "out of order"}))

    with ScriptedServer(lambda request: request.result([]), others={failing: script}) as server:
        konnect = connect(server, max_attempts=1)
        with anyio.fail_after(30), pytest.raises(KonnectError) as caught:
            await konnect.connect()
        assert not isinstance(caught.value, BaseExceptionGroup)
        assert caught.value.operation == "connect"
        await konnect.aclose()


async def test_a_resumption_that_finds_nobody_does_not_make_the_request_unsent(connect: Connect) -> None:
    def vanish(request: Request) -> None:
        request.stream(event("", event_id="e1", retry=1))
        server.stop_listening()

    server = ScriptedServer(vanish)
    with server:
        async with connect(server, max_attempts=5) as konnect:
            with pytest.raises(Unreachable) as caught:
                await konnect.call("CreateDebugSession")
        assert len(server.of("tools/call")) == 1
    assert caught.value.sent


async def test_a_redirect_to_another_origin_is_not_followed_with_the_token(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as elsewhere:

        def away(request: Request) -> None:
            request.answer("", status=307, location=f"{elsewhere.url}?secret=kpat_NotYours")

        with ScriptedServer(away) as server:
            async with connect(server, max_attempts=1) as konnect:
                with pytest.raises(KonnectError, match="redirected to") as caught:
                    await konnect.call("GetControlPlane")
        assert elsewhere.requests == []
    assert "NotYours" not in str(caught.value)
    assert "--url" in caught.value.hint


async def test_a_redirect_while_connecting_is_told_with_its_target(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as elsewhere:

        def away(request: Request) -> None:
            request.answer("", status=308, location=elsewhere.url)

        others = {"server/discover": away, "initialize": away}
        server = ScriptedServer(lambda request: request.result([]), others=others)
        with server, pytest.raises(KonnectError) as caught:
            await connect(server, max_attempts=1).connect()
        assert elsewhere.requests == []
    assert elsewhere.url in str(caught.value)


async def test_a_connect_timeout_says_which_limit_it_was() -> None:
    # A full queue of connections nobody accepts: the next one gets no answer at all.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            error = await connecting(f"http://127.0.0.1:{address[1]}/", connect_timeout=0.05)
        finally:
            for each in waiting:
                each.close()
    assert isinstance(error, TimedOut)
    assert error.limit == "connect"
    assert not error.sent
    assert "0.05 s" in str(error)


async def test_the_result_beside_a_broken_connection_is_not_mixed_up(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number % 3 == 0:
            request.reset()
        else:
            n = request.message["params"]["arguments"]["n"]
            request.answer(rpc(request.id, result=tool_result({"n": n})))

    answers: dict[int, object] = {}
    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=20) as konnect:

            async def one(n: int) -> None:
                answers[n] = await konnect.call("GetControlPlane", {"n": n})

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    for n in range(60):
                        tasks.start_soon(one, n)
    assert answers == {n: {"n": n} for n in range(60)}
