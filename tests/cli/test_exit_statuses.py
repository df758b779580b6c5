"""What goes wrong, as a script sees it: one status per kind, a message and a hint on standard error alone."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from konnect_agent import errors
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.command.outcome import status_of

from ..handmade import Serve, as_json, refused
from .conftest import Here, Outcome
from .shell import COMMAND, TOKEN, environment


def said(done: Outcome) -> Sequence[str]:
    """The lines on standard error, of which there are a message and a hint, and never a traceback."""
    lines = done.err.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("hint: ")
    assert "Traceback" not in done.err
    return lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("debug --format sarif", 'Invalid value "sarif" for --format'),
        ("audit --format junit", 'Invalid value "junit" for --format'),
        ("debug --duration soon", "unable to convert"),
        ("debug --token kpat_x", "Unknown option"),
        ("nonsense", "Unknown command"),
        ("--region us", "Unknown command"),
        ("endpoint", "requires an argument"),
        ("endpoint /path --sandbox --region us", "--sandbox needs no --region"),
        ("tools --sandbox --region=", "--sandbox needs no --region"),
        ("endpoint /path --generation spring", "there is no --sandbox"),
        ("tools --generation classic", "there is no --sandbox"),
        ("doctor --generation code-mode", "there is no --sandbox"),
        ("audit --replay run.jsonl --generation spring", "--replay asks nobody, so --generation"),
        ("audit --sandbox --generation autumn", 'Invalid value "autumn" for --generation'),
        ("endpoint /path --sandbox --url http://localhost/", "--sandbox needs no --region"),
        ("endpoint /path --region us --url http://localhost/", "Both a region and a URL"),
        ("endpoint no-path", "'no-path' is no path"),
        ("endpoint /path --method G3T", "is no HTTP method"),
        ("endpoint /path --scheme tcp", "is no scheme"),
        ("endpoint /path --consumer=", "--consumer is empty"),
        ("debug --path no-path", "--path cannot be"),
        ("debug --method STEAL", "--method cannot be"),
        ("debug --status-code 99", "--status-code cannot be"),
        ("debug --latency >1s", "--latency cannot be '>1s'"),
        ("debug --duration -60", "--duration cannot be -60"),
        ("debug --max-samples 0", "--max-samples cannot be 0"),
        ("debug --control-plane=", "--control-plane is empty"),
        ("debug --debug-session x --path /slow", "criteria of a debug session that exists"),
        ("consumers --time-range 2H", "is no time range"),
        ("consumers --top -1", "--top is -1"),
        ("consumers --max-results 0", "--max-results is 0"),
        ("audit --control-plane a --control-plane=", "--control-plane is empty"),
        ("search", "Nothing to search for"),
        ("endpoint /api --header nocolon", "is no header"),
        ("consumers --status 5xx", "are no HTTP statuses"),
        ("consumers --status 500,", "are no HTTP statuses"),
        ("audit", "No Konnect token was given"),
        ("audit --token-file nowhere.txt", "cannot be read"),
        ("audit --baseline nowhere.json", "cannot be used"),
        ("audit --fail-on worst", 'Invalid value "worst"'),
        ("call GetRoute operation", "is no argument"),
        ("call GetRoute {nonsense}", "look like a JSON object"),
        ("schema nonsense", 'Invalid value "nonsense"'),
        ("sandbox --token short", "malformed"),
        ("sandbox --port 99999", "is no port"),
        ("sandbox --faults nonsense", "unknown fault"),
        ("sandbox --generation summer", "classic"),
        ("sandbox --time-scale 0", "--time-scale"),
        ("sandbox --time-scale nan", "--time-scale"),
        ("sandbox --latency-ms nan", "--latency-ms"),
        ("sandbox --latency-ms inf", "--latency-ms"),
        ("audit --write-baseline nowhere/known.json", "cannot be written"),
        ("audit --write-baseline a.json --baseline b.json", "hides some of it"),
    ],
)
def test_a_mistake_in_usage_or_configuration_is_2(arguments: str, message: str, here: Here) -> None:
    done = here(*arguments.split())
    assert (done.status, done.out) == (2, "")
    assert message in said(done)[0]


def test_a_wrong_region_is_2_and_names_those_there_are(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    done = here("audit", "--region", "mars")
    assert done.status == 2
    assert "us, eu, au, in, global" in said(done)[-1]


def test_arguments_that_cannot_be_right_are_2_and_never_sent(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN) as sandbox:
        done = here("debug", "--latency", "5s", "--yes", at=sandbox)
    assert done.status == 2
    assert ">=1000ms" in said(done)[-1]
    assert sandbox.ledger.calls == ()


def test_a_token_that_is_not_accepted_is_3(world: World, here: Here) -> None:
    with Sandbox(world=world, token="kpat_another0one0altogether") as sandbox:
        done = here("audit", at=sandbox)
    assert (done.status, done.out) == (3, "")
    assert "kpat_" in said(done)[-1]  # how a token looks, not which one it was


def told_by(arguments: str, words: str, serve: Serve, here: Here) -> Outcome:
    """What a command leaves behind where nothing but the list of plugins is refused, in these words."""
    lists = dict.fromkeys(("GetService", "GetRoute", "GetConsumer", "GetVault"), as_json([]))
    rows = [{"request_id": "r-1", "status": 503, "control_plane": "cp-1", "consumer": "c-1"}]
    planes = as_json([{"id": "cp-1", "name": "one"}])
    refusing = {"GetControlPlane": planes, "GetAnalytics": as_json(rows), "GetPlugin": refused(words)}
    server = serve(lists | refusing)
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("KONNECT_SPAT", TOKEN)
        return here(*arguments.split(), "--url", server.url, "--format", "json", "--quiet")


@pytest.mark.parametrize("command", ["audit", "audit --require-complete", "consumers --control-plane one"])
def test_a_token_that_is_refused_on_the_way_is_3(command: str, serve: Serve, here: Here) -> None:
    done = told_by(command, "HTTP error 401: Unauthorized", serve, here)
    report = json.loads(done.out)
    assert (done.status, report["status"], report["error"]) == (3, "incomplete", None)
    assert "the token was refused" in said(done)[0]


@pytest.mark.parametrize(("option", "status"), [("", 0), ("--require-complete", 7)])
@pytest.mark.parametrize("command", ["audit", "consumers --control-plane one"])
def test_a_list_that_may_not_be_read_makes_a_report_incomplete(
    command: str, option: str, status: int, serve: Serve, here: Here
) -> None:
    done = told_by(f"{command} {option}", "HTTP error 403: Forbidden", serve, here)
    assert (done.status, done.err, json.loads(done.out)["status"]) == (status, "", "incomplete")


def test_findings_at_the_gate_outrank_a_token_refused_on_the_way(
    serve: Serve, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = dict.fromkeys(("GetRoute", "GetConsumer", "GetPlugin"), as_json([]))
    service = {"id": "s-1", "name": "orders", "host": "orders.internal", "protocol": "http"}
    server = serve({
        "GetControlPlane": as_json([{"id": "cp-1", "name": "one"}]), "GetService": as_json([service]),
        "GetVault": refused("HTTP error 401: Unauthorized"), **lists,
    })  # fmt: skip
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    found = here("audit", "--fail-on", "info", "--url", server.url)
    nothing_as_bad = here("audit", "--fail-on", "critical", "--url", server.url)
    assert (found.status, nothing_as_bad.status) == (1, 3)


def test_an_organisation_without_mcp_is_3(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, mcp_disabled=True) as sandbox:
        assert here("tools", at=sandbox).status == 3


def test_a_missing_tool_is_3_and_named(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, hide=["KnowledgeBaseSearch"]) as sandbox:
        done = here("search", "debug sessions", at=sandbox)
    assert done.status == 3
    assert "KnowledgeBaseSearch" in said(done)[0]


@pytest.mark.parametrize("arguments", [("tools", "GetConsumr"), ("call", "GetConsumr"), ("call", "")])
def test_a_tool_that_kong_documents_nowhere_is_2(
    arguments: Sequence[str], served: Sandbox, here: Here
) -> None:
    done = here(*arguments, at=served)
    assert (done.status, done.out) == (2, "")
    assert f"There is no tool {arguments[1]!r}." in said(done)[0]
    assert "tools` lists all" in said(done)[-1]


def test_an_answer_that_is_nonsense_is_4(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, faults="1:oversize") as sandbox:
        done = here("endpoint", "/api/users", at=sandbox)
    assert (done.status, done.out) == (4, "")
    said(done)


def test_a_name_that_leads_nowhere_is_5(served: Sandbox, here: Here) -> None:
    assert here("consumers", "--control-plane", "nothing-like-it", at=served).status == 5


def test_a_name_that_could_be_several_is_5_and_lists_them_with_ids(served: Sandbox, here: Here) -> None:
    done = here("consumers", "--control-plane", "payments", at=served)
    assert (done.status, done.out) == (5, "")
    plane = served.world.control_plane("payments-staging")
    assert any(plane.name in line and plane.id in line for line in said(done)[1:-1])
    assert done.err.count(plane.id) == done.err.count(plane.name) == 1
    assert "(94)" in done.err


def test_candidates_nothing_was_compared_with_have_no_scores(served: Sandbox, here: Here) -> None:
    done = here("debug", "--yes", at=served)
    assert (done.status, done.out) == (5, "")
    names = [plane.name for plane in served.world.control_planes]
    assert [line.split()[0] for line in said(done)[1:-1]] == names
    assert "(0)" not in done.err
    assert "Closest" not in done.err


def test_a_debug_session_nobody_confirms_is_6_and_never_created(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN) as sandbox:
        done = here("debug", "--control-plane", "storefront-production", "--format", "json", at=sandbox)
    assert done.status == 6
    assert json.loads(done.out)["status"] == "declined"
    assert "--yes" in said(done)[-1]
    assert sandbox.ledger.debug_sessions_created == ()


def test_a_tool_that_may_change_things_needs_confirmation_too(world: World, here: Here) -> None:
    arguments = ("call", "CreateDebugSession", f"control_plane_id={world.control_planes[0].id}")
    with Sandbox(world=world, token=TOKEN, time_scale=600) as sandbox:
        refused = here(*arguments, at=sandbox)
        assert (refused.status, sandbox.ledger.debug_sessions_created) == (6, ())
        allowed = here(*arguments, "session_duration=10", "--yes", at=sandbox)
        assert allowed.status == 0
        assert len(sandbox.ledger.debug_sessions_created) == 1


def test_a_bug_is_70_in_one_line_without_secrets(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pattern: str) -> None:
        raise RuntimeError(f"impossible with {TOKEN}\x1b[2J")

    monkeypatch.setattr("patterns.command.schema.schema_of", broken)
    done = here("schema", "audit_configuration")
    assert (done.status, done.out) == (70, "")
    assert done.err.startswith("error: this is a bug in konnect-agent")
    assert "RuntimeError: impossible with [redacted]" in done.err
    assert len(done.err.splitlines()) == 1
    assert "\x1b" not in done.err


def test_a_bug_shows_its_first_cause_and_its_traceback_to_whom_it_may_concern(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(pattern: str) -> None:
        try:
            raise KeyError("first")
        except KeyError as cause:
            raise RuntimeError("second") from cause

    monkeypatch.setattr("patterns.command.options.with_token", broken)
    assert "(KeyError: 'first'); --verbose" in here("audit").err
    shown = here("audit", "--verbose").err
    assert "Traceback" in shown
    assert "RuntimeError: second" in shown


@pytest.mark.parametrize(
    ("arguments", "streams", "status"),
    [
        ("schema audit_configuration", ">&-", 2),
        ("schema audit_configuration --output result.json", ">&- 2>&- <&-", 0),
        ("schema nonsense", "2>&-", 2),
        ("schema nonsense", "2>/dev/full", 2),
        ("tools --sandbox", "<&- 2>&-", 0),
    ],
)
def test_closed_streams_are_no_bug(arguments: str, streams: str, status: int, tmp_path: Path) -> None:
    line = f"exec {shlex.join(COMMAND)} {arguments} {streams}"
    done = subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.returncode == status
    assert "bug" not in done.stderr


def test_every_error_of_the_tree_has_a_status() -> None:
    statuses = {
        errors.ConfigError("x"): 2,
        errors.InvalidArguments("x"): 2,
        errors.Unauthorized("x", status=401): 3,
        errors.McpAccessDisabled("x", status=403): 3,
        errors.ToolUnavailable("x"): 3,
        errors.Unreachable("x"): 4,
        errors.TimedOut("x", limit="call"): 4,
        errors.RateLimited("x", status=429): 4,
        errors.ServerError("x", status=503): 4,
        errors.Undecodable("x"): 4,
        errors.ToolError("x"): 4,
        errors.NotFound("x"): 5,
        errors.NoMatch("x"): 5,
        errors.Ambiguous("x"): 5,
        errors.ConfirmationDeclined("x"): 6,
        errors.DebugSessionFailed("x", status="timed_out"): 6,
    }
    assert {type(error).__name__: status_of(error) for error in statuses} == {
        type(error).__name__: status for error, status in statuses.items()
    }


@pytest.mark.parametrize("target", ["missing/report.json", "."])
def test_an_output_that_cannot_be_written_is_2_before_anything_is_sent(
    target: str, world: World, here: Here, tmp_path: Path
) -> None:
    with Sandbox(world=world, token=TOKEN) as sandbox:
        done = here("audit", "--output", str(tmp_path / target), at=sandbox)
        assert dict(sandbox.ledger.http) == {}
    assert done.status == 2
    assert "cannot be written" in said(done)[0]
