"""The three tools of code mode: which tool of a server is which, and where its arguments go.

They are `search`, `get_schema` and `execute` (fact sheet 1, documented); FastMCP lets whoever runs a server
name them otherwise, and calls the second one `GetSchemas` itself. So each is the tool of that name, however
spelled, else the only one of the same words but for those that mean an operation, or code (inferred). One
that takes all of it in one object, such as `params`, gets it in there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from konnect_agent.errors import ToolUnavailable
from konnect_agent.schemas import properties
from konnect_agent.spelling import words
from konnect_agent.toolbox import Tool, Toolbox

SEARCH, GET_SCHEMA, EXECUTE = ROLES = ("search", "get_schema", "execute")
_OF_OPERATIONS = frozenset((
    "operation", "tool", "api", "endpoint", "kong", "konnect", "mcp", "code", "block", "script", "get",
))  # fmt: skip
_OF_WHOLE = frozenset(("properties", "required", "$ref", "allOf", "anyOf", "oneOf"))
_LISTED = 40


@dataclass(frozen=True, slots=True)
class MetaTool:
    """One of the three: the tool as it takes its arguments, and the object they go into, if there is one."""

    tool: Tool
    holder: str | None = None

    @classmethod
    def of(cls, tool: Tool) -> Self:
        """The tool with the parameters that are inside its only object."""
        root = tool.input_schema
        if len(tool.parameters) == 1:
            ((holder, schema),) = tool.parameters.items()
            if properties(schema, root):
                beside = {key: value for key, value in root.items() if key not in _OF_WHOLE}
                return cls(replace(tool, input_schema={**beside, **schema}), holder)
        return cls(tool)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the tool is sent."""
        return {self.holder: dict(given)} if self.holder else dict(given)


def role(name: str, toolbox: Toolbox) -> Tool | None:
    """The tool of a server that is the one documented as `name`."""
    found = toolbox.find(name)
    alike = [tool for tool in toolbox.tools if _things(tool.name) == _things(name)]
    return found or (alike[0] if len(alike) == 1 else None)


def meta_tools(toolbox: Toolbox) -> tuple[MetaTool, MetaTool, MetaTool]:
    """The three tools. Raises `ToolUnavailable` saying which is missing."""
    found = {name: role(name, toolbox) for name in ROLES}
    there = {name: MetaTool.of(tool) for name, tool in found.items() if tool is not None}
    if len(there) == len(ROLES):
        return there[SEARCH], there[GET_SCHEMA], there[EXECUTE]
    missing = [name for name in ROLES if name not in there]
    raise ToolUnavailable(
        f"Of the three tools of code mode the server offers no {' and no '.join(missing)}; "
        f"it offers {', '.join(toolbox.names[:_LISTED]) or 'no tools at all'}.",
        available=toolbox.names,
    )


def _things(name: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in words(name)) - _OF_OPERATIONS
