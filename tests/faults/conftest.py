"""A client for servers that fail: it waits milliseconds where a real one waits seconds."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from konnect_agent import Konnect


class Server(Protocol):
    """Where to connect, and with which token: a `Sandbox` or a `ScriptedServer`."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str: ...


class Connect(Protocol):
    """Make a client of a server; `settings` are those of `Konnect`."""

    def __call__(self, server: Server, /, **settings: Any) -> Konnect: ...


@pytest.fixture
def connect() -> Connect:
    """A client of a server that fails."""

    def made(server: Server, /, **settings: Any) -> Konnect:
        defaults: dict[str, Any] = {
            "token": server.token,
            "url": server.url,
            "first_wait": 0.002,
            "max_wait": 0.05,
        }
        return Konnect(**{**defaults, **settings})

    return made
