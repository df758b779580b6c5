"""Points in time, in UTC, however they are written.

Core entities count Unix seconds, control planes and analytics write ISO 8601 (documented). Read as well
(inferred): milliseconds to nanoseconds, told from seconds by their size; numbers as text; ISO without a zone
or with the word `UTC`, which is UTC; the dates of HTTP headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import WrapValidator

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_ZONE = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_LATEST = 1e11
"""More Unix seconds than this (the year 5138) are a finer unit."""


def _moment(value: Any, parse: Callable[[Any], datetime | None]) -> datetime | None:
    """Raises ValueError for what is no point in time."""
    if isinstance(value, str):
        return _written(value.strip(), parse)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _counted(value)
    return _in_utc(parse(value))


Moment = Annotated[datetime | None, WrapValidator(_moment)]


def _written(text: str, parse: Callable[[Any], datetime | None]) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _counted(float(text))
    try:
        return _in_utc(parse(_ZONE.sub("Z", text)))
    except ValueError:
        return _in_utc(_from_header(text))


def _counted(since_1970: float) -> datetime:
    try:
        while isfinite(since_1970) and abs(since_1970) > _LATEST:
            since_1970 /= 1000
        return datetime.fromtimestamp(since_1970, UTC)
    except (OverflowError, OSError):
        raise ValueError("it is out of range") from None


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is out of range") from None


def _from_header(text: str) -> datetime:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text)
    except (IndexError, OverflowError, TypeError):
        raise ValueError("it is no date") from None
