"""`--record` and `--replay` on the command line: a bug report, or a fixture, is one file."""

from __future__ import annotations

import json
import re
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import SLOW_PATH, World

from .conftest import Here
from .shell import TOKEN, environment, finished, read_until, started

SHOP = "storefront-production"


def timeless(text: str) -> str:
    """JSON or text without lines that are about time."""
    return "\n".join(line for line in text.splitlines() if not re.search(r"started_at|duration_s|took", line))


def tried(world: World) -> dict[str, Sequence[str]]:
    """Commands that ask the server something."""
    alert, plane = next(iter(world.alerts)), world.control_planes[0].id
    return {
        "debug": ("debug", "--control-plane", SHOP, "--path", SLOW_PATH, "--duration", "30", "--yes"),
        "endpoint": ("endpoint", "/api/users", "--explain"),
        "no such route": ("endpoint", "/nowhere", "--control-plane", SHOP),
        "consumers": ("consumers", "--control-plane", SHOP, "--status", "401,500,502,503"),
        "audit": ("audit", "--fail-on", "critical"),
        "alert": ("alert", alert, "--yes"),
        "call": ("call", "GetPlugin", "operation=list", f"control_plane_id={plane}"),
        "no such tool": ("call", "GetNothing"),
        "search": ("search", "vault", "references"),
        "tools": ("tools",),
    }


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "name",
    [
        "debug",
        "endpoint",
        "no such route",
        "consumers",
        "audit",
        "alert",
        "call",
        "no such tool",
        "search",
        "tools",
    ],
)
def test_a_command_says_the_same_on_its_recording(
    tmp_path: Path, here: Here, served: Sandbox, name: str, form: str
) -> None:
    command, tape = [*tried(served.world)[name], "--format", form], str(tmp_path / "run.jsonl")
    there = here(*command, "--record", tape, at=served)
    again = here(*command, "--replay", tape)
    assert again.status == there.status
    assert timeless(again.out) == timeless(there.out)
    assert timeless(again.err) == timeless(there.err)
    assert TOKEN not in Path(tape).read_text(encoding="utf-8")


def test_a_recording_of_the_embedded_sandbox_is_a_fixture_for_a_process_without_anything(
    tmp_path: Path,
) -> None:
    tape = str(tmp_path / "run.jsonl")
    there = finished("audit", "--sandbox", "--record", tape, "--format", "json", env=environment())
    again = finished("audit", "--replay", tape, "--format", "json", env=environment())
    assert (again.returncode, again.stderr) == (there.returncode, there.stderr) == (0, "")
    assert timeless(again.stdout) == timeless(there.stdout)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--record", "other.jsonl"), "--record"), (("--region", "us"), "--region"),
        (("--url", "https://a.example/"), "--url"), (("--sandbox",), "--sandbox"),
    ],
)  # fmt: skip
def test_a_replay_takes_nothing_that_is_about_a_server(here: Here, more: Sequence[str], named: str) -> None:
    outcome = here("audit", "--replay", "run.jsonl", *more)
    assert (outcome.status, outcome.out) == (2, "")
    assert f"--replay asks nobody, so {named} cannot be" in outcome.err


@pytest.mark.parametrize(
    "content", ["", "root:x:0:0", '{"recording": 2, "program": "9.9"}', '{"recording": 1']
)
def test_what_cannot_be_replayed_is_a_mistake_in_the_command(
    tmp_path: Path, here: Here, content: str
) -> None:
    tape = tmp_path / "run.jsonl"
    tape.write_text(content, encoding="utf-8")
    outcome = here("endpoint", "/api/users", "--replay", str(tape))
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")


@pytest.mark.parametrize("wrong", [None, [1], {"a": 1}, "x", -1, float("nan")])
def test_no_damage_to_a_recording_is_a_bug(
    tmp_path: Path, here: Here, served: Sandbox, wrong: object
) -> None:
    tape, damaged = tmp_path / "run.jsonl", tmp_path / "damaged.jsonl"
    command = ("endpoint", "/api/users", "--control-plane", SHOP)
    here(*command, "--record", str(tape), at=served)
    lines = [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]
    for number in (0, 1, 2):
        for name in lines[number]:
            edited = [*lines[:number], lines[number] | {name: wrong}, *lines[number + 1 :]]
            damaged.write_text("\n".join(map(json.dumps, edited)), encoding="utf-8")
            assert here(*command, "--replay", str(damaged)).status in (0, 2, 4, 5)


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_asked(here: Here, world: World) -> None:
    with Sandbox(world=world, token=TOKEN) as own:
        outcome = here("audit", "--record", "/no/such/folder/run.jsonl", at=own)
        assert (outcome.status, own.ledger.http) == (2, {})
    assert "The recording cannot be written to /no/such/folder/run.jsonl" in outcome.err


def test_a_recording_that_breaks_off_is_told_and_costs_no_report(
    tmp_path: Path, here: Here, served: Sandbox
) -> None:
    tape = tmp_path / "run.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        outcome = here("audit", "--record", str(tape), "--format", "json", at=served)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert json.loads(outcome.out)["status"] == "complete"
    assert f"warning: The recording {tape} ends here: File too large" in outcome.err


def test_a_replay_of_something_else_is_an_error_whatever_came_of_it(
    tmp_path: Path, here: Here, served: Sandbox
) -> None:
    tape = tmp_path / "run.jsonl"
    here("audit", "--control-plane", SHOP, "--record", str(tape), at=served)
    other = here("endpoint", "/api/users", "--replay", str(tape))
    assert other.status == 2
    assert "has no call of GetControlPlane with" in other.err
    assert "hint: A replay answers what was asked when it was recorded" in other.err
    kept = [line for line in tape.read_text(encoding="utf-8").splitlines() if "GetVault" not in line[:40]]
    tape.write_text("\n".join(kept), encoding="utf-8")
    partial = here("audit", "--control-plane", SHOP, "--replay", str(tape))
    assert (partial.status, partial.out) == (2, "")
    assert "has no call of GetVault" in partial.err


def test_ctrl_c_leaves_a_recording_of_what_happened(tmp_path: Path, world: World) -> None:
    tape = tmp_path / "run.jsonl"
    command = ("debug", "--control-plane", SHOP, "--duration", "60", "--yes")
    with Sandbox(world=world, token=TOKEN, time_scale=1) as own:
        with started(*command, "--record", str(tape), "--verbose", env=environment(own)) as process:
            read_until(process, "debug session")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert process.returncode == 130
    lines = [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]
    operations = [line["arguments"].get("operation", line["tool"]) for line in lines if "tool" in line]
    assert operations[0] == "get_by_name"
    assert operations[-1] == "stop_session"
    assert "CreateDebugSession" in operations
    assert "end" not in lines[-1]
    again = finished(*command, "--replay", str(tape), env=environment())
    assert again.returncode == 2
    assert "the run was interrupted" in again.stderr
