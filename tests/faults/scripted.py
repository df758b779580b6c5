"""An MCP server whose answers a test writes byte by byte, where the sandbox would be too polite.

It speaks the 2025 era over real sockets, in threads of its own, with or without TLS. What a test does not
care about (handshake, tools/list, notifications) is answered as a well-behaved server would.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

TOKEN = "kpat_Scripted0Server0Token0Example"
MCP_SESSION = "one-mcp-session"

_TOOL = {
    "name": "GetControlPlane",
    "inputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
}
_WRITING_TOOL = {"name": "CreateDebugSession", "inputSchema": {"type": "object"}}


def rpc(message_id: Any, **members: Any) -> str:
    """A JSON-RPC message with that id."""
    return json.dumps({"jsonrpc": "2.0", "id": message_id, **members})


def tool_result(data: Any, *, is_error: bool = False) -> dict[str, Any]:
    """A tool's result, as text."""
    return {"content": [{"type": "text", "text": json.dumps(data)}], "isError": is_error}


def event(data: str, *, name: str = "message", event_id: str = "", retry: int | None = None) -> str:
    """One server-sent event."""
    head = f"event: {name}\r\n" + (f"id: {event_id}\r\n" if event_id else "")
    head += f"retry: {retry}\r\n" if retry is not None else ""
    return head + "".join(f"data: {line}\r\n" for line in data.split("\n")) + "\r\n"


class Request:
    """One HTTP request to the server; `number` counts those of its kind from 1."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: ScriptedServer) -> None:
        length = int(handler.headers.get("content-length", "0"))
        self.message: dict[str, Any] = json.loads(handler.rfile.read(length) or b"{}")
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in handler.headers.items()}
        self.id: Any = self.message.get("id")
        self.kind: str = self.message.get("method", handler.command)
        self.path: str = handler.path
        self.number = 0
        self._handler, self._server = handler, server

    def answer(self, body: str | bytes, *, status: int = 200, **headers: str) -> None:
        """An ordinary HTTP response; JSON unless `content_type` says otherwise."""
        data = body if isinstance(body, bytes) else body.encode()
        self.head(status, **{"content_length": str(len(data)), **headers})
        self.write(data)

    def result(self, data: Any, **headers: str) -> None:
        """A tool's result, in an ordinary JSON response."""
        self.answer(rpc(self.id, result=tool_result(data)), status=200, **headers)

    def head(self, status: int = 200, **headers: str) -> None:
        """Status line and headers only; underscores in names become dashes."""
        self._handler.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()

    def write(self, data: str | bytes) -> None:
        self._handler.wfile.write(data if isinstance(data, bytes) else data.encode())
        self._handler.wfile.flush()

    def stream(self, *events: str) -> None:
        """An event stream that ends with the connection."""
        self.head(content_type="text/event-stream", connection="close")
        for each in events:
            self.write(each)
        self.cut()

    def usual(self) -> None:
        """What any server would answer; to tools/call, nothing in particular."""
        if self.kind == "initialize":
            tools: dict[str, Any] = {"tools": {}}
            who = {"name": "scripted", "version": "1"}
            result = {"protocolVersion": "2025-11-25", "capabilities": tools, "serverInfo": who}
            self.answer(rpc(self.id, result=result), mcp_session_id=MCP_SESSION)
        elif self.kind == "tools/list":
            self.answer(rpc(self.id, result={"tools": [_TOOL, _WRITING_TOOL]}))
        elif self.id is not None:
            self.answer(rpc(self.id, error={"code": -32601, "message": "Method not found"}), status=404)
        else:
            self.answer(b"", status=405 if self.kind == "GET" else 202)

    def cut(self) -> None:
        """End the connection after what has been written."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.close_connection = True

    def hold(self) -> None:
        """Say nothing (more) for as long as the server lives."""
        self._handler.close_connection = True
        self._server.closing.wait()

    def wait_for(self, kind: str, number: int = 1) -> None:
        """Say nothing until that many requests of that kind have come."""
        self._server.arrived(kind, number).wait(30)


Script = Callable[[Request], None]


class ScriptedServer:
    """Serves on loopback while the block lasts; `others` answer messages of other kinds, such as `GET`.

    `in_hand` is the number of requests being answered right now.
    """

    def __init__(
        self, script: Script, *, others: Mapping[str, Script] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.closing = Event()
        self.in_hand = 0
        self._scripts = {"tools/call": script, **(others or {})}
        self._arrivals: dict[tuple[str, int], Event] = {}
        self._lock = Lock()
        self._http = _Threads(("127.0.0.1", 0), self._handler_class())
        if tls is not None:
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_address[1]}/"
        self.token = TOKEN
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def of(self, kind: str) -> list[Request]:
        """The requests of that kind so far."""
        with self._lock:
            return [request for request in self.requests if request.kind == kind]

    def arrived(self, kind: str, number: int = 1) -> Event:
        """Set once that many requests of that kind have come."""
        with self._lock:
            return self._arrivals.setdefault((kind, number), Event())

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            request.number = sum(1 for each in self.requests if each.kind == request.kind)
            came = self._arrivals.setdefault((request.kind, request.number), Event())
        came.set()

    def stop_listening(self) -> None:
        """Refuse further connections; those there are go on."""
        self._http.socket.close()

    def serve(self, request: Request) -> None:
        """Answer one request, by the script for its kind or as any server would."""
        with self._lock:
            self.in_hand += 1
        try:
            self._scripts.get(request.kind, Request.usual)(request)
        finally:
            with self._lock:
                self.in_hand -= 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        for came in self._arrivals.values():
            came.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                request = Request(self, server)
                server.note(request)
                try:
                    server.serve(request)
                except OSError:  # the client has gone, as some tests want it to
                    self.close_connection = True

            do_POST = do_GET = do_DELETE = handle_any

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name it has
                """Nobody wants to read it."""

        return Handler


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is what these tests are about, not something to print."""
