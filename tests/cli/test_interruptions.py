"""What an interrupted run leaves behind: its unfinished report, and word of a debug session that goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from socket import create_server

import pytest
from mcp_types import CallToolResult

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..handmade import Arguments, Serve, as_json, refused
from .conftest import Here
from .contract import checked
from .shell import TOKEN, environment, read_until, started, terminal

DEBUG = ("debug", "--control-plane", "storefront-production", "--path", "/slow", "--yes", "--verbose")
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("received", "status"), SIGNALS)
def test_an_interrupted_run_leaves_its_unfinished_report(
    received: signal.Signals, status: int, world: World, here: Here
) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=1) as sandbox:
        with started(*DEBUG, "--format", "json", env=environment(sandbox)) as process:
            read_until(process, "is pending after")
            process.send_signal(received)
            stdout, stderr = process.communicate(timeout=60)
        (session_id,) = sandbox.ledger.debug_sessions_stopped
    report = checked(stdout, "debug_performance", here)
    assert (process.returncode, report["status"], report["error"]["type"]) == (
        status,
        "failed",
        "Interrupted",
    )
    assert [(step["name"], step["status"]) for step in report["steps"]] == [
        ("select control plane", "ok"),
        ("confirm", "ok"),
        ("create debug session", "ok"),
        ("wait until completed", "failed"),
    ]
    assert report["result"]["debug_session"] == {"id": session_id, "status": "cancelled"}
    assert stderr.count(f"The debug session {session_id} was stopped.") == 1
    assert report["coverage"]["complete"] is False
    assert "may still be running" not in stdout + stderr


def test_a_run_that_is_interrupted_before_its_first_step_has_a_report_too(here: Here) -> None:
    with create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        env = environment(KONNECT_MCP_URL=url, KONNECT_TOKEN=TOKEN)
        with started("audit", "--format", "json", env=env) as process, silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=60)
    report = checked(stdout, "audit_configuration", here)
    assert (process.returncode, report["status"], report["error"]["type"]) == (130, "failed", "Interrupted")
    assert (report["endpoint"], report["steps"]) == (url, [])
    assert [entry["what"] for entry in report["coverage"]["missing"]] == ["everything"]


def test_a_run_in_several_regions_leaves_the_unfinished_report_of_each() -> None:
    with create_server(("127.0.0.1", 0)) as one, create_server(("127.0.0.1", 0)) as two:
        urls = {
            name: f"http://127.0.0.1:{silent.getsockname()[1]}/"
            for name, silent in (("us", one), ("eu", two))
        }
        regions = ",".join(f"{name}={url}" for name, url in urls.items())
        with (
            started(
                "audit", "--region", regions, "--format", "json", env=environment(KONNECT_TOKEN=TOKEN)
            ) as process,
            one.accept()[0],
            two.accept()[0],
        ):
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=60)
    report = json.loads(stdout)
    assert (process.returncode, report["status"]) == (130, "failed")
    assert {name: each["endpoint"] for name, each in report["regions"].items()} == urls
    for each in report["regions"].values():
        assert each["error"]["type"] == "Interrupted"
        assert [step["name"] for step in each["steps"]] == ["select control planes"]
    assert report["coverage"]["missing"][0]["what"] == "the region us"


def test_a_file_has_the_report_of_an_interrupted_run_in_any_format(world: World, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("Performance debugging · complete")
    with (
        Sandbox(world=world, token=TOKEN, time_scale=1) as sandbox,
        started(*DEBUG, "--output", str(file), env=environment(sandbox)) as process,
    ):
        read_until(process, "is pending after")
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert file.read_text(encoding="utf-8").startswith("Performance debugging · failed")


@pytest.mark.parametrize("verbose", [True, False])
def test_a_session_that_an_interruption_leaves_running_is_told_in_any_case(
    serve: Serve, here: Here, verbose: bool
) -> None:
    def tracing(arguments: Arguments) -> CallToolResult:
        stop = arguments["operation"] == "stop_session"
        return refused("It is too late for that.") if stop else as_json({"status": "in_progress"})

    server = serve(
        {
            "GetControlPlane": as_json([{"id": "cp-1", "name": "storefront-production"}]),
            "CreateDebugSession": as_json({"debug_session_id": "ds-1"}),
            "ActiveTracingSession": tracing,
        }
    )
    arguments = (*DEBUG, "--format", "json") if verbose else (*DEBUG[:-1], "--format", "json", "--quiet")
    env = environment(KONNECT_MCP_URL=server.url, KONNECT_TOKEN=TOKEN)
    told = "debug session ds-1 on control plane cp-1 may still be running until "
    with started(*arguments, env=env) as process:
        while not any(call.get("operation") == "fetch_status" for _, call in server.calls):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.count(told) == 1
    assert "stop it with `konnect-agent call ActiveTracingSession" in stderr
    report = checked(stdout, "debug_performance", here)
    assert told in report["error"]["hint"]
    assert report["result"]["debug_session"]["status"] != "cancelled"
    assert "was stopped" not in stderr


def test_an_interruption_on_a_terminal_prints_no_report(world: World) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=1) as sandbox:
        with terminal(*DEBUG[:-1], env=environment(sandbox)) as screen:
            screen.wait_for("pending")
            screen.type("\x03")
            assert screen.end() == (130, "")
        assert sandbox.debug_sessions_running() == ()


def test_a_second_signal_leaves_a_report_that_nobody_reads(serve: Serve) -> None:
    alert = {"id": "al-1", "message": "x" * 1_000_000, "debug_session_inputs": {"control_plane_id": "cp-1"}}
    server = serve(
        {
            "GetControlPlane": as_json([{"id": "cp-1", "name": "storefront-production"}]),
            "CreateDebugSession": as_json({"debug_session_id": "ds-1"}),
            "ActiveTracingSession": as_json({"status": "in_progress"}),
            "FetchAlertingEventDetails": as_json(alert),
        }
    )
    env = environment(KONNECT_MCP_URL=server.url, KONNECT_TOKEN=TOKEN)
    with started("alert", "al-1", "--yes", "--verbose", "--format", "json", env=env) as process:
        read_until(process, "is in_progress after")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.read(1) == "{"  # it is being written, and will not fit
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_the_question_says_when_a_session_cannot_be_stopped(serve: Serve) -> None:
    operations = {"enum": ["fetch_status", "summarize_session"]}
    server = serve(
        {
            "GetControlPlane": as_json([{"id": "cp-1", "name": "storefront-production"}]),
            "CreateDebugSession": refused("Not in this test."),
            "ActiveTracingSession": refused("Not in this test."),
        },
        schemas={"ActiveTracingSession": {"type": "object", "properties": {"operation": operations}}},
    )
    with terminal(*DEBUG[:-2], env=environment(KONNECT_MCP_URL=server.url, KONNECT_TOKEN=TOKEN)) as screen:
        screen.wait_for("Go on? [y/N]")
        assert "no way to stop it before its end" in " ".join(screen.shown.split())
        screen.type("n\n")
        assert screen.end() == (6, "")
