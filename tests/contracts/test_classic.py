"""Every intent of the classic dialect, asked of every kind of server, answers the same entities.

A row added to the dialect without a call in `intents` fails `test_every_intent_of_the_dialect_is_called`.
"""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.dialects.classic import ROWS
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..conftest import Client
from .intents import CALLS, Asked

pytestmark = pytest.mark.anyio


async def test_every_intent_of_the_dialect_is_called() -> None:
    assert CALLS.keys() == ROWS.keys()


SERVERS: dict[str, dict[str, Any]] = {
    "2026, SSE or JSON as the SDK likes": {},
    "2025 over SSE": {"eras": ["2025"]},
    "2025 over JSON": {"eras": ["2025"], "json_response": True},
    "2026 over JSON": {"eras": ["2026"], "json_response": True},
    "snake_case": {"spelling": "snake", "envelope": "result"},
    "kebab-case behind a prefix": {"spelling": "kebab", "prefix": "kong-konnect_", "envelope": "plural"},
    "PascalCase behind a prefix": {"prefix": "konnect__", "envelope": "bare", "eras": ["2025"]},
    "a block for each entity": {"envelope": "blocks", "trace_filter": "plugin_filter"},
    "a block for each over JSON": {"envelope": "blocks", "eras": ["2025"], "json_response": True},
    "plural and plugin_filter": {"envelope": "plural", "trace_filter": "plugin_filter", "spelling": "snake"},
}


@pytest.mark.parametrize("server", SERVERS)
async def test_every_server_answers_the_same_entities(world: World, client: Client, server: str) -> None:
    with Sandbox(world=world, time_scale=2000, **SERVERS[server]) as sandbox:
        async with client(sandbox) as konnect:
            for call in CALLS.values():
                await call(Asked(konnect, world))
            assert (konnect.era or "").startswith("2025") == (SERVERS[server].get("eras") == ["2025"])
        assert sandbox.debug_sessions_running() == ()
        assert {call.outcome for call in sandbox.ledger.calls} == {"ok"}
