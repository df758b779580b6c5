"""Running a command to its end, or to an orderly stop.

The first Ctrl-C (SIGTERM, or SIGHUP: the terminal was closed) cancels the command and waits for what it
cleans up: a debug session it started is stopped, connections are closed, the unfinished report is written.
The second one leaves at once, but not a second SIGHUP: the kernel and the shell each send one. The first is
received by the event loop rather than by Python's default handler, because a cancellation that comes as an
exception could hit the creation of a debug session half-way; the second one by a handler that needs no event
loop, because that may hang as well.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial

import anyio

from patterns.command import outcome
from patterns.command.outcome import say
from patterns.report.cleaning import one_line

_STATUSES = {
    signal.SIGINT: outcome.INTERRUPTED,
    signal.SIGTERM: outcome.TERMINATED,
    signal.SIGHUP: outcome.HUNG_UP,
}
_SHOW_CURSOR = b"\x1b[?25h"
_last_words: list[Callable[[], Iterable[str]]] = []


def run(command: Callable[[], Awaitable[int]]) -> int:
    """The exit status of `command`, or of the signal that stopped it. Raises what the command raises."""
    return anyio.run(_supervise, command)


@contextmanager
def last_words(words: Callable[[], Iterable[str]]) -> Generator[None]:
    """Lines to say when somebody leaves at once during the block: what nobody will clean up then."""
    _last_words.append(words)
    try:
        yield
    finally:
        _last_words.remove(words)


async def _supervise(command: Callable[[], Awaitable[int]]) -> int:
    interruption = _Interruption()
    status, failure = outcome.DONE, None
    with anyio.open_signal_receiver(*_awaited()) as signals:
        async with anyio.create_task_group() as watching:
            with anyio.CancelScope() as work:
                watching.start_soon(interruption.watch, signals, work)
                try:
                    status = await command()
                except Exception as error:  # leaves the task group as itself, not as a group
                    failure = error
            watching.cancel_scope.cancel()
    if interruption.status is not None:
        return interruption.status
    if failure is not None:
        raise failure
    return status


def _awaited() -> list[signal.Signals]:
    """The signals that stop the command; `nohup` has SIGHUP ignored, and that stays so."""
    survives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [received for received in _STATUSES if not (survives and received is signal.SIGHUP)]


class _Interruption:
    """Whether somebody asked to stop, and the exit status that says so."""

    def __init__(self) -> None:
        self.status: int | None = None

    async def watch(self, signals: AsyncIterator[signal.Signals], work: anyio.CancelScope) -> None:
        """Cancel `work` at the first signal, and have the second one leave the process."""
        async for received in signals:
            if self.status is not None and received is signal.SIGHUP:
                continue
            if self.status is not None:  # it came before its handler was there
                _leave(self.status)
            self.status = _STATUSES[received]
            for again in (signal.SIGINT, signal.SIGTERM):
                signal.signal(again, partial(_leave, self.status))
            if received is signal.SIGINT and sys.stderr.isatty():
                say("")  # the terminal has echoed ^C
            say("Stopping; once more to leave at once.")
            work.cancel()


def _leave(status: int, *_: object) -> None:
    """Without cleaning up, which may be what hangs; only the cursor a display has hidden comes back, and
    what is left behind is named. All of it past `sys.stderr`, which may be in use just now."""
    with suppress(OSError):  # the terminal may be gone
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), _SHOW_CURSOR)
        for line in (line for words in _last_words for line in words()):
            os.write(sys.stderr.fileno(), f"{one_line(line)}\n".encode())
    os._exit(status)
