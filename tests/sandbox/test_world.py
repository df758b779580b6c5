from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from konnect_agent.gateway import Request, Router
from konnect_agent.gateway.compatible import Calculation
from konnect_agent.sandbox.organisation import ControlPlane, Entity
from konnect_agent.sandbox.traffic import EXPIRED_CONSUMER, EXPIRED_SINCE, REMOVED_CONSUMER
from konnect_agent.sandbox.world import CHECKOUT_PATH, FAILING_PATH, SLOW_PATH, World

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def shop(world: World) -> ControlPlane:
    return world.control_plane("storefront-production")


def rows_for(world: World, path: str) -> list[Entity]:
    return [row for row in world.requests if row["request_uri"] == path]


def p95(rows: list[Entity]) -> int:
    return sorted(int(row["latencies_response_ms"]) for row in rows)[int(len(rows) * 0.95)]


def started(row: Entity) -> datetime:
    return datetime.fromisoformat(row["request_start"])


def test_the_same_seed_and_moment_give_the_same_world() -> None:
    assert World.story(11, now=NOON) == World.story(11, now=NOON)


def test_another_seed_gives_other_ids_and_the_same_names() -> None:
    one, other = World.story(11, now=NOON), World.story(12, now=NOON)
    assert [plane.name for plane in one.control_planes] == [plane.name for plane in other.control_planes]
    assert not {plane.id for plane in one.control_planes} & {plane.id for plane in other.control_planes}


def test_another_moment_moves_the_traffic_and_nothing_else() -> None:
    one, later = World.story(11, now=NOON), World.story(11, now=NOON + timedelta(hours=5))
    assert one.control_planes == later.control_planes
    assert [row["request_id"] for row in one.requests] == [row["request_id"] for row in later.requests]
    assert started(later.requests[0]) - started(one.requests[0]) == timedelta(hours=5)


def test_every_reference_leads_to_an_entity_of_the_same_control_plane(world: World) -> None:
    for plane in world.control_planes:
        known = {entity["id"] for _, entity in plane.entities()}
        for plugin in plane.plugins:
            scopes = (plugin[scope] for scope in ("service", "route", "consumer", "consumer_group"))
            assert all(scope is None or scope["id"] in known for scope in scopes)
        assert all(route["service"] is None or route["service"]["id"] in known for route in plane.routes)


def test_ids_are_unique_in_the_whole_organisation(world: World) -> None:
    ids = [entity["id"] for plane in world.control_planes for _, entity in plane.entities()]
    assert len(ids) == len(set(ids))


def test_one_control_plane_is_a_group_of_two_others(world: World) -> None:
    (group,) = [plane for plane in world.control_planes if plane.is_group]
    members = [member.name for member in world.control_planes if member.id in group.members]
    assert members == ["fulfilment-warehouse", "fulfilment-returns"]


def test_plugins_exist_at_every_scope_and_some_are_disabled(world: World) -> None:
    scopes = Counter(
        tuple(
            scope for scope in ("service", "route", "consumer", "consumer_group") if plugin[scope] is not None
        )
        for plugin in shop(world).plugins
    )
    wanted = {(), ("service",), ("route",), ("consumer",), ("consumer_group",), ("route", "consumer")}
    assert wanted <= set(scopes)
    assert any(not plugin["enabled"] for plugin in shop(world).plugins)


def test_one_vault_reference_names_a_vault_that_does_not_exist(world: World) -> None:
    plane = shop(world)
    prefixes = {vault["prefix"] for vault in plane.vaults}
    named = set(re.findall(r"\{vault://([^/]+)/", str([plugin["config"] for plugin in plane.plugins])))
    assert named - prefixes == {"ops-vault"}
    assert named & prefixes


