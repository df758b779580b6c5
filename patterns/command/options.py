"""What every command understands, and the Konnect it gets from that.

Tokens come from the environment or from a file (`-` is standard input), never from an argument: arguments
are visible to every process of a machine and end up in shell histories.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from konnect_agent.errors import ConfigError, KonnectError, NotRecorded
from konnect_agent.redaction import scrub
from konnect_agent.regions import parse_regions

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from konnect_agent.sandbox import Sandbox

SANDBOX_TIME_SCALE = 30.0
"""How much faster a debug session runs in the embedded sandbox: a minute takes two seconds."""

_TOKEN_FILE_HINT = "Give --token-file a file that holds the token and nothing else."
COMMON = Group("Common options", sort_key=10)


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to connect, as whom, and where to write."""

    region: Annotated[
        str | None,
        Parameter(help="us (default), eu, au, in or global; KONNECT_REGION"),
    ] = None
    url: Annotated[str | None, Parameter(help="the MCP Server's URL instead; KONNECT_MCP_URL")] = None
    token_file: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="a file with the token (- is standard input), instead of KONNECT_TOKEN",
        ),
    ] = None
    sandbox: Annotated[bool, Parameter(help="an embedded, invented Konnect: no token, no network")] = False
    generation: Annotated[
        Literal["classic", "spring", "code-mode"] | None,
        Parameter(help="which tools the --sandbox has; classic if left out"),
    ] = None
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
class RunOptions(Options):
    """For commands that ask the server something, or a recording of it."""

    record: Annotated[str | None, Parameter(help="keep a recording in a file, without secrets")] = None
    replay: Annotated[str | None, Parameter(help="answer out of a recording: no token, no network")] = None


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class DataOptions(Options):
    """For commands that print data."""

    format: Annotated[Literal["text", "json"], Parameter(name=("--format", "-f"))] = "text"


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class QueryOptions(DataOptions, RunOptions):
    """For commands that print what the server answers."""


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class ReportOptions(RunOptions):
    """For commands that print a report."""

    format: Annotated[
        Literal["text", "json", "markdown", "html"],
        Parameter(name=("--format", "-f"), help="json obeys `konnect-agent schema PATTERN`"),
    ] = "text"
    require_complete: Annotated[bool, Parameter(help="exit 7 if something could not be seen")] = False


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class RegionsOptions(ReportOptions):
    """For commands that can run in several regions at once."""

    region: Annotated[
        str | None,
        Parameter(help="us (default), eu, au, in or global; us,eu or all: a report of each; KONNECT_REGION"),
    ] = None


@asynccontextmanager
async def connected(options: RunOptions) -> AsyncGenerator[Konnect]:
    """A connected Konnect, the embedded sandbox's or a recording if wanted. Raises one error of the tree."""
    from konnect_agent import Konnect

    if options.replay is not None:
        async with _replayed(options, options.replay) as konnect:
            yield konnect
    elif options.sandbox:
        async with (
            embedded(options) as sandbox,
            Konnect(
                sandbox.token, url=sandbox.url, time_scale=SANDBOX_TIME_SCALE, record=options.record
            ) as konnect,
        ):
            yield konnect
    else:
        refuse_generation(options)
        if options.trouble is not None:
            raise options.trouble
        region, url = _one_place(options)
        async with Konnect(options.token, region=region, url=url, record=options.record) as konnect:
            yield konnect


def regions_of(options: Options) -> Mapping[str, str]:
    """The regions that are named and their URLs; none when that is left to the defaults.

    Raises `ConfigError` for an unknown one, and for several with what there can be only one of.
    """
    named = {} if options.region is None else parse_regions(options.region)
    if len(named) > 1:
        single = {"--url": options.url, "--sandbox": options.sandbox}
        single |= {f"--{name}": getattr(options, name, None) for name in ("record", "replay")}
        for name in (name for name, value in single.items() if value):
            raise ConfigError(f"{name} is for one region, and several are named.", hint="Name one of them.")
    return named


def regions_meant(options: Options) -> Mapping[str, str]:
    """The regions that are named and their URLs, empty for what is none, to report a mistake for each."""
    meant: dict[str, str] = {}
    for entry in (options.region or "").split(","):
        try:
            meant |= parse_regions(entry)
        except ConfigError:
            if name := scrub(entry.partition("=")[0].strip()):
                meant.setdefault(name, "")
    return meant


def _one_place(options: Options) -> tuple[str | None, str | None]:
    """Region and URL of the only place there may be."""
    named = regions_of(options)
    if len(named) > 1:
        raise ConfigError(
            f"{', '.join(named)} are several regions, and this command asks in one.",
            hint="Only endpoint, consumers and audit can run in several regions at once.",
        )
    if named and options.url is None:
        return None, next(iter(named.values()))
    return options.region, options.url


@asynccontextmanager
async def _replayed(options: RunOptions, recording: str) -> AsyncGenerator[Konnect]:
    """A recording in the place of a Konnect; what it lacks ends the command, whatever came of it."""
    from konnect_agent import Konnect

    needless = {
        "--record": options.record, "--region": options.region, "--url": options.url,
        "--token-file": options.token_file, "--sandbox": options.sandbox,
        "--generation": options.generation,
    }  # fmt: skip
    for name in (name for name, value in needless.items() if value):
        raise ConfigError(f"--replay asks nobody, so {name} cannot be.", hint="Leave one of them out.")
    konnect = Konnect.replay(recording)
    try:
        async with konnect:
            yield konnect
    except KonnectError as error:
        if konnect.not_recorded and not isinstance(error, NotRecorded):
            raise konnect.not_recorded[0] from error
        raise
    if konnect.not_recorded:
        raise konnect.not_recorded[0]


def embedded(options: Options) -> Sandbox:
    """The embedded Konnect, not started yet. Raises `ConfigError` if another one is asked for as well."""
    from konnect_agent.sandbox import Sandbox

    if options.region is not None or options.url or options.token_file:
        raise ConfigError(
            "--sandbox needs no --region, --url or --token-file.", hint="Leave one of them out."
        )
    return Sandbox(time_scale=SANDBOX_TIME_SCALE, generation=options.generation or "classic")


def refuse_generation(options: Options) -> None:
    """Raise `ConfigError` for a --generation, where there is no --sandbox: a server's is its own."""
    if options.generation is not None:
        raise ConfigError(
            "--generation is the embedded sandbox's, and there is no --sandbox.",
            hint="Add --sandbox, or leave --generation out: what a server speaks is found out.",
        )


def checked_name(name: str | None, option: str) -> None:
    """Return for a name, and for none. Raises `ConfigError` for an empty one: a script's unset variable."""
    if name is not None and not name.strip():
        raise ConfigError(f"{option} is empty.", hint=f"Give {option} a name or an id, or leave it out.")


def endpoint_of(options: RunOptions) -> str:
    """The URL these options lead to, empty if they lead nowhere, or to what is not there yet or not asked."""
    from konnect_agent import Config

    if options.sandbox or options.replay:
        return ""
    try:
        region, url = _one_place(options)
        return Config.build("kpat_any", region=region, url=url).url  # which token does not matter
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
