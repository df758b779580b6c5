"""A caller's own HTTP client: its proxy and its certificates are used, and it stays the caller's to close."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Lock

import anyio
import httpx2
import pytest
import trustme
from anyio.to_thread import run_sync

from konnect_agent.errors import (
    ConfigError,
    ConnectionFailed,
    HttpError,
    RateLimited,
    SessionLost,
    Unauthorized,
    Unreachable,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer

pytestmark = pytest.mark.anyio


class Counting(httpx2.AsyncHTTPTransport):
    """Counts the requests that go through it."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self._lock = Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            self.urls.append(str(request.url))
        return await super().handle_async_request(request)


@contextmanager
def trusting(authority: trustme.CA) -> Generator[ssl.SSLContext]:
    """A client's TLS that trusts the authority."""
    with authority.cert_pem.tempfile() as certificate:
        yield ssl.create_default_context(cafile=certificate)


async def test_requests_go_through_the_callers_client_which_stays_open(
    connect: Connect, world: World
) -> None:
    through = Counting()
    with Sandbox(world=world) as sandbox:
        async with httpx2.AsyncClient(transport=through) as own:
            async with connect(sandbox, http_client=own) as konnect:
                assert await konnect.control_planes.list()
            sent = len(through.urls)
            assert sent >= 3
            assert not own.is_closed
            assert (await own.get(sandbox.url)).status_code == 401
            assert len(through.urls) == sent + 1


async def test_a_private_authority_is_trusted_through_the_callers_client(connect: Connect) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(tls)  # pyright: ignore[reportUnknownMemberType]  # for pyOpenSSL too
    with ScriptedServer(lambda request: request.result("hello"), tls=tls) as server, trusting(authority) as t:
        async with httpx2.AsyncClient(verify=t) as own, connect(server, http_client=own) as konnect:
            assert await konnect.call("GetControlPlane") == "hello"


async def test_a_proxy_of_the_callers_client_is_used(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result("hello")) as proxy:
        async with (
            httpx2.AsyncClient(proxy=proxy.url) as own,
            connect(proxy, url="http://konnect.example/", allow_insecure=True, http_client=own) as konnect,
        ):
            assert await konnect.call("GetControlPlane") == "hello"


