from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.ids import (
    CompositeId,
    Kind,
    extract_id,
    extract_ids,
    is_id,
    join_composite,
    local_id,
    own_id,
    renderings,
    split_composite,
)

ID = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
CP = "0a3a1b0e-0000-4000-8000-00000000cafe"


@pytest.mark.parametrize(
    "data",
    [
        {"service_id": ID},
        {"serviceId": ID},
        {"serviceID": ID},
        {"service-id": ID},
        {"service": {"id": ID}},
        {"service": ID},
        {"gateway_service": ID},
        {"gatewayService": {"id": ID}},
        {"gateway_service_id": f" {ID} "},
        {"scoping": {"serviceId": ID, "global": False}},
        {"service": None, "service_id": ID},
        {"service": {"id": None}, "serviceId": ID},
    ],
)
def test_an_id_is_found_wherever_it_stands(data: dict[str, Any]) -> None:
    assert extract_id(data, "service") == ID
    assert extract_ids({**data, "route": {"id": CP}}) == {"service_id": ID, "route_id": CP}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("consumer_group", {"consumerGroup": {"id": ID}}),
        ("consumer_group", {"consumerGroupId": ID}),
        ("debug_session", {"debug_session_id": ID}),
        ("debug_session", {"session_id": ID}),
        ("debug_session", {"activeTracingSessionId": ID}),
        ("control_plane", {"controlPlaneId": ID}),
        ("control_plane", {"cp_id": ID}),
    ],
)
def test_every_kind_has_its_renderings(kind: Kind, data: dict[str, Any]) -> None:
    assert extract_id(data, kind) == ID


def test_a_composite_id_stays_whole_until_it_is_split() -> None:
    assert extract_id({"consumer": f"{CP}:{ID}"}, "consumer") == f"{CP}:{ID}"


def test_the_documented_rendering_comes_first() -> None:
    assert renderings("debug_session")[0] == "debug_session_id"
    assert {"cpId", "controlPlane"} <= set(renderings("control_plane"))


@pytest.mark.parametrize(
    "data", [{}, {"service": {}}, {"service_id": ""}, {"service": True}, {"service": [ID]}]
)
def test_no_id_is_none(data: dict[str, Any]) -> None:
    assert extract_id(data, "service") is None
    assert extract_ids(data) == {}


def test_an_object_knows_its_own_id() -> None:
    assert own_id({"id": ID, "service_id": CP}) == ID
    assert own_id({"uuid": ID}) == ID
    assert own_id({"id": None, "route_id": ID}, "route") == ID
    assert own_id({"service": {"id": ID}}, "route") is None
    assert own_id({"name": "x"}) is None


def test_composite_ids_come_apart() -> None:
    assert split_composite(f"{CP}:{ID}") == CompositeId(CP, ID)
    assert split_composite(ID) == CompositeId(None, ID)
    assert split_composite(f" :{ID}") == CompositeId(None, ID)
    assert split_composite(f"{CP}:consumer:1") == CompositeId(CP, "consumer:1")
    assert str(split_composite(f"{CP}:{ID}")) == f"{CP}:{ID}"


@pytest.mark.parametrize(
    "value", ["konnect:service:1", f"urn:uuid:{ID}", f"eu:{ID}", "service:1", "team:prod"]
)
def test_a_colon_alone_makes_no_pair(value: str) -> None:
    assert split_composite(value) == CompositeId(None, value)
    assert join_composite(CP, value) == f"{CP}:{value}"
    assert split_composite(f"{CP}:{value}") == CompositeId(CP, value)


def test_the_id_of_a_known_control_plane_makes_a_pair() -> None:
    pair = "konnect:cp:1:konnect:service:1"
    assert split_composite(pair) == CompositeId(None, pair)
    assert split_composite(pair, ("konnect", "konnect:cp:1", None)) == CompositeId(
        "konnect:cp:1", "konnect:service:1"
    )
    assert join_composite("konnect:cp:1", pair) == pair
    assert split_composite("konnect:cp:1", ("konnect:cp:1",)) == CompositeId(None, "konnect:cp:1")


def test_a_composite_id_is_not_joined_twice() -> None:
    assert join_composite(CP, join_composite(CP, ID)) == f"{CP}:{ID}"


def test_only_a_uuid_looks_like_an_id() -> None:
    assert is_id(ID)
    assert is_id(f" {ID.upper()} ")
    assert not is_id(f"{CP}:{ID}")
    assert not is_id(ID[:-1])
    assert not is_id("payments")


def test_a_number_is_an_id_as_text() -> None:
    assert extract_id({"service": {"id": 7}}, "service") == "7"
    assert own_id({"id": 7}) == "7"


@pytest.mark.parametrize(("value", "local"), [(f"{ID}:{ID}", ID), (f"cp:{ID}", f"cp:{ID}"), (ID, ID)])
def test_only_a_pair_of_uuids_has_a_local_half(value: str, local: str) -> None:
    assert local_id(value) == local
