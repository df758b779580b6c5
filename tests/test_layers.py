"""Who may import whom, and what an import costs: the rules are in `[tool.importlinter]` of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import konnect_agent
import patterns

ROOT = Path(__file__).parents[1]
HEAVY = ("mcp", "mcp_types", "httpx2", "pydantic", "rich", "anyio", "stamina", "rapidfuzz", "re2", "asyncio")


def run(code: str) -> str:
    """The output of a Python program of its own, started in the project's folder."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_module_imports_only_what_its_layer_allows() -> None:
    told = run("from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))")
    assert "0 broken" in told


def test_importing_the_packages_loads_nothing_heavy() -> None:
    told = run(
        f"import sys, konnect_agent, patterns; print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert told.strip() == "[]"


def test_a_configuration_error_loads_no_protocol() -> None:
    code = (
        "import sys\n"
        "from konnect_agent import Config, ConfigError\n"
        "try:\n    Config.build('nonsense')\nexcept ConfigError:\n    pass\n"
        "print([name for name in ('mcp', 'httpx2', 'pydantic', 'rich') if name in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_the_public_names_are_few_and_all_there() -> None:
    for package in (konnect_agent, patterns):
        assert len(package.__all__) <= 40
        assert len(set(package.__all__)) == len(package.__all__)
        for name in package.__all__:
            assert getattr(package, name) is not None
        assert set(package.__all__) <= set(dir(package))