@pytest.mark.parametrize("calculation", ["original", "strict"])
def test_every_row_names_the_route_that_a_gateway_would_choose(
    world: World, calculation: Calculation
) -> None:
    planes = {plane.id: plane for plane in world.control_planes}
    routers = {
        plane.id: Router(plane.routes, plane.services, calculation=calculation)
        for plane in world.control_planes
    }
    for row in world.requests:
        plane = planes[row["control_plane"]]
        request = Request(row["http_method"], row["request_uri"], host=row["header_host"])
        match = routers[plane.id].match(request)
        if match is None:
            assert (row["route"], row["gateway_service"], row["response_http_status"]) == (None, None, "404")
            continue
        chosen = cast("Entity", match.route)
        service = None if chosen["service"] is None else f"{plane.id}:{chosen['service']['id']}"
        assert (row["route"], row["gateway_service"]) == (f"{plane.id}:{chosen['id']}", service)


def test_one_route_never_wins(world: World) -> None:
    plane = shop(world)
    match = Router(plane.routes, plane.services).match(Request(path="/api/basket/items/17"))
    assert match is not None
    assert cast("Entity", match.route)["name"] == "basket"


def test_the_gateway_made_every_answer_without_an_upstream_status(world: World) -> None:
    for row in world.requests:
        assert isinstance(row["response_http_status"], str)
        if row["upstream_status"] is not None:
            assert row["upstream_status"] == int(row["response_http_status"])
            assert row["latencies_upstream_ms"] is not None


def test_rows_are_sorted_newest_first_and_lie_within_a_day(world: World) -> None:
    moments = [started(row) for row in world.requests]
    assert moments == sorted(moments, reverse=True)
    assert world.now - timedelta(days=1) <= moments[-1] <= moments[0] <= world.now


def test_the_kiosk_is_refused_from_one_moment_on(world: World) -> None:
    kiosk = shop(world).find("consumers", EXPIRED_CONSUMER)["id"]
    own = [row for row in world.requests if row["consumer"] == f"{shop(world).id}:{kiosk}"]
    expired = world.now - timedelta(seconds=EXPIRED_SINCE)
    assert {row["response_http_status"] for row in own if started(row) > expired} == {"401"}
    assert "401" not in {row["response_http_status"] for row in own if started(row) < expired}
    assert len([row for row in own if started(row) > expired]) >= 20


def test_the_recommendations_fail_for_consumers_and_for_anonymous_callers(world: World) -> None:
    anonymous, known = rows_for(world, FAILING_PATH), rows_for(world, "/api/me/recommendations")
    assert {row["consumer"] for row in anonymous} == {None}
    assert None not in {row["consumer"] for row in known}
    for rows in (anonymous, known):
        failures = {row["response_http_status"] for row in rows} & {"500", "502", "503"}
        assert failures == {"500", "502", "503"}


def test_the_slow_endpoints_are_slow_and_the_others_are_not(world: World) -> None:
    assert p95(rows_for(world, SLOW_PATH)) > 2000
    assert p95(rows_for(world, CHECKOUT_PATH)) > 2000
    assert p95(rows_for(world, "/api/products")) < 500


def test_a_deleted_consumer_is_still_named_by_its_rows(world: World) -> None:
    existing = {f"{plane.id}:{one['id']}" for plane in world.control_planes for one in plane.consumers}
    gone = {row["consumer"] for row in world.requests} - existing - {None}
    assert len(gone) == 1
    assert REMOVED_CONSUMER not in {
        one["username"] for plane in world.control_planes for one in plane.consumers
    }


def test_a_path_is_served_where_a_route_takes_it(world: World) -> None:
    def names(path: str) -> list[str]:
        return [plane.name for plane in world.serving(path)]

    assert names("/api/users") == names(SLOW_PATH) == ["storefront-production"]
    assert names("/payments") == ["payments-production", "payments-staging"]
    assert names("/cards/0123abcd") == ["payments-production"]
    assert names("/legacy/spring-sale") == []


def test_an_alert_brings_inputs_for_a_debug_session(world: World) -> None:
    with_inputs = [alert for alert in world.alerts.values() if "debug_session_inputs" in alert]
    assert with_inputs[0]["debug_session_inputs"]["control_plane_id"] == shop(world).id
    assert len(world.alerts) > len(with_inputs)
