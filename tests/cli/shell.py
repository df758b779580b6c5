"""The command as a process of its own, over pipes or on a terminal. No run may ever show the token."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import patterns
from konnect_agent.sandbox import Sandbox

TOKEN = "kpat_CommandLineTests0nobody0may0see0this"
COMMAND = (sys.executable, "-m", "patterns")
_PATIENCE = 60.0


def environment(served: Sandbox | None = None, **more: str) -> dict[str, str]:
    """A bare environment, with the sandbox's address and token if there is one."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    address = {"KONNECT_MCP_URL": served.url, "KONNECT_TOKEN": TOKEN} if served else {}
    packages = str(Path(patterns.__file__).parents[1])
    return {**inherited, "PYTHONPATH": packages, **address, **more}


def started(*arguments: str, env: Mapping[str, str], text: bool = True) -> subprocess.Popen[str]:
    """The command, started over pipes."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=env, text=text)


def finished(*arguments: str, env: Mapping[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    """The command, run to its end over pipes."""
    with started(*arguments, env=env) as process:
        stdout, stderr = process.communicate(given, timeout=_PATIENCE)
    assert TOKEN not in stdout + stderr
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Standard error up to and including the line with `wanted`."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if wanted in line:
            return seen
    raise AssertionError(f"{wanted!r} never came:\n{seen}")


@dataclass
class Terminal:
    """A person's side of a pseudo-terminal; `shown` is all that appeared on it."""

    process: subprocess.Popen[bytes]
    keyboard: int
    results: IO[bytes]
    shown: str = ""

    def wait_for(self, wanted: str) -> None:
        """Read until `wanted` has appeared."""
        while wanted not in self.shown:
            assert self._read(), f"{wanted!r} never came:\n{self.shown}"

    def type(self, keys: str) -> None:
        """Type something."""
        os.write(self.keyboard, keys.encode())

    def end(self) -> tuple[int, str]:
        """Exit status and standard output, once the command is done."""
        while self._read():
            pass
        status = self.process.wait(_PATIENCE)
        self.results.seek(0)
        output = self.results.read().decode()
        assert TOKEN not in output + self.shown
        return status, output

    def hang_up(self) -> None:
        """Close the terminal, as a person closes its window."""
        os.close(self.keyboard)
        self.keyboard = -1

    def _read(self) -> bool:
        """Whether more came; not when the command is gone, and an error when it stays silent for long."""
        assert select.select([self.keyboard], [], [], _PATIENCE)[0], self.shown
        try:
            chunk = os.read(self.keyboard, 65536)
        except OSError:  # how Linux says that nobody is on the other side any more
            return False
        self.shown += chunk.decode(errors="replace")
        return bool(chunk)


@contextmanager
def terminal(*arguments: str, env: Mapping[str, str], results_too: bool = False) -> Generator[Terminal]:
    """The command with a terminal for its questions and progress; results go there too, or to a file."""
    ours, theirs = pty.openpty()
    with TemporaryFile() as results:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs if results_too else results,
            stderr=theirs,
            env={**env, "TERM": "xterm-256color", "COLUMNS": "100"},
            preexec_fn=_take_terminal,  # noqa: PLW1509  # so that Ctrl-C reaches the command
        )
        os.close(theirs)
        try:
            with process:
                screen = Terminal(process, ours, results)
                try:
                    yield screen
                finally:
                    ours = screen.keyboard
        finally:
            process.kill()
            if ours >= 0:
                os.close(ours)


def _take_terminal() -> None:
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def without_colours(text: str) -> str:
    """`text` without the sequences that only colour it."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)
