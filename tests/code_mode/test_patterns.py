"""The patterns, and the command, do not know the difference: on every generation they find the same."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from konnect_agent import Konnect
from konnect_agent.decoding import as_list, as_object
from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.world import SLOW_PATH, World
from patterns import (
    analyze_consumers,
    audit_configuration,
    debug_performance,
    investigate_alert,
    investigate_endpoint,
)
from patterns.cli import run

from .process import Process
from .setup import FAST, TOKEN

SHOP = "storefront-production"
OWN = {
    "steps", "endpoint", "started_at", "duration_s", "debug_session", "debug_session_id", "statistics",
}  # fmt: skip
"""What differs from run to run, and what REST has not: a consumer's statistics."""
GENERATIONS = ("spring", "code-mode", "real code mode", "operations as tools")
COMMANDS = {
    "audit": ("audit",),
    "endpoint": ("endpoint", "/api/users", "--method", "GET"),
    "consumers": ("consumers", "--control-plane", SHOP, "--status", "401,500,502,503"),
    "debug": ("debug", "--control-plane", SHOP, "--path", SLOW_PATH, "--duration", "10", "--yes"),
}


@contextmanager
def url_of(generation: str, world: World, process: Process) -> Generator[str]:
    """A server of that generation."""
    if generation in ("real code mode", "operations as tools"):
        yield process.open(world=world, code_mode=generation == "real code mode").url
        return
    names: Mapping[str, Generation] = {"spring": "spring", "code-mode": "code-mode", "classic": "classic"}
    with Sandbox(world=world, generation=names[generation], token=TOKEN, time_scale=FAST) as sandbox:
        yield sandbox.url


async def found(url: str, world: World) -> dict[str, Any]:
    """What every pattern finds at a server."""
    alert = next(alert for alert in world.alerts.values() if alert["severity"] == "warning")
    async with Konnect(TOKEN, url=url, time_scale=FAST, first_wait=0.01) as konnect:
        reports = {
            "audit": await audit_configuration(konnect),
            "endpoint": await investigate_endpoint(konnect, "/api/users", method="GET"),
            "consumers": await analyze_consumers(konnect, SHOP, status_codes=[401, 500, 502, 503]),
            "debug": await debug_performance(
                konnect, SHOP, confirm=lambda plan: True, http_path=SLOW_PATH, session_duration=10
            ),
            "alert": await investigate_alert(konnect, alert["id"], confirm=lambda plan: True),
        }
    return {name: lasting(report.model_dump(mode="json")) for name, report in reports.items()}


def lasting(value: Any) -> Any:
    """A report without what is its own."""
    item, entries = as_object(value), as_list(value)
    if item is not None:
        return {key: lasting(inner) for key, inner in item.items() if key not in OWN}
    return value if entries is None else [lasting(inner) for inner in entries]


@pytest.mark.anyio
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_every_pattern_finds_the_same(world: World, code_mode: Process, generation: str) -> None:
    with url_of("classic", world, code_mode) as classic, url_of(generation, world, code_mode) as other:
        expected, reports = await found(classic, world), await found(other, world)
    assert {name: report["status"] for name, report in reports.items()} == dict.fromkeys(expected, "complete")
    assert reports == expected


@pytest.mark.parametrize("generation", ["classic", *GENERATIONS])
def test_the_command_reports_from_every_generation(
    world: World,
    code_mode: Process,
    generation: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with url_of(generation, world, code_mode) as url:
        monkeypatch.setenv("KONNECT_TOKEN", TOKEN)
        monkeypatch.setenv("KONNECT_MCP_URL", url)
        for name, command in COMMANDS.items():
            status = run([*command, "--format", "json"])
            report = json.loads(capsys.readouterr().out)
            assert (name, status, report["status"]) == (name, 0, "complete")
