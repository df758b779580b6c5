"""What every test may ask for: both event loops, an organisation, a sandbox over it, and a connected client.

`sandbox` is shared by the whole run and for reading only; a test that writes, counts calls or wants another
kind of server starts its own with `Sandbox(world=world, ...)`, which takes a few milliseconds. Hypothesis
tries the same examples in every run; `--hypothesis-profile=search` looks for new ones.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from konnect_agent import Konnect
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from .code_mode import process
from .handmade import Handmade, Serve, running

Client = Callable[..., Konnect]

_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _patient, derandomize=True, max_examples=40)
settings.register_profile("search", _patient, max_examples=1500)
settings.load_profile("steady")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    return request.param


@pytest.fixture(scope="session")
def world() -> World:
    """Saltmarsh Goods as of now; building it takes longer than serving it."""
    return World.story(7)


@pytest.fixture(scope="session")
def sandbox(world: World) -> Iterator[Sandbox]:
    """A sandbox for reading only. Debug sessions of a minute take a tenth of a second."""
    with Sandbox(world=world, time_scale=600) as started:
        yield started


@pytest.fixture
def client() -> Client:
    """Make a client of a sandbox, in that sandbox's time; `settings` are those of `Config`."""

    def make(sandbox: Sandbox, **settings: Any) -> Konnect:
        defaults: dict[str, Any] = {
            "token": sandbox.token, "url": sandbox.url, "time_scale": sandbox.debug_sessions.time_scale,
            "first_wait": 0.01,
        }  # fmt: skip
        return Konnect(**{**defaults, **settings})

    return make


@pytest.fixture(scope="session")
def _handmade() -> Iterator[Handmade]:
    with running() as server:
        yield server


@pytest.fixture
def serve(_handmade: Handmade) -> Serve:
    """Let the hand-made server offer tools with the answers of this test."""
    return _handmade.offer


@pytest.fixture(scope="session")
def code_mode() -> Iterator[process.Process]:
    """Servers in real code mode, in a process of their own that starts when a test first wants one."""
    with process.running() as started:
        yield started


@pytest.fixture
async def konnect(sandbox: Sandbox, client: Client) -> AsyncGenerator[Konnect]:
    """A client connected to the shared sandbox."""
    async with client(sandbox) as connected:
        yield connected
