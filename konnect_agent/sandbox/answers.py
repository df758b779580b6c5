"""How an answer is written: the forms a tool result may take.

The documents say what the tools return and nothing about the encoding, so every plausible one can be had:

    data     {"data": [...]} as structured content and as JSON text; a single object as it is (the default)
    result   everything under {"result": ...}, as FastMCP wraps values; the text holds the bare value
    plural   {"metadata": {...}, "services": [...]}, a single object under {"service": {...}}
    bare     JSON text only: an array or an object
    blocks   one text block for each item, nothing else
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Envelope = Literal["data", "result", "plural", "bare", "blocks"]


@dataclass(frozen=True)
class Listing:
    """Several entities; `kind` is their plural name, `extra` what accompanies them."""

    kind: str
    items: Sequence[Any]
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Single:
    """One object; `kind` is its singular name."""

    kind: str
    value: Mapping[str, Any]


Answer = Listing | Single | str


@dataclass(frozen=True)
class Written:
    """The text blocks of a result and its structured content, if it has any."""

    texts: tuple[str, ...]
    structured: dict[str, Any] | None = None


def write(answer: Answer, *, envelope: Envelope) -> Written:
    """The answer in that form; plain text stays plain text."""
    if isinstance(answer, str):
        return Written((answer,))
    plain: Any = list(answer.items) if isinstance(answer, Listing) else dict(answer.value)
    extra = dict(answer.extra) if isinstance(answer, Listing) else {}
    if envelope == "blocks":
        return Written(tuple(map(json.dumps, plain if isinstance(answer, Listing) else [plain])))
    if envelope == "bare":
        return Written((json.dumps(plain),))
    if envelope == "result":
        return Written((json.dumps(plain),), {"result": plain})
    if envelope == "plural":
        metadata = {"metadata": {"count": len(answer.items)} | extra} if isinstance(answer, Listing) else {}
        structured = metadata | {answer.kind: plain}
    else:
        structured = {"data": plain} | extra if isinstance(answer, Listing) else plain
    return Written((json.dumps(structured),), structured)
