"""The commands besides the patterns, where results go, and where tokens come from."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Here
from .shell import TOKEN, environment, finished, read_until, started


def test_tools_are_listed_with_whether_they_act(served: Sandbox, here: Here) -> None:
    done = here("tools", at=served)
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith(("Get", "Create"))}
    assert "reads" in lines["GetRoute"]
    assert "may change things" in lines["CreateDebugSession"]


def test_one_tool_is_shown_with_its_parameters_under_any_spelling(served: Sandbox, here: Here) -> None:
    done = here("tools", "get_consumer", at=served)
    assert done.out.startswith("GetConsumer · reads")
    assert "One of list, get_by_id, get_by_name" in done.out


def test_tools_as_json_carry_their_input_schema(served: Sandbox, here: Here) -> None:
    (tool,) = json.loads(here("tools", "GetRoute", "--format", "json", at=served).out)
    assert tool["read_only"] is True
    assert "control_plane_id" in tool["input_schema"]["properties"]


def test_any_tool_can_be_called_with_pairs_or_with_json(served: Sandbox, here: Here) -> None:
    pairs = here("call", "GetControlPlane", "operation=get_by_name", "name=fulfilment", at=served)
    whole = here("call", "get-control-plane", '{"operation": "get_by_name", "name": "fulfilment"}', at=served)
    assert pairs.out == whole.out
    assert json.loads(pairs.out)["name"] == "fulfilment"


def test_a_value_is_json_if_it_reads_as_json(served: Sandbox, here: Here) -> None:
    given = ["operation=query_api_requests", "time_range=24H", "status_codes=[401]", "max_results=1"]
    done = here("call", "GetAnalytics", *given, at=served)
    assert done.status == 0
    assert "401" in done.out


def test_what_a_tool_answers_is_printed_without_secrets(served: Sandbox, here: Here) -> None:
    plane = served.world.control_plane("payments-production")
    limits = next(plugin for plugin in plane.plugins if plugin["config"].get("redis", {}).get("password"))
    done = here("call", "GetPlugin", "operation=list", f"control_plane_id={plane.id}", at=served)
    assert limits["config"]["redis"]["password"] not in done.out
    shop = served.world.control_plane("storefront-production")
    headers = here("call", "GetPlugin", "operation=list", f"control_plane_id={shop.id}", at=served).out
    assert "X-Reports-Key: [redacted]" in headers
    assert "sk_live_" not in headers
    assert "[redacted]" in done.out


def test_the_documentation_is_searched_in_plain_words(served: Sandbox, here: Here) -> None:
    assert here("search", "how", "long", "is", "a", "debug", "session", at=served).out.startswith(
        "Debug sessions\n"
    )
    found = json.loads(here("search", "debug sessions", "--format", "json", at=served).out)
    assert found["text"].startswith("Debug sessions\n")


def test_a_token_comes_from_a_file_or_from_standard_input(
    served: Sandbox, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert here("tools", "--url", served.url, "--token-file", str(file)).status == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TOKEN}\n"))
    assert here("tools", "--url", served.url, "--token-file", "-").status == 0
    file.write_text("\n")
    assert here("tools", "--url", served.url, "--token-file", str(file)).status == 2


def test_a_result_goes_to_a_file_and_nothing_to_standard_output(
    served: Sandbox, here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    file.write_text("an older report")
    done = here("audit", "--format", "json", "--output", str(file), at=served)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert json.loads(file.read_text(encoding="utf-8"))["pattern"] == "audit_configuration"
    assert os.listdir(tmp_path) == ["report.json"]


@pytest.mark.parametrize("option", ["--baseline", "--write-baseline", "--token-file"])
def test_a_result_never_replaces_what_another_option_names(option: str, here: Here, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text('{"findings": []}')
    done = here("audit", "--output", str(tmp_path / "." / "known.json"), option, str(file))
    assert (done.status, file.read_text()) == (2, '{"findings": []}')
    assert f"--output and {option} name the same file" in done.err


def test_a_report_and_a_baseline_that_are_not_there_yet_are_two_files(here: Here, tmp_path: Path) -> None:
    file = str(tmp_path / "new.json")
    done = here("audit", "--output", file, "--write-baseline", file)
    assert (done.status, os.listdir(tmp_path)) == (2, [])


def test_a_new_file_is_for_its_owner_and_an_older_one_keeps_its_permissions(
    here: Here, tmp_path: Path
) -> None:
    new, private, shared = (tmp_path / name for name in ("new", "private", "shared"))
    for file, mode in ((private, 0o600), (shared, 0o664)):
        file.write_text("an older report")
        file.chmod(mode)
    modes: list[int] = []
    for file in (new, private, shared):
        assert here("schema", "audit_configuration", "--output", str(file)).status == 0
        modes.append(stat.S_IMODE(file.stat().st_mode))
    assert modes == [0o600, 0o600, 0o664]


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        ("debug", "debug_performance"),
        ("endpoint", "investigate_endpoint"),
        ("consumers", "analyze_consumers"),
        ("audit", "audit_configuration"),
        ("alert", "investigate_alert"),
    ],
)
def test_a_schema_goes_by_the_name_of_the_command_too(command: str, pattern: str, here: Here) -> None:
    assert here("schema", command) == here("schema", pattern)
    assert here("schema", command).status == 0


def test_a_device_is_written_to_and_not_replaced(served: Sandbox, here: Here) -> None:
    assert here("tools", "--output", os.devnull, at=served).status == 0
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_reader_that_leaves_early_is_no_error(served: Sandbox) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "patterns", "audit"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(served),
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 0)


def test_a_stream_that_cannot_show_a_character_gets_a_question_mark(served: Sandbox) -> None:
    done = finished("consumers", env=environment(served, PYTHONIOENCODING="ascii"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_help_version_and_import_load_nothing_heavy() -> None:
    script = (
        "import sys, patterns; from patterns.cli import run; "
        "heavy = {'anyio', 'mcp', 'httpx2', 'pydantic', 'jinja2', 'uvicorn'}; "
        "print(sorted(heavy & set(sys.modules)), 'rich' in sys.modules); "
        "run(['--help']); run(['--version']); run(['debug', '--help']); "
        "print(sorted(heavy - {'anyio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "[] False"
    assert lines[-1] == "[]"
    assert "debug" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "debug",
        "endpoint",
        "consumers",
        "audit",
        "alert",
        "doctor",
        "tools",
        "call",
        "search",
        "sandbox",
        "schema",
    ],
)
def test_every_command_explains_itself(command: str, here: Here) -> None:
    done = here(command, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"konnect-agent {command}" in done.out
    assert "--no-" not in done.out.replace("--no-color", "")


def test_a_sandbox_serves_other_commands_until_it_is_interrupted(served: Sandbox, here: Here) -> None:
    with started("sandbox", "--port", "0", "--token", TOKEN, "--seed", "3", env=environment()) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url in read_until(process, "export")
        shown = read_until(process, "Control planes: ")
        assert all(str(alert) in shown for alert in World.story(3).alerts)
        assert "storefront-production" in shown
        found = here("tools", "--url", url, at=served)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert found.status == 0


@pytest.mark.parametrize(
    ("generation", "tool"), [("spring", "QueryAPIRequests"), ("code-mode", "get_schema")]
)
def test_a_sandbox_is_of_the_generation_asked_for(
    served: Sandbox, here: Here, generation: str, tool: str
) -> None:
    command = ("sandbox", "--port", "0", "--token", TOKEN, "--generation", generation)
    with started(*command, env=environment()) as process:
        assert process.stdout is not None
        found = here("tools", "--url", process.stdout.readline().strip(), at=served)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert tool in found.out
    assert "GetAnalytics" not in found.out
