"""How fast this machine is right now, so that a limit in seconds becomes a ratio measured in one run.

The yardstick is a fixed piece of work of the same kind as what is measured (small objects, dictionaries,
strings). On a quiet machine of the size the limits were set for, it takes about `REFERENCE` seconds.
"""

from __future__ import annotations

import time

REFERENCE = 0.05


def yardstick() -> float:
    """Seconds the fixed piece of work takes now."""
    started = time.perf_counter()
    table: dict[str, tuple[str, ...]] = {}
    for number in range(60_000):
        name = f"/svc-{number}/v1"
        table[name] = tuple(part for part in name.split("/") if part)
    sum(len(parts) for parts in table.values())
    return time.perf_counter() - started


def slowness() -> float:
    """How many times slower than the reference this machine is now; 1 for one that is faster."""
    return max(1.0, yardstick() / REFERENCE)
