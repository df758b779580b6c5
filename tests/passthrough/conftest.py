"""A stand-in of the Admin API and the Konnect API, empty at the beginning of each test."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from konnect_agent.applying import Target, admin_api, konnect_api

from .stand_in import ADMIN_TOKEN, CONTROL_PLANE, KONNECT_TOKEN, StandIn, standing_in


@pytest.fixture(scope="session")
def _running() -> Generator[StandIn]:
    with standing_in() as started:
        yield started


@pytest.fixture
def stand_in(_running: StandIn) -> StandIn:
    return _running.emptied()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr("konnect_agent.applying.undoing._PAUSES", (0.01, 0.02))


@pytest.fixture(params=["admin", "konnect"])
def target(request: pytest.FixtureRequest, stand_in: StandIn) -> Target:
    """Both APIs: what is true of one is true of the other."""
    if request.param == "admin":
        return admin_api(stand_in.url, token=ADMIN_TOKEN)
    return konnect_api(CONTROL_PLANE, token=KONNECT_TOKEN, url=stand_in.url)
