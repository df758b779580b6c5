"""The same calls with our client and with others, against the same server, one after the other or in turn.

    told = compared(server, ("ours", "sdk", "fastmcp"), tool="GetVault", arguments={...}, rounds=300)
    told["sdk"].per_call            # seconds of a call, by round

The clients of one interpreter take turns in one process. langchain-mcp-adapters is made for mcp 1 and has an
environment of its own: `make bench` makes it, and KONNECT_BENCH_PYTHON_LANGCHAIN names its interpreter. A
client that cannot be imported is `absent`, with the reason, and has a line in every table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .elsewhere import Elsewhere

NAMES = {
    "ours": "konnect-agent",
    "ours_typed": "konnect-agent, as models",
    "sdk": "MCP SDK, bare",
    "fastmcp": "FastMCP's client",
    "langchain": "langchain-mcp-adapters",
    "langchain_session": "langchain, one session",
}
_CLIENTS = Path(__file__).with_name("clients.py")


@dataclass(frozen=True)
class Told:
    """What one client made of its calls.

    `outcomes` counts `good` calls and the classes of the errors, `unsure` those that say a call may have
    been carried out; `per_call` are the seconds of a call in each round; `died` is what ended the client.
    """

    outcomes: Mapping[str, int] = field(default_factory=dict[str, int])
    per_call: tuple[float, ...] = ()
    died: str = ""
    absent: str = ""

    @property
    def good(self) -> int:
        return self.outcomes.get("good", 0)

    @property
    def failures(self) -> dict[str, int]:
        """How often the calls ended in which error."""
        return {kind: times for kind, times in self.outcomes.items() if kind not in ("good", "unsure")}


def compared(
    server: Elsewhere,
    clients: Iterable[str],
    *,
    tool: str,
    arguments: Mapping[str, str],
    rounds: int = 1,
    calls: int = 1,
    width: int = 1,
) -> dict[str, Told]:
    """What each client made of `rounds` times `calls` calls, `width` at a time; `{n}` is a call's number."""
    by_interpreter: dict[str, list[str]] = {}
    for client in clients:
        family = client.partition("_")[0].upper()
        by_interpreter.setdefault(
            os.environ.get(f"KONNECT_BENCH_PYTHON_{family}", sys.executable), []
        ).append(client)
    found: dict[str, Told] = {}
    for python, theirs in by_interpreter.items():
        job = {
            "clients": theirs, "tool": tool, "arguments": arguments, "rounds": rounds, "calls": calls,
            "width": width,
        }  # fmt: skip
        told = _run(python, server, job)
        found |= {client: _read(told.get(client, told), calls) for client in theirs}
    return {client: found[client] for client in clients}


def _run(python: str, server: Elsewhere, job: Mapping[str, Any]) -> dict[str, Any]:
    command = [python, str(_CLIENTS), server.url, server.token, json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        return {"died": (done.stderr.strip().splitlines() or ["without a word"])[-1][:80]}
    return json.loads(done.stdout.splitlines()[-1])


def _read(told: Mapping[str, Any], calls: int) -> Told:
    per_call = tuple(seconds / calls for seconds in told.get("seconds", ()))
    return Told(told.get("outcomes", {}), per_call, told.get("died", ""), told.get("absent", ""))


def row(client: str, told: Told, *cells: str) -> str:
    """A line of a table: the cells, or why there are none."""
    if told.absent:
        return f"{NAMES[client]:26}not measured: {told.absent[:100]}"
    return f"{NAMES[client]:26}" + "".join(cells) + (f"   died of {told.died}" if told.died else "")
