"""Small organisations, drafted for one question each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from konnect_agent.sandbox.organisation import ControlPlane, Draft
from konnect_agent.sandbox.world import World

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

Drafted = Callable[[Draft], None]


@pytest.fixture
def world_of() -> Callable[..., World]:
    """`world_of(one=..., two=..., requests=[...])`: control planes by name, each drafted by a function."""

    def make(requests: Sequence[dict[str, Any]] = (), /, **planes: Drafted) -> World:
        drafts: list[ControlPlane] = []
        for name, write in planes.items():
            draft = Draft(seed=1, name=name.replace("_", "-"), description="")
            write(draft)
            drafts.append(draft.done())
        return World(seed=1, now=NOW, control_planes=tuple(drafts), requests=tuple(requests))

    return make
