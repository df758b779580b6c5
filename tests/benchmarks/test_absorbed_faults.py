"""What a fifth of failing requests leaves of 500 reads and 200 creations, with our client and with others.

Run with `-s` to see the table. The faults are drawn by the request, the same ones for everybody: 429, 503,
a connection reset, a server that refuses connections for 50 ms. Every client has a server of its own, which
counts: `twice` are creations that arrived more than once, `alive` debug sessions whose creator got an error,
and `told` the errors that say there may be one.
"""

from __future__ import annotations

from typing import Any

from .compared import compared, row
from .elsewhere import elsewhere

READS, CREATIONS, WIDTH = 500, 200, 4
FAULTS: dict[str, Any] = {"spec": "0.2:429+503+reset+refused", "retry_after": "0", "outage": 0.05}
CLIENTS = ("ours_typed", "sdk", "fastmcp", "langchain", "langchain_session")


def test_reads_all_succeed_and_no_creation_is_sent_twice() -> None:
    print(f"\n{'of ' + str(READS) + ' and ' + str(CREATIONS):26}{'reads':>7}{'seconds':>9}", end="")
    print(f"{'created':>9}{'errors':>8}{'twice':>7}{'alive':>7}{'told':>6}   reads ended in")
    for client in CLIENTS:
        with elsewhere(faults=FAULTS) as server:
            wanted = {"operation": "list", "control_plane_id": server.plane}
            reads = compared(server, [client], tool="GetService", arguments=wanted, calls=READS, width=WIDTH)[
                client
            ]
        if reads.absent:
            print(row(client, reads))
            continue
        assert client != "ours_typed" or server.books["faults"] > READS * 0.15
        with elsewhere(faults=FAULTS) as server:
            wanted = {"control_plane_id": server.plane, "http_path": "/creation/{n}"}
            created = compared(
                server, [client], tool="CreateDebugSession", arguments=wanted, calls=CREATIONS, width=WIDTH
            )[client]
        errors = sum(created.failures.values())
        alive = server.books["created"] - created.good
        seconds = sum(reads.per_call) * READS
        told = created.outcomes.get("unsure", 0)
        line = (
            f"{reads.good:7}{seconds:9.1f}{created.good:9}{errors:8}{server.books['created_twice']:7}"
            f"{alive:7}{told:6}   {reads.failures or ''}"
        )
        print(row(client, reads, line))
        if client == "ours_typed":
            assert reads.good == READS
            assert created.good + errors == CREATIONS
            assert server.books["created_twice"] == 0
            assert alive <= told
