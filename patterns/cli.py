"""The command `konnect-agent`: one subcommand per pattern, and some for looking around.

A subcommand is one module of `patterns.command` with a function of the same name, typed the way cyclopts
reads it, that returns an exit status; it is loaded when it is called. Here arguments are parsed, commands
run, and errors become a message on standard error and an exit status (see `patterns.command.outcome`).
Results are all that ever goes to standard output.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from functools import partial

from cyclopts import App, CycloptsError, Group, Parameter

from konnect_agent import __version__
from konnect_agent.errors import KonnectError
from patterns.command import outcome
from patterns.command.outcome import say, tell_bug, tell_error

_GROUPS = {
    Group("Patterns", sort_key=1): {
        "debug": "trace slow requests and say where their time goes",
        "endpoint": "which route serves a request, and which plugins run on it",
        "consumers": "whose requests fail, where, and behind which plugins",
        "audit": "what is configured, and what is wrong with it",
        "alert": "from an alert to its cause",
    },
    Group("Server", sort_key=2): {
        "tools": "what the server offers",
        "call": "call any tool",
        "search": "search Kong's documentation through the server",
    },
    Group("Here", sort_key=3): {
        "sandbox": "serve an invented Konnect on this machine",
        "schema": "the JSON Schema of a report",
    },
}


def _app(called: str) -> App:
    """All commands. The one that is called is loaded and describes itself; of the others a line is enough."""
    app = App(
        name="konnect-agent",
        help="Kong Konnect's documented workflows, without a language model.\n\n"
        "Set KONNECT_TOKEN (kpat_... or spat_...), or try everything with --sandbox.",
        version=__version__,
        version_flags=("--version",),
        default_parameter=Parameter(negative=(), show_default=_shown_default),
    )
    app["--help"].group = app["--version"].group = Group("Options", sort_key=9)
    for group, commands in _GROUPS.items():
        for order, (name, summary) in enumerate(commands.items()):
            text = None if name == called else summary
            app.command(f"patterns.command.{name}:{name}", name=name, help=text, group=group, sort_key=order)
    return app


def _shown_default(value: object) -> str | None:
    """What is off, empty or absent by default needs no mention."""
    return None if value in (None, False, ()) else str(value)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status. Never raises."""
    try:
        return _run(arguments)
    except KonnectError as error:
        tell_error(error)
        return outcome.status_of(error)
    except CycloptsError as error:
        say(f"error: {error}")
        say(f"hint: {_usage_hint(arguments)}")
        return outcome.USAGE
    except KeyboardInterrupt:  # before the event loop runs, or after
        return outcome.INTERRUPTED
    except Exception as error:
        tell_bug(error)
        return outcome.BUG


def _run(arguments: Sequence[str]) -> int:
    called = next(iter(arguments), "")
    command, bound, _ = _app(called).parse_args(arguments, print_error=False, exit_on_error=False)
    call = partial(command, *bound.args, **bound.kwargs)
    if inspect.iscoroutinefunction(command):
        from patterns.command.running import run as run_to_the_end

        return run_to_the_end(call)
    status = call()
    return status if isinstance(status, int) else outcome.DONE  # help and version return nothing


def _usage_hint(arguments: Sequence[str]) -> str:
    first = next(iter(arguments), "")
    if first.startswith("-"):
        return "Options come after the command: konnect-agent COMMAND --option."
    known = any(first in commands for commands in _GROUPS.values())
    return f"{f'konnect-agent {first}' if known else 'konnect-agent'} --help lists what it takes."


def main() -> None:
    """The entry point of the command."""
    sys.exit(run(sys.argv[1:]))
