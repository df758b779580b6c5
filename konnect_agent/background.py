"""A task that belongs to nobody's task group, so that it may outlive the task that started it.

Opening a client in one notebook cell and closing it in another needs an owner in between: a plain task under
asyncio, a system task under trio. What runs here must catch its own errors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

_running: set[Any] = set()


def spawn(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start `run` in the running event loop."""
    if _on_trio():
        import trio

        trio.lowlevel.spawn_system_task(run, context=copy_context())
        return
    import asyncio

    task = asyncio.get_running_loop().create_task(run())
    _running.add(task)  # asyncio itself keeps only a weak reference
    task.add_done_callback(_running.discard)


def _on_trio() -> bool:
    if "trio" not in sys.modules:
        return False
    import sniffio  # comes with trio

    return sniffio.current_async_library() == "trio"
