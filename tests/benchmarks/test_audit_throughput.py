"""How close an audit comes to its bound: calls x latency / width, on a server of exactly that latency.

50 control planes of 5 lists at 100 ms and width 4, runs alternating between small and large control planes,
medians. Run with `-s` to see the table. With a dozen entities each, an audit is all waiting, and held against
1.10 of the bound, with room for a busy machine. With 1,000 entities each, reading and judging take about as
much processor time as the bound has (the column `cpu`): shown, to be compared with max(bound, cpu).
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import anyio

from konnect_agent import Konnect
from patterns import audit_configuration

from .punctual import Punctual, punctual
from .yardstick import slowness

PLANES, LISTS, LATENCY, WIDTH = 50, 5, 0.1, 4
SMALL, LARGE = 12, 1000
RUNS, TARGET = 3, 1.10


@dataclass(frozen=True)
class Run:
    """One audit: seconds it took, seconds of the processor, and its bound in seconds."""

    took: float
    cpu: float
    bound: float


async def audited(server: Punctual) -> Run:
    """One audit on a connection that is there already."""
    async with Konnect(token=server.token, url=server.url, max_in_flight=WIDTH) as konnect:
        started, worked = time.perf_counter(), time.process_time()
        report = await audit_configuration(konnect)
        took, cpu = time.perf_counter() - started, time.process_time() - worked
    calls = sum(len(step.calls) for step in report.steps)
    assert report.status == "complete"
    assert calls == 1 + PLANES * LISTS
    return Run(took, cpu, calls * LATENCY / WIDTH)


def test_an_audit_is_hardly_slower_than_its_calls() -> None:
    runs: dict[int, list[Run]] = {SMALL: [], LARGE: []}
    with ExitStack() as stack:
        servers = {
            entities: stack.enter_context(punctual(latency=LATENCY, planes=PLANES, entities=entities))
            for entities in runs
        }
        for _ in range(RUNS):
            for entities, server in servers.items():
                runs[entities].append(anyio.run(audited, server))
    print(f"\n{'entities each':>14}{'bound':>9}{'took':>9}{'cpu':>9}{'ratio':>8}   {RUNS} runs, medians")
    for entities, done in runs.items():
        took, cpu, bound = (median(getattr(run, name) for run in done) for name in ("took", "cpu", "bound"))
        print(f"{entities:14,}{bound:8.2f}s{took:8.2f}s{cpu:8.2f}s{took / bound:8.3f}")
    ratio = median(run.took / run.bound for run in runs[SMALL])
    assert ratio - 1 <= (TARGET - 1) * slowness()
