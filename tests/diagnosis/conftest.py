"""A diagnosis of a server, in an environment that holds no settings."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from konnect_agent.config import (
    HEADERS_VARIABLE,
    HOST_VARIABLE,
    REGION_VARIABLES,
    TOKEN_VARIABLES,
    URL_VARIABLES,
)
from konnect_agent.diagnosis import Diagnosis, diagnose

_SETTINGS = {
    HEADERS_VARIABLE,
    HOST_VARIABLE,
    *TOKEN_VARIABLES,
    *URL_VARIABLES,
    *REGION_VARIABLES,
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
}


class Server(Protocol):
    """What is examined: a `Sandbox` or a `ScriptedServer`."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str: ...


Examine = Callable[[Server], Awaitable[Diagnosis]]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings, no proxies."""
    for name in os.environ:
        if name in _SETTINGS or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def examine() -> Examine:
    """Diagnose a server with its own token."""

    async def examined(server: Server) -> Diagnosis:
        return await diagnose(server.token, url=server.url)

    return examined


def failures(diagnosis: Diagnosis) -> list[str]:
    """The names of the checks that failed."""
    return [each.name for each in diagnosis.checks if each.status == "failure"]


def skipped_because(diagnosis: Diagnosis, cause: str) -> set[str]:
    """The names of the checks that were skipped because of another."""
    reason = f"not checked, because {cause} failed"
    return {each.name for each in diagnosis.checks if (each.status, each.seen) == ("skipped", reason)}
