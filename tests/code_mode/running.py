"""The code of a block, run as Python: for hand-made servers, whose `execute` has no sandbox to show."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
