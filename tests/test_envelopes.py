from __future__ import annotations

from typing import Any

import pytest

from konnect_agent.envelopes import objects, rows, single
from konnect_agent.errors import NotFound, Undecodable

SERVICE = {"id": "s-1", "name": "users", "host": "users.internal"}
KEYS = ("services", "service")


@pytest.mark.parametrize(
    "sentence", ["No services found.", "No services were found in control plane prod", "0 services available"]
)
def test_a_sentence_saying_that_there_are_none_is_an_empty_list(sentence: str) -> None:
    assert objects(sentence, KEYS) == []
    assert objects({"result": sentence}, KEYS) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "No access token found",
        "No services found: permission denied",
        "No services available, the request failed",
        "No routes found.",
        "There are no services",
        "",
    ],
)
def test_other_sentences_are_not_taken_for_an_empty_list(sentence: str) -> None:
    with pytest.raises(Undecodable):
        objects(sentence, KEYS)


def test_a_single_object_that_is_not_there_is_not_found_in_the_servers_words() -> None:
    with pytest.raises(NotFound, match="No service named 'orders' exists here"):
        single("No service named 'orders' exists here", KEYS)


@pytest.mark.parametrize("nothing", [None, {}, [], {"data": None}, {"service": []}, {"result": None}])
def test_null_and_empty_are_no_object(nothing: Any) -> None:
    assert single(nothing, KEYS) is None


@pytest.mark.parametrize("nothing", [None, [], {"data": None}, {"services": None}, {"result": {"data": []}}])
def test_null_and_empty_are_an_empty_list(nothing: Any) -> None:
    assert objects(nothing, KEYS) == []


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "$"),
        ({"a": 1, "b": 2}, "$"),
        ({"data": {}}, "$"),
        ({"data": "soon"}, "$"),
        ({"data": [SERVICE, 7]}, "$.data[1]"),
        ({"result": {"services": ["users"]}}, "$.result.services[0]"),
        ({"one": [SERVICE], "other": [SERVICE]}, "$"),
        (7, "$"),
        (True, "$"),
    ],
)
def test_what_is_no_list_says_where(data: Any, path: str) -> None:
    with pytest.raises(Undecodable) as caught:
        objects(data, KEYS)
    assert caught.value.path == path


def test_several_objects_are_not_one() -> None:
    with pytest.raises(Undecodable, match="expected one object, got 2"):
        single({"data": [SERVICE, SERVICE]}, KEYS)


def test_an_entity_is_not_searched_for_other_entities() -> None:
    entity = {**SERVICE, "data": {"id": "other"}, "items": [{"a": 1}], "body": {"id": "x"}, "content": "[]"}
    assert single(entity, KEYS) == entity
    assert single({"service": entity}, KEYS) == entity
    assert objects({"data": [entity]}, KEYS) == [entity]


def test_a_route_without_identity_does_not_turn_into_its_service() -> None:
    route = {"service": {"id": "s-1"}}
    assert single(route, ("routes", "route")) == route
    assert objects([route], ("routes", "route")) == [route]


def test_a_list_may_carry_an_identity_of_its_own() -> None:
    listing = {"id": "cp-1", "name": "prod", "data": [SERVICE]}
    assert objects(listing, KEYS) == [SERVICE]
    assert objects({"jsonrpc": "2.0", "id": 4, "result": [SERVICE]}, KEYS) == [SERVICE]


def test_what_stands_beside_a_list_is_kept() -> None:
    found = rows({"result": {"requests": [{"request_id": "r-1"}], "statistics": {"total": 9}}}, ("requests",))
    assert found.items == ({"request_id": "r-1"},)
    assert found.around == {"statistics": {"total": 9}}


def test_entities_without_any_identity_are_still_entities() -> None:
    nameless = [{"host": "a"}, {"host": "b", "id": None}]
    assert objects(nameless, KEYS) == nameless
    assert single({"host": "a", "port": 80, "tags": ["x"]}, KEYS) == {"host": "a", "port": 80, "tags": ["x"]}
