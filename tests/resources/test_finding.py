"""From a name to an entity: the documented way, id, `get_by_name`, then the list with ranked candidates."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import (
    Ambiguous,
    Forbidden,
    Konnect,
    KonnectError,
    NoMatch,
    RateLimited,
    ServerError,
    ToolError,
    Unauthorized,
    Undecodable,
)
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..conftest import Client
from ..handmade import TOKEN, Arguments, Serve, as_json, refused, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SHOP = "storefront-production"


@pytest.mark.parametrize(
    ("wanted", "name", "how"),
    [
        ("payments-staging", "payments-staging", "get_by_name"),
        ("  payments-staging ", "payments-staging", "get_by_name"),
        ("Payments_Staging", "payments-staging", "folded"),
        ("storefront", SHOP, "prefix"),
        ("innovation lap", "innovation-lab", "fuzzy"),
    ],
)
async def test_a_control_plane_is_found_by_something_like_its_name(
    konnect: Konnect, wanted: str, name: str, how: str
) -> None:
    found = await konnect.control_planes.find(wanted)
    assert (found.name, found.how) == (name, how)
    assert 0 < found.score <= 100
    assert bool(found.candidates) == (how != "get_by_name")


async def test_an_id_is_looked_up_and_not_searched_for(world: World, client: Client) -> None:
    plane = world.control_plane(SHOP)
    with Sandbox(world=world) as sandbox:
        async with client(sandbox) as konnect:
            found = await konnect.control_planes.find(f" {plane.id} ")
            assert (found.id, found.how) == (plane.id, "id")
        assert [call.arguments["operation"] for call in sandbox.ledger.calls] == ["get_by_id"]


async def test_an_id_in_capitals_is_still_that_id(konnect: Konnect, world: World) -> None:
    plane = world.control_plane(SHOP)
    assert (await konnect.control_planes.find(plane.id.upper())).id == plane.id


async def test_every_family_with_names_is_searchable(konnect: Konnect, world: World) -> None:
    plane = world.control_plane(SHOP)
    consumer = next(one for one in plane.consumers if one["custom_id"])
    plugin = next(one for one in plane.plugins if one["instance_name"])
    vault = plane.vaults[0]
    ids = {"control_plane_id": plane.id}
    assert (await konnect.services.find("Users", **ids)).entity.host
    assert (await konnect.routes.find("search", **ids)).how == "get_by_name"
    assert (await konnect.consumers.find(consumer["custom_id"], **ids)).id == consumer["id"]
    assert (await konnect.plugins.find(plugin["instance_name"], **ids)).id == plugin["id"]
    assert (await konnect.plugins.find(plugin["id"], **ids)).how == "id"
    assert (await konnect.vaults.find(vault["prefix"], **ids)).id == vault["id"]
    group = plane.consumer_groups[0]
    assert (await konnect.consumer_groups.find(group["id"], **ids)).how == "id"
    assert (await konnect.consumer_groups.find(group["name"], **ids)).how == "exact"


async def test_the_composite_id_of_an_analytics_row_finds_its_consumer(
    konnect: Konnect, world: World
) -> None:
    plane = world.control_plane(SHOP)
    consumer = plane.find("consumers", "harbour-kiosk")["id"]
    found = await konnect.consumers.find(f"{plane.id}:{consumer}", control_plane_id=plane.id)
    assert (found.id, found.how) == (consumer, "id")


async def test_several_that_fit_equally_are_ambiguous_with_ranked_candidates(konnect: Konnect) -> None:
    with pytest.raises(Ambiguous) as caught:
        await konnect.control_planes.find("payments")
    candidates = caught.value.candidates
    assert {candidate.name for candidate in candidates[:2]} == {"payments-production", "payments-staging"}
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
    assert all(candidate.id and candidate.how for candidate in candidates)
    assert "payments-staging" in str(caught.value)


async def test_plugins_of_one_kind_are_ambiguous(konnect: Konnect, world: World) -> None:
    with pytest.raises(Ambiguous) as caught:
        await konnect.plugins.find("key-auth", control_plane_id=world.control_plane(SHOP).id)
    assert len({candidate.id for candidate in caught.value.candidates}) > 1


async def test_nothing_like_it_is_no_match_and_says_where_to_look(konnect: Konnect) -> None:
    with pytest.raises(NoMatch) as caught:
        await konnect.control_planes.find("qqqqqqq")
    assert caught.value.candidates == ()
    assert "region" in caught.value.hint


async def test_what_is_only_remotely_like_it_is_no_match_but_is_shown(konnect: Konnect) -> None:
    with pytest.raises(NoMatch) as caught:
        await konnect.control_planes.find("fulfillers")
    assert caught.value.candidates[0].name == "fulfilment"
    assert "fulfilment" in str(caught.value)


async def test_the_id_of_nothing_is_no_match(konnect: Konnect) -> None:
    with pytest.raises(NoMatch, match=CP):
        await konnect.control_planes.find(CP)


async def test_what_may_not_be_read_is_forbidden_and_not_missing(world: World, client: Client) -> None:
    with Sandbox(world=world, forbidden=[SHOP]) as sandbox:
        async with client(sandbox) as konnect:
            with pytest.raises(Forbidden, match="permission"):
                await konnect.services.find("users", control_plane_id=world.control_plane(SHOP).id)


def consumers(*listed: dict[str, Any], by_name: CallToolResult, by_id: CallToolResult | None = None) -> Any:
    """A GetConsumer with those answers."""

    def answer(arguments: Arguments) -> CallToolResult:
        operation = arguments["operation"]
        if operation == "list":
            return as_json(list(listed))
        return by_name if operation == "get_by_name" else by_id or refused("consumer not found")

    return {"GetConsumer": answer}


NOBODY = refused("No consumer by that name")
BOB = {"id": "b-1", "username": "bob"}


async def test_a_username_that_is_a_uuid_is_found_but_never_nearly(serve: Serve, client: Client) -> None:
    other = CP[:-1] + "f"
    server = serve(consumers({"id": "c-1", "username": other}, {"id": "c-2", "username": CP}, by_name=NOBODY))
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.consumers.find(CP, control_plane_id="cp")
        assert (found.id, found.how) == ("c-2", "exact")
        server.answers = consumers({"id": "c-2", "username": CP}, by_name=NOBODY)
        with pytest.raises(NoMatch):
            await konnect.consumers.find(other, control_plane_id="cp")


@pytest.mark.parametrize(
    "by_name",
    [
        NOBODY,
        as_json([]),
        as_json(None),
        as_json([BOB, BOB]),
        as_json({"id": "x-1", "username": "somebody else"}),
        as_json({"username": "bob"}),
        refused("No consumer named bob found"),
        as_json("No consumer found"),
    ],
)
async def test_the_list_decides_when_the_lookup_by_name_does_not_help(
    serve: Serve, by_name: CallToolResult
) -> None:
    server = serve(consumers(BOB, {"id": "a-1", "username": "alice"}, by_name=by_name))
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.consumers.find("bob", control_plane_id="cp")
    assert (found.id, found.how) == ("b-1", "exact")


async def test_one_entity_listed_twice_is_one_candidate(serve: Serve) -> None:
    server = serve(consumers(BOB, BOB, by_name=NOBODY))
    async with Konnect(TOKEN, url=server.url) as konnect:
        assert (await konnect.consumers.find("Bob", control_plane_id="cp")).how == "folded"


async def test_an_entity_without_an_id_is_never_the_answer(serve: Serve) -> None:
    server = serve(consumers({"username": "bob"}, by_name=NOBODY))
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Ambiguous):
            await konnect.consumers.find("bob", control_plane_id="cp")


@pytest.mark.parametrize(
    "by_id",
    [
        NOBODY,
        as_json(None),
        told("null"),
        told("The consumer could have been here."),
        refused("the flux capacitor is empty"),
        refused("Unknown tool: get_by_id"),
        refused("Invalid operation: 'get_by_id'; must be one of ['list']"),
        as_json([BOB, BOB]),
        as_json({"id": "somebody-else", "username": "eve"}),
    ],
)
async def test_whatever_a_server_says_of_an_id_it_cannot_look_up_the_list_decides(
    serve: Serve, by_id: CallToolResult
) -> None:
    server = serve(consumers({"id": CP, "username": "bob"}, by_name=NOBODY, by_id=by_id))
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.consumers.find(CP, control_plane_id="cp")
        assert (found.id, found.name, found.how) == (CP, "bob", "id")
        with pytest.raises(NoMatch):
            await konnect.consumers.find(CP[:-1] + "f", control_plane_id="cp")


@pytest.mark.parametrize(
    ("by_id", "expected"),
    [
        (refused("Invalid credentials"), Unauthorized),
        (refused("Error: 403"), Forbidden),
        (refused("Too many requests"), RateLimited),
        (refused("502 Bad Gateway"), ServerError),
    ],
)
async def test_what_no_other_lookup_gets_around_ends_the_search(
    serve: Serve, by_id: CallToolResult, expected: type[KonnectError]
) -> None:
    server = serve(consumers({"id": CP, "username": "bob"}, by_name=NOBODY, by_id=by_id))
    async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
        with pytest.raises(expected):
            await konnect.consumers.find(CP, control_plane_id="cp")
    assert [arguments["operation"] for _, arguments in server.calls] == ["get_by_id"]


async def test_nothing_seen_is_the_first_error_and_never_no_match(serve: Serve) -> None:
    def answer(arguments: Arguments) -> CallToolResult:
        return told("Who knows?") if arguments["operation"] == "list" else refused("the capacitor is empty")

    server = serve({"GetConsumer": answer})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolError, match="capacitor") as caught:
            await konnect.consumers.find(CP, control_plane_id="cp")
        assert caught.value.operation == "GetConsumer.get_by_id"
        server.answers = {"GetConsumer": lambda _: told("Who knows?")}
        with pytest.raises(Undecodable):
            await konnect.consumers.find("bob", control_plane_id="cp")


@pytest.mark.parametrize("wanted", ["konnect:consumer:1", "urn:uuid:" + CP, f"cp:1:urn:uuid:{CP}"])
async def test_an_id_with_colons_is_one_id(serve: Serve, wanted: str) -> None:
    entity = {"id": wanted.removeprefix("cp:1:"), "username": "bob"}
    server = serve(
        consumers(entity, {"id": CP, "username": "eve"}, {"id": "1", "username": "x"}, by_name=NOBODY)
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.consumers.find(wanted, control_plane_id="cp:1")
        assert (found.name, found.how) == ("bob", "id")
        server.answers = {"GetConsumer": as_json(entity)}
        await konnect.consumers.get(wanted, control_plane_id="cp:1")
    assert server.calls[-1][1]["consumer_id"] == entity["id"]


async def test_a_name_with_a_colon_is_that_name(serve: Serve) -> None:
    server = serve(
        consumers({"id": CP, "username": "x"}, {"id": "b-1", "username": f"eu:{CP}"}, by_name=NOBODY)
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.consumers.find(f"eu:{CP}", control_plane_id="cp")
    assert (found.id, found.how) == ("b-1", "exact")
