"""Hand-made servers that say what matters in other places than Kong does: scopes, switches, matchers, ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, Undecodable
from konnect_agent.decoding import Listing
from konnect_agent.errors import Forbidden
from konnect_agent.gateway import effective_plugins
from konnect_agent.models import ControlPlane, Plugin, Route, Service
from patterns import audit_configuration, investigate_endpoint

from ..handmade import TOKEN, Arguments, Serve, as_json, refused

pytestmark = pytest.mark.anyio

Fields = Mapping[str, Any]
CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SERVICE, ROUTE, PLUGIN = (f"{n}{CP[1:]}" for n in "abc")
GOOD = {"id": "good", "name": "cors"}


async def plugins(serve: Serve, *sent: Fields) -> Listing[Plugin]:
    """The plugins of a server that lists these after a good one."""
    server = serve({"GetPlugin": as_json([GOOD, *({"id": PLUGIN, "name": "acl", **each} for each in sent)])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        return await konnect.plugins.list(CP)


async def routes(serve: Serve, *sent: Fields) -> Listing[Route]:
    """The routes of a server that lists these after a good one."""
    server = serve(
        {"GetRoute": as_json([{"id": "good", "paths": ["/"]}, *({"id": ROUTE, **it} for it in sent)])}
    )
    async with Konnect(TOKEN, url=server.url) as konnect:
        return await konnect.routes.list(CP)


async def services(serve: Serve, control_plane_id: str, *sent: Fields) -> Listing[Service]:
    async with Konnect(TOKEN, url=serve({"GetService": as_json(list(sent))}).url) as konnect:
        return await konnect.services.list(control_plane_id)


def scope_of(plugin: Plugin) -> dict[str, str]:
    kinds = ("service", "route", "consumer", "consumer_group")
    return {kind: found.id for kind in kinds if (found := getattr(plugin, kind)) is not None}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"scope": {"service": {"id": "s"}}}, {"service": "s"}),
        ({"scope": {"service": {"id": "s"}, "route": None, "consumer": {}}}, {"service": "s"}),
        ({"scope": {"serviceId": "s", "global": False}}, {"service": "s"}),
        ({"scope": {"type": "service", "id": "s"}}, {"service": "s"}),
        ({"scope": {"kind": "Consumer-Group", "entityId": "g"}}, {"consumer_group": "g"}),
        ({"scope": "service", "service_id": "s"}, {"service": "s"}),
        ({"scopes": [{"type": "services", "id": "s"}, {"route": "r"}]}, {"service": "s", "route": "r"}),
        ({"scopes": ["route"], "route": {"id": "r"}}, {"route": "r"}),
        ({"scope_associations": {"route": "r"}}, {"route": "r"}),
        ({"entity_type": "service", "entity_id": "s"}, {"service": "s"}),
        ({"entityType": "consumer", "entityId": "c"}, {"consumer": "c"}),
        ({"entity": {"type": "route", "id": "r"}}, {"route": "r"}),
        ({"consumers": [{"id": "c"}]}, {"consumer": "c"}),
        ({"consumer_groups": ["g"], "service_ids": ["s"]}, {"consumer_group": "g", "service": "s"}),
        ({"service": [{"id": "s"}], "route": []}, {"service": "s"}),
        ({"service": {"id": SERVICE.upper()}, "scope": {"service_id": SERVICE}}, {"service": SERVICE}),
    ],
)  # fmt: skip
async def test_a_scope_is_read_where_it_plainly_stands(serve: Serve, sent: Fields, read: Fields) -> None:
    listed = await plugins(serve, sent)
    assert scope_of(listed[-1]) == read
    assert (len(listed), listed.complete) == (2, True)


@pytest.mark.parametrize(
    "sent",
    [
        {"scope": {"tags": ["internal"]}},
        {"scope": {"service": {"name": "users"}}},
        {"scope": "service"},
        {"scope": 7},
        {"scope": {"type": "developer", "id": "d"}},
        {"scopes": [{"type": "service", "id": "a"}, {"type": "service", "id": "b"}]},
        {"scope_associations": ["a", "b"]},
        {"service": {"id": "s"}, "scope_associations": {"tags": ["internal"]}},
        {"service": {"id": "s"}, "scope": {"service": {"id": "t"}}},
        {"entity_type": "service"},
        {"entity_id": SERVICE},
        {"consumers": ["a", "b"]},
        {"consumer_ids": "a,b"},
        {"service_name": "users"},
        {"applies_to": {"paths": ["/x"]}},
        {"scoping": {"global": False}},
        {"is_global": "false"},
        {
            "scope": {
                "scope": {"scope": {"scope": {"scope": {"scope": {"scope": {"scope": {"scope": "x"}}}}}}}
            }
        },
    ],
)
async def test_a_plugin_whose_scope_is_not_understood_is_missing_and_never_global(
    serve: Serve, sent: Fields
) -> None:
    listed = await plugins(serve, sent)
    assert ([plugin.id for plugin in listed], listed.complete) == (["good"], False)


@pytest.mark.parametrize(
    "sent",
    [
        {"scope": "global"},
        {"scope": {"global": True}},
        {"scope": {"type": "global"}},
        {"scope": {"type": "control_plane", "id": CP}},
        {"scope": {"service": None, "route": {"id": None}}, "scopes": [], "consumers": []},
        {"scoping": {"global": True, "serviceId": ""}},
        {"entity_type": "plugin", "entity_id": PLUGIN},
        {"service": "null", "consumer": "None", "route_id": "null"},
        {"consumers": 3, "routes": 0},
        {"config": {"scopes": ["openid"], "service_name": "x"}, "tags": ["scope"]},
    ],
)
async def test_a_global_plugin_stays_global(serve: Serve, sent: Fields) -> None:
    listed = await plugins(serve, sent)
    assert (len(listed), listed.complete, listed[-1].is_global) == (2, True, True)


@pytest.mark.parametrize(
    ("sent", "enabled"),
    [
        ({"status": "disabled"}, False),
        ({"state": "STATUS_INACTIVE"}, False),
        ({"disabled": True}, False),
        ({"disabled": "false"}, True),
        ({"isEnabled": False}, False),
        ({"is_enabled": 0}, False),
        ({"active": "no"}, False),
        ({"active": True, "status": "disabled"}, True),
        ({"enabled": True, "status": "disabled"}, True),
        ({"enabled": "inactive"}, False),
        ({"enabled": None, "disabled": True}, False),
        ({"status": "failed"}, True),
        ({"status": "not disabled"}, True),
        ({"status": {"code": 0}, "disabled": None}, True),
    ],
)
async def test_what_is_switched_off_is_known_by_any_plain_word(
    serve: Serve, sent: Fields, enabled: bool
) -> None:
    assert (await plugins(serve, sent))[-1].enabled is enabled
    (service,) = await services(serve, CP, {"id": SERVICE, "name": "users", **sent})
    assert service.enabled is enabled


@pytest.mark.parametrize("sent", [{"disabled": "perhaps"}, {"is_enabled": {"since": 1}}])
async def test_a_switch_nobody_can_read_costs_the_plugin(serve: Serve, sent: Fields) -> None:
    listed = await plugins(serve, sent)
    assert ([plugin.id for plugin in listed], listed.complete) == (["good"], False)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"path": "/a", "host": "x", "sni": "y"}, {"paths": ("/a",), "hosts": ("x",), "snis": ("y",)}),
        ({"match": {"paths": ["/a"], "method": "get", "hosts": []}}, {"paths": ("/a",), "methods": ("GET",)}),
        ({"matches": [{"path": "/a"}]}, {"paths": ("/a",)}),
        ({"match": {"path": "/b"}, "paths": []}, {"paths": ("/b",)}),
        ({"paths": "/a,/b"}, {"paths": ("/a", "/b")}),
        ({"paths": "/a, ~/b$"}, {"paths": ("/a", "~/b$")}),
        ({"paths": "/a,b"}, {"paths": ("/a,b",)}),
        ({"paths": "~/a(x,/y)"}, {"paths": ("~/a(x,/y)",)}),
        ({"paths": ["/a"], "match": "exact", "url": "https://x/"}, {"paths": ("/a",)}),
        ({"paths": ["/a"], "service_ids": [SERVICE]}, {"paths": ("/a",)}),
        ({"name": "all", "tags": ["path"], "match": {}, "preserve_host": True}, {"paths": (), "hosts": ()}),
    ],
)  # fmt: skip
async def test_what_a_route_matches_is_read_where_it_plainly_stands(
    serve: Serve, sent: Fields, read: Fields
) -> None:
    listed = await routes(serve, sent)
    assert {name: getattr(listed[-1], name) for name in read} == read
    assert (len(listed), listed.complete) == (2, True)
    assert (listed[-1].service is not None) == ("service_ids" in sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"match": {"prefix": "/a"}},
        {"match": "/a"},
        {"matches": [{"path": "/a"}, {"path": "/b"}]},
        {"paths": ["/a"], "match": {"cookies": ["x"]}},
        {"matches": ["/a"]},
        {"path_prefix": "/a"},
        {"paths": [], "path": "/a"},
        {"uris": ["/a"]},
        {"paths": ["/a"], "service_ids": ["s", "t"]},
        {"paths": ["/a"], "service_name": "users"},
    ],
)
async def test_a_route_that_is_not_understood_is_missing_and_never_matches_everything(
    serve: Serve, sent: Fields
) -> None:
    listed = await routes(serve, sent)
    assert ([route.id for route in listed], listed.complete) == (["good"], False)


async def test_two_spellings_of_an_id_are_one(serve: Serve) -> None:
    listed = await plugins(serve, {"id": PLUGIN.upper(), "service": {"id": SERVICE.upper()}})
    assert (listed[-1].id, scope_of(listed[-1])) == (PLUGIN, {"service": SERVICE})
    (service,) = await services(serve, CP.upper(), {"id": SERVICE.upper(), "name": "users"})
    assert service.id == SERVICE
    assert [each.id for each in effective_plugins(listed, service=service)] == ["good", PLUGIN]
    raw = [{"id": "p", "name": "acl", "service": {"id": SERVICE.upper()}}]
    assert [each.scope for each in effective_plugins(raw, service=SERVICE)] == ["service"]
    async with Konnect(TOKEN, url=serve({"GetControlPlane": as_json({"id": CP.upper()})}).url) as konnect:
        assert (await konnect.control_planes.get(CP)).id == CP.upper()


@pytest.mark.parametrize(
    ("asked", "sent", "read"),
    [
        ("cp_1", {"id": "cp_1:svc_1"}, "svc_1"),
        ("konnect:cp:1", {"id": "konnect:cp:1:konnect:service:1"}, "konnect:service:1"),
        ("other", {"id": "cp_1:svc_1", "control_plane": {"id": "cp_1"}}, "svc_1"),
        (CP, {"id": f"{CP.upper()}:svc_1"}, "svc_1"),
        ("cp_1", {"id": "cp_12:svc_1"}, "cp_12:svc_1"),
        ("cp", {"id": "cp:"}, "cp:"),
        ("cp_1", {"id": "cp_1"}, "cp_1"),
    ],
)
async def test_a_pair_is_taken_apart_where_its_control_plane_is_known(
    serve: Serve, asked: str, sent: Fields, read: str
) -> None:
    (service,) = await services(serve, asked, sent)
    assert service.id == read
    pointing = {"GetRoute": as_json([{"id": ROUTE, "paths": ["/a"], **sent, "service": {"id": sent["id"]}}])}
    async with Konnect(TOKEN, url=serve(pointing).url) as konnect:
        (route,) = await konnect.routes.list(asked)
    assert route.service is not None
    assert (route.id, route.service.id) == (read, read)


def organisation(**lists: list[Any]) -> dict[str, Any]:
    """The answers of a server with one control plane that holds these."""

    def answer(kind: str) -> Any:
        def answered(arguments: Arguments) -> CallToolResult:
            entities = lists.get(kind, [])
            if arguments["operation"] == "list":
                return as_json(entities)
            wanted = arguments.get(f"{kind}_id")
            found = next((entity for entity in entities if entity["id"] == wanted), None)
            return refused(f"{kind} not found") if found is None else as_json(found)

        return answered

    tools = {"GetService": "service", "GetRoute": "route", "GetPlugin": "plugin", "GetConsumer": "consumer"}
    answers = {tool: answer(kind) for tool, kind in tools.items()}
    return {**answers, "GetVault": as_json([]), "GetControlPlane": as_json([{"id": CP, "name": "prod"}])}


async def test_an_endpoint_has_its_plugins_and_service_whatever_the_case_of_references(serve: Serve) -> None:
    service = {"id": SERVICE, "name": "users", "host": "users.internal"}
    route = {"id": ROUTE, "name": "users", "paths": ["/users"], "service": {"id": SERVICE.upper()}}
    held = {"id": PLUGIN, "name": "key-auth", "route": {"id": ROUTE.upper()}}
    server = serve(organisation(service=[service], route=[route], plugin=[held]))
    async with Konnect(TOKEN, url=server.url) as konnect:
        report = await investigate_endpoint(konnect, "/users")
    result = report.result
    assert (report.status, [plugin.name for plugin in result.plugins]) == ("complete", ["key-auth"])
    assert result.service is not None
    assert result.service.name == "users"


async def test_reports_say_that_a_plugin_was_not_understood(serve: Serve) -> None:
    route = {"id": ROUTE, "name": "users", "paths": ["/users"]}
    odd = {"id": PLUGIN, "name": "key-auth", "scope": {"tags": ["internal"]}}
    server = serve(organisation(route=[route], plugin=[GOOD, odd]))
    async with Konnect(TOKEN, url=server.url) as konnect:
        endpoint = await investigate_endpoint(konnect, "/users")
        audit = await audit_configuration(konnect)
    assert (endpoint.status, endpoint.result.unseen) == ("incomplete", ("plugins",))
    assert "plugins" in endpoint.coverage.truncated
    assert audit.status == "incomplete"
    assert any("plugins" in cut for cut in audit.coverage.truncated)


PLANES = [{"id": CP, "name": "prod"}, {"id": "cp_2", "name": "staging"}]


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ([CP], ["prod"]),
        ([CP.upper(), "cp_2"], ["prod", "staging"]),
        (["staging"], ["staging"]),
        (CP, ["prod"]),
        ({"control_plane_ids": ["cp_2"]}, ["staging"]),
        ({"controlPlaneId": CP}, ["prod"]),
        ({"data": [{"id": "cp_2"}]}, ["staging"]),
        ([], []),
    ],
)
async def test_a_path_may_be_answered_with_ids_alone(serve: Serve, answer: Any, names: list[str]) -> None:
    def answered(arguments: Arguments) -> CallToolResult:
        return as_json(PLANES if arguments["operation"] == "list" else answer)

    async with Konnect(TOKEN, url=serve({"GetControlPlane": answered}).url) as konnect:
        found = await konnect.control_planes.get_by_route("/users")
    assert [plane.name for plane in found] == names


async def test_ids_alone_are_no_entities_anywhere_else(serve: Serve) -> None:
    async with Konnect(TOKEN, url=serve({"GetPlugin": as_json([PLUGIN])}).url) as konnect:
        with pytest.raises(Undecodable):
            await konnect.plugins.list(CP)


async def test_an_id_alone_will_do_when_the_list_is_refused(serve: Serve) -> None:
    def answered(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] == "list":
            return refused("permission denied")
        return as_json(given)

    given = [CP]
    async with Konnect(TOKEN, url=serve({"GetControlPlane": answered}).url) as konnect:
        assert await konnect.control_planes.get_by_route("/users") == (ControlPlane(id=CP),)
        given = ["prod"]
        with pytest.raises(Forbidden):
            await konnect.control_planes.get_by_route("/users")
