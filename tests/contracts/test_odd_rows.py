"""Rows that are no entities: they cost nothing but themselves, and are never passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest

from konnect_agent import Konnect
from patterns import analyze_consumers, audit_configuration

from ..handmade import TOKEN, Serve, as_json

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
PLANE = {"id": CP, "name": "prod"}
USERS = {"id": "s-1", "name": "users", "host": "users.internal"}
ROW = {"request_id": "r-1", "response_http_status": "503", "control_plane": CP}
ODD: list[Any] = [None, 7, "users", {"foo": 1}, {"name": {"en": "x"}}]


@pytest.mark.parametrize("odd", [*ODD, {"id": "s-2", "enabled": "perhaps"}, {"id": "s-2", "port": "eighty"}])
async def test_a_row_that_cannot_be_read_leaves_the_others_and_a_list_that_is_not_whole(
    serve: Serve, odd: Any
) -> None:
    async with Konnect(TOKEN, url=serve({"GetService": as_json([odd, USERS])}).url) as konnect:
        listed = await konnect.services.list(CP)
    assert ([service.id for service in listed], listed.complete) == (["s-1"], False)


@pytest.mark.parametrize("odd", [None, 7, {"foo": 1}, {"request_id": {"a": 1}}])
async def test_a_request_that_cannot_be_read_leaves_the_others(serve: Serve, odd: Any) -> None:
    async with Konnect(TOKEN, url=serve({"GetAnalytics": as_json({"requests": [ROW, odd]})}).url) as konnect:
        found = await konnect.analytics.query_api_requests("1H")
    assert ([row.request_id for row in found.rows], found.truncated) == (["r-1"], True)


async def test_the_reports_say_that_rows_are_missing(serve: Serve) -> None:
    entities = {
        "GetControlPlane": as_json([PLANE]), "GetRoute": as_json([]), "GetPlugin": as_json([]),
        "GetConsumer": as_json([]), "GetVault": as_json([]), "GetControlPlaneGroup": as_json([]),
        "GetService": as_json([USERS, None]), "GetAnalytics": as_json({"requests": [ROW, None]}),
    }  # fmt: skip
    server = serve(entities)
    async with Konnect(TOKEN, url=server.url) as konnect:
        audit = await audit_configuration(konnect)
        consumers = await analyze_consumers(konnect, CP)
    assert (audit.status, consumers.status) == ("incomplete", "incomplete")
    assert audit.coverage.truncated == ("services of prod",)
    assert consumers.coverage.truncated
