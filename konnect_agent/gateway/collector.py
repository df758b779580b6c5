"""Building a large table without the garbage collector walking over it again and again.

A table of 10,000 routes is some 300,000 objects that all stay. Python's collector would look at them (and at
everything else the process holds) several times while they are made and find nothing: a third of the time.
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Generator[None]:
    """No cyclic garbage collection inside; where the caller has turned it off, it stays off."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
