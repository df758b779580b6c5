"""`konnect-agent tools`: what the server offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

from cyclopts import Parameter

from konnect_agent.dialects.classic import ROWS
from konnect_agent.errors import InvalidArguments, ToolUnavailable
from konnect_agent.hops import why_missing
from konnect_agent.matching import rank
from konnect_agent.toolbox import Tool, Toolbox
from patterns.command import outcome
from patterns.command.delivery import Destination
from patterns.command.options import QueryOptions, connected
from patterns.command.progress import showing
from patterns.report.document import (
    Block,
    Cell,
    Column,
    Document,
    Paragraph,
    Section,
    Tone,
    Toned,
    counted,
    table,
)

_DEFAULTS = QueryOptions()


async def tools(
    tool: Annotated[str | None, Parameter(help="one tool, with its parameters")] = None,
    /,
    *,
    options: QueryOptions = _DEFAULTS,
) -> int:
    """List the server's tools, or show one with its parameters.

    Which tools there are depends on the permissions of the token's owner, entitlements and feature flags.
    """
    destination = Destination.of(options)
    with showing(options):
        async with connected(options) as konnect:
            toolbox = await konnect.tools()
            listed = toolbox.tools if tool is None else (tool_called(tool, toolbox, konnect.endpoint),)
    if options.format == "json":
        from patterns.report.as_json import dump

        destination.write(dump([_data(each) for each in listed]))
    else:
        from patterns.report.as_text import write_document

        document = _one(listed[0]) if tool is not None else _all(listed)
        destination.write(write_document(document, destination.medium))
    return outcome.DONE


def tool_called(name: str, toolbox: Toolbox, endpoint: str) -> Tool:
    """The tool of `endpoint` that somebody asked for by name. Raises `ToolUnavailable` when it does not offer
    it, and `InvalidArguments` for a name that Kong documents nowhere: a slip rather than a permission.
    """
    documented = Toolbox(Tool(tool) for tool, _ in ROWS.values())
    if toolbox.find(name) is None and documented.find(name) is None:
        alike = [toolbox.names[match.index] for match in rank(name, toolbox.names, limit=3)]
        hint = f"Is {' or '.join(alike)} meant? " if alike else ""
        raise InvalidArguments(f"There is no tool {name!r}.", hint=f"{hint}`konnect-agent tools` lists all.")
    try:
        return toolbox.require(name)
    except ToolUnavailable as error:
        error.hint = why_missing(error.hint, endpoint)
        raise


def _data(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "read_only": tool.read_only,
        "idempotent": tool.idempotent,
        "input_schema": tool.input_schema,
    }


def _all(tools: tuple[Tool, ...]) -> Document:
    columns = [Column("tool", exact=True), Column("acts"), Column("what it does")]
    rows = ((tool.name, _acts(tool), tool.description) for tool in tools)
    return Document(counted(len(tools), "tool"), "", "plain", blocks=(table(columns, rows),))


def _one(tool: Tool) -> Document:
    columns = [Column("parameter", exact=True), Column("type"), Column("required"), Column("what it is")]
    rows = [
        (name, _type(schema), "yes" if name in tool.required else "", _about(schema))
        for name, schema in tool.parameters.items()
    ]
    parameters: tuple[Block, ...] = (table(columns, rows),) if rows else (Paragraph("None.", "dim"),)
    blocks = (Paragraph(tool.description), Section("Parameters", parameters))
    return Document(
        tool.name, "changes things" if tool.read_only is not True else "reads", _tone(tool), blocks=blocks
    )


def _acts(tool: Tool) -> Cell:
    return Toned("reads" if tool.read_only else "may change things", _tone(tool))


def _tone(tool: Tool) -> Tone:
    return "dim" if tool.read_only else "warn"


def _type(schema: Any) -> str:
    given = _object(schema).get("type", "any")
    return (
        f"list of {_object(_object(schema).get('items')).get('type', 'any')}"
        if given == "array"
        else str(given)
    )


def _about(schema: Any) -> str:
    """Description, then what values are allowed, as far as the schema says."""
    rules = _object(schema)
    return ". ".join(filter(None, [str(rules.get("description", "")).rstrip("."), *_limits(rules)]))


def _limits(rules: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(rules.get("enum"), list):
        yield "One of " + ", ".join(map(str, cast("list[Any]", rules["enum"])))
    if "minimum" in rules or "maximum" in rules:
        yield f"From {rules.get('minimum', '-')} to {rules.get('maximum', '-')}"
    if "default" in rules:
        yield f"Default {rules['default']}"


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
