"""`konnect-agent doctor`: a line per check, the next thing to do, and the first failure's exit status."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import trustme

from konnect_agent import errors
from konnect_agent.diagnosis.result import family_of
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.command.doctor import EXITS
from patterns.command.outcome import status_of

from ..faults.scripted import Request, ScriptedServer, rpc
from .conftest import Here, Outcome
from .shell import TOKEN, environment, finished, read_until, started, terminal, without_colours
from .test_hostile_servers import ACTIVE, EVIL


def lines(done: Outcome) -> dict[str, str]:
    """Status and what was seen, by the name of the check; of a check with a row of its own."""
    found = re.findall(r"^(ok|warning|failure|skipped) +(\S+(?: \S+)?)  +(\S.*)$", done.out, re.MULTILINE)
    return {name: f"{status} {seen}" for status, name, seen in found}


def test_an_embedded_konnect_is_well(here: Here) -> None:
    done = here("doctor", "--sandbox")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Diagnosis · ok\n26 checks: 24 ok, 2 skipped.\n")
    assert lines(done)["token"] == "ok personal access token (PAT), from the sandbox"
    assert "→" not in done.out


@pytest.mark.parametrize("generation", ["classic", "spring", "code-mode"])
def test_an_embedded_konnect_may_be_of_any_generation(here: Here, generation: str) -> None:
    done = here("doctor", "--sandbox", "--generation", generation)
    assert (done.status, done.err) == (0, "")
    assert generation in done.out


def test_an_empty_region_is_no_default(here: Here) -> None:
    done = here("doctor", "--region=")
    assert done.status == 2
    assert lines(done)["address"].startswith("failure '' is not a region")


def test_settings_come_from_where_every_command_takes_them(
    served: Sandbox, here: Here, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines(here("doctor", at=served))["token"].endswith("from KONNECT_TOKEN")
    file = tmp_path / "token"
    file.write_text(TOKEN)
    done = here("doctor", "--url", served.url, "--token-file", str(file))
    assert done.status == 0
    assert "from the file" in lines(done)["token"]
    assert here("doctor", "--sandbox", "--region", "us").status == 2


def test_what_is_wrong_with_the_settings_is_2_and_a_line_like_any_other(here: Here) -> None:
    done = here("doctor", "--region", "mars")
    assert (done.status, done.err) == (2, "")
    assert lines(done)["token"].startswith("failure No Konnect token was given")
    assert lines(done)["address"].startswith("failure 'mars' is not a region")
    assert "→ Create a personal access token" in done.out


@pytest.mark.parametrize("content", [None, "", "  \n"])
def test_a_token_file_that_cannot_be_read_is_a_line_like_any_other(
    content: str | None, served: Sandbox, here: Here, tmp_path: Any
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    done = here("doctor", "--url", served.url, "--token-file", str(file))
    assert (done.status, done.err) == (2, "")
    assert lines(done)["token"].startswith("failure The token file")
    assert lines(done)["address"].startswith("ok")
    assert "→ Give --token-file a file" in done.out


@pytest.mark.parametrize("regions", ["us,eu", "all", "us,eu=https://proxy.example/"])
def test_one_region_is_diagnosed_at_a_time(regions: str, here: Here) -> None:
    done = here("doctor", "--region", regions)
    assert (done.status, done.err) == (2, "")
    assert lines(done)["address"].startswith("failure One region at a time: us, eu")
    assert "→ Run the diagnosis once for each of them." in done.out


def test_a_region_that_stands_elsewhere_is_diagnosed_there(served: Sandbox, here: Here) -> None:
    done = here("doctor", "--region", f"eu={served.url}", at=None)
    assert lines(done)["address"].startswith(f"ok {served.url}")


def test_a_token_that_is_not_accepted_is_3(world: World, here: Here) -> None:
    with Sandbox(world=world, token="kpat_another0one0altogether") as sandbox:
        done = here("doctor", at=sandbox)
    assert done.status == 3
    assert lines(done)["authentication"].startswith("failure HTTP 401")
    assert "not checked, because authentication failed: organization, protocol" in done.out


def test_an_organisation_without_mcp_is_3(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, mcp_disabled=True) as sandbox:
        done = here("doctor", at=sandbox)
    assert done.status == 3
    assert "Organization Settings > AI Settings" in " ".join(done.out.split())


def test_a_control_plane_that_may_not_be_read_is_3(world: World, here: Here) -> None:
    names = [plane.name for plane in world.control_planes]
    with Sandbox(world=world, token=TOKEN, forbidden=names) as sandbox:
        assert here("doctor", at=sandbox).status == 3


def test_a_missing_tool_is_a_warning_and_0(world: World, here: Here) -> None:
    with Sandbox(world=world, token=TOKEN, hide=["GetVault"]) as sandbox:
        done = here("doctor", at=sandbox)
    assert done.status == 0
    assert done.out.startswith("Diagnosis · warning\n26 checks: 22 ok, 2 warnings, 2 skipped.\n")
    assert lines(done)["vaults"] == "warning this server offers no tool for it"


def test_an_empty_region_is_a_warning_and_0(world: World, here: Here) -> None:
    with Sandbox(world=replace(world, control_planes=()), token=TOKEN) as sandbox:
        done = here("doctor", at=sandbox)
    assert done.status == 0
    assert "Nothing crosses regions" in done.out


def test_a_name_that_does_not_resolve_is_4(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    done = here("doctor", "--url", "https://eu.mcp.konghq.invalid/")
    assert done.status == 4
    assert "failure   dns" in done.out


def test_a_certificate_nobody_knows_is_4(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.configure_cert(tls)  # pyright: ignore[reportUnknownMemberType]  # for pyOpenSSL too
    monkeypatch.setenv("KONNECT_SPAT", TOKEN)
    with ScriptedServer(lambda request: request.result([]), tls=tls) as server:
        done = here("doctor", "--url", server.url)
    assert done.status == 4
    assert "SSL_CERT_FILE" in done.out


def test_exit_statuses_are_those_of_every_other_command() -> None:
    for error in (
        errors.ConfigError("x"), errors.Unauthorized("x", status=401), errors.Forbidden("x", status=403),
        errors.McpAccessDisabled("x", status=403), errors.ToolUnavailable("x"), errors.Unreachable("x"),
        errors.TimedOut("x", limit="call"), errors.RateLimited("x", status=429), errors.Undecodable("x"),
    ):  # fmt: skip
        assert EXITS[family_of(error)] == status_of(error)


def test_the_first_failure_decides(here: Here) -> None:
    done = here("doctor", "--url", "https://eu.mcp.konghq.invalid/")
    assert done.status == 2
    assert "failure   dns" in done.out


@pytest.mark.parametrize(
    "arguments", [("--sandbox",), ("--url", "https://eu.mcp.konghq.invalid/"), ("--region", "x")]
)
def test_json_obeys_its_schema(arguments: tuple[str, ...], here: Here) -> None:
    report = json.loads(here("doctor", *arguments, "--format", "json").out)
    schema = json.loads(here("schema", "doctor").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    assert [each["name"] for each in report["checks"]][:3] == ["token", "address", "proxy"]
    assert set(report) == set(schema["required"])


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_a_server_says_acts_on_a_terminal(form: str) -> None:
    def introduce(request: Request) -> None:
        who = {"name": EVIL, "version": EVIL}
        capable: dict[str, Any] = {"tools": {}}
        result = {"protocolVersion": "2025-11-25", "capabilities": capable, "serverInfo": who}
        request.answer(rpc(request.id, result=result))

    def planes(request: Request) -> None:
        request.result([{"id": EVIL, "name": EVIL}])

    with ScriptedServer(planes, others={"initialize": introduce}) as server:
        env = environment(KONNECT_TOKEN=TOKEN, KONNECT_MCP_URL=server.url)
        done = finished("doctor", "--format", form, env=env)
    assert "alert(1)" in done.stdout
    assert not ACTIVE.search(done.stdout)


def test_ctrl_c_ends_it_with_130_and_no_result() -> None:
    def hold(request: Request) -> None:
        request.hold()

    with ScriptedServer(hold, others={"initialize": hold, "server/discover": hold}) as server:
        env = environment(KONNECT_TOKEN=TOKEN, KONNECT_MCP_URL=server.url)
        with started("doctor", "--verbose", env=env) as process:
            read_until(process, "step: endpoint")
            server.arrived("server/discover").wait(30)
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr


def test_on_a_terminal_it_shows_where_it_is_and_marks_what_is_wrong(world: World) -> None:
    with (
        Sandbox(world=world, token=TOKEN, latency=0.1, hide=["GetVault"]) as sandbox,
        terminal("doctor", env=environment(sandbox), results_too=True) as screen,
    ):
        screen.wait_for("✓")
        assert screen.end()[0] == 0
    assert "\x1b[33mwarning" in screen.shown
    assert "missing: GetVault" in without_colours(screen.shown)
