"""`konnect-agent call`: any tool of the server, also one this program knows nothing about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from konnect_agent.errors import ConfirmationDeclined, InvalidArguments
from konnect_agent.gateway.sealing import sealed
from konnect_agent.redaction import redact
from patterns.command import outcome
from patterns.command.delivery import Destination, prose
from patterns.command.options import QueryOptions, connected
from patterns.command.progress import Display, showing
from patterns.command.prompt import confirm
from patterns.command.tools import tool_called

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from konnect_agent.toolbox import Tool

_DEFAULTS = QueryOptions()
_HINT = "Write name=value for each, or all of them as one JSON object."


async def call(
    tool: Annotated[str, Parameter(help="the tool's name, see `konnect-agent tools`")],
    /,
    *arguments: Annotated[str, Parameter(help="name=value ..., or one JSON object")],
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="do not ask first")] = False,
    options: QueryOptions = _DEFAULTS,
) -> int:
    """Call any tool and print what it answers, without secrets.

    A value is JSON if it reads as JSON, else text. A tool that is not marked read-only is confirmed first.
    """
    destination = Destination.of(options)
    given = read_arguments(arguments)
    with showing(options) as display:
        async with connected(options) as konnect:
            found = tool_called(tool, await konnect.tools(), konnect.endpoint)
            if found.read_only is not True and not yes:
                await _confirmed(konnect, found, given, display)
            answer = sealed(await konnect.call(found.name, given))
    destination.write(_written(answer, options.format, destination))
    return outcome.DONE


def read_arguments(written: Sequence[str]) -> dict[str, Any]:
    """Arguments from the command line. Raises `InvalidArguments` for what is neither form."""
    if len(written) == 1 and written[0].lstrip().startswith("{"):
        data = _json(written[0])
        if not isinstance(data, dict):
            raise InvalidArguments("The arguments look like a JSON object, and are none.", hint=_HINT)
        return cast("dict[str, Any]", data)
    arguments: dict[str, Any] = {}
    for entry in written:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise InvalidArguments(f"{entry!r} is no argument.", hint=_HINT)
        arguments[name] = _json(value)
    return arguments


async def _confirmed(konnect: Konnect, tool: Tool, given: Mapping[str, Any], display: Display) -> None:
    facts = (("at", konnect.endpoint), ("arguments", json.dumps(redact(given), ensure_ascii=False)))
    if not await confirm(f"{tool.name} is not marked read-only: it may change things.", facts, display):
        raise ConfirmationDeclined(f"Not confirmed, {tool.name} was not called.")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _written(answer: Any, form: str, destination: Destination) -> str:
    from patterns.report.as_json import dump

    return prose(answer, destination) if form == "text" and isinstance(answer, str) else dump(answer)
