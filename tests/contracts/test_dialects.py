"""Every intent, asked of every generation of the server, answers the same entities.

The sandbox speaks three of them; its code mode takes an operation at a time, while the real one, FastMCP's,
takes code. Without code mode the same server offers the REST operations as tools.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from konnect_agent import Konnect
from konnect_agent.dialects import Intent, classic, rest, speaker, spring
from konnect_agent.sandbox import Generation, Sandbox
from konnect_agent.sandbox.world import World

from ..code_mode.process import Process
from .intents import CALLS, Asked

pytestmark = pytest.mark.anyio
GENERATIONS: tuple[Generation, ...] = ("classic", "spring", "code-mode")
FAST = 2000.0


@contextmanager
def embedded(world: World, generation: Generation) -> Generator[Konnect]:
    with Sandbox(world=world, generation=generation, time_scale=FAST) as sandbox:
        yield Konnect(token=sandbox.token, url=sandbox.url, time_scale=FAST, first_wait=0.01)
        assert sandbox.debug_sessions_running() == ()


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_every_generation_answers_every_intent_alike(world: World, generation: Generation) -> None:
    with embedded(world, generation) as client:
        async with client as konnect:
            assert await konnect.generation() == generation
            for call in CALLS.values():
                await call(Asked(konnect, world))


async def test_ids_take_the_form_that_each_tool_wants(world: World) -> None:
    with embedded(world, "spring") as client:  # whose tools want a plain id here and a pair there
        async with client as konnect:
            plane = world.control_plane("storefront-production")
            pair = f"{plane.id}:{plane.find('consumers', 'harbour-kiosk')['id']}"
            one = await konnect.analytics.get_consumer_requests(pair, time_range="24H", max_results=1000)
            every = await konnect.analytics.query_api_requests("24H", consumer_ids=[pair], max_results=1000)
    assert [row.request_id for row in one.rows] == [row.request_id for row in every.rows] != []


@pytest.mark.parametrize("settings", [{}, {"limit": 1}, {"catches": False}, {"prefix": "konnect-"}])
async def test_real_code_mode_answers_every_intent_alike(
    world: World, code_mode: Process, settings: dict[str, object]
) -> None:
    async with code_mode.open(world=world, **settings).client() as konnect:
        assert await konnect.generation() == "code-mode"
        for name, call in CALLS.items():
            if name != "knowledge_base.search":
                await call(Asked(konnect, world))


async def test_the_operations_as_tools_answer_every_public_intent_alike(
    world: World, code_mode: Process
) -> None:
    async with code_mode.open(world=world, code_mode=False).client() as konnect:
        assert await konnect.generation() == "rest"
        for name, call in CALLS.items():
            if name != "knowledge_base.search":
                await call(Asked(konnect, world))


async def ask(konnect: Konnect, intent: str, **arguments: Any) -> Any:
    """Ask for an intent that no resource asks for yet."""
    toolbox = await konnect.tools()

    async def send(tool: str, arguments: Mapping[str, Any], *, idempotent: bool, operation: str) -> Any:
        return await konnect.call(tool, arguments)

    return await speaker(toolbox).perform(Intent(intent, "any"), arguments, toolbox, send)


async def check_aggregates(konnect: Konnect, world: World) -> None:
    """Failures by consumer, as the rows have them."""
    answer = await ask(
        konnect,
        "analytics.query",
        time_range={"type": "relative", "time_range": "24h"},
        metrics=["request_count"],
        dimensions=["consumer"],
        filters=[{"field": "status_code_grouped", "operator": "in", "value": ["4XX", "5XX"]}],
        limit=50,
    )
    failed = [row for row in world.requests if row["response_http_status"] >= "400"]
    counted = Counter(row["consumer"] or "empty" for row in failed)
    events = [row["event"] for row in answer["data"]]
    assert {event["consumer"]: event["request_count"] for event in events} == counted
    shop = world.control_plane("storefront-production")
    kiosk = f"{shop.id}:{shop.find('consumers', 'harbour-kiosk')['id']}"
    assert answer["meta"]["display"]["consumer"][kiosk] == {"name": "harbour-kiosk", "deleted": False}


@pytest.mark.parametrize("generation", ["spring", "code-mode"])
async def test_aggregates_agree_with_the_rows(world: World, generation: Generation) -> None:
    with embedded(world, generation) as client:
        async with client as konnect:
            await check_aggregates(konnect, world)


async def test_aggregates_of_real_code_mode_agree_with_the_rows(world: World, code_mode: Process) -> None:
    async with code_mode.open(world=world).client() as konnect:
        await check_aggregates(konnect, world)


async def test_what_can_be_asked_is_told(world: World) -> None:
    with embedded(world, "spring") as client:
        async with client as konnect:
            config = await ask(konnect, "analytics.datasources")
            assert config["datasources"]["requests"]["tool"] == "QueryAPIRequests"
            lasting = {"type": "relative", "time_range": "previous_week"}
            span = await ask(konnect, "analytics.explore_time_range", time_range=lasting)
            start, end = (datetime.fromisoformat(span[key]) for key in ("start", "end"))
            assert (end - start).days == 7
            assert start.weekday() == 0


def test_every_intent_is_asked() -> None:
    aggregates = {"analytics.query", "analytics.datasources", "analytics.explore_time_range"}
    assert CALLS.keys() | aggregates == classic.ROWS.keys() | spring.ROWS.keys() | rest.OPERATIONS.keys()
