"""Models and Konnect's JSON are read alike, nulls and all, and come back as the objects passed in."""

from typing import Any

import pytest

from konnect_agent.gateway import Request, Router, authentication, effective_plugins
from konnect_agent.gateway.entities import read_route, read_service
from konnect_agent.models import Consumer, Plugin, Route, Service

ROUTE: dict[str, Any] = {
    "id": "6c1b2a34-0000-4000-8000-000000000001",
    "name": "users",
    "service": {"id": "s1"},
    "protocols": ["http", "https"],
    "methods": None,
    "hosts": None,
    "paths": ["/users"],
    "headers": {"x-tenant": ["gold"]},
    "snis": None,
    "sources": None,
    "destinations": None,
    "regex_priority": 0,
    "strip_path": True,
    "preserve_host": False,
    "path_handling": "v0",
    "https_redirect_status_code": 426,
    "created_at": 1700000000,
    "a_field_of_tomorrow": 1,
}
SERVICE: dict[str, Any] = {
    "id": "s1",
    "name": "users",
    "enabled": True,
    "protocol": "http",
    "host": "up.test",
    "port": 80,
    "path": None,
}


def _without_origin(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__ if name != "origin"}


def test_a_route_model_reads_like_its_json() -> None:
    assert _without_origin(read_route(Route.model_validate(ROUTE))) == _without_origin(read_route(ROUTE))


def test_a_service_model_reads_like_its_json() -> None:
    assert _without_origin(read_service(Service.model_validate(SERVICE))) == _without_origin(
        read_service(SERVICE)
    )


def test_absent_and_null_lists_are_not_empty_lists() -> None:
    assert read_route({"hosts": None}).hosts is None
    assert read_route({}).hosts is None
    assert read_route(Route.model_validate({**ROUTE, "hosts": None})).hosts is None
    assert read_route({"hosts": []}).hosts == ()


@pytest.mark.parametrize("reference", [{"service": {"id": "s1"}}, {"service_id": "s1"}, {"serviceId": "s1"}])
def test_the_service_of_a_route_is_found_wherever_it_stands(reference: dict[str, Any]) -> None:
    assert read_route({"id": "r", **reference}).service_id == "s1"


def test_models_route_and_come_back() -> None:
    route, service = Route.model_validate(ROUTE), Service.model_validate(SERVICE)
    match = Router([route], [service]).match(Request(path="/users/1", headers={"x-tenant": "gold"}))
    assert match is not None
    assert match.route is route
    assert match.service is service
    assert match.upstream_url == "http://up.test:80/1"


def test_models_of_plugins_and_consumers_are_understood() -> None:
    route = Route.model_validate(ROUTE)
    consumer = Consumer.model_validate({"id": "c1", "username": "nobody"})
    plugins = [
        Plugin.model_validate({"id": "p1", "name": "key-auth", "config": {"anonymous": "nobody"}}),
        Plugin.model_validate({"id": "p2", "name": "request-termination", "consumer": {"id": "c1"}}),
        Plugin.model_validate({"id": "p3", "name": "cors", "enabled": False, "route": {"id": route.id}}),
    ]
    found = effective_plugins(plugins, route=route, consumer=consumer)
    assert [plugin.plugin for plugin in found] == plugins[:2]
    assert [idle.plugin for idle in found.disabled] == plugins[2:]
    assert authentication(plugins, route=route, consumers=[consumer]).kind == "any"


def test_grpc_routes_do_not_strip_their_path_by_default() -> None:
    assert read_route({"protocols": ["grpc"]}).strip_path is False
    assert read_route({"protocols": ["https"]}).strip_path is True
