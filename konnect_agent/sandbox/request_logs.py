"""Which request records a query means, and which part of them it asks for (fact sheet 2.2 and 4.1).

The reworked tool and Konnect's REST API take the same filters and time ranges, 100 rows unless told
otherwise and 1000 at most, and tell no total. The tool goes on with a cursor, in base64 as the drafts say,
which belongs to its query; REST with an offset. Documented, save for where the tool puts its cursor.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from konnect_agent.sandbox import filters, time_ranges
from konnect_agent.sandbox.organisation import Entity, derive_id
from konnect_agent.sandbox.tools import Invalid, problems
from konnect_agent.sandbox.world import World

DEFAULT_SIZE, MOST_ROWS = 100, 1000
_LAST_HOUR = {"type": "relative", "time_range": "1H"}

ORDER: Entity = {"type": "string", "enum": ["ascending", "descending"], "default": "descending"}
SIZE: Entity = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_SIZE}


def _body(filtered: Entity) -> Entity:
    properties: Entity = {
        "filters": filtered,
        "time_range": time_ranges.schema(time_ranges.LOGGED),
        "order": ORDER,
        "size": SIZE,
        "offset": {"type": "integer", "minimum": 0, "default": 0},
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


_DIMENSIONS = (
    "api_product", "application", "consumer", "control_plane", "control_plane_group", "data_plane_node",
    "gateway_service", "route", "status_code", "status_code_grouped",
)  # fmt: skip
_BY_FIELD = _body(filters.schema(operators=[each for each in filters.LOGGED if each != "selector"]))
_BY_DIMENSION = _body(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "dimension": {"type": "string", "enum": list(_DIMENSIONS)},
                "type": {"type": "string", "enum": ["in", "not_in"]},
                "values": {"type": "array"},
            },
            "required": ["dimension", "type", "values"],
            "additionalProperties": False,
        },
    }
)
BODY: Entity = {"oneOf": [_BY_FIELD, _BY_DIMENSION]}
"""The body of `POST /api-requests`: filters by field, or the older ones by dimension."""


def moments(start: datetime, end: datetime) -> Entity:
    """A span of time as answers write it."""
    return {"start": written(start), "end": written(end)}


def written(moment: datetime) -> str:
    """A moment as the records write theirs, which makes texts comparable."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def between(rows: Sequence[Entity], start: datetime, end: datetime) -> list[Entity]:
    """The records of a span of time, newest first as they come."""
    first, last = written(start), written(end)
    return [row for row in rows if first <= str(row["request_start"]) <= last]


def by_cursor(world: World, query: Mapping[str, Any]) -> tuple[list[Entity], Entity]:
    """A part of the rows, and its `meta` with the cursor of the next. Raises `Invalid`."""
    rows, span = _selected(world, query)
    skipped = _skipped(query)
    part = rows[skipped : skipped + query.get("size", DEFAULT_SIZE)]
    seen = skipped + len(part)
    cursor = _cursor(query, seen) if seen < len(rows) else None
    return part, {"time_range": span, "size": len(part), "cursor": cursor}


def by_offset(world: World, body: Any) -> Entity:
    """What `POST /api-requests` answers. Raises `Invalid`."""
    query: Entity = body
    by_dimension = _validator(by_dimension=True).is_valid(body)
    if not by_dimension and (wrong := list(problems(_validator(by_dimension=False), body))):
        raise Invalid(*wrong)
    if by_dimension and query.get("filters"):
        listed = [
            {"field": each["dimension"], "operator": each["type"], "value": each["values"]}
            for each in query["filters"]
        ]
        query = {**query, "filters": listed}
    rows, span = _selected(world, query)
    offset = query.get("offset", 0)
    part = rows[offset : offset + query.get("size", DEFAULT_SIZE)]
    query_id = derive_id(world.seed, "query", json.dumps(query, sort_keys=True))
    meta = {"time_range": span, "query_id": query_id, "size": len(part), "offset": offset}
    return {"results": part, "meta": meta}


@cache
def _validator(*, by_dimension: bool) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_BY_DIMENSION if by_dimension else _BY_FIELD)


def _selected(world: World, query: Mapping[str, Any]) -> tuple[list[Entity], Entity]:
    wanted: list[Entity] = query.get("filters", [])
    filters.check(wanted)
    start, end = time_ranges.moments(query.get("time_range", _LAST_HOUR), now=world.now)
    rows = [row for row in between(world.requests, start, end) if filters.meets(row, wanted)]
    if query.get("order") == "ascending":
        rows.reverse()
    return rows, moments(start, end)


def _cursor(query: Mapping[str, Any], seen: int) -> str:
    return base64.b64encode(f"{_digest(query)}:{seen}".encode()).decode()


def _skipped(query: Mapping[str, Any]) -> int:
    cursor = query.get("cursor")
    if cursor is None:
        return 0
    try:
        digest, _, seen = base64.b64decode(cursor, validate=True).decode().partition(":")
        if digest == _digest(query):
            return int(seen)
    except ValueError:
        pass
    raise Invalid(("cursor", "is not the cursor of a previous page of this query"))


def _digest(query: Mapping[str, Any]) -> str:
    same = {key: value for key, value in query.items() if key not in ("cursor", "size")}
    return hashlib.blake2b(json.dumps(same, sort_keys=True).encode(), digest_size=6).hexdigest()
