"""Filters of request records: `{field, operator, value}`, all of which hold (fact sheet 4.3, documented).

A table of the fields, with the record's column, the values and the operators each takes. Consumers, services,
routes and nodes are named by the pair `control_plane_id:entity_id` only. `selector`, which the documents list
without a word about it, selects as `in` does, and a record without a value is in no list (both inferred).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.tools import Invalid, problems

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PAIR: Entity = {"type": "string", "pattern": f"^{_UUID}:{_UUID}$", "examples": ["<control plane id>:<id>"]}
_PLAIN: Entity = {"type": "string", "pattern": f"^{_UUID}$", "examples": ["<id>"]}
_STATUS: Entity = {"type": "integer", "minimum": 0, "maximum": 999}
_GROUP: Entity = {"type": "string", "pattern": r"^\d[xX][xX]$", "examples": ["5XX"]}
_COUNT: Entity = {"type": "integer"}
_TEXT: Entity = {"type": "string"}

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
_SOME = ("in", "not_in", "selector")
_NONE = ("empty", "not_empty")
_EQUAL = ("=", "!=")
_ORDERED = (*_EQUAL, "<", ">", "<=", ">=")
_WORDED = (*_EQUAL, "starts_with", "ends_with")
AGGREGATED = (*_SOME, *_NONE)
"""What the filters of aggregates may do."""
LOGGED = (*AGGREGATED, *_COMPARISONS)
"""What the filters of request logs may do."""


@dataclass(frozen=True)
class Field:
    """A field of the filters: the column it reads, the schema of a value, the operators besides the lists."""

    column: str
    value: Entity
    operators: tuple[str, ...]
    read: Callable[[Any], Any] = lambda found: found

    def of(self, row: Entity) -> Any:
        """The value a record has, None for none."""
        found = row.get(self.column)
        return None if found is None else self.read(found)


def _validator(schema: Entity) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


def _group(status: Any) -> str:
    return f"{str(status)[:1]}XX"


def _alike(names: str, value: Entity, operators: tuple[str, ...]) -> dict[str, Field]:
    return {name: Field(name, value, operators) for name in names.split()}


FIELDS: Mapping[str, Field] = {
    **_alike("consumer gateway_service route data_plane_node", _PAIR, _EQUAL),
    **_alike("control_plane control_plane_group application api_product", _PLAIN, _EQUAL),
    "status_code": Field("response_http_status", _STATUS, _EQUAL, int),
    "status_code_grouped": Field("response_http_status", _GROUP, _EQUAL, _group),
    "upstream_status_code": Field("upstream_status", _STATUS, _EQUAL),
    "upstream_status_code_grouped": Field("upstream_status", _GROUP, _EQUAL, _group),
    **_alike(
        "latencies_response_ms latencies_upstream_ms latencies_kong_gateway_ms latencies_kong_internal_ms"
        " request_body_size response_body_size",
        _COUNT,
        _ORDERED,
    ),
    **_alike(
        "http_method request_uri upstream_uri request_id trace_id client_ip auth_type header_user_agent"
        " response_source response_header_content_type service_port service_protocol data_plane_node_version",
        _TEXT,
        _WORDED,
    ),
    "header_user_host": Field("header_host", _TEXT, _WORDED),
    **_alike("cache_status country_code", _TEXT, _EQUAL),
}


def schema(*, operators: Sequence[str], fields: Iterable[str] = FIELDS) -> Entity:
    """A list of filters over these fields with these operators."""
    properties: Entity = {
        "field": {"type": "string", "enum": list(fields)},
        "operator": {"type": "string", "enum": list(operators)},
        "value": {},
    }
    item: Entity = {"type": "object", "properties": properties, "required": ["field", "operator"]}
    return {"type": "array", "items": {**item, "additionalProperties": False}}


def check(filters: Sequence[Entity]) -> None:
    """Raise `Invalid` for an operator or a value that does not go with its field."""
    wrong = [problem for place, each in enumerate(filters) for problem in _wrong(f"filters.{place}", each)]
    if wrong:
        raise Invalid(*wrong)


def meets(row: Entity, filters: Sequence[Entity]) -> bool:
    """Whether a record meets all of these filters, which have been checked."""
    return all(_meets(FIELDS[each["field"]].of(row), each["operator"], each) for each in filters)


def _wrong(place: str, condition: Entity) -> Iterator[tuple[str, str]]:
    field, does = FIELDS[condition["field"]], condition["operator"]
    if does not in (*AGGREGATED, *field.operators):
        yield f"{place}.operator", f"{does!r} does not go with {condition['field']}"
        return
    given: Any = condition.get("value")
    if (does in _NONE) != ("value" not in condition):
        yield f"{place}.value", f"{'not accepted' if does in _NONE else 'required'} with {does!r}"
    elif does not in _NONE:
        schema = {"type": "array", "items": field.value} if does in _SOME else field.value
        yield from ((f"{place}.value", reason) for _, reason in problems(_validator(schema), given))


def _meets(found: Any, does: str, condition: Entity) -> bool:
    if does in _NONE:
        return (found is None) == (does == "empty")
    wanted = condition["value"]
    if condition["field"].endswith("grouped"):
        wanted = [value.upper() for value in wanted] if does in _SOME else wanted.upper()
    if does in _SOME:
        return (found in wanted) == (does != "not_in")
    return does == "!=" if found is None else _COMPARISONS[does](found, wanted)
