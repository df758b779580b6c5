"""The patterns from the command line: every report obeys the contract, and nothing else is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .conftest import Here
from .contract import checked
from .shell import TOKEN, environment, finished

DEBUG = ["debug", "--control-plane", "storefront-production", "--path", "/slow", "--duration", "10", "--yes"]


@pytest.mark.parametrize(
    ("pattern", "arguments"),
    [
        ("debug_performance", " ".join(DEBUG)),
        ("investigate_endpoint", "endpoint /api/users --method GET"),
        ("analyze_consumers", "consumers --control-plane storefront-production --status 401,500 --top 2"),
        ("audit_configuration", "audit"),
    ],
)
def test_each_pattern_runs_on_the_embedded_sandbox_and_obeys_its_own_schema(
    pattern: str, arguments: str, here: Here
) -> None:
    done = finished(*arguments.split(), "--sandbox", "--format", "json", env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    report = checked(done.stdout, pattern, here)
    assert (report["status"], report["error"]) == ("complete", None)
    assert any(step["calls"] for step in report["steps"])
    assert report["endpoint"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("generation", "tool"),
    [("classic", "GetAnalytics"), ("spring", "QueryAPIRequests"), ("code-mode", "execute")],
)
def test_the_embedded_sandbox_may_be_of_any_generation(generation: str, tool: str, here: Here) -> None:
    embedded = ("--sandbox", "--generation", generation, "--format", "json")
    assert tool in [each["name"] for each in json.loads(here("tools", *embedded).out)]
    audits = [json.loads(here("audit", *which).out) for which in (embedded, ("--sandbox", "-f", "json"))]
    findings = [[each["fingerprint"] for each in audit["result"]["findings"]] for audit in audits]
    assert [audit["status"] for audit in audits] == ["complete", "complete"]
    assert findings[0] == findings[1] != []


@pytest.mark.parametrize(
    "written", ["--status 500,502", "--status 500 --status 502", "--status=500 --status=502,500"]
)
def test_statuses_are_repeated_or_separated_by_commas(written: str, served: Sandbox, here: Here) -> None:
    done = here("consumers", *written.split(), "--format", "json", at=served)
    assert (done.status, json.loads(done.out)["result"]["status_codes"]) == (0, [500, 502])


def test_an_alert_leads_to_nested_reports(served: Sandbox, here: Here) -> None:
    alert = next(iter(served.world.alerts.values()))
    done = here("alert", str(alert["id"]), "--yes", "--format", "json", at=served)
    report = checked(done.out, "investigate_alert", here)
    assert report["result"]["alert"]["name"] == alert["name"]
    assert report["result"]["performance"]["pattern"] == "debug_performance"
    assert report["result"]["endpoint"]["result"]["route"]["name"] == "checkout"


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("text", "Configuration audit"), ("markdown", "## Configuration audit"), ("html", "<!doctype html>")],
)
def test_the_other_formats_go_to_standard_output_alone(
    form: str, beginning: str, served: Sandbox, here: Here
) -> None:
    done = here("audit", "--format", form, at=served)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(beginning)


def test_the_alert_of_the_readme_exists(world: World) -> None:
    assert "dc1e0230-b68c-445b-af38-73fdb621c856" in world.alerts


def test_an_unfinished_report_is_printed_as_json_and_the_error_beside_it(served: Sandbox, here: Here) -> None:
    done = here("endpoint", "/nowhere", "--format", "json", at=served)
    report = checked(done.out, "investigate_endpoint", here)
    assert (done.status, report["status"], report["error"]["type"]) == (5, "failed", "NoMatch")
    assert done.err.startswith("error: ")
    assert report["error"]["hint"] in done.err


def test_an_unfinished_report_that_found_nothing_is_no_text(served: Sandbox, here: Here) -> None:
    assert here("endpoint", "/nowhere", at=served).out == ""


def test_a_debug_session_that_times_out_still_shows_what_was_traced(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, time_scale=600, ending="timed_out") as sandbox:
        done = here(
            *[
                "debug",
                "--control-plane",
                "storefront-production",
                "--path",
                "/slow",
                "--duration",
                "10",
                "--yes",
            ],
            at=sandbox,
        )
    assert done.status == 6
    assert done.out.startswith("Performance debugging · failed")
    assert "timed_out" in done.err


def test_an_incomplete_report_says_so_and_fails_only_when_asked_to(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, forbidden=["payments-staging"]) as sandbox:
        lenient = here("audit", at=sandbox)
        strict = here("audit", "--require-complete", "--format", "json", at=sandbox)
    assert lenient.status == 0
    assert "Not seen" in lenient.out
    assert "of payments-staging: Forbidden" in lenient.out
    assert strict.status == 7
    report = checked(strict.out, "audit_configuration", here)
    assert (report["status"], report["coverage"]["complete"]) == ("incomplete", False)


def test_the_gate_stops_on_findings_and_lets_known_ones_pass(
    served: Sandbox, here: Here, tmp_path: Path
) -> None:
    assert here("audit", "--fail-on", "critical", at=served).status == 0
    stopped = here("audit", "--fail-on", "high", "--format", "json", at=served)
    assert stopped.status == 1
    baseline = tmp_path / "baseline.json"
    assert here("audit", "--write-baseline", str(baseline), at=served).status == 0
    found = json.loads(stopped.out)["result"]["findings"]
    known = json.loads(baseline.read_text(encoding="utf-8"))["findings"]
    assert sorted(e["fingerprint"] for e in known) == sorted(e["fingerprint"] for e in found)
    passed = here("audit", "--fail-on", "info", "--baseline", str(baseline), at=served)
    assert passed.status == 0
    assert "No new findings." in passed.out


def test_a_baseline_of_what_could_be_seen_says_so_in_the_file_and_beside_it(
    world: World, served: Sandbox, here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "known.json"
    with Sandbox(world=world, token=TOKEN, forbidden=["payments-staging"]) as sandbox:
        done = here("audit", "--write-baseline", str(file), at=sandbox)
    assert done.status == 0
    assert done.err.startswith(f"warning: The baseline {file} is incomplete")
    assert json.loads(file.read_text(encoding="utf-8"))["complete"] is False
    used = here("audit", "--baseline", str(file), at=served)
    assert "of an incomplete audit, so not all that is new to it is new" in used.out
    assert "payments-staging" in used.out


def test_no_baseline_is_written_of_less_than_was_required(world: World, here: Here, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text("a better one")
    with Sandbox(world=world, token=TOKEN, forbidden=["payments-staging"]) as sandbox:
        done = here("audit", "--write-baseline", str(file), "--require-complete", at=sandbox)
    assert done.status == 7
    assert "was not written" in done.err
    assert file.read_text() == "a better one"


def test_findings_of_what_was_not_seen_are_not_called_gone(
    world: World, served: Sandbox, here: Here, tmp_path: Path
) -> None:
    file = tmp_path / "known.json"
    assert here("audit", "--write-baseline", str(file), at=served).err == ""
    with Sandbox(world=world, token=TOKEN, forbidden=["payments-staging"]) as sandbox:
        done = here("audit", "--baseline", str(file), at=sandbox)
    assert "No new findings in what could be seen." in done.out
    assert "no longer found" not in done.out
