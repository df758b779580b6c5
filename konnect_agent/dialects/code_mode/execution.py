"""What `execute` takes, told by its `inputSchema`: code to run, or one operation with its inputs.

FastMCP's takes `code` (fact sheet 1.2, documented). Of Konnect's own nothing is documented, so all of this
is inferred. 1. The one text whose name says code is for code, the one that says operation for an operation;
else what the descriptions say. 2. The only text is for code, unless an object stands beside it. 3. The inputs
go into the object that says so, else into the only one, else as JSON into the text that says so, and beside
the operation where there is none. What takes anything else, or requires more than that, cannot be asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.decoding import as_object
from konnect_agent.dialects.code_mode.meta import MetaTool
from konnect_agent.errors import ToolUnavailable
from konnect_agent.schemas import accepted
from konnect_agent.spelling import words
from konnect_agent.toolbox import Tool

_CODE = frozenset(("code", "script", "source", "program", "python", "snippet", "block"))
_OPERATION = frozenset(("operation", "op", "tool", "name"))
_INPUTS = frozenset((
    "input", "inputs", "argument", "arguments", "args", "param", "params", "parameter", "parameters",
    "payload", "body",
))  # fmt: skip
_SAYS_CODE = re.compile(r"\b(?:code|python|script|program)\b", re.IGNORECASE)
_SAYS_OPERATION = re.compile(r"\b(?:operation|tool)\b", re.IGNORECASE)
_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class Execution:
    """The parameter of an `execute` for code or for an operation, and of the latter the one for `inputs`.

    Without one they go beside the operation; `as_text` says that they go there as JSON.
    """

    tool: MetaTool
    name: str
    is_code: bool = False
    inputs: str | None = None
    as_text: bool = False

    def of_code(self, code: str) -> dict[str, Any]:
        """The arguments that have code run."""
        return self.tool.arguments({self.name: code})

    def of_operation(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that have one operation executed."""
        inputs = json.dumps(dict(arguments)) if self.as_text else dict(arguments)
        given = {self.inputs: inputs} if self.inputs else arguments
        return self.tool.arguments({self.name: operation, **given})


def execution(tool: MetaTool) -> Execution:
    """How `execute` is asked. Raises `ToolUnavailable`, saying what it takes, when there is no telling."""
    execute = tool.tool
    kinds = {name: accepted(schema, execute.input_schema)[0] for name, schema in execute.parameters.items()}
    required = {name for name in execute.required if "default" not in execute.parameters.get(name, {})}
    is_inputs = _named(_INPUTS)
    texts = [name for name, found in kinds.items() if "string" in found or not (found or is_inputs(name))]
    objects = [name for name in kinds if name not in texts and kinds[name] <= {"object"}]
    code, operation = _roles(execute, texts, is_alone=not objects, required=required)
    if code and required <= {code}:
        return Execution(tool, code, is_code=True)
    inputs = _only(objects, is_inputs) or _only(objects, lambda name: True)
    written = None if objects else _only([name for name in texts if name != operation], is_inputs)
    fits = inputs or written or not (objects or execute.input_schema.get("additionalProperties") is False)
    if operation and not code and fits and required <= {operation, inputs or written}:
        return Execution(tool, operation, inputs=inputs or written, as_text=written is not None)
    raise ToolUnavailable(
        f"{execute.name} takes {_listed(kinds, required)}: neither code to run nor an operation with inputs.",
        operation=execute.name,
    )


def _roles(
    execute: Tool, texts: Sequence[str], *, is_alone: bool, required: set[str]
) -> tuple[str | None, str | None]:
    """The parameter for code, or the one for an operation."""

    def described(pattern: re.Pattern[str]) -> Callable[[str], bool]:
        return lambda name: bool(pattern.search(_description(execute.parameters[name])))

    needed = [name for name in texts if name in required]
    for code, operation in (
        (_named(_CODE), _named(_OPERATION)),
        (described(_SAYS_CODE), described(_SAYS_OPERATION)),
    ):
        if found := _only(texts, code) or _only(needed, code):
            return found, None
        if found := _only(texts, operation) or _only(needed, operation):
            return None, found
    return (_only(needed or texts, lambda name: True) if is_alone else None), None


def _only(names: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    """The one of `names` that fits, None if there is none or more than one."""
    found = [name for name in names if fits(name)]
    return found[0] if len(found) == 1 else None


def _named(said: frozenset[str]) -> Callable[[str], bool]:
    return lambda name: not said.isdisjoint(words(name))


def _description(schema: Any) -> str:
    told = (as_object(schema) or {}).get("description")
    return told if isinstance(told, str) else ""


def _listed(kinds: Mapping[str, set[str]], required: set[str]) -> str:
    shown = [
        f"{name} ({', '.join([*sorted(found), *(['required'] if name in required else [])]) or 'anything'})"
        for name, found in list(kinds.items())[:_MOST_LISTED]
    ]
    more = f" and {len(kinds) - _MOST_LISTED} more" if len(kinds) > _MOST_LISTED else ""
    return (", ".join(shown) or "nothing that its schema tells") + more
