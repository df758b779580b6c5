"""The order Lua's `table.sort` leaves things in, equals included (expected values: LuaJIT 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway.traditional.lua_sort import lua_sort


def sort(keys: list[int]) -> list[int]:
    """The places of `keys` after sorting them."""
    return lua_sort(range(len(keys)), before=lambda one, other: keys[one] < keys[other])


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ([], []),
        ([5], [0]),
        ([0, 0, 0, 0], [0, 2, 1, 3]),
        ([0, 0, 0, 0, 0], [0, 3, 2, 1, 4]),
        ([0, 0, 0, 0, 0, 0, 0], [0, 4, 5, 3, 1, 2, 6]),
        ([1, 0, 0, 1, 0], [4, 1, 2, 3, 0]),
        ([2, 1, 1, 2, 0, 1, 1, 0, 2, 1], [4, 7, 6, 5, 9, 1, 2, 8, 3, 0]),
    ],
)
def test_equals_end_up_where_lua_leaves_them(keys: list[int], places: list[int]) -> None:
    assert sort(keys) == places


@given(st.lists(st.integers(0, 9), max_size=60))
def test_everything_is_there_and_in_order(keys: list[int]) -> None:
    places = sort(keys)
    assert sorted(places) == list(range(len(keys)))
    assert [keys[place] for place in places] == sorted(keys)


def test_an_order_made_to_be_slow_is_sorted_all_the_same() -> None:
    """Ascending and then descending, over and over, is the worst a median of three can meet."""
    keys = [min(number, 4000 - number) for number in range(4000)]
    compared = 0

    def before(one: int, other: int) -> bool:
        nonlocal compared
        compared += 1
        return one < other

    assert lua_sort(keys, before=before) == sorted(keys)
    assert compared < 4000 * 300
