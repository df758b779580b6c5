"""`Operation`: a REST operation, as a tool made from OpenAPI has it (fact sheet 1.2, documented).

The tool's name is the operation's id with `_` for `-`; its arguments stand side by side in OpenAPI's
spelling: path, query, and the fields of the body, unless the body is a choice of several: then it is one
argument, `body`. What the operation does not know is dropped without a word, and a missing path parameter
leaves its `{name}` in the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from konnect_agent.sandbox.konnect import EmbeddedKonnect
from konnect_agent.sandbox.organisation import Entity

_IN_PATH = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Call:
    """One request to the REST API. Values of `path` and `query` may be texts, as a URL has them."""

    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None


Answer = Callable[[EmbeddedKonnect, Call], Entity]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; `answer` gives its JSON body or raises `Problem`.

    `wrapped` says that its answer is a choice of several schemas, and so comes in a `result` of its own.
    """

    id: str
    summary: str
    tag: str
    path: str
    answer: Answer
    method: str = "GET"
    query: Mapping[str, Entity] = field(default_factory=dict[str, Entity])
    body: Entity | None = None
    wrapped: bool = False

    @property
    def name(self) -> str:
        """The name of the tool made from it."""
        return self.id.replace("-", "_")

    @property
    def in_path(self) -> tuple[str, ...]:
        """The names of its path parameters, in order."""
        return tuple(_IN_PATH.findall(self.path))

    @property
    def input_schema(self) -> Entity:
        """The arguments of the tool made from it."""
        fields, required = self._fields()
        text: Entity = {"type": "string"}
        return {
            "type": "object",
            "properties": {**dict.fromkeys(self.in_path, text), **self.query, **fields},
            "required": [*self.in_path, *required],
        }

    @property
    def output_schema(self) -> Entity:
        """What the tool made from it says about its answer."""
        if self.wrapped:
            wrapped: Entity = {"properties": {"result": {"type": "object"}}, "required": ["result"]}
            return {"type": "object", **wrapped, "x-fastmcp-wrap-result": True}
        return {"type": "object"}

    def called(self, arguments: Mapping[str, Any]) -> Call:
        """The request that a call of the tool makes."""
        path = {name: str(arguments.get(name, f"{{{name}}}")) for name in self.in_path}
        query = {name: arguments[name] for name in self.query if arguments.get(name) is not None}
        fields, _ = self._fields()
        given = {name: arguments[name] for name in fields if name in arguments}
        return Call(path, query, given.get("body") if self._is_choice else given or None)

    @property
    def _is_choice(self) -> bool:
        return "oneOf" in (self.body or {})

    def _fields(self) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The arguments that make up the body, and those that are required."""
        if self._is_choice:
            return {"body": self.body}, ("body",)
        body = self.body or {}
        return body.get("properties", {}), tuple(body.get("required", ()))
