"""The live display: the steps so far, and a bar for the innermost one.

`konnect_agent.events` feed it, and rich asks for a drawing of what it remembers ten times a second, so the
time of a debug session moves although the session is looked at only now and then.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from konnect_agent import events
from patterns.report.cleaning import one_line
from patterns.report.document import seconds

_BAR_WIDTH = 28
_TEXT = 60


@contextmanager
def live_display(*, colour: bool) -> Generator[LiveDisplay]:
    """A display on standard error for the block; it listens to events when told to."""
    no_color = None if colour else True  # None: rich looks at NO_COLOR itself
    console = Console(stderr=True, no_color=no_color, highlight=False, markup=False, emoji=False)
    display = LiveDisplay(console)
    display.appear()
    try:
        yield display
    finally:
        display.disappear()


@dataclass
class Line:
    """One step. `took` is None while it runs."""

    name: str
    depth: int
    started: float
    took: float | None = None
    ok: bool = True


@dataclass(frozen=True)
class Watched:
    """A debug session: its status, when it began and how long it is; `length` is None once it is overdue."""

    status: str
    begun: float
    length: float | None


@dataclass
class LiveDisplay:
    """What is remembered of the events; times are of the monotonic clock."""

    console: Console
    live: Live | None = None
    lines: dict[tuple[str, ...], Line] = field(default_factory=dict[tuple[str, ...], Line])
    watched: Watched | None = None
    pieces: events.Advanced | None = None
    trouble: str = ""
    begun: float = field(default_factory=time.monotonic)
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def __call__(self, event: events.Event) -> None:
        """Remember an event."""
        now = time.monotonic()
        match event:
            case events.StepStarted(path):
                self.lines[path] = Line(path[-1], len(path), now)
                self.watched, self.pieces, self.trouble = None, None, ""
            case events.StepFinished(path, status, duration) if path in self.lines:
                self.lines[path].took, self.lines[path].ok = duration, status == "ok"
                self.watched, self.pieces, self.trouble = None, None, ""
            case events.Polled(_, status, elapsed, remaining):
                length = None if remaining is None else elapsed + remaining
                self.watched, self.trouble = Watched(status, now - elapsed, length), ""
            case events.Advanced():
                self.pieces = event
            case events.CallRetried(_, attempt, wait, error):
                self.trouble = f"{error}, attempt {attempt + 1} in {seconds(wait)}"
            case events.CallFinished():
                self.trouble = ""
            case _:
                pass

    @contextmanager
    def paused(self) -> Generator[None]:
        """Leave the terminal to somebody else during the block."""
        self.disappear()
        try:
            yield
        finally:
            self.appear()

    def appear(self) -> None:
        """Draw from here on; with a new `Live`, because a used one would first erase what it once drew."""
        self.live = Live(
            self, console=self.console, transient=True, refresh_per_second=10, redirect_stdout=False
        )
        self.live.start(refresh=True)

    def disappear(self) -> None:
        """Erase the drawing."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def __rich__(self) -> RenderableType:
        """The display as of now."""
        now = time.monotonic()
        lines = list(self.lines.values())
        running = [line for line in lines if line.took is None]
        top = min((line.depth for line in lines), default=0)
        grid = Table.grid(padding=(0, 1))
        for line in lines:
            name = Text("  " * (line.depth - top) + one_line(line.name, limit=_TEXT))
            if line.took is not None:
                mark = Text("✓", "green") if line.ok else Text("✗", "red")
                grid.add_row(mark, name, Text(seconds(line.took), "dim"))
            elif line is running[-1]:
                grid.add_row(self.spinner, name, self._doing(now, line.started))
            else:
                grid.add_row("", name, "")
        if not running:
            name = Text("finishing" if lines else "connecting")
            grid.add_row(self.spinner, name, self._doing(now, self.begun))
        return grid

    def _doing(self, now: float, started: float) -> RenderableType:
        """What the innermost step is at: time of a debug session, pieces of a fan-out, or just time."""
        cells: list[RenderableType] = []
        if self.watched is not None:
            elapsed, length = now - self.watched.begun, self.watched.length
            cells.append(Text(one_line(self.watched.status, limit=20)))
            if length is not None and elapsed < length:
                cells.append(ProgressBar(total=length, completed=elapsed, width=_BAR_WIDTH))
                cells.append(Text(f"{elapsed:.0f} s, {length - elapsed:.0f} s left", "dim"))
            else:
                cells.append(Text(f"{seconds(elapsed)}, any moment now", "dim"))
        elif self.pieces is not None:
            done, total = self.pieces.done, self.pieces.total
            cells.append(ProgressBar(total=total, completed=done, width=_BAR_WIDTH))
            cells.append(Text(f"{done} of {total} {one_line(self.pieces.what, limit=_TEXT)}", "dim"))
            cells.append(self._time(now - started))
        else:
            cells.append(self._time(now - started))
        if self.trouble:
            cells.append(Text(one_line(self.trouble, limit=_TEXT), "yellow"))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(*cells)
        return grid

    def _time(self, elapsed: float) -> Text:
        return Text(seconds(elapsed), "dim")
