from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from konnect_agent.envelopes import rows, single
from konnect_agent.errors import Forbidden, KonnectError, NotFound, Undecodable

SERVICE = {"id": "s-1", "name": "users", "host": "users.internal"}
KEYS = ("services", "service")


def objects(data: Any, keys: Sequence[str] = KEYS) -> list[Any]:
    return list(rows(data, keys).items)


@pytest.mark.parametrize(
    "sentence",
    [
        "No services found.",
        "No services were found in control plane prod",
        "No services configured for control plane prod.eu.",
        "0 services available",
        "Found 0 services",
        "There are no services.",
        "No results found.",
        "no services",
    ],
)
def test_a_sentence_saying_that_there_are_none_is_an_empty_list(sentence: str) -> None:
    assert objects(sentence) == []
    assert objects({"result": sentence}) == []
    assert objects({"status": "success", "count": 0, "message": sentence}) == []


@pytest.mark.parametrize(
    ("sentence", "error"),
    [
        ("No services found: permission denied", Forbidden),
        ("No services found, or you do not have access to them.", Forbidden),
        ("You are not allowed to list services here.", Forbidden),
        ("No routes found.", NotFound),
        ("No enabled services found.", NotFound),
        ("Control plane 3f1c not found", NotFound),
        ("No services available, the request failed", Undecodable),
        ("No services yet visible to you", Undecodable),
        ("0 services. The list may be stale.", Undecodable),
        ("Services are being counted.", Undecodable),
        ("OK", Undecodable),
        ("", Undecodable),
    ],
)
def test_other_sentences_are_not_taken_for_an_empty_list(sentence: str, error: type[KonnectError]) -> None:
    for data in (sentence, {"result": sentence}, {"message": sentence}):
        with pytest.raises(error) as caught:
            objects(data)
        assert type(caught.value) is error


def test_words_in_the_place_of_an_entity_are_the_refusal_they_are() -> None:
    for words, error in (
        ("Service 's-9' not found", NotFound),
        ("You do not have permission to read services", Forbidden),
        ("Here you are!", Undecodable),
    ):
        with pytest.raises(error, match=words):
            single({"result": words}, KEYS)


def test_an_article_is_no_refusal() -> None:
    article = "Rate limiting answers 'too many requests' with a status of 429. " * 10
    with pytest.raises(Undecodable):
        objects(article)


def test_a_single_object_that_is_not_there_is_not_found_in_the_servers_words() -> None:
    with pytest.raises(NotFound, match="No service named 'orders' exists here"):
        single("No service named 'orders' exists here", KEYS)


@pytest.mark.parametrize("nothing", [None, {}, [], {"data": None}, {"service": []}, {"result": None}])
def test_null_and_empty_are_no_object(nothing: Any) -> None:
    assert single(nothing, KEYS) is None


@pytest.mark.parametrize("nothing", [None, [], {"data": None}, {"services": None}, {"result": {"data": []}}])
def test_null_and_empty_are_an_empty_list(nothing: Any) -> None:
    assert objects(nothing) == []


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "$"),
        ({"a": 1, "b": 2}, "$"),
        ({"data": {}}, "$"),
        ({"content": [{"type": "resource_link", "uri": "a://b", "name": "services"}]}, "$.content[0]"),
        ({"data": "soon"}, "$"),
        ({"data": [7, None]}, "$.data[0]"),
        ({"result": {"services": ["users"]}}, "$.result.services[0]"),
        ({"one": [SERVICE], "other": [SERVICE]}, "$"),
        (7, "$"),
        (True, "$"),
    ],
)
def test_what_is_no_list_says_where(data: Any, path: str) -> None:
    with pytest.raises(Undecodable) as caught:
        objects(data)
    assert caught.value.path == path


def test_several_objects_are_not_one() -> None:
    with pytest.raises(Undecodable, match="expected one object, got 2"):
        single({"data": [SERVICE, SERVICE]}, KEYS)


def test_an_entity_is_not_searched_for_other_entities() -> None:
    entity = {**SERVICE, "data": {"id": "other"}, "items": [{"a": 1}], "body": {"id": "x"}, "content": "[]"}
    assert single(entity, KEYS) == entity
    assert single({"service": entity}, KEYS) == entity
    assert objects({"data": [entity]}) == [entity]


def test_a_route_without_identity_does_not_turn_into_its_service() -> None:
    route = {"service": {"id": "s-1"}}
    assert single(route, ("routes", "route")) == route
    assert objects([route], ("routes", "route")) == [route]


def test_a_list_may_carry_an_identity_of_its_own() -> None:
    listing = {"id": "cp-1", "name": "prod", "data": [SERVICE]}
    assert objects(listing) == [SERVICE]
    assert objects({"jsonrpc": "2.0", "id": 4, "result": [SERVICE]}) == [SERVICE]


def test_what_stands_beside_a_list_is_kept() -> None:
    found = rows({"result": {"requests": [{"request_id": "r-1"}], "statistics": {"total": 9}}}, ("requests",))
    assert found.items == ({"request_id": "r-1"},)
    assert found.around == {"statistics": {"total": 9}}


def test_entities_without_any_identity_are_still_entities() -> None:
    nameless = [{"host": "a"}, {"host": "b", "id": None}]
    assert objects(nameless) == nameless
    assert single({"host": "a", "port": 80, "tags": ["x"]}, KEYS) == {"host": "a", "port": 80, "tags": ["x"]}


ID, OTHER = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10", "8a6b0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
USERS, ORDERS = {"id": ID, "name": "users", "host": "u"}, {"id": OTHER, "name": "orders", "host": "o"}


