from __future__ import annotations

from itertools import pairwise
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.polling import Schedule

lengths = st.floats(0.01, 3600)
graces = st.floats(0, 600)
scales = st.floats(0.01, 10_000)


@given(length=lengths, grace=graces, scale=scales)
def test_looks_ascend_and_end_at_length_plus_grace(length: float, grace: float, scale: float) -> None:
    looks = list(Schedule(length, grace, scale).looks())
    assert all(earlier < later for earlier, later in pairwise(looks))
    assert looks[0] > 0
    assert looks[-1] == (length + grace) / scale


@given(length=lengths, scale=scales)
def test_a_scaled_schedule_is_the_same_schedule_faster(length: float, scale: float) -> None:
    real, scaled = Schedule(length).looks(), Schedule(length, scale=scale).looks()
    assert all(slow / scale == fast for slow, fast in zip(real, scaled, strict=True))


@given(length=st.floats(10, 1800), late=st.floats(0, 3))
def test_the_end_of_a_debug_session_is_noticed_within_a_second(length: float, late: float) -> None:
    end = length + late
    noticed = next(look for look in Schedule(length).looks() if look >= end)
    assert noticed - end <= 1.0


@given(length=st.floats(10, 1800))
def test_nobody_waits_longer_than_a_minute_for_a_sign_of_life(length: float) -> None:
    before_the_end = [0.0, *(look for look in Schedule(length).looks() if look <= length + 0.25)]
    assert max(later - earlier for earlier, later in pairwise(before_the_end)) <= 76


@given(length=lengths, elapsed=st.floats(0, 8000))
def test_what_remains_is_positive_or_unknown(length: float, elapsed: float) -> None:
    remaining = Schedule(length).remaining(elapsed)
    assert (remaining is None) == (elapsed >= length)
    assert remaining is None or 0 < remaining <= length


def test_a_minute_costs_at_most_ten_looks_and_a_second_of_lag() -> None:
    looks = list(Schedule(60).looks())
    ends = [60 + late / 100 for late in range(301)]
    lags = [next(look for look in looks if look >= end) - end for end in ends]
    counts = [sum(1 for look in looks if look < end) + 1 for end in ends]
    assert mean(lags) <= 1.0
    assert max(lags) <= 1.0
    assert max(counts) <= 10