async def test_a_proxy_of_the_environment_is_used(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda request: request.result("hello")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with connect(proxy, url="http://konnect.example/", allow_insecure=True) as konnect:
            assert await konnect.call("GetControlPlane") == "hello"


async def test_no_proxy_of_the_environment_sees_what_is_meant_for_this_machine(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ScriptedServer(lambda request: request.result("hello")) as server,
        ScriptedServer(Request.hold) as proxy,
    ):
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == "hello"
        assert proxy.requests == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SSL_CERT_FILE", "/no/such/file.pem", "SSL_CERT_FILE=/no/such/file.pem"),
        ("https_proxy", "gopher://proxy.example:1", "proxy of the environment"),
    ],
)
async def test_what_is_wrong_with_the_environment_is_said_as_such(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    server = ScriptedServer(lambda request: request.result("hello"))
    with server, pytest.raises(ConfigError, match=said) as caught:
        await connect(server, url="https://konnect.example/").connect()
    assert "firewall" not in caught.value.hint


async def test_a_header_of_the_callers_client_that_cannot_be_written_is_said_as_such(
    connect: Connect,
) -> None:
    with ScriptedServer(lambda request: request.result("hello")) as server:
        async with httpx2.AsyncClient(headers={"x-key": "hunter2\r\n"}) as own:
            with pytest.raises(ConfigError, match="header") as caught:
                await connect(server, http_client=own).connect()
        assert server.requests == []
    assert "hunter2" not in str(caught.value)


async def test_a_proxy_that_refuses_is_told_as_such(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(lambda request: request.result([])) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(Unreachable, match="proxy") as caught:
            await connect(proxy, url="https://konnect.example/", max_attempts=1).connect()
        assert not caught.value.sent


async def test_the_callers_client_need_not_know_the_token(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with httpx2.AsyncClient(headers={"x-team": "edge"}) as own:
            async with connect(server, http_client=own) as konnect:
                await konnect.call("GetControlPlane")
            assert "authorization" not in own.headers
        for request in server.requests:
            assert request.headers["authorization"] == f"Bearer {server.token}"


async def test_the_token_wins_over_what_else_the_callers_client_would_say(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with (
            httpx2.AsyncClient(auth=("me", "secret")) as own,
            connect(server, http_client=own) as konnect,
        ):
            await konnect.call("GetControlPlane")
        assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {server.token}"}


async def test_further_headers_go_with_every_request(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server, headers={"x-team": "edge"}) as konnect:
            await konnect.call("GetControlPlane")
        assert {request.headers["x-team"] for request in server.requests} == {"edge"}


async def test_redirects_are_not_followed_even_if_the_callers_client_would(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result([])) as elsewhere:
        script = ScriptedServer(lambda request: request.answer("", status=307, location=elsewhere.url))
        with script as server:
            async with (
                httpx2.AsyncClient(follow_redirects=True) as own,
                connect(server, http_client=own, max_attempts=1) as konnect,
            ):
                with pytest.raises(Exception, match="redirected"):
                    await konnect.call("GetControlPlane")
        assert elsewhere.requests == []


async def test_failures_through_the_callers_client_are_the_same(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults="429:1,reset:1") as sandbox:
        async with (
            httpx2.AsyncClient() as own,
            connect(sandbox, http_client=own, max_attempts=1) as konnect,
        ):
            with pytest.raises(RateLimited):
                await konnect.control_planes.list()
            with pytest.raises(Unreachable):
                await konnect.control_planes.list()
            assert await konnect.control_planes.list()


async def refusing_hook(response: httpx2.Response) -> None:
    """As many give it to their clients."""
    response.raise_for_status()


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (404, SessionLost), (409, HttpError), (429, RateLimited)]
)
async def test_a_status_is_understood_also_where_a_hook_raises_it(
    connect: Connect, status: int, kind: type[HttpError | SessionLost]
) -> None:
    with ScriptedServer(lambda request: request.answer("{}", status=status, retry_after="7")) as server:
        async with (
            httpx2.AsyncClient(event_hooks={"response": [refusing_hook]}) as own,
            connect(server, http_client=own, max_attempts=1) as konnect,
        ):
            assert konnect.era == "2025-11-25"
            with pytest.raises(kind) as caught:
                await konnect.call("GetControlPlane")
    assert caught.value.status == status
    assert getattr(caught.value, "retry_after", 7) == 7


class Peculiar(httpx2.AsyncHTTPTransport):
    """Fails in its own way at the messages that hold these words."""

    def __init__(self, words: bytes) -> None:
        super().__init__()
        self.words = words

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.words in await request.aread():
            raise LookupError("no such route in my transport")
        return await super().handle_async_request(request)


async def test_a_transport_that_fails_at_what_has_no_answer_fails_no_call(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.hold()
        else:
            leave.wait(20)
            request.result("fine")

    leave = Event()
    async with httpx2.AsyncClient(transport=Peculiar(b"notifications/cancelled")) as own:
        with ScriptedServer(script) as server:
            async with connect(server, http_client=own, max_attempts=1) as konnect:
                answers: list[object] = []

                async def other() -> None:
                    answers.append(await konnect.call("GetControlPlane"))

                with anyio.fail_after(20):
                    async with anyio.create_task_group() as tasks:
                        async with anyio.create_task_group() as given_up:
                            given_up.start_soon(konnect.call, "GetControlPlane")
                            await run_sync(server.arrived("tools/call", 1).wait)
                            tasks.start_soon(other)
                            await run_sync(server.arrived("tools/call", 2).wait)
                            given_up.cancel_scope.cancel()
                        await anyio.wait_all_tasks_blocked()
                        leave.set()
                assert answers == ["fine"]
            assert len(server.of("initialize")) == 1


async def test_a_transport_that_fails_in_its_own_way_is_told_as_such(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.result("hello")) as server:
        async with (
            httpx2.AsyncClient(transport=Peculiar(b"tools/call")) as own,
            connect(server, http_client=own) as konnect,
        ):
            with pytest.raises(ConnectionFailed, match=r"LookupError.*my transport") as caught:
                await konnect.call("GetControlPlane")
    assert "http_client=" in caught.value.hint
    assert "firewall" not in caught.value.hint


@pytest.mark.parametrize("while_connected", [True, False])
async def test_a_client_that_its_owner_has_closed_is_told_as_such(
    connect: Connect, while_connected: bool
) -> None:
    own = httpx2.AsyncClient()
    with ScriptedServer(lambda request: request.result("hello")) as server:
        konnect = connect(server, http_client=own)
        if while_connected:
            await konnect.connect()
        await own.aclose()
        with pytest.raises(ConfigError, match="http_client= is closed"):
            await konnect.call("GetControlPlane")
        assert server.of("tools/call") == []
        await konnect.aclose()
