"""What `import konnect_agent, patterns` costs beside `import mcp`: at most 0.4 of it.

Cold processes, alternating, the median of each; only the import statement is timed. Run with `-s` to see it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

ROUNDS = 5
TARGET = 0.4
ROOT = Path(__file__).parents[2]


def seconds(statement: str) -> float:
    """How long one import statement takes in a process of its own."""
    code = f"from time import perf_counter; t = perf_counter(); {statement}; print(perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_importing_costs_a_fraction_of_importing_mcp() -> None:
    ours, theirs = "import konnect_agent, patterns", "import mcp"
    using = "from konnect_agent import Konnect"  # for information: what the first use costs
    took = {
        statement: [seconds(statement)] for statement in (ours, using, theirs)
    }  # fills the bytecode caches
    for _ in range(ROUNDS):
        for statement, all_of_it in took.items():
            all_of_it.append(seconds(statement))
    medians = {statement: median(all_of_it[1:]) for statement, all_of_it in took.items()}
    ratio = medians[ours] / medians[theirs]
    for statement, value in medians.items():
        print(f"\n{statement:40}{value * 1000:7.1f} ms", end="")
    print(f"\nratio {ratio:.3f} (target {TARGET})")
    assert ratio <= TARGET
