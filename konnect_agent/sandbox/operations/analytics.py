"""Request logs and metrics as Konnect's REST API answers them (fact sheet 2.2 and 4.1, documented).

Both bodies are a choice of several schemas. That an `api_usage` query need not name its data source is
inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from konnect_agent.sandbox import filters, request_logs, time_ranges
from konnect_agent.sandbox.konnect import EmbeddedKonnect
from konnect_agent.sandbox.metrics import DIMENSIONS, GRANULARITIES, METRICS, Question, aggregate
from konnect_agent.sandbox.operations.operation import Answer, Call, Operation
from konnect_agent.sandbox.operations.paging import invalid
from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.tools import Invalid, problems

_GROUPS, _MOST_GROUPS, _MOST_METRICS, _MOST_DIMENSIONS = 50, 1000, 3, 2


def _query(*datasources: str, required: tuple[str, ...] = ()) -> Entity:
    def names(most: int, *several: str) -> Entity:
        return {"type": "array", "items": {"type": "string", "enum": list(several)}, "maxItems": most}

    properties: Entity = {
        "datasource": {"type": "string", "enum": list(datasources)},
        "time_range": time_ranges.schema(time_ranges.EXPLORED),
        "metrics": names(_MOST_METRICS, *METRICS) | {"minItems": 1},
        "dimensions": names(_MOST_DIMENSIONS, "time", *DIMENSIONS),
        "filters": filters.schema(operators=filters.AGGREGATED, fields=DIMENSIONS),
        "granularity": {"type": "string", "enum": [name for name in GRANULARITIES if name != "trend"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": _MOST_GROUPS, "default": _GROUPS},
    }
    needed = ["time_range", "metrics", *required]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


_API_USAGE = _query("api_usage")
_OTHERS = _query("llm_usage", "agentic_usage", "managed_cache_usage", required=("datasource",))


def analytics() -> Iterator[Operation]:
    """Querying request logs and metrics."""
    yield Operation(
        id="query-requests", method="POST", tag="API Requests", path="/v2/api-requests",
        summary="Returns API requests that were proxied through the Kong Gateway.",
        body=request_logs.BODY,
        answer=_checked(lambda konnect, body: request_logs.by_offset(konnect.world, body)),
    )  # fmt: skip
    yield Operation(
        id="metrics", method="POST", tag="Metrics", path="/v2/metrics",
        summary="Query aggregated metrics of API, LLM and agentic usage.",
        body={"oneOf": [_API_USAGE, _OTHERS]}, answer=_checked(_aggregates),
    )  # fmt: skip


def _checked(does: Callable[[EmbeddedKonnect, Any], Entity]) -> Answer:
    def answer(konnect: EmbeddedKonnect, call: Call) -> Entity:
        try:
            return does(konnect, {} if call.body is None else call.body)
        except Invalid as error:
            raise invalid(*error.problems) from None

    return answer


def _aggregates(konnect: EmbeddedKonnect, query: Any) -> Entity:
    wrong = list(problems(_validator(), query))
    if wrong:
        raise Invalid(*wrong)
    start, end = time_ranges.moments(query["time_range"], now=konnect.world.now)
    dimensions: list[str] = query.get("dimensions", [])
    bucket = query.get("granularity", "hourly") if "time" in dimensions else "trend"
    asked = Question(
        start=start,
        end=end,
        metrics=query["metrics"],
        dimensions=[name for name in dimensions if name != "time"],
        wanted=query.get("filters", []),
        bucket_ms=GRANULARITIES[bucket],
        limit=query.get("limit", _GROUPS),
    )
    rows, meta = aggregate(konnect.world, asked)
    return {"data": rows, "meta": meta}


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_API_USAGE)
