"""A server that goes away in the middle of an audit is found out once; one that still answers is asked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync

from konnect_agent import Konnect, errors
from konnect_agent.sandbox import Ledger, Sandbox
from konnect_agent.sandbox.world import World
from patterns import AuditResult, Report, audit_configuration
from patterns.audit.outage import is_outage
from patterns.audit.snapshot import LISTS

from ..handmade import TOKEN, Serve, as_json, refused

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
Arguments = Mapping[str, Any]
WIDTH = 2
UNDER_WAY = WIDTH + 2
"""How many lists may be under way at the moment a server goes."""


def calls_that_failed(report: Report[AuditResult]) -> list[tuple[str, str]]:
    return [(c.tool, c.outcome) for step in report.steps for c in step.calls if c.outcome != "ok"]


def a_dozen_calls(ledger: Ledger) -> bool:
    return len(ledger.calls) >= 12


async def audited_until(sandbox: Sandbox, client: Client, happens: Callable[[], None]) -> Report[AuditResult]:
    """The report of an audit in whose middle, after a dozen calls, something `happens` to the server."""
    reports: list[Report[AuditResult]] = []
    async with client(sandbox, max_in_flight=WIDTH, max_attempts=2) as konnect:

        async def audit() -> None:
            reports.append(await audit_configuration(konnect))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(audit)
                await run_sync(sandbox.ledger.wait_until, a_dozen_calls)
                await run_sync(happens)
    return reports[0]


@pytest.mark.parametrize(("happens", "outcome"), [("stop", "Unreachable"), ("revoke_token", "Unauthorized")])
async def test_a_server_that_goes_costs_the_lists_under_way_and_one_look(
    world: World, client: Client, happens: str, outcome: str
) -> None:
    with Sandbox(world=world, latency=0.01) as own:
        report = await audited_until(own, client, getattr(own, happens))
    failed = calls_that_failed(report)
    assert {kind for _, kind in failed} == {outcome}
    assert [tool for tool, _ in failed].count("GetControlPlane") <= 1
    assert len(failed) <= UNDER_WAY + 1


async def test_what_was_not_asked_for_any_more_is_missing_with_the_same_error(
    world: World, client: Client
) -> None:
    with Sandbox(world=world, latency=0.01) as own:
        report = await audited_until(own, client, own.stop)
    assert report.status == "incomplete"
    missing = [
        (entry.control_plane and entry.control_plane.name, entry.what) for entry in report.coverage.missing
    ]
    unseen = [(plane.name, name) for plane in report.result.control_planes if not plane.group
              for name in LISTS if getattr(plane.counts, name) is None]  # fmt: skip
    assert sorted(map(repr, missing)) == sorted(map(repr, unseen))
    assert len(missing) > UNDER_WAY
    assert {entry.error.type for entry in report.coverage.missing} == {"Unreachable"}
    assert any(plane.counts.services for plane in report.result.control_planes)


@pytest.mark.parametrize(
    "words", ["HTTP error 503: Service Unavailable", "access denied", "HTTP error 401: Unauthorized"]
)
async def test_a_control_plane_whose_lists_fail_like_an_outage_costs_no_other(
    serve: Serve, words: str
) -> None:
    def listed(arguments: Arguments) -> Any:
        return refused(words) if arguments["control_plane_id"] == "cp-1" else as_json([])

    planes = [{"id": f"cp-{number}", "name": f"plane-{number}"} for number in range(6)]
    tools = ("GetService", "GetRoute", "GetPlugin", "GetConsumer", "GetVault")
    server = serve({"GetControlPlane": as_json(planes), **dict.fromkeys(tools, listed)})
    async with Konnect(token=TOKEN, url=server.url, max_attempts=2, first_wait=0.001) as konnect:
        report = await audit_configuration(konnect)
    assert {entry.control_plane and entry.control_plane.name for entry in report.coverage.missing} == {
        "plane-1"
    }
    assert [plane.name for plane in report.result.control_planes if plane.counts.services is None] == [
        "plane-1"
    ]


async def test_a_server_that_is_back_before_the_look_is_asked_on(serve: Serve) -> None:
    """It fails for exactly as long as the first list is tried."""
    times = iter([refused("HTTP error 503: Service Unavailable")] * 2)

    def services(arguments: Arguments) -> Any:
        return next(times, as_json([]))

    tools = ("GetRoute", "GetPlugin", "GetConsumer", "GetVault")
    planes = [{"id": f"cp-{number}", "name": f"plane-{number}"} for number in range(3)]
    server = serve(
        {"GetControlPlane": as_json(planes), "GetService": services, **dict.fromkeys(tools, as_json([]))}
    )
    settings: dict[str, Any] = {"max_attempts": 2, "first_wait": 0.001, "max_in_flight": 1}
    async with Konnect(token=TOKEN, url=server.url, **settings) as konnect:
        report = await audit_configuration(konnect)
    assert len(report.coverage.missing) <= 2
    assert [name for name, _ in server.calls].count("GetVault") == len(planes)


def test_only_what_concerns_the_whole_server_is_an_outage() -> None:
    whole = [
        errors.Unreachable("x"), errors.TimedOut("x", limit="call"), errors.SessionLost("x"),
        errors.Unauthorized("x", status=401), errors.McpAccessDisabled("x", status=403),
        errors.RateLimited("x", status=429), errors.ServerError("x", status=503),
    ]  # fmt: skip
    single = [
        errors.Forbidden("x", status=403), errors.TooLarge("x", size=2, cap=1), errors.NotFound("x"),
        errors.ToolError("x"), errors.ToolUnavailable("x"), errors.Undecodable("x"), errors.NoMatch("x"),
    ]  # fmt: skip
    assert all(map(is_outage, whole))
    assert not any(map(is_outage, single))
