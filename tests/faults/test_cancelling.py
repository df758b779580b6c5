"""A cancelled call is cancelled at the server too, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect, events
from konnect_agent.sandbox import Ledger, Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer

pytestmark = pytest.mark.anyio


async def until(sandbox: Sandbox, *outcomes: str) -> None:
    """Wait until the calls at the server have these outcomes."""

    def seen(ledger: Ledger) -> bool:
        return tuple(call.outcome for call in ledger.calls) == outcomes

    await run_sync(sandbox.ledger.wait_until, seen)


async def cancelled_at(
    server: ScriptedServer, kind: str, number: int, ask: Callable[[], Coroutine[Any, Any, Any]]
) -> None:
    """Ask, and cancel that when the server has so many requests of this kind."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await run_sync(server.arrived(kind, number).wait)
        tasks.cancel_scope.cancel()


# In the 2026 era the closed connection is the cancellation; the SDK's server looks for it only while it
# streams events, so a server that answers with JSON finishes its work for nobody.
@pytest.mark.parametrize(("era", "json_response"), [("2025", False), ("2025", True), ("2026", False)])
async def test_cancelling_a_call_cancels_it_at_the_server(
    connect: Connect, world: World, era: str, json_response: bool
) -> None:
    with Sandbox(world=world, latency=60, eras=(era,), json_response=json_response) as sandbox:
        async with connect(sandbox) as konnect:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(konnect.control_planes.list)
                await until(sandbox, "pending")
                tasks.cancel_scope.cancel()
            await until(sandbox, "cancelled")
            assert len((await konnect.tools()).names) > 5


@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_cancelling_one_call_leaves_the_others_alone(connect: Connect, era: str) -> None:
    first = anyio.Event()

    def script(request: Request) -> None:
        if request.number == 1:
            request.hold()
        else:
            request.wait_for("tools/call", 4)
            request.result(request.number)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            scope = anyio.CancelScope()
            answers: list[object] = []

            async def cancelled() -> None:
                with scope:
                    await konnect.call("GetControlPlane")
                first.set()

            async def one() -> None:
                answers.append(await konnect.call("GetControlPlane"))

            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(cancelled)
                    await run_sync(server.arrived("tools/call", 1).wait)
                    tasks.start_soon(one)
                    tasks.start_soon(one)
                    await run_sync(server.arrived("tools/call", 3).wait)
                    scope.cancel()
                    await first.wait()
                    tasks.start_soon(one)
            assert sorted(map(str, answers)) == ["2", "3", "4"]
        assert len(server.of("initialize")) == 1


async def test_a_cancelled_call_gives_its_place_back(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number <= 3:
            request.hold()
        request.result("fine")

    with ScriptedServer(script) as server:
        async with connect(server, max_in_flight=1) as konnect:
            with anyio.fail_after(20):
                for number in (1, 2, 3):
                    await cancelled_at(server, "tools/call", number, lambda: konnect.call("GetControlPlane"))
                assert await konnect.call("GetControlPlane") == "fine"


async def test_a_call_cancelled_while_it_waits_for_a_place_is_never_sent(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server, max_in_flight=1) as konnect, anyio.create_task_group() as tasks:
            tasks.start_soon(konnect.call, "GetControlPlane")
            await run_sync(server.arrived("tools/call", 1).wait)
            with anyio.move_on_after(0.05):
                await konnect.call("CreateDebugSession")
            tasks.cancel_scope.cancel()
        assert [request.message["params"]["name"] for request in server.of("tools/call")] == [
            "GetControlPlane"
        ]


async def test_a_cancelled_call_is_told_as_cancelled(connect: Connect) -> None:
    told: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CallFinished):
            told.append(event.outcome)

    with ScriptedServer(lambda request: request.hold()) as server:
        async with connect(server) as konnect:
            with events.listening(listen), anyio.move_on_after(0.05) as scope:
                await konnect.call("GetControlPlane")
    assert scope.cancelled_caught
    assert len(told) == 1
    assert "Cancelled" in told[0]


async def test_connecting_can_be_cancelled_and_tried_again(connect: Connect) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            request.hold()
        request.usual()

    with ScriptedServer(lambda request: request.result("fine"), others={"initialize": script}) as server:
        konnect = connect(server)
        with anyio.fail_after(20):
            await cancelled_at(server, "initialize", 1, konnect.connect)
            assert await konnect.call("GetControlPlane") == "fine"
            await konnect.aclose()


async def test_one_cancelled_waiter_does_not_stop_the_reconnection_of_the_others(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, eras=("2025",)) as sandbox:
        async with connect(sandbox, max_attempts=50) as konnect:
            await konnect.control_planes.list()
            await run_sync(sandbox.stop)
            seen: list[int] = []

            async def one(konnect: Konnect) -> None:
                seen.append(len(await konnect.control_planes.list()))

            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:
                    for _ in range(4):
                        tasks.start_soon(one, konnect)
                    with anyio.move_on_after(0.02):
                        await one(konnect)
                    await run_sync(sandbox.start)
            assert len(seen) == 4
