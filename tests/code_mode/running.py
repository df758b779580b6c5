"""The code of a block, run as Python: for hand-made servers, whose `execute` has no sandbox to show."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from mcp_types import CallToolResult

from ..handmade import Arguments, as_json

Operation = Callable[[str, dict[str, Any]], Any]


def ran(code: str, operation: Operation) -> Any:
    """What a block returns when its calls are answered by `operation`, which may raise."""

    async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
        return json.loads(json.dumps(operation(name, arguments)))

    scope: dict[str, Any] = {"call_tool": call_tool}
    exec(f"async def block():\n{textwrap.indent(code, '    ')}", scope)
    block: Callable[[], Awaitable[Any]] = scope["block"]

    async def whole() -> Any:
        return await block()

    with ThreadPoolExecutor(1) as elsewhere:  # the caller may run in an event loop already
        return elsewhere.submit(asyncio.run, whole()).result()


def executing(answer: Any) -> Callable[[Arguments], CallToolResult]:
    """An `execute` that runs the code in its arguments, or one operation, and answers all alike."""

    def execute(arguments: Arguments) -> CallToolResult:
        code = next((text for text in _texts(arguments) if "call_tool(" in text), None)
        return as_json(answer if code is None else ran(code, lambda operation, given: answer))

    return execute


def _texts(arguments: Arguments) -> Iterator[str]:
    """The texts among the arguments, at any depth."""
    for value in arguments.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(cast("dict[str, Any]", value))
