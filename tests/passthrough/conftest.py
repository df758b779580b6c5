"""A stand-in of the Admin API and the Konnect API, empty at the beginning of each test."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from .stand_in import StandIn, standing_in


@pytest.fixture(scope="session")
def _running() -> Generator[StandIn]:
    with standing_in() as started:
        yield started


@pytest.fixture
def stand_in(_running: StandIn) -> StandIn:
    return _running.emptied()
