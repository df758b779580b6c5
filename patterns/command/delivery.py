"""Results go to standard output or to a file, whole or not at all.

A file is written beside its place and moved there, so that nobody reads half of it; a new one is for its
owner only, because reports name what an organisation runs, and an older one keeps its permissions. Whether
writing will be possible is checked before the work starts, not after. A reader that left (`| head`) is no
error.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from konnect_agent.errors import ConfigError
from patterns.command.options import Options
from patterns.report import Medium

_PLAIN_WIDTH, _LEAST_WIDTH, _MOST_WIDTH = 120, 40, 160


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a result goes: `path` is None for standard output."""

    path: Path | None
    medium: Medium

    @property
    def is_screen(self) -> bool:
        """Whether somebody reads it from a terminal."""
        return self.path is None and sys.stdout.isatty()

    @classmethod
    def of(cls, options: Options) -> Destination:
        """The destination the options name. Raises `ConfigError` if nothing could be written there."""
        if options.output in (None, "-"):
            if sys.stdout is None:  # closed, as by >&-
                raise _unwritable("standard output", "it is closed")
            return cls(None, _terminal(options))
        recordings = {f"--{name}": getattr(options, name, None) for name in ("record", "replay")}
        keep_apart({"--output": options.output, "--token-file": options.token_file, **recordings})
        path = Path(os.path.realpath(options.output or ""))
        problem = obstacle(path)
        if problem:
            raise _unwritable(options.output, problem)
        return cls(path, Medium(width=_PLAIN_WIDTH, standalone=True))

    def write(self, text: str) -> None:
        """Write all of `text`. Raises `ConfigError` if that fails, leaving no part of it in a file."""
        try:
            if self.path is None:
                _print(text)
            elif self.path.exists() and not self.path.is_file():
                self.path.write_text(text, encoding="utf-8")
            else:
                _replace(self.path, text)
        except OSError as error:
            raise _unwritable(self.path or "standard output", error.strerror or "it failed") from None


def prose(text: str, destination: Destination) -> str:
    """Text of a server: broken between words for a screen, else with its own lines only."""
    from patterns.report.as_text import write_prose
    from patterns.report.cleaning import many_lines

    return write_prose(text, destination.medium) if destination.is_screen else many_lines(text) + "\n"


def _terminal(options: Options) -> Medium:
    """Standard output as a medium: colours only on a terminal that has them and a person who wants them."""
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    colour = is_terminal and not options.no_color and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns
    return Medium(width=min(max(width, _LEAST_WIDTH), _MOST_WIDTH), colour=colour, standalone=True)


def _print(text: str) -> None:
    with suppress(BrokenPipeError):
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "x", encoding="utf-8", opener=_for_owner) as file:
            file.write(text)
            if path.exists():
                os.chmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def keep_apart(files: Mapping[str, str | None]) -> None:
    """Raise `ConfigError` when two options name one file: what is written would replace what is read."""
    named: dict[str, str] = {}
    for option, file in files.items():
        if file is None or file == "-" or (Path(file).exists() and not Path(file).is_file()):
            continue  # a device keeps nothing that could be replaced
        other = named.setdefault(os.path.realpath(file), option)
        if other != option:
            raise ConfigError(f"{other} and {option} name the same file.", hint="Give each its own.")


def obstacle(path: Path) -> str | None:
    """What keeps a file from being written at `path`, None if nothing does."""
    if path.is_dir():
        return "it is a directory"
    if not path.parent.is_dir():
        return "its directory does not exist"
    if path.exists() and not path.is_file():
        return None if os.access(path, os.W_OK) else "permission denied"
    return None if os.access(path.parent, os.W_OK) else "permission denied"


def _unwritable(where: object, problem: str) -> ConfigError:
    return ConfigError(f"The result cannot be written to {where}: {problem}.", hint="Check --output.")
