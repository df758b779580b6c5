"""What may stand in the way of a connection: certificates of all kinds, and proxies of both."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from time import time

import trustme

from ..faults.scripted import Request, Script, ScriptedServer


def answers(request: Request) -> None:
    """An answer to any tool call: no control planes."""
    request.result([])


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """The TLS of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # for pyOpenSSL too
    return context


def certificate(authority: trustme.CA, kind: str) -> trustme.LeafCert:
    """A certificate for this machine that is `good`, or has something wrong with it."""
    now, days = datetime.now(UTC), timedelta(days=30)
    match kind:
        case "good":
            return authority.issue_cert("127.0.0.1", "localhost")
        case "expired":
            return authority.issue_cert("127.0.0.1", not_before=now - 2 * days, not_after=now - days)
        case "early":
            return authority.issue_cert("127.0.0.1", not_before=now + days, not_after=now + 2 * days)
        case _:
            return authority.issue_cert(kind)


def self_signed(folder: Path) -> ssl.SSLContext:
    """The TLS of a server whose certificate nobody else has signed."""
    authority = trustme.CA()
    file = folder / "self-signed.pem"
    authority.private_key_pem.write_to_path(file)
    authority.cert_pem.write_to_path(file, append=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class ServerOfAnotherTime(ScriptedServer):
    """A server that says what `date` says about the time, or nothing if that is empty."""

    def __init__(self, date: Callable[[], str], *, others: Mapping[str, Script] | None = None) -> None:
        self._date = date
        super().__init__(answers, others=others)

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        handler, send_header = super()._handler_class(), BaseHTTPRequestHandler.send_header

        def date_time_string(self: BaseHTTPRequestHandler, timestamp: float | None = None) -> str:
            return date()

        def send(self: BaseHTTPRequestHandler, keyword: str, value: str) -> None:
            if value or keyword != "Date":
                send_header(self, keyword, value)

        date, handler.date_time_string, handler.send_header = self._date, date_time_string, send
        return handler


def ahead(seconds: float) -> Callable[[], str]:
    """The date of a clock that is ahead."""
    return lambda: formatdate(time() + seconds, usegmt=True)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Generator[int]:
    """A port on which every connection is served in a thread; all are closed at the end."""
    opened: list[socket.socket] = []
    threads: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    opened.append(connection)
                    threads.append(Thread(target=quietly, args=(connection,)))
                    threads[-1].start()

        def quietly(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                serve(connection)

        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in opened:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def tunnel(seen: list[str]) -> Callable[[socket.socket], None]:
    """An HTTP proxy that lets everybody through to the port they say on this machine, and notes the rest."""

    def serve(client: socket.socket) -> None:
        head = client.recv(4096)
        if not head:  # somebody only looked whether there is a port
            return
        seen.append(head.decode())
        port = int(head.split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = Thread(target=copy, args=(server, client))
            back.start()
            copy(client, server)
            back.join()

    return serve


def refusing(head: bytes) -> Callable[[socket.socket], None]:
    """An HTTP proxy that answers every CONNECT with `head`."""

    def serve(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(head)

    return serve


def copy(source: socket.socket, target: socket.socket) -> None:
    """Everything from one to the other, and the end of it."""
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def silence(connection: socket.socket) -> None:
    """Take everything and never answer."""
    while connection.recv(4096):
        pass
