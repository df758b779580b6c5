"""Hand-made servers that name and write their fields otherwise than documented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from konnect_agent import Konnect, Undecodable
from konnect_agent.models import ApiRequest, ControlPlane, Plugin, Route, Service
from konnect_agent.models.entity import Entity

from ..handmade import TOKEN, Serve, as_json, structured, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
ID = "7a0c51de-1111-4222-8333-944455566677"
Fields = dict[str, Any]


async def service(serve: Serve, **fields: Any) -> Service:
    """The service that a server gives with these fields."""
    async with Konnect(TOKEN, url=serve({"GetService": as_json({"id": ID, **fields})}).url) as konnect:
        return await konnect.services.get(ID, control_plane_id=CP)


async def route(serve: Serve, **fields: Any) -> Route:
    async with Konnect(TOKEN, url=serve({"GetRoute": as_json({"id": ID, **fields})}).url) as konnect:
        return await konnect.routes.get(ID, control_plane_id=CP)


async def plugin(serve: Serve, **fields: Any) -> Plugin:
    raw = {"id": ID, "name": "cors", **fields}
    async with Konnect(TOKEN, url=serve({"GetPlugin": as_json(raw)}).url) as konnect:
        return await konnect.plugins.get(ID, control_plane_id=CP)


async def control_plane(serve: Serve, **fields: Any) -> ControlPlane:
    async with Konnect(TOKEN, url=serve({"GetControlPlane": as_json({"id": CP, **fields})}).url) as konnect:
        return await konnect.control_planes.get(CP)


async def row(serve: Serve, **fields: Any) -> ApiRequest:
    """The analytics row that a server gives with these fields, read beside a good one."""
    rows = [{"request_id": "r-1", **fields}, {"request_id": "r-2", "response_http_status": "503"}]
    async with Konnect(TOKEN, url=serve({"GetAnalytics": structured({"data": rows})}).url) as konnect:
        first, second = (await konnect.analytics.query_api_requests("1H")).rows
    assert (second.request_id, second.status) == ("r-2", 503)
    return first


def fields_of(entity: Entity | ApiRequest, names: Mapping[str, Any]) -> Fields:
    return {name: getattr(entity, name) for name in names}


async def test_fields_are_known_in_any_spelling(serve: Serve) -> None:
    camel = await service(serve, Enabled=False, connectTimeout=1, createdAt=1772625600, displayName="users")
    assert (camel.enabled, camel.connect_timeout, camel.name) == (False, 1, "users")
    assert camel.created_at == datetime(2026, 3, 4, 12, tzinfo=UTC)
    bare = await route(serve, stripPath=False, regexPriority=7, serviceId="s", **{"path-handling": "v1"})
    assert (bare.strip_path, bare.regex_priority, bare.path_handling) == (False, 7, "v1")
    assert bare.service is not None
    assert bare.service.id == "s"
    scoped = await plugin(serve, instanceName="mine", consumerGroup={"id": "g"}, displayName="CORS")
    assert (scoped.instance_name, scoped.is_global, scoped.name) == ("mine", False, "cors")
    consumers = {"GetConsumer": as_json([{"id": ID, "userName": "alice", "customId": "c-1"}])}
    async with Konnect(TOKEN, url=serve(consumers).url) as konnect:
        (consumer,) = await konnect.consumers.list(CP)
    assert (consumer.username, consumer.custom_id) == ("alice", "c-1")


async def test_a_field_under_its_own_name_wins_and_the_rest_stays_as_sent(serve: Serve) -> None:
    read = await service(
        serve, enabled=False, Enabled=True, retries=None, Retries=2, displayName="d", name="n"
    )
    assert (read.enabled, read.retries, read.name) == (False, 2, "n")
    assert read.model_extra == {"Enabled": True, "displayName": "d"}
    assert (await service(serve, host="h", hostsV2=[1])).model_extra == {"hostsV2": [1]}


async def test_names_inside_free_form_maps_are_left_alone(serve: Serve) -> None:
    config = {"hideCredentials": True, "Enabled": False, "minute": None}
    assert (await plugin(serve, config=config)).config == config
    headers = {"X-Strip-Path": ["1"], "serviceId": ["x"]}
    with_headers = await route(serve, headers=headers)
    assert (with_headers.headers, with_headers.service, with_headers.strip_path) == (headers, None, True)
    assert (await control_plane(serve, name="a", labels={"displayName": "b"})).name == "a"


@pytest.mark.parametrize(
    "fields",
    [
        {"cluster_type": "CONTROL_PLANE_GROUP"},
        {"clusterType": "cluster_type_control_plane_group"},
        {"config": {"clusterType": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}},
        {"config": json.dumps({"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"})},
    ],
)
async def test_a_group_is_told_in_any_spelling(serve: Serve, fields: Fields) -> None:
    assert (await control_plane(serve, **fields)).is_group


@pytest.mark.parametrize(
    "kind", ["CLUSTER_TYPE_CONTROL_PLANE", "CLUSTER_TYPE_HYBRID", "group", {"x": 1}, None]
)
async def test_no_other_control_plane_is_a_group(serve: Serve, kind: Any) -> None:
    assert not (
        await control_plane(serve, name="a", cluster_type=kind, config={"cluster_type": kind})
    ).is_group


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"enabled": "false"}, {"enabled": False}),
        ({"enabled": "Disabled"}, {"enabled": False}),
        ({"enabled": 0}, {"enabled": False}),
        ({"enabled": ""}, {"enabled": True}),
        ({"port": "8443"}, {"port": 8443}),
        ({"retries": ""}, {"retries": 5}),
        ({"retries": 3.0}, {"retries": 3}),
        ({"read_timeout": "1500ms"}, {"read_timeout": 1500}),
        ({"read_timeout": "1.5 s"}, {"read_timeout": 1500}),
        ({"protocol": "HTTPS"}, {"protocol": "https"}),
        ({"tags": "a, b"}, {"tags": ("a", "b")}),
        ({"tags": ["a", None, 5]}, {"tags": ("a", "5")}),
        ({"tags": None}, {"tags": ()}),
        ({"name": 2026}, {"name": "2026"}),
    ],
)
async def test_a_service_is_read_as_it_is_plainly_meant(serve: Serve, sent: Fields, read: Fields) -> None:
    found = await service(serve, **sent)
    assert fields_of(found, read) == read
    assert found.unread == {}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"paths": "/x"}, {"paths": ("/x",)}),
        ({"paths": "~/x{1,2}$"}, {"paths": ("~/x{1,2}$",)}),
        ({"paths": '["/a", "/b"]'}, {"paths": ("/a", "/b")}),
        ({"paths": ["/a", None]}, {"paths": ("/a",)}),
        ({"methods": "get"}, {"methods": ("GET",)}),
        ({"methods": "GET, POST"}, {"methods": ("GET", "POST")}),
        ({"protocols": ["HTTP", "HTTPS"]}, {"protocols": ("http", "https")}),
        ({"hosts": {}}, {"hosts": ()}),
        ({"headers": []}, {"headers": {}}),
        ({"headers": {"x": None}}, {"headers": {}}),
        ({"headers": '{"x-a": ["1"]}'}, {"headers": {"x-a": ["1"]}}),
        ({"sources": {"ip": "10.0.0.1"}}, {"sources": ({"ip": "10.0.0.1"},)}),
        ({"service": []}, {"service": None}),
    ],
)
async def test_a_route_is_read_as_it_is_plainly_meant(serve: Serve, sent: Fields, read: Fields) -> None:
    found = await route(serve, **sent)
    assert fields_of(found, read) == read
    assert found.unread == {}


async def test_configuration_written_as_text_is_configuration(serve: Serve) -> None:
    found = await plugin(serve, config='{"password": "hunter2", "minute": 5}', ordering=[])
    assert found.config == {"password": "hunter2", "minute": 5}
    assert "hunter2" not in str(found.redacted())
    assert (await plugin(serve, config=[])).config == {}
    labels = {"env": "prod", "pci": True, "team": None}
    assert (await control_plane(serve, labels=labels)).labels == {"env": "prod", "pci": "true"}


async def test_an_odd_field_costs_nothing_but_itself_and_is_kept_as_sent(serve: Serve) -> None:
    odd = {"retries": "many", "tags": [{"label": "a"}], "created_at": "yesterday", "name": {"en": "x"}}
    server = serve({"GetService": as_json([{"id": "s-1", "host": "a", **odd}, {"id": "s-2", "name": "b"}])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        first, second = await konnect.services.list(CP)
    assert (first.id, first.host, first.retries, first.tags, first.created_at) == ("s-1", "a", 5, (), None)
    assert (first.unread, first.label) == (odd, "s-1")
    assert first.redacted()["unread"] == odd
    assert (second.name, second.unread) == ("b", {})
    plane = await control_plane(serve, name="a", labels=["x:y"], config="none", description={"text": "x"})
    assert (plane.name, plane.labels, plane.config, plane.description) == ("a", {}, {}, "")
    assert plane.unread == {"labels": ["x:y"], "config": "none", "description": {"text": "x"}}


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        ("GetService", {"enabled": "perhaps"}),
        ("GetService", {"protocol": {"name": "https"}}),
        ("GetRoute", {"paths": [{"path": "/a"}]}),
        ("GetRoute", {"methods": {"GET": True}}),
        ("GetRoute", {"headers": [{"name": "x"}]}),
        ("GetRoute", {"strip_path": "perhaps"}),
        ("GetRoute", {"service": {"name": "users"}}),
        ("GetPlugin", {"config": "minute=5"}),
        ("GetPlugin", {"enabled": [True]}),
        ("GetPlugin", {"consumer": {"username": "alice"}}),
        ("GetPlugin", {"service": ["a", "b"]}),
        ("GetVault", {"prefix": {"x": 1}}),
    ],
)
async def test_what_would_say_something_wrong_by_default_is_undecodable(
    serve: Serve, tool: str, sent: Fields
) -> None:
    server = serve({tool: as_json([{"id": ID, "name": "x", **sent}])})
    async with Konnect(TOKEN, url=server.url) as konnect:
        families = {
            "GetService": konnect.services, "GetRoute": konnect.routes, "GetPlugin": konnect.plugins,
            "GetVault": konnect.vaults,
        }  # fmt: skip
        with pytest.raises(Undecodable) as caught:
            await families[tool].list(CP)
    assert caught.value.path.startswith(f"$[0].{next(iter(sent))}")


@pytest.mark.parametrize(
    "nonsense", [{"foo": 1}, {"Fields": []}, {"name": {"x": 1}}, {"id": None, "tags": None}, {"id": ""}]
)
async def test_nonsense_never_becomes_an_empty_entity(serve: Serve, nonsense: Fields) -> None:
    server = serve({"GetConsumerGroup": as_json({"consumer_groups": [nonsense, nonsense]})})
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable):
            await konnect.consumer_groups.list(CP)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"response_http_status": "503 Service Unavailable"}, {"status": 503}),
        ({"response_http_status": "HTTP/1.1 503 Service Unavailable"}, {"status": 503}),
        ({"response_http_status": 503.0}, {"status": 503}),
        ({"responseHttpStatus": "503", "status": "completed"}, {"status": 503}),
        ({"statusCode": 502, "status": "ok"}, {"status": 502}),
        ({"response_http_status": "5XX"}, {"status": None}),
        ({"status": "completed"}, {"status": None}),
        ({"upstream_status": "504 Gateway Timeout"}, {"upstream_status": 504}),
        ({"latencies_response_ms": "12ms"}, {"latencies_response_ms": 12.0}),
        ({"latencies_response_ms": "1.2 s"}, {"latencies_response_ms": 1200.0}),
        ({"latencies_response_ms": "n/a"}, {"latencies_response_ms": None}),
        ({"latencies_response_ms": "-"}, {"latencies_response_ms": None}),
        ({"latency": {"total_ms": "9 ms", "upstreamMs": 0}}, {"latencies_upstream_ms": 0.0}),
        ({"requestUri": "/x", "httpMethod": "GET"}, {"request_uri": "/x", "http_method": "GET"}),
        ({"request_start": "yesterday"}, {"request_start": None}),
        ({"timestamp": 1772625600000}, {"request_start": datetime(2026, 3, 4, 12, tzinfo=UTC)}),
        ({"trace_id": 77, "auth_type": ["key-auth"]}, {"trace_id": "77", "auth_type": None}),
        ({"controlPlane": {"id": CP, "group": ID}}, {"control_plane": CP, "control_plane_group": ID}),
        ({"control_plane": {"name": "prod"}}, {"control_plane_id": "prod"}),
        ({"service": {"port": "80"}, "serviceId": f"{CP}:{ID}"}, {"gateway_service": f"{CP}:{ID}"}),
        ({"route": f"{CP}:null", "gateway_service": "-"}, {"route_id": None, "service_id": None}),
    ],
)
async def test_a_row_is_read_as_it_is_plainly_meant(serve: Serve, sent: Fields, read: Fields) -> None:
    assert fields_of(await row(serve, **sent), read) == read


@pytest.mark.parametrize("consumer", ["-", "", f"{CP}:", f"{CP}:null", None, {}, {"id": None}, "anonymous"])
async def test_a_row_that_names_nobody_is_anonymous(serve: Serve, consumer: Any) -> None:
    found = await row(serve, consumer=consumer, response_http_status="401")
    assert (found.consumer_id, found.consumer_username, found.status) == (None, None, 401)
    assert found.unread == {}


async def test_a_consumer_may_be_known_by_its_name_only(serve: Serve) -> None:
    for named in (
        {"consumer": {"username": "alice"}},
        {"consumer": {"id": None, "username": "alice"}},
        {"consumer": None, "consumerName": "alice"},
    ):
        found = await row(serve, **named)
        assert (found.consumer_id, found.consumer_username) == (None, "alice")
    both = await row(serve, consumer={"id": f"{CP}:{ID}", "username": "alice"})
    assert (both.consumer, both.consumer_username) == (f"{CP}:{ID}", "alice")
    beside = await row(serve, consumer={"username": "alice"}, consumer_id=f"{CP}:{ID}")
    assert (beside.consumer, beside.consumer_username) == (f"{CP}:{ID}", "alice")


async def test_a_consumer_in_a_form_nobody_knows_is_not_called_anonymous(serve: Serve) -> None:
    found = await row(serve, consumer=[1, 2], response_http_status="503")
    assert (found.consumer_id, found.unread) == (None, {"consumer": [1, 2]})


async def test_what_is_nested_too_deep_to_show_is_masked(serve: Serve) -> None:
    deep: Fields = {"password": "hunter2"}
    for _ in range(400):
        deep = {"a": [deep]}
    raw = {"id": ID, "name": "x", "context": deep, "control_plane_id": CP}
    async with Konnect(TOKEN, url=serve({"FetchAlertingEventDetails": as_json(raw)}).url) as konnect:
        shown = (await konnect.alerts.get(ID)).redacted()
    assert (shown["id"], shown["control_plane"]) == (ID, {"id": CP})
    text = json.dumps(shown)
    assert "hunter2" not in text
    assert "[redacted]" in text


async def test_half_an_object_shows_no_secret(serve: Serve) -> None:
    broken = '{"http_path": "/x", "password": "hunter2"'
    raw = {"id": ID, "debug_session_inputs": broken}
    async with Konnect(TOKEN, url=serve({"FetchAlertingEventDetails": as_json(raw)}).url) as konnect:
        alert = await konnect.alerts.get(ID)
    assert (alert.debug_session_inputs, alert.unread) == (None, {"debug_session_inputs": broken})
    assert "hunter2" not in json.dumps(alert.redacted())
    assert "/x" in json.dumps(alert.redacted())


async def test_no_excerpts_are_no_text(serve: Serve) -> None:
    async with Konnect(TOKEN, url=serve({"KnowledgeBaseSearch": told()}).url) as konnect:
        assert await konnect.knowledge_base.search("?") == ""
