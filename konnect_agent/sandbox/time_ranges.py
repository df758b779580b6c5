"""The time ranges of request logs and aggregates, as objects (fact sheet 2.2 and 4.1, documented).

`{type: relative, time_range: 24H}` or `{type: absolute, start, end}`, either with a `tz`. Request logs take
the ranges in upper case; aggregates take them in lower case, and calendar weeks and months too. A moment
without an offset is read in `tz`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.tools import Invalid

LOGGED = ("15M", "1H", "6H", "12H", "24H", "7D")
_CALENDAR = ("current_week", "current_month", "previous_week", "previous_month")
EXPLORED = (*map(str.lower, LOGGED), "30d", *_CALENDAR)
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def schema(relative: Iterable[str]) -> Entity:
    """The object, with these relative ranges."""
    text: Entity = {"type": "string"}

    def needs(kind: str, *names: str) -> Entity:
        return {"if": {"properties": {"type": {"const": kind}}}, "then": {"required": list(names)}}

    return {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["relative", "absolute"]},
            "time_range": {"type": "string", "enum": list(relative)},
            "start": {**text, "description": "ISO 8601"},
            "end": {**text, "description": "ISO 8601"},
            "tz": {**text, "default": "Etc/UTC", "description": "IANA name"},
        },
        "required": ["type"],
        "additionalProperties": False,
        "allOf": [needs("relative", "time_range"), needs("absolute", "start", "end")],
    }


def moments(time_range: Entity, *, now: datetime) -> tuple[datetime, datetime]:
    """The first moment and the one after the last. Raises `Invalid` for what the schema cannot see."""
    zone = _zone(time_range.get("tz", "Etc/UTC"))
    if time_range["type"] == "absolute":
        start, end = (_moment(time_range, key, zone) for key in ("start", "end"))
        if end <= start:
            raise Invalid(("time_range.end", "is not after start"))
        return start, end
    wanted: str = time_range["time_range"]
    if wanted in _CALENDAR:
        return _calendar(wanted, now.astimezone(zone))
    return now - timedelta(seconds=seconds(wanted)), now


def seconds(relative: str) -> float:
    """The length of a range such as `24H`."""
    return float(relative[:-1]) * _SECONDS[relative[-1].lower()]


def _zone(name: str) -> tzinfo:
    if name in ("Etc/UTC", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(("time_range.tz", f"{name!r} is no time zone")) from None


def _moment(time_range: Entity, key: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(time_range[key])
    except ValueError:
        raise Invalid((f"time_range.{key}", f"{time_range[key]!r} is no ISO 8601 moment")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _calendar(wanted: str, now: datetime) -> tuple[datetime, datetime]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if wanted.endswith("week"):
        first = today - timedelta(days=today.weekday())
        before = first - timedelta(days=7)
    else:
        first = today.replace(day=1)
        before = (first - timedelta(days=1)).replace(day=1)
    return (before, first) if wanted.startswith("previous") else (first, now)
