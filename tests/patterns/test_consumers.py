"""Pattern 3 over real HTTP: who fails, how, and behind which plugins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from konnect_agent import InvalidArguments, Konnect, ToolUnavailable
from konnect_agent.ids import split_composite
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World
from patterns import analyze_consumers
from patterns.report import render

from ..handmade import TOKEN, Serve, structured

pytestmark = pytest.mark.anyio
Client = Callable[..., Konnect]
STATUSES = (401, 500, 502, 503)


async def test_the_ranking_agrees_with_the_rows(sandbox: Sandbox, konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES, top=10)

    plane = sandbox.world.control_plane("storefront-production")
    rows = [
        row for row in sandbox.world.requests
        if int(row["response_http_status"]) in STATUSES and row["control_plane"] == plane.id
    ]  # fmt: skip
    expected = Counter(split_composite(row["consumer"]).id for row in rows if row["consumer"])
    found = {entry.id: entry.failures for entry in report.result.consumers}
    assert found == dict(expected)
    assert [entry.failures for entry in report.result.consumers] == sorted(expected.values(), reverse=True)
    assert report.result.unattributed.failures == sum(1 for row in rows if not row["consumer"])
    assert report.result.rows == len(rows)
    assert report.result.elsewhere > 0
    for entry in report.result.consumers:
        assert sum(entry.by_status.values()) == sum(entry.by_route.values()) == entry.failures


async def test_the_steps_are_kongs_with_failure_only_for_each_top_consumer(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES, top=2)

    assert [each.name for each in report.steps] == [
        "select control plane", "failing requests", "rank consumers", "top consumers", "plugins",
    ]  # fmt: skip
    looks = [call.arguments for call in report.steps[3].calls]
    assert [look["failureOnly"] for look in looks if look["operation"] == "get_consumer_requests"] == [
        True
    ] * 2
    assert [look["operation"] for look in looks].count("get_by_id") == 2
    assert len(report.result.consumers) == 2
    kiosk = report.result.consumers[0]
    assert (kiosk.username, kiosk.by_status, kiosk.exists) == ("harbour-kiosk", {"401": kiosk.failures}, True)
    assert kiosk.request_count is not None
    assert all(request.status == 401 for request in kiosk.requests)


async def test_the_authentication_a_consumer_meets_is_found_though_it_is_not_scoped_to_it(
    konnect: Konnect,
) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES)
    kiosk = next(entry for entry in report.result.consumers if entry.username == "harbour-kiosk")
    assert {(plugin.name, plugin.scope) for plugin in kiosk.plugins} == {
        ("openid-connect", "service"), ("rate-limiting", "consumer"),
    }  # fmt: skip


async def test_all_that_runs_where_a_consumer_fails_comes_in_order_with_what_can_refuse(
    world_of: Callable[..., World], client: Client
) -> None:
    def guarded(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("read", "api", "/read")
        draft.route("write", "api", "/write")
        draft.route("quiet", "api", "/quiet")
        draft.consumer("app", "app-1")
        draft.plugin("http-log", {})
        draft.plugin("key-auth", {})
        draft.plugin("acl", {"allow": ["gold"]}, route="write")
        draft.plugin("rate-limiting", {"minute": 1})
        draft.plugin("rate-limiting", {"minute": 9}, consumer="app")
        draft.plugin("request-termination", {}, route="read")
        draft.plugin("cors", {}, route="read")
        draft.plugin("request-size-limiting", {}, route="quiet")
        draft.plugin("proxy-cache", {}, consumer="app", route="quiet")
        draft.plugin("my-own", {}, route="write")

    drafted = world_of(one=guarded)
    (one,) = drafted.control_planes
    ids = {name: str(one.find("routes", name)["id"]) for name in ("read", "write")}
    rows = tuple(
        {
            "request_id": f"r-{name}", "request_start": "2026-06-01T11:59:00Z", "response_http_status": "503",
            "control_plane": one.id, "consumer": f"{one.id}:{one.find('consumers', 'app')['id']}",
            "route": f"{one.id}:{route_id}",
            "gateway_service": f"{one.id}:{one.find('services', 'api')['id']}",
        }
        for name, route_id in ids.items()
    )  # fmt: skip
    with Sandbox(world=replace(drafted, requests=rows)) as own:
        async with client(own) as konnect:
            report = await analyze_consumers(konnect, "one")
    (app,) = report.result.consumers
    met = {plugin.name: plugin for plugin in app.plugins_in_order}
    assert list(met) == [
        "cors", "key-auth", "acl", "rate-limiting", "http-log", "request-termination", "my-own",
    ]  # fmt: skip
    assert {name: plugin.refuses for name, plugin in met.items()} == {
        "cors": None, "key-auth": True, "acl": True, "rate-limiting": True, "http-log": False,
        "request-termination": True, "my-own": None,
    }  # fmt: skip
    assert met["rate-limiting"].scope == "consumer"
    assert set(met["key-auth"].routes) == set(ids.values())
    assert met["acl"].routes == (ids["write"],)
    # What `plugins` says stays: what is scoped to the consumer, here or elsewhere, and the authentication.
    assert [plugin.name for plugin in app.plugins] == ["key-auth", "rate-limiting", "proxy-cache"]
    written = str(render(report, "markdown"))
    rows_of = [line for line in written.splitlines() if "app" in line and "|" in line]
    assert any("acl" in line and "yes" in line for line in rows_of)
    assert any("proxy-cache" in line and "does not run" in line for line in rows_of)


async def test_a_consumer_that_no_longer_exists_stays_in_the_ranking_marked(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "payments-production", top=10)
    gone = [entry for entry in report.result.consumers if entry.exists is False]
    assert len(gone) == 1
    assert gone[0].failures > 0
    assert gone[0].username is None
    assert report.status == "complete"


async def test_a_cut_list_is_said_to_be_one(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", max_results=50)
    assert report.status == "incomplete"
    assert report.result.truncated
    assert report.coverage.truncated
    assert "newest, not all" in " ".join(report.result.notes)


async def test_without_a_control_plane_the_whole_region_counts(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, top=20)
    assert report.result.control_plane.id is None
    assert report.result.elsewhere == 0
    assert len({entry.control_plane_id for entry in report.result.consumers}) > 1


async def test_a_consumer_that_may_not_be_seen_is_missing_not_gone(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetConsumer",)) as own:
        async with client(own) as konnect:
            report = await analyze_consumers(konnect, "storefront-production", top=1)
    assert report.status == "incomplete"
    assert report.result.consumers[0].exists is None
    assert report.coverage.missing[0].error.type == "ToolUnavailable"


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_range": "2H"}, {"time_range": None}, {"status_codes": (42,)}, {"status_codes": ()},
        {"status_codes": (500.5,)}, {"status_codes": True}, {"top": 0}, {"top": "5"}, {"top": 2.5},
        {"max_results": "10"}, {"max_results": 0}, {"control_plane": 5},
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    world: World, client: Client, wrong: dict[str, object]
) -> None:
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            with pytest.raises(InvalidArguments):
                await analyze_consumers(konnect, **wrong)  # pyright: ignore[reportArgumentType]
        assert own.ledger.calls == ()


async def test_a_hint_names_the_argument_that_was_wrong(konnect: Konnect) -> None:
    with pytest.raises(InvalidArguments, match="top is 0") as caught:
        await analyze_consumers(konnect, top=0)
    assert "1 or more" in caught.value.hint


async def test_one_status_is_a_list_of_one(konnect: Konnect) -> None:
    report = await analyze_consumers(konnect, "storefront-production", status_codes=503)
    assert report.result.status_codes == (503,)


async def test_without_plugins_routes_still_have_names(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetPlugin",)) as own:
        async with client(own) as konnect:
            report = await analyze_consumers(konnect, "storefront-production", status_codes=STATUSES)
    assert [each.what for each in report.coverage.missing] == ["plugins"]
    routes = [route for entry in report.result.consumers for route in entry.routes if route.id]
    assert routes
    assert all(route.name for route in routes)


async def test_the_authentication_of_fellow_group_members_is_met_too(
    world_of: Callable[..., World], client: Client
) -> None:
    def own_route(draft: Draft) -> None:
        draft.service("api", "api.example")
        draft.route("api", "api", "/api")
        draft.consumer("app", "app-1")

    def shared_plugin(draft: Draft) -> None:
        draft.plugin("key-auth", {})

    drafted = world_of(one=own_route, two=shared_plugin)
    one, two = drafted.control_planes
    group = Draft(
        seed=1, name="both", description="", cluster_type="CLUSTER_TYPE_CONTROL_PLANE_GROUP",
        members=(one.id, two.id),
    ).done()  # fmt: skip
    row = {
        "request_id": "r-1", "request_start": "2026-06-01T11:59:00Z", "response_http_status": "503",
        "http_method": "GET", "request_uri": "/api", "control_plane": one.id, "control_plane_group": group.id,
        "consumer": f"{one.id}:{one.find('consumers', 'app')['id']}",
        "route": f"{one.id}:{one.find('routes', 'api')['id']}",
        "gateway_service": f"{one.id}:{one.find('services', 'api')['id']}",
    }  # fmt: skip
    world = replace(drafted, control_planes=(one, two, group), requests=(row,))
    with Sandbox(world=world) as own:
        async with client(own) as konnect:
            report = await analyze_consumers(konnect, "one")
    (app,) = report.result.consumers
    assert [(plugin.name, plugin.scope) for plugin in app.plugins] == [("key-auth", "global")]


async def test_rows_that_do_not_say_their_control_plane_are_counted_apart(serve: Serve) -> None:
    plane = {"id": "0a3a1b0e-0000-4000-8000-00000000cafe", "name": "one"}
    rows = [
        {"request_id": "r-1", "status": 503, "control_plane": plane["id"]},
        {"request_id": "r-2", "status": 503, "control_plane": "another"},
        {"request_id": "r-3", "status": 503},
    ]
    server = serve(
        {"GetControlPlane": structured({"control_plane": plane}), "GetAnalytics": structured({"data": rows})}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await analyze_consumers(konnect, "one")
    result = report.result
    assert (result.rows, result.elsewhere, result.unplaced) == (1, 1, 1)
    assert report.status == "incomplete"
    assert "1 failing requests do not say" in " ".join(result.notes)
    assert "1 of no known control plane left out" in str(render(report, "text"))


async def test_rows_that_could_not_be_seen_are_not_zero(world: World, client: Client) -> None:
    with Sandbox(world=world, hide=("GetAnalytics",)) as own:
        async with client(own) as konnect:
            with pytest.raises(ToolUnavailable) as caught:
                await analyze_consumers(konnect, "storefront-production")
    assert caught.value.report.result.rows is None
    assert "0 rows" not in str(render(caught.value.report, "text"))
