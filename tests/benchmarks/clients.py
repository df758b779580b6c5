# pyright: basic, reportMissingImports=false
"""Makes calls with several MCP clients in turn, in a process of its own; see `compared.py`.

    python clients.py URL TOKEN '{"clients": ["ours", "sdk"], "tool": "GetVault", "arguments": {...},
                                  "rounds": 300, "calls": 1, "width": 1}'

In every round each client makes `calls` calls, `width` at a time, so that what the machine does meanwhile
happens to all of them; who begins changes from round to round. Each client is used as its documentation
shows; ours and the SDK may keep `width` connections. Written as JSON, by client: the seconds of each round,
what the calls ended in, and what the client died of; or why it cannot be used here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

Call = Callable[[str, dict[str, Any]], Awaitable[object]]

PATIENCE = 20.0


@asynccontextmanager
async def connected(url: str, token: str, width: int) -> AsyncGenerator[Any]:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from konnect_agent import Konnect

    settings: dict[str, Any] = {"max_in_flight": width, "first_wait": 0.02, "max_attempts": 12}
    async with Konnect(token=token, url=url, **settings) as konnect:
        yield konnect


@asynccontextmanager
async def ours(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    async with connected(url, token, width) as konnect:
        yield konnect.call


@asynccontextmanager
async def ours_typed(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    """With models for answers; the two tools that the benchmarks use."""
    async with connected(url, token, width) as konnect:

        async def call(tool: str, arguments: dict[str, Any]) -> object:
            plane = arguments["control_plane_id"]
            if tool == "CreateDebugSession":
                return await konnect.debug_sessions.create(plane, http_path=arguments["http_path"])
            return await {"GetVault": konnect.vaults, "GetService": konnect.services}[tool].list(plane)

        yield call


@asynccontextmanager
async def sdk(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    limits = httpx2.Limits(max_keepalive_connections=width)
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, limits=limits) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):

        async def call(tool: str, arguments: dict[str, Any]) -> object:
            result = await client.call_tool(tool, arguments)
            if result.is_error:
                raise ValueError(result.content)
            return result

        yield call


@asynccontextmanager
async def fastmcp(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    from fastmcp import Client
    from fastmcp.client.transports import StreamableHttpTransport

    transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {token}"})
    async with Client(transport) as client:
        yield client.call_tool


def _langchain(url: str, token: str) -> Any:
    from langchain_mcp_adapters.client import MultiServerMCPClient

    headers = {"Authorization": f"Bearer {token}"}
    return MultiServerMCPClient({"konnect": {"transport": "streamable_http", "url": url, "headers": headers}})


@asynccontextmanager
async def langchain(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    """As its documentation begins: every call has an mcp session of its own."""
    tools = {tool.name: tool for tool in await _langchain(url, token).get_tools()}
    yield lambda tool, arguments: tools[tool].ainvoke(arguments)


@asynccontextmanager
async def langchain_session(url: str, token: str, width: int) -> AsyncGenerator[Call]:
    """As its documentation goes on: one mcp session for all calls."""
    client = _langchain(url, token)
    from langchain_mcp_adapters.tools import load_mcp_tools

    async with client.session("konnect") as session:
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        yield lambda tool, arguments: tools[tool].ainvoke(arguments)


CLIENTS = {
    "ours": ours, "ours_typed": ours_typed, "sdk": sdk, "fastmcp": fastmcp,
    "langchain": langchain, "langchain_session": langchain_session,
}  # fmt: skip


async def a_round(call: Call, job: dict[str, Any], outcomes: Counter[str]) -> float:
    """Seconds one round takes; an error counts as `unsure` if its hint says that nobody knows what it did."""
    numbers = iter(range(job["calls"]))

    async def work() -> None:
        for number in numbers:
            arguments = {key: value.format(n=number) for key, value in job["arguments"].items()}
            try:
                await asyncio.wait_for(call(job["tool"], arguments), PATIENCE)
                outcomes["good"] += 1
            except BaseException as error:
                outcomes[type(error).__name__] += 1
                outcomes["unsure"] += "is not known" in getattr(error, "hint", "")
                if isinstance(error, asyncio.CancelledError):
                    raise

    started = perf_counter()
    workers = [asyncio.create_task(work()) for _ in range(job["width"])]
    await asyncio.gather(*workers, return_exceptions=True)
    return perf_counter() - started


async def measured(url: str, token: str, job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each of the job's clients makes of it; one that dies has not done what is left."""
    told: dict[str, dict[str, Any]] = {}
    calls: dict[str, Call] = {}
    try:
        async with AsyncExitStack() as stack:
            for name in job["clients"]:
                told[name] = {"outcomes": Counter(), "seconds": [], "died": ""}
                try:
                    calls[name] = await stack.enter_async_context(CLIENTS[name](url, token, job["width"]))
                except ImportError as error:
                    told[name] = {"absent": f"{type(error).__name__}: {error}".splitlines()[0]}
                except Exception as error:  # it does not speak this era
                    told[name] = {"absent": f"cannot connect ({type(error).__name__})"}
            for call in calls.values() if job["rounds"] > 1 else ():  # connected, and everything imported
                await a_round(call, {**job, "calls": job["width"]}, Counter())
            names = list(calls)
            for number in range(job["rounds"]):
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    took = await a_round(calls[name], job, told[name]["outcomes"])
                    told[name]["seconds"].append(took)
    except BaseException as error:  # what a client's own task group raises when it is left
        if len(calls) > 1:
            raise
        for name in calls:
            told[name]["died"] = type(error).__name__
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))))
