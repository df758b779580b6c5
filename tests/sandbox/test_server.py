from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync

from konnect_agent.sandbox import Ledger, Sandbox
from konnect_agent.sandbox.faults import Faults

from .conftest import Connect

Post = Callable[..., httpx2.Response]


def test_a_wrong_token_is_refused_with_a_problem(post: Post) -> None:
    with Sandbox() as sandbox:
        refused = post(sandbox, token="kpat_somebody0else")
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert (problem["status"], problem["title"]) == (401, "Unauthenticated")
        assert problem["instance"].startswith("kong:trace:")
        assert sandbox.ledger.calls == ()
        assert post(sandbox).status_code == 200


def test_a_missing_token_is_refused() -> None:
    with Sandbox() as sandbox:
        assert httpx2.post(sandbox.url, json={}).status_code == 401


def test_a_revoked_token_stays_revoked_over_a_restart(post: Post) -> None:
    with Sandbox() as sandbox:
        sandbox.revoke_token()
        assert post(sandbox).status_code == 401
        sandbox.restart()
        assert post(sandbox).status_code == 401


def test_the_organisation_can_switch_mcp_off(post: Post) -> None:
    with Sandbox(mcp_disabled=True) as sandbox:
        refused = post(sandbox)
        assert refused.status_code == 403
        assert "access denied" in refused.json()["detail"]


def test_the_endpoint_is_the_root_path_only(post: Post) -> None:
    with Sandbox() as sandbox:
        headers = {"authorization": f"Bearer {sandbox.token}"}
        assert httpx2.post(sandbox.url + "mcp", json={}, headers=headers).status_code == 404


def test_stopping_leaves_no_thread_and_nobody_listening() -> None:
    before = threading.active_count()
    with Sandbox() as sandbox:
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(sandbox.url).port or 0)) != 0


def test_a_taken_port_is_an_error() -> None:
    with Sandbox() as sandbox, pytest.raises(OSError, match="in use"):
        Sandbox(port=urlsplit(sandbox.url).port or 0).start()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_can_be_entered_on_either_event_loop(backend: str) -> None:
    async def status() -> int:
        async with Sandbox() as sandbox, httpx2.AsyncClient() as client:
            return (await client.post(sandbox.url)).status_code

    assert anyio.run(status, backend=backend) == 401


@pytest.mark.anyio
async def test_stopping_does_not_wait_for_a_client_that_stays(connect: Connect) -> None:
    sandbox = Sandbox()
    await run_sync(sandbox.start)
    async with connect(sandbox, "legacy") as caller:
        await caller.ok("GetControlPlane", operation="list")
        with anyio.fail_after(5):
            await run_sync(sandbox.stop)


@pytest.mark.anyio
async def test_a_restart_forgets_mcp_sessions_and_keeps_debug_sessions(connect: Connect) -> None:
    async with Sandbox(time_scale=1) as sandbox:
        url, plane = sandbox.url, sandbox.world.control_plane("storefront-production").id
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {sandbox.token}"}) as http:
            accept = {"accept": "application/json, text/event-stream"}
            client = {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            }
            hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
            opened = await http.post(url, json=hello, headers=accept)
            mcp_session = accept | {"mcp-session-id": opened.headers["mcp-session-id"]}
            async with connect(sandbox) as caller:
                created = await caller.ok("CreateDebugSession", control_plane_id=plane)
            await run_sync(sandbox.restart)
            assert sandbox.url == url
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            assert (await http.post(url, json=ping, headers=mcp_session)).status_code == 404
        assert sandbox.debug_sessions_running() == (created["debug_session_id"],)


def test_a_port_is_held_while_nobody_listens_and_given_back_in_the_end(post: Post) -> None:
    with Sandbox(faults=Faults("refused:1", outage=600.0)) as sandbox:
        port = urlsplit(sandbox.url).port or 0
        assert post(sandbox).status_code == 200
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()
    with Sandbox(port=port) as other:
        assert post(other).status_code == 200


def test_an_outage_ends_on_the_same_port(post: Post) -> None:
    with Sandbox() as sandbox:
        address = ("127.0.0.1", urlsplit(sandbox.url).port or 0)
        away = threading.Thread(target=sandbox.restart, kwargs={"outage": 0.2})
        away.start()
        refused = 0
        while away.is_alive():
            with socket.socket() as probe:
                refused += probe.connect_ex(address) == errno.ECONNREFUSED
        assert refused
        assert post(sandbox).status_code == 200


def test_the_ledger_can_be_waited_for(post: Post) -> None:
    with Sandbox() as sandbox:
        calling = threading.Thread(target=post, args=(sandbox,))
        calling.start()
        sandbox.ledger.wait_until(lambda ledger: [call.outcome for call in ledger.calls] == ["ok"])
        calling.join()
        with pytest.raises(TimeoutError):
            sandbox.ledger.wait_until(lambda ledger: len(ledger.calls) > 1, timeout=0.01)


def pending(ledger: Ledger) -> bool:
    return len(ledger.calls) == 1


def settled(ledger: Ledger) -> bool:
    return ledger.calls[0].outcome != "pending"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_cancelled_call_is_cancelled_at_the_server(connect: Connect, mode: str) -> None:
    async with Sandbox(latency=600) as sandbox, connect(sandbox, mode) as caller:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: caller.ok("GetControlPlane", operation="list"))
            await run_sync(sandbox.ledger.wait_until, pending)
            group.cancel_scope.cancel()
        await run_sync(sandbox.ledger.wait_until, settled)
        assert sandbox.ledger.calls[0].outcome == "cancelled"


@pytest.mark.anyio
async def test_the_ledger_counts_what_is_in_flight(connect: Connect) -> None:
    async with Sandbox(latency=0.05) as sandbox, connect(sandbox) as caller:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(lambda: caller.ok("GetControlPlane", operation="list"))
        assert sandbox.ledger.most_in_flight == 3
        assert [call.outcome for call in sandbox.ledger.calls_to("GetControlPlane")] == ["ok"] * 3
        assert sandbox.ledger.http["tools/call"] == 3
