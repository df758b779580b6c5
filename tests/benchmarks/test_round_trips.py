"""An audit of fifty control planes in real code mode: many lists in one block against one list in each.

Run with `-s` to see the table. Both go to the same server, whose calls take that long inside; the second is
what the client does when a block takes no more than one call.
"""

from __future__ import annotations

from time import perf_counter

import anyio
import pytest

from konnect_agent.dialects.code_mode import batches
from patterns import audit_configuration

from ..code_mode.process import Process, Served

PLANES, CALLS, MOST_ROUND_TRIPS = 50, 251, 10


def audited(served: Served) -> float:
    """The seconds an audit takes."""

    async def run() -> float:
        async with served.client() as konnect:
            await konnect.generation()
            began = perf_counter()
            report = await audit_configuration(konnect)
            assert report.status == "complete"
            return perf_counter() - began

    return anyio.run(run)


@pytest.mark.parametrize("latency", [0.0, 0.02, 0.1])
def test_lists_share_round_trips(code_mode: Process, monkeypatch: pytest.MonkeyPatch, latency: float) -> None:
    print(f"\n{f'{latency * 1000:g} ms per call':20}{'round trips':>12}{'calls':>8}{'seconds':>9}")
    for form, most in (("many in a block", batches.MOST_CALLS), ("one in a block", 1)):
        monkeypatch.setattr(batches, "MOST_CALLS", most)
        served = code_mode.open(planes=PLANES, latency=latency)
        seconds = audited(served)
        trips, calls = served.round_trips.total(), len(served.operations)
        print(f"{form:20}{trips:12}{calls:8}{seconds:9.2f}")
        assert calls == CALLS
        assert trips <= MOST_ROUND_TRIPS or most == 1
