"""The audit's memory: 200 control planes of 1,000 entities each, at most 400 MB at its peak.

The audit runs in a process of its own, which says at its end how much memory it ever held (all of it: Python,
the packages, the answers, the report). Run with `-s` to see the figure.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import anyio

from konnect_agent import Konnect
from patterns import audit_configuration

from .punctual import ROOT, TOKEN, punctual

PLANES, ENTITIES = 200, 1000
TARGET_MB = 400
_UNIT = 1 << 20 if sys.platform == "darwin" else 1 << 10  # ru_maxrss counts bytes there, kibibytes elsewhere


async def audited(url: str) -> None:
    """Audit, and print how many entities were seen and the peak in megabytes."""
    async with Konnect(token=TOKEN, url=url) as konnect:
        report = await audit_configuration(konnect)
    assert report.status == "complete"
    seen = [sum(plane.counts.model_dump().values()) for plane in report.result.control_planes]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 1e6
    print(json.dumps([len(seen), sum(seen), peak]))


def test_an_audit_of_two_hundred_control_planes_stays_small() -> None:
    with punctual(latency=0.0, planes=PLANES, entities=ENTITIES) as server:
        done = subprocess.run(
            [sys.executable, "-m", __name__, server.url], cwd=ROOT, check=True, capture_output=True, text=True
        )
    planes, entities, peak = json.loads(done.stdout)
    print(f"\naudit of {planes} control planes, {entities:,} entities: {peak:.0f} MB at its peak")
    assert planes == PLANES
    assert entities >= 0.99 * PLANES * ENTITIES
    assert peak <= TARGET_MB


if __name__ == "__main__":
    anyio.run(audited, sys.argv[1])
