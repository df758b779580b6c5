"""A sandbox in a process of its own, so that server and client do not share an interpreter's lock.

    with elsewhere(latency=0.1, eras=["2025"]) as server:
        Konnect(url=server.url, token=server.token)
    server.books["calls"]                       # what arrived there, once the block has ended

The settings are those of `Sandbox`; `faults` are the arguments of `Faults`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Elsewhere:
    """Where the sandbox is, one of its control planes, and in the end what it counted.

    `debug_sessions` in the books are pairs of an id and when it ended, on the clock of `time.monotonic`.
    """

    url: str
    token: str
    plane: str
    books: dict[str, Any] = field(default_factory=dict[str, Any])


@contextmanager
def elsewhere(**settings: Any) -> Generator[Elsewhere]:
    """Run a sandbox with these settings while the block lasts."""
    command = [sys.executable, __file__, json.dumps(settings)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        server = Elsewhere(*process.stdout.readline().split())
        yield server
        process.stdin.close()
        server.books.update(json.loads(process.stdout.read()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


def main(settings: dict[str, Any]) -> None:
    """Serve until standard input ends, then write down what was counted."""
    sys.path.insert(0, str(ROOT))
    from konnect_agent.sandbox import Sandbox
    from konnect_agent.sandbox.faults import Faults

    if "faults" in settings:
        settings["faults"] = Faults(**settings["faults"])
    with Sandbox(**settings) as sandbox:
        plane = sandbox.world.control_plane("storefront-production").id
        print(sandbox.url, sandbox.token, plane, flush=True)
        sys.stdin.read()
        creations = sandbox.ledger.calls_to("CreateDebugSession")
        times = Counter(str(call.arguments.get("http_path")) for call in creations)
        sessions = sandbox.debug_sessions.all()
        books = {
            "calls": len(sandbox.ledger.calls),
            "faults": len(sandbox.ledger.faults),
            "created": len(sandbox.ledger.debug_sessions_created),
            "created_twice": sum(number > 1 for number in times.values()),
            "debug_sessions": [(each.id, each.started + each.length) for each in sessions],
        }
        print(json.dumps(books))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
