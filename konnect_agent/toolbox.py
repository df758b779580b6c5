"""The tools a server offers, and how it spells what Kong documents.

Kong prints PascalCase headings and snake_case text for the same tools, hosts may add a server prefix, and
parameters differ between documents (`plugin_filter` became `phase_filter`). So a name is compared word by
word (`GetControlPlane`, `get_control_plane`, `kong-konnect_get-control-plane` are one), and arguments
follow the live `inputSchema`: names, enum spellings and string-or-number. What the schema does not mention
goes out exactly as documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from konnect_agent.decoding import as_list, as_object
from konnect_agent.errors import InvalidArguments, ToolUnavailable

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")
_RENAMED = ({"plugin_filter", "phase_filter"},)
_LISTED = 40


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of tools/list; `read_only` and `idempotent` are its annotations, None where it is silent."""

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    read_only: bool | None = None
    idempotent: bool | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The schema of each parameter, by its live name."""
        return as_object(self.input_schema.get("properties")) or {}

    def fit(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """`arguments` under documented names, as this tool spells them."""
        fitted: dict[str, Any] = {}
        for name, value in arguments.items():
            live = self._live_name(name)
            fitted[live] = _fit_value(value, as_object(self.parameters.get(live)) or {})
        return fitted

    def _live_name(self, name: str) -> str:
        if not self.parameters or name in self.parameters:
            return name
        spellings = next((group for group in _RENAMED if name in group), {name})
        wanted = {_flat(spelling) for spelling in spellings}
        return next((live for live in self.parameters if _flat(live) in wanted), name)


class Toolbox:
    """The tools of one server, found by the name Kong documents."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools = tuple(tools)
        self._words = [(_words(tool.name), tool) for tool in self.tools]
        self._found: dict[str, Tool | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The live names, as the server spells them."""
        return tuple(tool.name for tool in self.tools)

    def find(self, documented: str) -> Tool | None:
        """The tool documented under that name, or None when this server does not offer it."""
        if documented not in self._found:
            self._found[documented] = self._search(documented)
        return self._found[documented]

    def require(self, documented: str, operation: str | None = None) -> Tool:
        """Like `find`, raising `ToolUnavailable` with what the server does offer."""
        tool = self.find(documented)
        if tool is None:
            offered = ", ".join(self.names[:_LISTED]) or "no tools at all"
            more = f" and {len(self.names) - _LISTED} more" if len(self.names) > _LISTED else ""
            raise ToolUnavailable(
                f"The server offers no tool {documented}; it offers {offered}{more}.",
                available=self.names,
                operation=operation,
            )
        return tool

    def _search(self, documented: str) -> Tool | None:
        """The tool of that very name, else the one with the same words behind the commonest prefix."""
        wanted = _flat(documented)
        candidates: list[tuple[int, Tool]] = []
        for words, tool in self._words:
            if tool.name == documented:
                return tool
            prefix = next((words[:i] for i in range(len(words)) if "".join(words[i:]) == wanted), None)
            if prefix is not None:
                shared = sum(1 for other, _ in self._words if other[: len(prefix)] == prefix)
                candidates.append((shared if prefix else len(self.tools) + 1, tool))
        return max(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


def _flat(name: str) -> str:
    return "".join(_words(name))


def _fit_value(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` in the spelling and type the schema of its parameter asks for, where that is unmistakable."""
    kinds, choices = _accepted(schema)
    entries = as_list(value)
    if entries is not None:
        items = as_object(schema.get("items")) or {}
        return [_fit_value(entry, items) for entry in entries]
    if isinstance(value, str):
        if choices and value not in choices:
            return next((choice for choice in choices if _flat(choice) == _flat(value)), value)
        return int(value) if "integer" in kinds and "string" not in kinds and value.isdecimal() else value
    if isinstance(value, int) and not isinstance(value, bool) and kinds == {"string"}:
        return str(value)
    return value


def _accepted(schema: Mapping[str, Any]) -> tuple[set[str], list[str]]:
    """The JSON types and the enum texts of a schema, alternatives included, null left out."""
    alternatives = [*(as_list(schema.get("anyOf")) or []), *(as_list(schema.get("oneOf")) or [])]
    parts = [schema, *filter(None, map(as_object, alternatives))]
    kinds = [kind for part in parts for kind in as_list(part.get("type")) or [part.get("type")]]
    choices = [choice for part in parts for choice in as_list(part.get("enum")) or []]
    texts = [choice for choice in choices if isinstance(choice, str)]
    return {kind for kind in kinds if isinstance(kind, str) and kind != "null"}, texts


def check_writable(arguments: Mapping[str, Any], operation: str) -> None:
    """Raise `InvalidArguments` for arguments that no JSON message can carry."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        words = f"The arguments cannot be written as JSON: {error}."
        raise InvalidArguments(words, operation=operation) from None
