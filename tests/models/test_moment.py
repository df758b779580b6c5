"""A point in time is read however it is written, and means the same in every spelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from konnect_agent.models.moment import Moment

MOMENT: TypeAdapter[datetime | None] = TypeAdapter(Moment)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        1772625600, 1772625600.0, 1772625600000, 1772625600000000, 1772625600000000000,
        "1772625600", " 1772625600000 ", "1772625600.0",
        "2026-03-04T12:00:00Z", "2026-03-04T12:00:00", "2026-03-04 12:00:00",
        "2026-03-04T12:00:00.000000000Z", "2026-03-04T13:30:00+01:30", "2026-03-04T12:00:00+0000",
        "2026-03-04 12:00:00 UTC",
        "Wed, 04 Mar 2026 12:00:00 GMT", NOON, NOON.astimezone(timezone(timedelta(hours=-3))),
    ],
)  # fmt: skip
def test_every_spelling_of_a_moment_is_that_moment_in_utc(written: Any) -> None:
    read = MOMENT.validate_python(written)
    assert read == NOON
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["2026-03-04T12:00:00.123456789Z", 1772625600123456789, 1772625600.123456]
)
def test_fractions_are_kept_to_the_microsecond(written: Any) -> None:
    read = MOMENT.validate_python(written)
    assert read is not None
    assert abs(read - NOON.replace(microsecond=123456)) <= timedelta(microseconds=1)


@pytest.mark.parametrize(
    "written",
    [
        "yesterday", "-", "null", True, [], {"seconds": 1}, float("inf"), float("nan"), 10**400, "9" * 400,
        "0001-01-01T00:00:00+05:00", "Wed, 99 Mar 2026 99:00:00 GMT", "9999-12-31T23:59:59-23:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(written)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.datetimes(timezones=st.just(UTC)).map(str)))
def test_nothing_but_a_refusal_comes_of_any_value(written: Any) -> None:
    try:
        read = MOMENT.validate_python(written)
    except ValidationError:
        return
    assert read is None or read.tzinfo is UTC
