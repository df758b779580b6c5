"""What is asked at the same time goes out in few blocks, and no failure of one costs another its answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from konnect_agent import Forbidden, Konnect, KonnectError, ServerError, ToolError
from konnect_agent.errors import Undecodable
from konnect_agent.sandbox.world import World
from patterns import analyze_consumers, audit_configuration

from .process import Process, Served

pytestmark = pytest.mark.anyio
KINDS = ("services", "routes", "plugins", "consumers", "vaults")
Lists = dict[tuple[str, str], "list[str | None] | KonnectError"]


async def read(konnect: Konnect, kind: str, plane: str, found: Lists) -> None:
    try:
        found[plane, kind] = [entity.id for entity in await getattr(konnect, kind).list(plane)]
    except KonnectError as error:
        found[plane, kind] = error


async def every_list(served: Served) -> Lists:
    """The five lists of every control plane, all asked for at once."""
    found: Lists = {}
    async with served.client(max_attempts=5) as konnect, anyio.create_task_group() as asking:
        for plane in served.world.control_planes:
            for kind in KINDS:
                asking.start_soon(read, konnect, kind, plane.id, found)
    return found


def expected(world: World) -> Lists:
    return {
        (plane.id, kind): [entity["id"] for entity in plane.listing(kind)]
        for plane in world.control_planes
        for kind in KINDS
    }


async def test_an_audit_of_fifty_control_planes_takes_few_round_trips(code_mode: Process) -> None:
    served = code_mode.open(planes=50)
    async with served.client() as konnect:
        report = await audit_configuration(konnect)
    assert report.status == "complete"
    assert len(report.result.control_planes) == 50
    assert served.round_trips.total() <= 10
    assert Counter(name for name, _ in served.operations)["list_plugin"] == 50


async def test_names_are_looked_up_together(code_mode: Process) -> None:
    served = code_mode.open(planes=50)
    async with served.client() as konnect:
        report = await audit_configuration(
            konnect, control_planes=[f"plane-{number:03}" for number in range(20)]
        )
    assert len(report.result.control_planes) == 20
    assert len(served.operations) > 100
    assert served.round_trips.total() <= 7


async def test_what_the_server_counts_is_asked_for_together(code_mode: Process) -> None:
    served = code_mode.open()
    async with served.client() as konnect:
        report = await analyze_consumers(
            konnect, "storefront-production", status_codes=(401, 500, 502, 503), max_results=20
        )
    assert report.result.recounted
    assert Counter(name for name, _ in served.operations)["metrics"] > 10
    assert 2 * served.round_trips.total() < len(served.operations)


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"planes": 50}, 6),
        ({"planes": 50, "limit": None}, 6),
        ({"planes": 50, "limit": 7}, 42),
        ({"planes": 50, "limit": 7, "catches": False}, 46),
        ({"planes": 8, "limit": 1}, 40),
        ({"planes": 8, "limit": 1, "catches": False}, 41),
    ],
)
async def test_blocks_are_as_long_as_the_server_allows(
    code_mode: Process, settings: dict[str, Any], most: int
) -> None:
    served = code_mode.open(**settings)
    assert await every_list(served) == expected(served.world)
    assert served.round_trips["execute"] <= most


@pytest.mark.parametrize(("catches", "most"), [(True, 6), (False, 60)])
async def test_a_control_plane_that_may_not_be_read_costs_no_other_its_lists(
    code_mode: Process, catches: bool, most: int
) -> None:
    served = code_mode.open(planes=50, forbidden=("plane-007",), catches=catches)
    found, wanted = await every_list(served), expected(served.world)
    refused = {key for key, answer in found.items() if isinstance(answer, Forbidden)}
    closed = served.world.control_plane("plane-007").id
    assert refused == {(closed, kind) for kind in KINDS}
    assert {key: found[key] for key in found if key not in refused} == {
        key: wanted[key] for key in wanted if key not in refused
    }
    assert served.round_trips["execute"] <= most
    for _, kind in refused:
        error = found[closed, kind]
        assert isinstance(error, Forbidden)
        assert (error.status, error.operation) == (403, f"list_{kind[:-1]}")


@pytest.mark.parametrize("catches", [True, False])
@pytest.mark.parametrize("statuses", [(429,), (429, 429, 429), (500,), (503, 429, 500)])
async def test_what_passes_is_asked_for_again(
    code_mode: Process, statuses: tuple[int, ...], catches: bool
) -> None:
    served = code_mode.open(planes=10, failing={"list-vault": statuses}, catches=catches)
    assert await every_list(served) == expected(served.world)


@pytest.mark.parametrize("catches", [True, False])
async def test_what_does_not_pass_is_told_and_costs_nothing_else(code_mode: Process, catches: bool) -> None:
    served = code_mode.open(planes=4, failing={"list-vault": (500,) * 500}, catches=catches)
    found, wanted = await every_list(served), expected(served.world)
    assert {key for key, answer in found.items() if isinstance(answer, ServerError)} == {
        key for key in wanted if key[1] == "vaults"
    }
    assert all(found[key] == wanted[key] for key in wanted if key[1] != "vaults")


@pytest.mark.parametrize("catches", [True, False])
async def test_a_server_that_hides_its_errors_still_answers_the_rest(
    code_mode: Process, catches: bool
) -> None:
    served = code_mode.open(planes=10, forbidden=("plane-007",), masked=True, catches=catches)
    found, wanted = await every_list(served), expected(served.world)
    closed = served.world.control_plane("plane-007").id
    assert {key for key, answer in found.items() if isinstance(answer, ToolError)} == {
        (closed, kind) for kind in KINDS
    }
    assert all(found[key] == wanted[key] for key in wanted if key[0] != closed)


async def test_an_answer_that_cannot_be_read_costs_only_itself(code_mode: Process) -> None:
    served = code_mode.open(planes=4, answering={"list-route": {"data": "soon"}})
    found, wanted = await every_list(served), expected(served.world)
    for key, answer in found.items():
        if key[1] == "routes":
            assert isinstance(answer, Undecodable)
        else:
            assert answer == wanted[key]


async def test_a_cancelled_caller_costs_no_other_its_answer(code_mode: Process) -> None:
    served = code_mode.open(planes=30, latency=0.05)
    found: Lists = {}
    async with served.client() as konnect:
        await konnect.control_planes.list()
        async with anyio.create_task_group() as asking:
            for number, plane in enumerate(served.world.control_planes):
                for kind in KINDS:
                    scope = anyio.CancelScope()
                    asking.start_soon(_read_within, scope, konnect, kind, plane.id, found)
                    if number % 3 == 0:
                        asking.start_soon(_cancel_later, scope)
    wanted = expected(served.world)
    kept = {plane.id for number, plane in enumerate(served.world.control_planes) if number % 3}
    assert {key: found[key] for key in wanted if key[0] in kept} == {
        key: wanted[key] for key in wanted if key[0] in kept
    }
    assert {key[0] for key in found} == kept


async def _read_within(
    scope: anyio.CancelScope, konnect: Konnect, kind: str, plane: str, found: Lists
) -> None:
    with scope:
        await read(konnect, kind, plane, found)


async def _cancel_later(scope: anyio.CancelScope) -> None:
    """Cancel once the blocks are under way: every call takes longer than this."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    scope.cancel()
