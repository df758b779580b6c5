"""What the README prints is what works: its Python, its notebook cells, and its commands, on the sandbox."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.audit import Rule, all_rules
from patterns.audit.engine import judge
from patterns.cli import run
from patterns.command import outcome

from ..audit.examples import snapshot
from ..passthrough.reverse_proxy import KEY, reverse_proxy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (
    "debug",
    "endpoint",
    "consumers",
    "audit",
    "alert",
    "doctor",
    "tools",
    "call",
    "search",
    "passthrough",
    "sandbox",
    "schema",
)


def section(title: str) -> str:
    """The text under one heading."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(title: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables the README speaks of, leading to the sandbox."""
    monkeypatch.setenv("KONNECT_TOKEN", sandbox.token)
    monkeypatch.setenv("KONNECT_MCP_URL", sandbox.url)


async def executed(*cells: str) -> dict[str, Any]:
    """The names there are after running cells one after the other, as a notebook does."""
    names: dict[str, Any] = {}
    for cell in cells:
        code = compile(cell, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result
    return names


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_first_lines_of_python_run_on_either_event_loop(loop: str) -> None:
    script = blocks("In Python", "python")[0]
    if loop == "trio":
        script = script.replace("asyncio.run(main())", "trio.run(main)").replace("asyncio", "trio")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "key-auth service It is scoped to the service" in done.stdout


@pytest.mark.anyio
async def test_the_sandbox_takes_the_place_of_konnect(capsys: pytest.CaptureFixture[str]) -> None:
    await executed(blocks("In Python", "python")[1])
    assert "storefront-production" in capsys.readouterr().out


@pytest.mark.anyio
async def test_the_cells_of_a_notebook_run_one_after_the_other() -> None:
    names = await executed(*blocks("In a notebook", "python"))
    assert names["konnect"].era is None


@pytest.mark.anyio
async def test_it_connects_through_a_gateway_of_your_own(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = blocks("Behind your own gateway", "python")
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    servers = {"konnect": sandbox.url, "marketplace": sandbox.url, "rest": sandbox.url}
    with reverse_proxy(servers, tmp_path, like_kong=True) as proxy:
        await executed(script.replace("https://gateway.example.com", proxy.url))
    assert "storefront-production" in capsys.readouterr().out


def test_what_is_put_behind_a_gateway_leaves_nothing_to_object_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = blocks("Behind your own gateway", "sh")[0].splitlines()[0]
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(line.removeprefix("konnect-agent "))) == 0
    made = yaml.safe_load((tmp_path / "konnect-mcp.yaml").read_text(encoding="utf-8"))
    beside = yaml.safe_load(blocks("Behind your own gateway", "yaml")[0])
    (service,) = made["services"]
    (route,) = service.pop("routes")
    plugins = [*made["plugins"], *beside["plugins"]]
    assert {plugin["service"] for plugin in plugins} == {service["name"]}
    entities: dict[str, list[dict[str, Any]]] = {
        "services": [service | {"id": "s"}],
        "routes": [route | {"id": "r", "service": {"id": "s"}}],
        "plugins": [each | {"id": each["name"], "service": {"id": "s"}} for each in plugins],
    }
    rules = [each for each in all_rules() if isinstance(each, Rule) and each.id.startswith("KNA09")]
    judged = judge(snapshot(entities), rules)
    assert (len(rules), judged.findings, judged.not_run) == (3, (), ())


@pytest.mark.anyio
async def test_what_the_gateway_would_do_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    await executed(*blocks("What the gateway would do", "python"))
    assert "['key-auth']\nkey-auth must succeed" in capsys.readouterr().out


def test_the_job_gates_on_findings_and_leaves_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = blocks("In a CI job", "yaml")
    (line,) = re.findall(r"- run: konnect-agent (.*)", job)
    variables = dict(re.findall(r"^    (KONNECT_\w+): (\S+)$", job, re.MULTILINE))
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(shlex.split(line)) == 1
    assert '"status": "complete"' in (tmp_path / "audit.json").read_text(encoding="utf-8")


def test_every_command_it_shows_with_options_works(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in re.findall(r"`konnect-agent ([^`|]+)`", README) if " --" in line]
    assert len(lines) >= 2
    for line in lines:
        confirmation = ["--yes"] if line.startswith("alert") else []
        assert run([*shlex.split(line), *confirmation]) == 0
        assert capsys.readouterr().err == ""


def test_the_commands_are_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert " | ".join(COMMANDS) in section("The command line")
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f" {command} " in listed for command in COMMANDS)


def test_the_exit_statuses_are_those_there_are() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", section("The command line"), re.MULTILINE)
    others = {outcome.BUG, outcome.HUNG_UP, outcome.INTERRUPTED, outcome.TERMINATED}
    assert {int(number) for row in rows for number in row.split(",")} == {*range(8), *others}


def test_the_alert_and_the_files_it_names_exist(world: World) -> None:
    (alert,) = re.findall(r"konnect-agent alert (\S+)", README)
    assert alert in world.alerts
    for path in re.findall(r"\]\(([\w/.]+)\)", README):
        assert (ROOT / path).exists()
    for path in re.findall(r"`((?:konnect_agent|patterns)/[\w/]*)`", README):
        assert (ROOT / path).is_dir()