@pytest.mark.parametrize(
    "data",
    [
        {"services": {ID: USERS, OTHER: ORDERS}},
        {"services": {"users": USERS, "orders": ORDERS}},
        {"services": {ID: {"name": "users", "host": "u"}, OTHER: {"name": "orders", "host": "o"}}},
        {"services": {"users": {"id": ID, "host": "u"}, "orders": {"id": OTHER, "host": "o"}}},
        {"data": {"services": {"users": USERS, "orders": ORDERS}}, "meta": {"total": 2}},
        {"users": USERS, "orders": ORDERS},
        {"data": {"users": {"id": ID, "host": "u"}, "orders": {"id": OTHER, "host": "o"}}},
    ],
)
def test_a_map_by_name_or_id_is_a_list_of_what_is_in_it(data: Any) -> None:
    assert objects(data) == [USERS, ORDERS]


def test_a_map_where_the_list_belongs_may_hold_one_or_none() -> None:
    assert objects({"services": {"users": {"id": ID, "host": "u"}}}) == [USERS]
    assert objects({"services": {ID: {"host": "u"}}}) == [{"id": ID, "host": "u"}]
    assert objects({"services": {}}) == []


def test_the_key_of_a_consumer_is_its_username() -> None:
    data = {"consumers": {"alice": {"id": "c-1", "custom_id": "x"}}}
    (alice,) = objects(data, ("consumers", "consumer"))
    assert alice == {"username": "alice", "id": "c-1", "custom_id": "x"}


@pytest.mark.parametrize(
    "entity",
    [
        {**USERS, "config": {"redis": {"id": "1", "name": "a"}, "cluster": {"id": "2", "name": "b"}}},
        {**USERS, "labels": {"env": {"id": "1", "name": "prod"}}},
        {**USERS, "services": None},
        {"host": "nameless", "config": {"redis": {"username": "u", "port": 1}, "cluster": {"name": "c"}}},
        {"host": "nameless", "route": {"id": "r"}, "client_certificate": {"id": "c"}},
        {"host": "nameless", "by_tag": {ID: {"count": 3}}},
    ],
)
def test_objects_of_objects_inside_an_entity_are_its_own(entity: Any) -> None:
    assert objects([entity]) == [entity]
    assert single(entity, KEYS) == entity
    assert single({"data": entity}, KEYS) == entity


@pytest.mark.parametrize(
    "data",
    [
        {"services": {"enabled": {"count": 2}, "disabled": {"count": 1}}},
        {"by_plane": {ID: {"services": 3}, OTHER: {"services": 4}}},
        {"services": {"prod": [USERS], "dev": [ORDERS]}},
        {ID: "users", OTHER: "orders"},
    ],
)
def test_figures_about_entities_are_not_the_entities(data: Any) -> None:
    try:
        found = objects(data)
    except Undecodable:
        return
    assert not any("id" in item or "name" in item for item in found)


def test_a_resource_object_of_json_api_is_the_entity_in_it() -> None:
    resource = {
        "type": "route",
        "id": ID,
        "attributes": {"name": "users", "paths": ["/users"]},
        "relationships": {"service": {"data": {"type": "service", "id": "s-1"}}, "owner": {"data": None}},
        "links": {"self": "/routes/1"},
    }
    route = {"id": ID, "name": "users", "paths": ["/users"], "service": {"id": "s-1"}}
    assert objects({"data": [resource]}, ("routes", "route")) == [route]
    assert single({"data": resource}, ("routes", "route")) == route


def test_attributes_of_an_entity_stay_attributes() -> None:
    entity = {"id": ID, "name": "users", "attributes": {"name": "something else"}}
    assert objects([entity]) == [entity]


@pytest.mark.parametrize(
    "text",
    [
        'Here are the services:\n[{"id": "s-1", "name": "users", "host": "users.internal"}]',
        'Found 1 service: [{"id": "s-1", "name": "users", "host": "users.internal"}]\n\nAnything else?',
        'One.\n```json\n{"services": [{"id": "s-1", "name": "users", "host": "users.internal"}]}\n```\nDone.',
        '{"id": "s-1", "name": "users", "host": "users.internal"}\n\nThat is the only one.',
        "Services:\n- {'id': 's-1', 'name': 'users', 'host': 'users.internal'}\nThat's it",
    ],
)
def test_entities_in_a_text_that_also_talks_are_found(text: str) -> None:
    assert objects(text) == [SERVICE]
    assert objects({"result": text}) == [SERVICE]
    assert single(text, KEYS) == SERVICE


def test_no_entities_below_a_heading_are_none() -> None:
    assert objects("Here are the services:\n```json\n[]\n```") == []
    assert objects("Services: []") == []


@pytest.mark.parametrize(
    "text",
    [
        "The parameter tags: []\nis deprecated.\nUse labels.",
        "The services could not be read: []",
        "name: users\nid: s-1\ntags: []",
        'name: users\nservice: {"id": "s-9"}\nhost: x',
        'Services:\n[{"id": "s-1", "name": "users"}, {"id": "s-2", "na',
        'One: {"id": "s-1", "name": "users"}, {"id": "s-2", "name": "orders"}',
        'Filter with {"name": "users"} and try again.',
    ],
)
def test_data_that_is_a_part_of_speech_or_not_whole_is_undecodable(text: str) -> None:
    with pytest.raises(Undecodable):
        objects(text)


def test_prose_that_speaks_of_more_cuts_the_list() -> None:
    for prose in ("Showing 1 of 250 services:", "Access to 3 others was denied:", "Output truncated."):
        assert rows(f'{prose}\n[{{"id": "s-1"}}]', KEYS).around == {"truncated": True}
    assert rows('Showing 1 of 1 services:\n[{"id": "s-1"}]', KEYS).around == {}
