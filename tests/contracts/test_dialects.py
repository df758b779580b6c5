"""Every intent, asked of every generation of the server, answers the same entities.

The sandbox speaks three of them; its code mode takes an operation at a time, while the real one, FastMCP's,
takes code. Without code mode the same server offers the REST operations as tools.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from konnect_agent import Konnect, ToolUnavailable
from konnect_agent.dialects import classic, rest, spring
from konnect_agent.models import ApiRequests
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


async def test_where_no_tool_is_for_one_consumer_its_requests_are_among_everyones(world: World) -> None:
    shop = world.control_plane("storefront-production")
    kiosk = str(shop.find("consumers", "harbour-kiosk")["id"])
    asked: list[ApiRequests] = []
    for hide in ((), ("GetConsumerRequests",)):
        with Sandbox(world=world, generation="spring", hide=hide) as sandbox:
            async with Konnect(sandbox.token, url=sandbox.url) as konnect:
                asked.append(
                    await konnect.analytics.get_consumer_requests(
                        kiosk, control_plane_id=shop.id, time_range="24H", failure_only=True, max_results=1000
                    )
                )
    whole, filtered = asked
    assert [row.request_id for row in filtered.rows] == [row.request_id for row in whole.rows] != []


async def test_what_no_spoken_generation_knows_names_the_tool_that_is_missing(world: World) -> None:
    entities = {tool for tool, _ in classic.ROWS.values()}
    with Sandbox(world=world, generation="spring", hide=entities) as sandbox:
        async with Konnect(sandbox.token, url=sandbox.url) as konnect:
            with pytest.raises(ToolUnavailable, match=r"no tool GetControlPlane; .*Query") as raised:
                await konnect.control_planes.list()
    assert "QueryAPIRequests" in raised.value.available


async def check_aggregates(konnect: Konnect, world: World) -> None:
    """Failures by consumer, as the rows have them."""
    found = await konnect.analytics.query(
        "24H",
        dimensions=["consumer"],
        filters=[{"field": "status_code_grouped", "operator": "in", "value": ["4XX", "5XX"]}],
        limit=50,
    )
    failed = [row for row in world.requests if row["response_http_status"] >= "400"]
    counted = Counter(row["consumer"] for row in failed)
    assert {group.values["consumer"]: group.count for group in found.groups} == counted
    assert found.start
    assert found.end
    assert (found.end - found.start).total_seconds() == 86_400
    shop = world.control_plane("storefront-production")
    kiosk = f"{shop.id}:{shop.find('consumers', 'harbour-kiosk')['id']}"
    assert found.names["consumer"][kiosk] == "harbour-kiosk"
    hours = await konnect.analytics.query((found.start, found.end), granularity="hourly")
    assert hours.sum() == len(world.requests)
    assert 24 <= len(hours.groups) <= 25


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
            sources = await konnect.analytics.datasources()
            assert sources["requests"].tool == "QueryAPIRequests"
            assert "consumer" in sources["api-usage"].dimensions
            assert "request_count" in sources["api-usage"].metrics
            span = await konnect.analytics.explore_time_range("previous_week")
            assert (span.end - span.start).days == 7
            assert span.start.weekday() == 0
            assert span.min_granularity_s == 600.0


@pytest.mark.parametrize("generation", ["classic", "code-mode"])
async def test_what_a_generation_does_not_count_is_unavailable(world: World, generation: Generation) -> None:
    with embedded(world, generation) as client:
        async with client as konnect:
            with pytest.raises(ToolUnavailable, match="explore_time_range"):
                await konnect.analytics.explore_time_range("24h")


def test_every_intent_is_asked() -> None:
    aggregates = {"analytics.query", "analytics.datasources", "analytics.explore_time_range"}
    assert CALLS.keys() | aggregates == classic.ROWS.keys() | spring.ROWS.keys() | rest.OPERATIONS.keys()
