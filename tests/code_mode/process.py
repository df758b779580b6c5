"""The process with real code mode, and the servers in it as tests see them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from konnect_agent import Konnect
from konnect_agent.sandbox.world import World

from .setup import FAST, TOKEN, Setup

_ROOT = Path(__file__).parents[2]
_HEADERS = {"authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Served:
    """One server in code mode."""

    url: str
    setup: Setup
    http: httpx2.Client

    @property
    def world(self) -> World:
        """What it serves."""
        return self.setup.world

    def client(self, **settings: Any) -> Konnect:
        """A client of it, in its time."""
        defaults: dict[str, Any] = {"time_scale": FAST, "first_wait": 0.01}
        return Konnect(token=TOKEN, url=self.url, **{**defaults, **settings})

    @property
    def round_trips(self) -> Counter[str]:
        """How often each of the three tools was called."""
        return Counter(self._seen()["tools"])

    @property
    def operations(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every call of an operation, with its `path`, `query` and `body`."""
        return [(name, call) for name, call in self._seen()["operations"]]

    def _seen(self) -> dict[str, Any]:
        return self.http.get(self.url + "seen").json()


@dataclass(frozen=True)
class Process:
    """The process; `open` takes what `Setup` does."""

    http: httpx2.Client

    def open(self, *, world: World | None = None, **settings: Any) -> Served:
        """One more server; over the story as of the same moment as `world`."""
        now = world.now.isoformat() if world else "2026-09-01T12:00:00+00:00"
        setup = Setup(now=now, **settings)
        opened = self.http.post("/", content=setup.written())
        return Served(str(self.http.base_url.join(opened.raise_for_status().text)), setup, self.http)


@contextmanager
def running() -> Generator[Process]:
    """The process, until it is no longer needed."""
    command = [sys.executable, "-m", "tests.code_mode.server"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            assert port, "the server did not start: are the development dependencies installed?"
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=_HEADERS, timeout=60) as http:
                yield Process(http)
        finally:
            process.terminate()
