"""A loopback port that stays ours, also while nobody listens on it.

A closed port is free: the kernel may give it to some client as the near end of a connection, even of a
connection to that very port, and whoever wants to listen on it again finds it taken. So a second socket is
bound to the port for as long as it is wanted and never listens: connecting is refused, and the port is given
to nobody else.
"""

from __future__ import annotations

import socket

_LOOPBACK = "127.0.0.1"


class HeldPort:
    """Port `number` of the loopback interface, 0 for any free one. Raises OSError if it is taken."""

    def __init__(self, number: int = 0) -> None:
        self._holder = _bound(number, shared=False)
        self.number: int = self._holder.getsockname()[1]
        # Only now, and not before it is bound: another holder of the same port must fail.
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        _share(self._holder)

    def listener(self) -> socket.socket:
        """A listening, non-blocking socket on the port; closing it refuses connections again."""
        listener = _bound(self.number, shared=True)
        listener.setblocking(False)
        listener.listen(512)
        return listener

    def close(self) -> None:
        """Give the port back; safe to call twice."""
        self._holder.close()


def _bound(number: int, *, shared: bool) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off; without, every answer waits 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is left of closed connections
        if shared:
            _share(bound)
        bound.bind((_LOOPBACK, number))
    except OSError:
        bound.close()
        raise
    return bound


def _share(bound: socket.socket) -> None:
    """Let the holder and the listener have the same port."""
    if hasattr(socket, "SO_REUSEPORT"):  # Windows has none and does not ask for it
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
