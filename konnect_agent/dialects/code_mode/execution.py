"""What `execute` takes, told by its `inputSchema`: code to run, or one operation with its inputs.

FastMCP's takes `code` (fact sheet 1.2, documented). Of Konnect's own nothing is documented, so all of this
is inferred. 1. The one text whose name says code is for code, the one that says operation for an operation;
else what the descriptions say. 2. The only text is for code, unless an object stands beside it. 3. The inputs
go into the object that says so, else into the only one, and beside the operation where there is none. What
takes anything else, or requires more than that, cannot be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.decoding import as_list, as_object
from konnect_agent.errors import ToolUnavailable
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

    Without one they go beside the operation.
    """

    name: str
    is_code: bool = False
    inputs: str | None = None

    def of_operation(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that have one operation executed."""
        given = {self.inputs: dict(arguments)} if self.inputs else arguments
        return {self.name: operation, **given}


def execution(execute: Tool) -> Execution:
    """How `execute` is asked. Raises `ToolUnavailable`, saying what it takes, when there is no telling."""
    kinds = {name: _kinds(schema) for name, schema in execute.parameters.items()}
    texts = [name for name, found in kinds.items() if not found or "string" in found]
    objects = [name for name, found in kinds.items() if "object" in found and name not in texts]
    required = {name for name in as_list(execute.input_schema.get("required")) or [] if name in kinds}
    code, operation = _roles(execute, texts, is_alone=not objects, required=required)
    if code and required <= {code}:
        return Execution(code, is_code=True)
    inputs = _only(objects, _named(_INPUTS)) or _only(objects, lambda name: True)
    fits = inputs or not (objects or execute.input_schema.get("additionalProperties") is False)
    if operation and not code and fits and required <= {operation, inputs}:
        return Execution(operation, inputs=inputs)
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


def _kinds(schema: Any) -> set[str]:
    """The JSON types a schema allows, as far as it says."""
    body = as_object(schema) or {}
    kind = body.get("type")
    found = {each for each in as_list(kind) or [kind] if isinstance(each, str)}
    for key in ("anyOf", "oneOf"):
        for choice in map(as_object, as_list(body.get(key)) or []):
            found |= _kinds({"type": (choice or {}).get("type")})
    return found


def _listed(kinds: Mapping[str, set[str]], required: set[str]) -> str:
    shown = [
        f"{name} ({', '.join([*sorted(found), *(['required'] if name in required else [])]) or 'anything'})"
        for name, found in list(kinds.items())[:_MOST_LISTED]
    ]
    more = f" and {len(kinds) - _MOST_LISTED} more" if len(kinds) > _MOST_LISTED else ""
    return (", ".join(shown) or "nothing that its schema tells") + more
