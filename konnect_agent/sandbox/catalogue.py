"""What `search` and `get_schema` say about operations, to the letter (fact sheet 1.2, documented).

Operations are ranked by BM25 over their name, description and parameter names; words are lower-case runs of
letters and digits longer than one. `brief` is a line for each, `detailed` Markdown, `full` a JSON array of
MCP tools. What is not found is told in words, and is no error.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from konnect_agent.sandbox.operations import Operation
from konnect_agent.sandbox.organisation import Entity

_WORD = re.compile(r"[a-z0-9]{2,}")
_K1, _B, _MOST = 1.5, 0.75, 50
_NONE = "No tools matched the query."


def search(
    operations: Mapping[str, Operation],
    query: str,
    *,
    tags: Collection[str] | None,
    detail: str,
    limit: int | None,
) -> str:
    """The operations that share words with `query`, best first."""
    tagged = [each for each in operations.values() if not tags or each.tag in tags]
    found = _ranked(tagged, _WORD.findall(query.lower()))[:_MOST][:limit]
    told = _rendered(found, detail)
    if detail == "full" or len(found) == len(operations):
        return told
    return f"{len(found)} of {len(operations)} tools:\n\n{told}"


def schemas(operations: Mapping[str, Operation], names: Sequence[str], *, detail: str) -> str:
    """The operations of those names."""
    found = [operations[name] for name in names if name in operations]
    missing = [name for name in names if name not in operations]
    if missing and not found:
        return f"Tools not found: {', '.join(missing)}"
    if detail == "full":
        return json.dumps([*map(_tool, found), *([{"not_found": missing}] if missing else [])], indent=2)
    told = _rendered(found, detail)
    return f"{told}\n\nTools not found: {', '.join(missing)}" if missing else told


def _ranked(operations: Sequence[Operation], words: Sequence[str]) -> list[Operation]:
    documents = [Counter(_WORD.findall(_about(each).lower())) for each in operations]
    average = sum(each.total() for each in documents) / max(len(documents), 1)
    having = Counter(word for document in documents for word in document)

    def score(document: Counter[str]) -> float:
        length = 1 - _B + _B * document.total() / average
        return sum(
            math.log((len(documents) - having[word] + 0.5) / (having[word] + 0.5) + 1)
            * document[word] * (_K1 + 1) / (document[word] + _K1 * length)
            for word in words
        )  # fmt: skip

    scored = [(score(document), each) for document, each in zip(documents, operations, strict=True)]
    return [each for points, each in sorted(scored, key=lambda entry: -entry[0]) if points > 0]


def _about(operation: Operation) -> str:
    parameters = operation.input_schema["properties"]
    described = [str(schema.get("description", "")) for schema in parameters.values()]
    return " ".join((operation.name, operation.summary, *parameters, *described))


def _rendered(operations: Sequence[Operation], detail: str) -> str:
    if detail == "full":
        return json.dumps(list(map(_tool, operations)), indent=2)
    if not operations:
        return _NONE
    if detail == "brief":
        return "\n".join(f"- {each.name}: {each.summary}" for each in operations)
    return "\n\n".join("\n".join(_section(each)) for each in operations)


def _tool(operation: Operation) -> Entity:
    return {
        "name": operation.name,
        "description": operation.summary,
        "inputSchema": operation.input_schema,
        "outputSchema": operation.output_schema,
        "_meta": {"fastmcp": {"tags": [operation.tag]}},
    }


def _section(operation: Operation) -> Iterator[str]:
    yield from (f"### {operation.name}", "", operation.summary, "", "**Parameters**")
    schema = operation.input_schema
    for name, inner in schema["properties"].items():
        required = ", required" if name in schema["required"] else ""
        yield f"- `{name}` ({_kind(inner)}{required})"
    if not schema["properties"]:
        yield "*(no parameters)*"
    yield from ("", "**Returns**", f"- `{'result' if operation.wrapped else 'value'}` (object)")


def _kind(schema: Entity) -> str:
    if "oneOf" in schema:
        return " | ".join(dict.fromkeys(map(_kind, schema["oneOf"])))
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}[]"
    return str(schema.get("type", "any"))
