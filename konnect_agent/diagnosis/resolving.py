"""Name resolution that can be given up.

A name service that does not answer keeps `getaddrinfo` busy for half a minute, and an event loop waits for
the threads it has lent out before it ends. So the question is asked in a thread that nobody waits for; a
socket tells that it is done, under asyncio and trio alike.
"""

from __future__ import annotations

import socket
from threading import Thread

import anyio


async def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a name, each once. Raises `OSError`, or `UnicodeError` for what is no name."""
    found: list[str] = []
    failure: list[OSError | UnicodeError] = []
    done, told = socket.socketpair()

    def look() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(address[0]))
        except (OSError, UnicodeError) as error:
            failure.append(error)
        finally:
            told.close()

    with done:
        Thread(target=look, name="konnect-diagnosis-dns", daemon=True).start()
        await anyio.wait_readable(done)
    if failure:
        raise failure[0]
    return list(dict.fromkeys(found))
