"""Tasks that belong to nobody's task group, so that they may outlive the task that started them.

Opening a client in one notebook cell and closing it in another needs an owner in between: a plain task under
asyncio, a system task under trio. What runs here must catch its own errors. `see_through` uses one for what
must not be given up half-way: a cancel scope's shield holds back neither asyncio's own cancellation
(`task.cancel()`, `asyncio.timeout`, Ctrl-C) nor trio's KeyboardInterrupt, a task of its own does.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import anyio

T = TypeVar("T")

_UNWINDING = 0.5  # seconds that cancelled work gets to end
_running: set[Any] = set()


@dataclass(slots=True)
class Finished(Generic[T]):
    """How a piece of work ended: with a value or an error, and what tried to interrupt the one who waits.

    Without value and error it did not end in time.
    """

    value: T | None = None
    error: Exception | None = None
    interruption: BaseException | None = None


async def see_through(work: Callable[[], Awaitable[T]], *, patience: Callable[[], float]) -> Finished[T]:
    """Run `work` in a task of its own and wait for it, whatever happens to the waiting task.

    An interruption, also a cancellation by an anyio scope, is held back until the work is done, or for as
    many seconds as `patience` then says; whoever called must raise it again. What is not done by then is
    cancelled.
    """
    outcome, done, given_up = Finished[T](), anyio.Event(), anyio.CancelScope()

    async def run() -> None:
        try:
            with given_up:
                outcome.value = await work()
        except Exception as error:  # handed to the caller
            outcome.error = error
        finally:
            done.set()

    spawn(run)
    try:
        await done.wait()
    except BaseException as interruption:
        outcome.interruption = interruption
        await _held_back(done, patience())
        given_up.cancel()
        await _held_back(done, _UNWINDING)
    return outcome


async def _held_back(done: anyio.Event, seconds: float) -> None:
    """Wait until it is done, for so many seconds, whatever interrupts."""
    with anyio.move_on_after(seconds, shield=True) as shield:
        while not done.is_set():
            try:
                await done.wait()
            except BaseException:  # once more: nothing ends sooner for it
                if shield.cancel_called:
                    raise


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


def interrupted_by_keyboard(error: BaseException) -> bool:
    """Whether `error` is a Ctrl-C that hit a task of ours; it is then sent on to the program's own task.

    Trio delivers it to whichever task runs unprotected code at that moment, and a system task that dies of
    it would take the whole run down.
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return any(interrupted_by_keyboard(inner) for inner in group.exceptions)
    if not isinstance(error, KeyboardInterrupt) or not _on_trio():
        return False
    import signal

    import trio

    trio.lowlevel.current_trio_token().run_sync_soon(signal.raise_signal, signal.SIGINT)
    return True


def _on_trio() -> bool:
    if "trio" not in sys.modules:
        return False
    import sniffio  # comes with trio

    return sniffio.current_async_library() == "trio"
