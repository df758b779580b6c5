from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.ids import KINDS, Kind, extract_id, extract_ids, is_id, join_composite, split_composite

uuids = st.uuids().map(str)
plain_ids = st.text(
    st.characters(exclude_characters=":", exclude_categories=["Zs", "Cc", "Zl", "Zp", "Cs"]), min_size=1
)


@given(control_plane_id=plain_ids, entity_id=plain_ids)
def test_joining_and_splitting_are_inverse(control_plane_id: str, entity_id: str) -> None:
    joined = join_composite(control_plane_id, entity_id)
    split = split_composite(joined, (control_plane_id,))
    assert (split.control_plane_id, split.id) == (control_plane_id, entity_id)
    assert str(split) == joined
    assert join_composite(control_plane_id, joined) == joined


@given(control_plane_id=uuids, entity_id=st.lists(plain_ids, min_size=1, max_size=3).map(":".join))
def test_a_pair_that_begins_with_a_uuid_needs_no_help(control_plane_id: str, entity_id: str) -> None:
    joined = join_composite(control_plane_id, entity_id)
    split = split_composite(joined)
    assert (split.control_plane_id, split.id) == (control_plane_id, entity_id)
    assert join_composite("another", joined) == joined


@given(entity_id=st.lists(plain_ids, min_size=1, max_size=3).map(":".join))
def test_an_id_without_a_control_plane_stays_itself(entity_id: str) -> None:
    assert split_composite(entity_id).id == entity_id


@given(anything=st.text())
def test_any_text_splits_and_what_is_left_is_part_of_it(anything: str) -> None:
    split = split_composite(anything)
    assert split.id in anything
    assert not split.id.startswith(":")


@given(value=uuids)
def test_every_uuid_is_an_id(value: str) -> None:
    assert is_id(value)
    assert is_id(value.upper())


@pytest.mark.parametrize("kind", KINDS)
@given(
    value=uuids, noise=st.dictionaries(st.text(), st.none() | st.integers() | st.lists(st.text()), max_size=4)
)
def test_every_rendering_of_an_id_is_found_among_noise(kind: Kind, value: str, noise: dict[str, Any]) -> None:
    head, *tail = kind.split("_")
    camel = head + "".join(map(str.capitalize, tail))
    for rendering in (
        {f"{kind}_id": value},
        {f"{camel}Id": value},
        {kind: {"id": value}},
        {camel: {"id": value, "name": "x"}},
        {kind: value},
        {"scoping": {f"{camel}Id": value}},
    ):
        assert extract_id({**noise, **rendering}, kind) == value
        assert extract_ids({**noise, **rendering})[f"{kind}_id"] == value
