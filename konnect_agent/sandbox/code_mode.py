"""A server in code mode: `search`, `get_schema` and `execute` over REST operations (fact sheet 1.1 and 1.2).

Texts and errors are those of the library Konnect's server is thought to run (documented for the library). The
sandbox runs no code of others: its `execute` is of the other shape, one operation with its inputs (inferred).
With KAi an organisation has a tool `KnowledgeBase` beside them (documented), whose argument is inferred.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from konnect_agent.sandbox import catalogue, knowledge
from konnect_agent.sandbox.answers import Written
from konnect_agent.sandbox.konnect import EmbeddedKonnect, Problem
from konnect_agent.sandbox.operations import Operation, offered
from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.tools import Refusal, Tool, choice, problems, text

_TEXT_RESULT: Entity = {
    "type": "object",
    "properties": {"result": {"type": "string"}},
    "required": ["result"],
    "x-fastmcp-wrap-result": True,
}


def _optional(schema: Entity) -> Entity:
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def _detail(default: str) -> Entity:
    return choice("How much to tell of each", "brief", "detailed", "full") | {"default": default}


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="search",
        description="Search for available tools by query. Returns matching tools ranked by relevance.",
        properties={
            "query": {"type": "string", "description": "Search query to find available tools"},
            "tags": _optional({"type": "array", "items": {"type": "string"}}),
            "detail": _detail("brief"),
            "limit": _optional({"type": "integer"}),
        },
        required=("query",),
        read_only=None,
        output_schema=_TEXT_RESULT,
    ),
    Tool(
        name="get_schema",
        description="Get parameter schemas for specific tools.",
        properties={
            "tools": {"type": "array", "items": {"type": "string"}},
            "detail": _detail("detailed"),
        },
        required=("tools",),
        read_only=None,
        output_schema=_TEXT_RESULT,
    ),
    Tool(
        name="execute",
        description="Execute one API operation with its inputs.",
        properties={
            "operation": {"type": "string", "description": "Name of the operation"},
            "inputs": {"type": "object", "description": "Its arguments", "default": {}},
        },
        required=("operation",),
        read_only=None,
    ),
    Tool(
        name="KnowledgeBase",
        description="Search the documentation.",
        properties={"query": text("A question in plain words")},
        required=("query",),
    ),
)


class CodeMode:
    """The tools of code mode over one Konnect; `hide` are operations and tools it does not offer."""

    def __init__(self, konnect: EmbeddedKonnect, *, hide: Collection[str] = ()) -> None:
        self._konnect, self._operations = konnect, offered(hide=hide)
        self.tools = {tool.name: tool for tool in TOOLS if tool.name not in hide}

    def answer(self, tool: Tool, arguments: Mapping[str, Any]) -> Written:
        """The tool's answer; raises Refusal with the server's words."""
        wrong = list(problems(tool.validator, dict(arguments)))
        if wrong:
            told = "".join(f"\n{place or 'arguments'}\n  {reason}" for place, reason in wrong)
            several = "s" if len(wrong) > 1 else ""
            raise Refusal(f"{len(wrong)} validation error{several} for call[{tool.name}]{told}")
        if tool.name == "KnowledgeBase":
            return Written((knowledge.answer(arguments["query"]),))
        if tool.name == "execute":
            return self._execute(arguments["operation"], arguments.get("inputs", {}))
        told = self._told(tool.name, arguments)
        return Written((told,), {"result": told})

    def _told(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if tool == "get_schema":
            detail = arguments.get("detail", "detailed")
            return catalogue.schemas(self._operations, arguments["tools"], detail=detail)
        return catalogue.search(
            self._operations,
            arguments["query"],
            tags=arguments.get("tags"),
            detail=arguments.get("detail", "brief"),
            limit=arguments.get("limit"),
        )

    def _execute(self, name: str, inputs: Mapping[str, Any]) -> Written:
        operation = self._operations.get(name)
        if operation is None:
            raise Refusal(f"Error calling tool 'execute': Exception: Unknown tool: {name}")
        outcome, refusal = "ok", ""
        try:
            body = self._answered(operation, inputs)
        except Refusal as error:
            outcome, refusal = "error", str(error)
            raise
        finally:
            self._konnect.ledger.executed(name, inputs, outcome, refusal)
        return Written((json.dumps(body),), body)

    def _answered(self, operation: Operation, inputs: Mapping[str, Any]) -> Entity:
        try:
            body = operation.answer(self._konnect, operation.called(inputs))
        except (Problem, Refusal) as error:
            said = self._http_error(error) if isinstance(error, Problem) else str(error)
            words = f"Error calling tool 'execute': Exception: Error calling tool '{operation.name}': {said}"
            raise Refusal(words) from None
        return {"result": body} if operation.wrapped else body

    def _http_error(self, problem: Problem) -> str:
        body = problem.body(seed=self._konnect.world.seed)
        return f"HTTP error {problem.status}: {HTTPStatus(problem.status).phrase} - {body!r}"
