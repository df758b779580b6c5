"""The command `konnect-agent`: one subcommand per pattern, and some for looking around.

A subcommand is one module of `patterns.command` with a function of the same name, typed the way cyclopts
reads it, that returns an exit status; it is loaded when it is called. Here arguments are parsed, commands
run, and errors become a message on standard error and an exit status (see `patterns.command.outcome`).
Results are all that ever goes to standard output.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from konnect_agent import __version__
from konnect_agent.errors import ConfigError, KonnectError
from patterns.command import outcome
from patterns.command.outcome import tell_bug, tell_error

if TYPE_CHECKING:
    from cyclopts import App

_COMMANDS = {
    "Patterns": {
        "debug": "trace slow requests and say where their time goes",
        "endpoint": "which route serves a request, and which plugins run on it",
        "consumers": "whose requests fail, where, and behind which plugins",
        "audit": "what is configured, and what is wrong with it",
        "alert": "from an alert to its cause",
    },
    "Server": {
        "doctor": "what is wrong between here and Konnect, and what to do about it",
        "tools": "what the server offers",
        "call": "call any tool",
        "search": "search Kong's documentation through the server",
    },
    "Here": {
        "passthrough": "put an MCP server behind a gateway of your own",
        "sandbox": "serve an invented Konnect on this machine",
        "schema": "the JSON Schema of a report",
    },
}
_ABOUT = """Kong Konnect's documented workflows, without a language model.

Set KONNECT_TOKEN (kpat_... or spat_...), or try everything with --sandbox."""


def main() -> None:
    """The entry point of the command."""
    _open_standard_streams()
    status = run(sys.argv[1:])
    _give_up_broken_streams()
    sys.exit(status)


def _open_standard_streams() -> None:
    """Occupy the numbers of closed streams (`2>&-`), lest a socket gets one of them.

    Standard output stays missing for whoever wants to write a result there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def _give_up_broken_streams() -> None:
    """Python flushes once more on its way out; what still cannot be written must not become the status."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status. Never raises."""
    try:
        command = _parsed(arguments)
        if inspect.iscoroutinefunction(command.func):
            from patterns.command.options import with_token
            from patterns.command.running import run as run_to_the_end

            return run_to_the_end(with_token(command))
        status = command()
        return status if isinstance(status, int) else outcome.DONE  # help and version return nothing
    except KonnectError as error:
        tell_error(error)
        return outcome.status_of(error)
    except KeyboardInterrupt:  # before the event loop runs, or after
        return outcome.INTERRUPTED
    except Exception as error:
        tell_bug(error, verbose="--verbose" in arguments or "-v" in arguments)
        return outcome.BUG


def _parsed(arguments: Sequence[str]) -> partial[Any]:
    """The function that was called for, with its arguments. Raises `ConfigError` for a mistake in them."""
    from cyclopts import CycloptsError

    called = next(iter(arguments), "")
    try:
        command: Callable[..., Any]
        command, bound, _ = _app(called).parse_args(arguments, print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise ConfigError(str(error), hint=_usage_hint(called)) from None
    return partial(command, *bound.args, **bound.kwargs)


def _app(called: str) -> App:
    """All commands. The one that is called is loaded and describes itself; of the others a line is enough."""
    from cyclopts import App, Group, Parameter

    app = App(
        name="konnect-agent",
        help=_ABOUT,
        version=__version__,
        version_flags=("--version",),
        default_parameter=Parameter(negative=(), show_default=_shown_default),
    )
    for place, (title, commands) in enumerate(_COMMANDS.items()):
        group = Group(title, sort_key=place)
        for order, (name, summary) in enumerate(commands.items()):
            text = None if name == called else summary
            app.command(f"patterns.command.{name}:{name}", name=name, help=text, group=group, sort_key=order)
    app["--help"].group = app["--version"].group = Group("Options", sort_key=len(_COMMANDS))
    return app


def _shown_default(value: object) -> str | None:
    """What is off, empty or absent by default needs no mention."""
    return None if value in (None, False, ()) else str(value)


def _usage_hint(called: str) -> str:
    if called.startswith("-"):
        return "Options come after the command: konnect-agent COMMAND --option."
    known = any(called in commands for commands in _COMMANDS.values())
    return f"{f'konnect-agent {called}' if known else 'konnect-agent'} --help lists what it takes."
