"""The command inside the test's own process, which is quick, against a sandbox with a token of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.cli import run

from .shell import TOKEN


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


Here = Callable[..., Outcome]


@pytest.fixture(scope="session")
def served(world: World) -> Generator[Sandbox]:
    """A sandbox for reading only, that accepts the token nobody may see."""
    with Sandbox(world=world, token=TOKEN, time_scale=600) as sandbox:
        yield sandbox


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Run a command here, against a sandbox if one is given."""

    def command(*arguments: str, at: Sandbox | None = None) -> Outcome:
        for name in ("KONNECT_TOKEN", "KONNECT_MCP_URL", "KONNECT_REGION", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("COLUMNS", "120")  # whatever terminal the tests run in
        if at is not None:
            monkeypatch.setenv("KONNECT_TOKEN", TOKEN)
            monkeypatch.setenv("KONNECT_MCP_URL", at.url)
        capsys.readouterr()
        status = run(arguments)
        written = capsys.readouterr()
        assert TOKEN not in written.out + written.err
        return Outcome(status, written.out, written.err)

    return command
