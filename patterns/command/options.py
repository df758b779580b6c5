"""What every command understands, and the Konnect it gets from that.

Tokens come from the environment or from a file (`-` is standard input), never from an argument: arguments
are visible to every process of a machine and end up in shell histories.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from konnect_agent.errors import ConfigError

if TYPE_CHECKING:
    from konnect_agent import Konnect

SANDBOX_TIME_SCALE = 30.0
"""How much faster a debug session runs in the embedded sandbox: a minute takes two seconds."""

_TOKEN_FILE_HINT = "Give --token-file a file that holds the token and nothing else."
COMMON = Group("Common options", sort_key=10)


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to connect, as whom, and where to write."""

    region: Annotated[str | None, Parameter(help="us (default), eu, au, in or global; KONNECT_REGION")] = None
    url: Annotated[str | None, Parameter(help="the MCP Server's URL instead; KONNECT_MCP_URL")] = None
    token_file: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="a file with the token (- is standard input), instead of KONNECT_TOKEN",
        ),
    ] = None
    sandbox: Annotated[bool, Parameter(help="an embedded, invented Konnect: no token, no network")] = False
    output: Annotated[
        str | None, Parameter(name=("--output", "-o"), allow_leading_hyphen=True, help="write to a file")
    ] = None
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), help="no progress display")] = False
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), help="log steps and calls")] = False
    no_color: Annotated[bool, Parameter(help="no colours, as with NO_COLOR")] = False
    token: Annotated[str | None, Parameter(parse=False)] = field(default=None, repr=False)
    """What `token_file` holds, see `with_token`; never an option."""
    trouble: Annotated[ConfigError | None, Parameter(parse=False)] = None
    """Why the token could not be read, for whoever connects; never an option."""


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class DataOptions(Options):
    """For commands that print data."""

    format: Annotated[Literal["text", "json"], Parameter(name=("--format", "-f"))] = "text"


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class ReportOptions(Options):
    """For commands that print a report."""

    format: Annotated[
        Literal["text", "json", "markdown", "html"],
        Parameter(name=("--format", "-f"), help="json obeys `konnect-agent schema PATTERN`"),
    ] = "text"
    require_complete: Annotated[bool, Parameter(help="exit 7 if something could not be seen")] = False


@asynccontextmanager
async def connected(options: Options) -> AsyncGenerator[Konnect]:
    """A connected Konnect, the embedded sandbox's if that is wanted. Raises one error of the tree."""
    from konnect_agent import Konnect

    if options.trouble is not None:
        raise options.trouble
    if not options.sandbox:
        async with Konnect(options.token, region=options.region, url=options.url) as konnect:
            yield konnect
        return
    if options.region or options.url or options.token_file:
        raise ConfigError(
            "--sandbox needs no --region, --url or --token-file.", hint="Leave one of them out."
        )
    from konnect_agent.sandbox import Sandbox

    async with (
        Sandbox(time_scale=SANDBOX_TIME_SCALE) as sandbox,
        Konnect(sandbox.token, url=sandbox.url, time_scale=SANDBOX_TIME_SCALE) as konnect,
    ):
        yield konnect


def checked_name(name: str | None, option: str) -> None:
    """Return for a name, and for none. Raises `ConfigError` for an empty one: a script's unset variable."""
    if name is not None and not name.strip():
        raise ConfigError(f"{option} is empty.", hint=f"Give {option} a name or an id, or leave it out.")


def endpoint_of(options: Options) -> str:
    """The URL these options lead to, empty if they lead nowhere or to a sandbox that is not there yet."""
    from konnect_agent import Config

    if options.sandbox:
        return ""
    try:
        return Config.build(
            "kpat_any", region=options.region, url=options.url
        ).url  # which token does not matter
    except ConfigError:
        return ""


def with_token(command: partial[Any]) -> partial[Any]:
    """`command` with its token at hand: an event loop that waits for standard input would do nothing else.

    A token that cannot be read is the command's to report, like any other that does not lead to Konnect.
    """
    options = command.keywords.get("options")
    if not isinstance(options, Options) or not options.token_file or options.sandbox:
        return command
    try:
        read = replace(options, token=read_token(options.token_file))
    except ConfigError as error:
        read = replace(options, trouble=error)
    return partial(command.func, *command.args, **{**command.keywords, "options": read})


def read_token(file: str) -> str:
    """The token in a file, or on standard input. Raises `ConfigError` if there is none."""
    try:
        text = _typed() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(
            f"The token file {file} cannot be read: {problem}.", hint=_TOKEN_FILE_HINT
        ) from None
    if not text.strip():
        raise ConfigError(f"The token file {file} is empty.", hint=_TOKEN_FILE_HINT)
    return text.strip()


def _typed() -> str:
    """Standard input; a person at a terminal is asked, and what is typed does not show."""
    if sys.stdin.isatty():
        with suppress(EOFError):
            return getpass("Konnect token: ")
        return ""
    return sys.stdin.read()
