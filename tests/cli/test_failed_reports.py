"""What a script finds where it expects a report, when there was nothing to report on."""

from __future__ import annotations

import json
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Here
from .contract import checked
from .shell import TOKEN

PATTERNS = [
    ("debug_performance", "debug --yes"),
    ("investigate_endpoint", "endpoint /api/users"),
    ("analyze_consumers", "consumers"),
    ("audit_configuration", "audit"),
    ("investigate_alert", "alert dc1e0230-b68c-445b-af38-73fdb621c856"),
]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once: the waits between them are drawn by chance, from 0 on."""
    monkeypatch.setattr("konnect_agent.attempts.random.random", lambda: 0.0)


@pytest.fixture(scope="module")
def deaf() -> str:
    """The address of a port nobody listens on."""
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"127.0.0.1:{port}"


@pytest.mark.parametrize(("pattern", "arguments"), PATTERNS)
def test_a_refused_connection_is_a_failed_report_as_json(
    pattern: str, arguments: str, deaf: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    done = here(*arguments.split(), "--url", f"http://{deaf}/", "--format", "json")
    report = checked(done.out, pattern, here)
    assert (done.status, report["status"], report["error"]["type"]) == (4, "failed", "Unreachable")
    assert report["endpoint"] == f"http://{deaf}/"
    assert report["coverage"]["complete"] is False
    assert [entry["what"] for entry in report["coverage"]["missing"]] == ["everything"]
    assert report["error"]["message"] in done.err
    assert report["error"]["hint"] in done.err


@pytest.mark.parametrize(
    ("refusing", "kind"),
    [
        ({"token": "kpat_another0one"}, "Unauthorized"),
        ({"token": TOKEN, "mcp_disabled": True}, "McpAccessDisabled"),
    ],
)
def test_a_refused_token_is_a_failed_report_as_json(
    refusing: dict[str, Any], kind: str, world: World, here: Here
) -> None:
    with Sandbox(world=world, **refusing) as sandbox:
        done = here("audit", "--format", "json", at=sandbox)
    report = checked(done.out, "audit_configuration", here)
    assert (done.status, report["status"], report["error"]["type"]) == (3, "failed", kind)
    assert report["endpoint"] == sandbox.url


def test_a_failed_handshake_is_a_failed_report_as_json(served: Sandbox, here: Here) -> None:
    done = here("audit", "--url", served.url.replace("http:", "https:"), "--format", "json", at=served)
    report = checked(done.out, "audit_configuration", here)
    assert (done.status, report["error"]["type"]) == (4, "Unreachable")
    assert "TLS" in report["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "token", "endpoint"),
    [
        ("audit --region eu", "", "https://eu.mcp.konghq.com/"),
        ("audit", "kpat-written-wrongly", "https://us.mcp.konghq.com/"),
        ("audit --region mars", TOKEN, ""),
        ("audit --token-file nowhere.txt", "", "https://us.mcp.konghq.com/"),
        ("audit --sandbox --token-file nowhere.txt", "", ""),
        ("audit --baseline nowhere.json", TOKEN, "https://us.mcp.konghq.com/"),
        ("audit --control-plane=", TOKEN, "https://us.mcp.konghq.com/"),
    ],
)
def test_what_cannot_even_be_tried_is_a_failed_report_as_json(
    arguments: str, token: str, endpoint: str, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_SPAT", token)
    done = here(*arguments.split(), "--format", "json")
    report = checked(done.out, "audit_configuration", here)
    assert (done.status, report["status"], report["endpoint"]) == (2, "failed", endpoint)
    assert report["error"]["message"] in done.err


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_file_never_keeps_the_report_of_an_earlier_run(
    form: str, deaf: str, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    file = tmp_path / "report"
    file.write_text("Configuration audit: complete, no findings")
    done = here("audit", "--url", f"http://{deaf}/", "--format", form, "--output", str(file))
    assert (done.status, done.out) == (4, "")
    assert "no findings" not in file.read_text(encoding="utf-8")
    assert "failed" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("text", ""), ("markdown", "## Endpoint investigation (failed"), ("html", "<!doctype")],
)
def test_only_text_that_would_repeat_the_error_is_left_out(
    form: str, beginning: str, served: Sandbox, here: Here
) -> None:
    done = here("endpoint", "/nowhere", "--format", form, at=served)
    assert done.status == 5
    assert done.out.startswith(beginning)
    assert bool(done.out) is bool(beginning)


def test_a_command_line_that_cannot_be_read_has_no_report(here: Here) -> None:
    done = here("audit", "--format", "json", "--nonsense")
    assert (done.status, done.out) == (2, "")


def test_a_token_never_appears_in_the_report_of_a_failure(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)  # `here` looks for it in everything that was written
    done = here("audit", "--url", f"https://{TOKEN}@localhost/", "--format", "json")
    assert (done.status, json.loads(done.out)["endpoint"]) == (2, "")
