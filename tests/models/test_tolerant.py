"""Whatever stands in an object, it is read or refused; what could not be read is never lost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from konnect_agent.models import AlertEvent, ApiRequest, Consumer, ControlPlane, Plugin, Route, Service, Vault
from konnect_agent.models.tolerant import Tolerant, folded

MODELS: list[type[Tolerant]] = [
    AlertEvent, ApiRequest, Consumer, ControlPlane, Plugin, Route, Service, Vault,
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def model_and_data(model: type[Tolerant]) -> st.SearchStrategy[tuple[type[Tolerant], dict[str, Any]]]:
    names = st.sampled_from([*model.model_fields, "service_id", "status", "displayName", "x"])
    return st.tuples(st.just(model), st.dictionaries(names, JSON, max_size=5))


@given(st.sampled_from(MODELS).flatmap(model_and_data))
def test_an_object_is_read_or_refused_and_nothing_else(drawn: tuple[type[Tolerant], dict[str, Any]]) -> None:
    model, data = drawn
    with suppress(ValidationError):
        model.parse(data)


@given(st.sampled_from(["tags", "retries", "created_at", "name", "path"]), JSON)
def test_a_service_survives_anything_in_a_field_that_decides_nothing(name: str, value: Any) -> None:
    read = Service.parse({"id": "s", "host": "h", name: value})
    assert (read.id, read.host) == ("s", "h")
    if name in read.unread:
        assert read.unread == {name: value}
        assert getattr(read, name) == Service.model_fields[name].get_default()


@pytest.mark.parametrize("odd", ["9 ſ", "9 μs", "1.5", "9 m", "nine ms", "٩ms", "9ms 9ms", {"ms": 9}, [9]])
def test_an_amount_in_a_unit_nobody_knows_is_no_amount(odd: Any) -> None:
    read = Service.parse({"id": "s", "read_timeout": odd})
    assert (read.read_timeout, read.unread) == (60_000, {"read_timeout": odd})


@pytest.mark.parametrize("spelling", ["strip_path", "stripPath", "StripPath", "strip-path", "STRIP_PATH"])
def test_all_spellings_of_a_name_are_one(spelling: str) -> None:
    assert folded(spelling) == "strippath"
    assert Route.parse({spelling: False}).strip_path is False


def test_a_model_made_by_hand_is_what_its_parsed_data_is() -> None:
    assert Service(id="s", name="n", retries=0) == Service.parse({"id": "s", "name": "n", "retries": "0"})
    assert Service(id="s").unread == {}


def test_a_servers_own_field_called_unread_is_nothing_of_ours() -> None:
    alert = AlertEvent.parse({"id": "a", "unread": True})
    assert (alert.unread, alert.model_extra) == ({}, {"unread": True})
