"""An MCP server of fixed latency, in a process of its own.

    with punctual(latency=0.1, planes=50, entities=200) as server:
        Konnect(url=server.url, token=server.token)

Every answer leaves `latency` seconds after its question came. The sandbox works on an answer after it has
waited; this one has written all of them before, so that what an audit takes longer than latency and width
demand is the client's own. It speaks the 2025 era, over HTTP/1.1
connections that stay open, and has `planes` control planes of about `entities` entities each.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOKEN = "kpat_Punctual0Server0Token0Example"
TOOLS = {
    "GetControlPlane": "control_planes", "GetService": "services", "GetRoute": "routes",
    "GetPlugin": "plugins", "GetConsumer": "consumers", "GetVault": "vaults",
}  # fmt: skip


@dataclass(frozen=True)
class Punctual:
    """Where the server is."""

    url: str
    token: str = TOKEN


@contextmanager
def punctual(*, latency: float, planes: int, entities: int) -> Generator[Punctual]:
    """Serve while the block lasts; `latency` in seconds holds for every tools/call."""
    command = [sys.executable, __file__, json.dumps([latency, planes, entities])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield Punctual(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def written(planes: int, entities: int) -> dict[str, str]:
    """What each tool answers, whoever asks: the lists of every control plane are alike."""
    sys.path.insert(0, str(ROOT))
    from konnect_agent.sandbox.organisation import Draft

    draft = Draft(seed=1, name="plane", description="")
    services, routes, consumers = (max(1, entities * part // 100) for part in (20, 30, 24))
    for number in range(services):
        draft.service(f"service-{number}", f"service-{number}.example")
    for number in range(routes):
        draft.route(f"route-{number}", f"service-{number % services}", f"/v1/route-{number}")
    for number in range(entities * 25 // 100):
        draft.plugin(
            "rate-limiting", {"minute": 60, "policy": "local"}, route=f"route-{number % routes}-{number}"
        )
    for number in range(consumers):
        draft.consumer(f"consumer-{number}", f"customer-{number}")
    draft.vault("env", "env", "", {"prefix": "KONG_"})
    plane = draft.done()
    named = [{"id": f"{number:08}-{plane.id[9:]}", "name": f"plane-{number:03}"} for number in range(planes)]
    return {
        tool: json.dumps({kind: named if kind == "control_planes" else plane.listing(kind)})
        for tool, kind in TOOLS.items()
    }


class Server(asyncio.Protocol):
    """One connection: questions come whole, one after the other."""

    def __init__(self, results: Mapping[str, bytes], latency: float) -> None:
        self._results, self._latency, self._received = results, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (found := self._question()) is not None:
            kind, answer = found
            wait = self._latency if kind == "tools/call" else 0.0
            asyncio.get_running_loop().call_later(wait, self._transport.write, answer)

    def _question(self) -> tuple[str, bytes] | None:
        """The next question, if all of it has come, and its answer."""
        head, ended, rest = self._received.partition(b"\r\n\r\n")
        if not ended:
            return None
        lines = head.lower().split(b"\r\n")
        size = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(rest) < size:
            return None
        body, self._received = rest[:size], rest[size:]
        message: dict[str, Any] = json.loads(body or b"{}")
        return str(message.get("method")), self._answer(message)

    def _answer(self, message: Mapping[str, Any]) -> bytes:
        if "id" not in message:
            return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
        name = message["params"]["name"] if message["method"] == "tools/call" else message["method"]
        result = self._results.get(name)
        said = b'"result":' + result if result else b'"error":{"code":-32601,"message":"Method not found"}'
        body = b'{"jsonrpc":"2.0","id":%d,%s}' % (message["id"], said)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        return head + body


async def serve(latency: float, planes: int, entities: int) -> None:
    """Serve until standard input ends."""
    texts = written(planes, entities)
    tools = [
        {"name": tool, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
        for tool in texts
    ]
    who = {"name": "punctual", "version": "1"}
    capabilities: dict[str, Any] = {"tools": {}}
    data: dict[str, Any] = {
        tool: {"content": [{"type": "text", "text": text}]} for tool, text in texts.items()
    }
    data["tools/list"] = {"tools": tools}
    data["initialize"] = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": who}
    results = {name: json.dumps(result).encode() for name, result in data.items()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(results, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(*json.loads(sys.argv[1])))
