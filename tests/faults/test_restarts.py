"""A server that goes away in the middle of a workflow: the workflow finishes, and leaves nothing running."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent.errors import ConnectionFailed, KonnectError
from konnect_agent.sandbox import Ledger, Sandbox
from konnect_agent.sandbox.world import World
from patterns import AuditResult, PerformanceResult, Report, audit_configuration, debug_performance

from .conftest import Connect

SCRIPT = """
import asyncio, sys
from konnect_agent import Konnect
from patterns import debug_performance

async def main():
    async with Konnect(token=sys.argv[2], url=sys.argv[1]) as konnect:
        await debug_performance(konnect, "storefront-production", confirm=lambda plan: True)

asyncio.run(main())
"""


def patient(sandbox: Sandbox) -> dict[str, float]:
    """Settings of a client that outlasts any outage of these tests."""
    return {"max_attempts": 1000, "time_scale": sandbox.debug_sessions.time_scale}


def calls(ledger: Ledger, *, at_least: int, to: str | None = None) -> bool:
    return len(ledger.calls_to(to) if to else ledger.calls) >= at_least


@pytest.mark.anyio
@pytest.mark.parametrize("era", ["2025", "2026"])
async def test_an_audit_finishes_although_the_server_is_restarted_in_its_middle(
    connect: Connect, world: World, era: str
) -> None:
    reports: list[Report[AuditResult]] = []
    with Sandbox(world=world, eras=(era,), latency=0.005) as sandbox:
        async with connect(sandbox, **patient(sandbox)) as konnect:
            undisturbed = await audit_configuration(konnect)
            before = len(sandbox.ledger.calls)

            async def audit() -> None:
                reports.append(await audit_configuration(konnect))

            with anyio.fail_after(60):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(audit)
                    await run_sync(sandbox.ledger.wait_until, partial(calls, at_least=before + 20))
                    await run_sync(partial(sandbox.restart, outage=0.1))
    (report,) = reports
    assert report.status == "complete"
    assert report.result == undisturbed.result
    assert report.coverage == undisturbed.coverage


async def watched(connect: Connect, sandbox: Sandbox, *, outage: float) -> Report[PerformanceResult]:
    """A debug session of a second, the server being away for `outage` seconds as soon as it is polled."""
    reports: list[Report[PerformanceResult]] = []
    async with connect(sandbox, **patient(sandbox)) as konnect:

        async def debug() -> None:
            reports.append(
                await debug_performance(konnect, "storefront-production", confirm=lambda plan: True)
            )

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(debug)
                polled = partial(calls, at_least=1, to="ActiveTracingSession")
                await run_sync(sandbox.ledger.wait_until, polled)
                await run_sync(partial(sandbox.restart, outage=outage))
    return reports[0]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ["2025", "2026"])
@pytest.mark.parametrize("outage", [0.1, 0.8], ids=["during the session", "beyond its end"])
async def test_polling_finishes_although_the_server_is_restarted_in_its_middle(
    connect: Connect, world: World, era: str, outage: float
) -> None:
    with Sandbox(world=world, eras=(era,), time_scale=100) as sandbox:
        report = await watched(connect, sandbox, outage=outage)
        assert report.status == "complete"
        assert report.result.debug_session.status == "completed"
        assert report.result.bottlenecks
        assert sandbox.ledger.debug_sessions_created == (report.result.debug_session.id,)
        assert sandbox.debug_sessions_running() == ()


@pytest.mark.anyio
async def test_an_audit_whose_server_does_not_come_back_ends_in_one_error_with_what_was_seen(
    connect: Connect, world: World
) -> None:
    with Sandbox(world=world, latency=0.01) as sandbox:
        async with connect(sandbox, max_attempts=3) as konnect:
            caught: list[KonnectError] = []

            async def audit() -> None:
                with pytest.raises(KonnectError) as raised:
                    await audit_configuration(konnect)
                caught.append(raised.value)

            with anyio.fail_after(60):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(audit)
                    await run_sync(sandbox.ledger.wait_until, partial(calls, at_least=2))
                    await run_sync(sandbox.stop)
    (error,) = caught
    assert isinstance(error, ConnectionFailed)
    assert error.report.status == "failed"
    assert error.report.steps


@pytest.mark.anyio
@pytest.mark.parametrize("moment", ["created", "polled"])
async def test_a_cancelled_workflow_stops_its_debug_session(
    connect: Connect, world: World, moment: str
) -> None:
    """Also when the cancellation comes while the session is being created: its id must not be lost."""
    with Sandbox(world=world, time_scale=5, latency=0.02) as sandbox:
        async with connect(sandbox, **patient(sandbox)) as konnect:

            async def debug() -> None:
                await debug_performance(konnect, "storefront-production", confirm=lambda plan: True)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(debug)
                tool = "CreateDebugSession" if moment == "created" else "ActiveTracingSession"
                await run_sync(sandbox.ledger.wait_until, partial(calls, at_least=1, to=tool))
                tasks.cancel_scope.cancel()
        created = sandbox.ledger.debug_sessions_created
        assert len(created) == 1
        assert sandbox.ledger.debug_sessions_stopped == created


def test_ctrl_c_in_a_script_stops_its_debug_session(world: World) -> None:
    with Sandbox(world=world, time_scale=1) as sandbox:
        command = [sys.executable, "-c", SCRIPT, sandbox.url, sandbox.token]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                sandbox.ledger.wait_until(partial(calls, at_least=1, to="ActiveTracingSession"))
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=30)
            finally:
                process.kill()
        assert process.returncode in (130, -signal.SIGINT)
        assert len(sandbox.ledger.debug_sessions_created) == 1
        assert sandbox.debug_sessions_running() == ()
    assert "KeyboardInterrupt" in errors
    assert "ResourceWarning" not in errors
