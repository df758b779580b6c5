"""The seven analytics tools of spring 2026, in the place of `GetAnalytics` (fact sheet 2.2, drafts).

Names, parameters and allowed values are those of the draft of May; `GetConsumerRequests` takes a plain id,
the filters of the others take pairs. Saltmarsh Goods has neither models nor agents, so their tools answer
with no rows. Where an answer's fields are not documented, they are those of Konnect's REST API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from konnect_agent.sandbox import analytics, filters, request_logs, time_ranges
from konnect_agent.sandbox.answers import Answer, Listing, Single
from konnect_agent.sandbox.metrics import DIMENSIONS, GRANULARITIES, METRICS, Question, aggregate
from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.tools import Invalid, Tool, check, choice, refused, text, uuid
from konnect_agent.sandbox.world import World

_MOST_GROUPS, _GROUPS, _MOST_DIMENSIONS, _MOST_ROWS = 5000, 10, 2, 500
_MOST_BUCKETS = 1440
_RETENTION_MS = 30 * 86_400_000
_SOURCES = {
    "api-usage": "QueryAnalytics", "llm-usage": "QueryLLMAnalytics",
    "agentic-usage": "QueryAgenticAnalytics", "requests": "QueryAPIRequests",
}  # fmt: skip


def _aggregating(name: str, description: str, *, metrics: Sequence[str], dimensions: Sequence[str]) -> Tool:
    metric: Entity = {"type": "string", "enum": list(metrics)}
    dimension: Entity = {"type": "string", "enum": list(dimensions)}
    return Tool(
        name=name,
        description=description,
        properties={
            "time_range": time_ranges.schema(time_ranges.EXPLORED),
            "metrics": {"type": "array", "items": metric, "minItems": 1, "default": ["request_count"]},
            "dimensions": {"type": "array", "items": dimension, "maxItems": _MOST_DIMENSIONS},
            "filters": filters.schema(operators=filters.AGGREGATED, fields=dimensions),
            "granularity": choice("Length of a bucket", *GRANULARITIES),
            "limit": {"type": "integer", "minimum": 1, "maximum": _MOST_GROUPS},
            "descending": {"type": "boolean", "default": True},
        },
        required=("time_range",),
    )


_NO_DIMENSIONS = ("control_plane",)

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="DatasourceConfig",
        description="What can be asked of each data source, and with which tool. Call it before any query.",
        properties={"datasource": choice("Only this one", *_SOURCES)},
        required=(),
    ),
    Tool(
        name="QueryExploreTimeRange",
        description="The moments a time range means, and the smallest granularity for it.",
        properties={
            "datasource": choice("Data source, api-usage unless given", *list(_SOURCES)[:3]),
            "time_range": time_ranges.schema(time_ranges.EXPLORED),
        },
        required=("time_range",),
    ),
    _aggregating("QueryAnalytics", "Aggregated API traffic.", metrics=list(METRICS), dimensions=DIMENSIONS),
    _aggregating(
        "QueryLLMAnalytics",
        "Aggregated traffic to language models.",
        metrics=["request_count"],
        dimensions=_NO_DIMENSIONS,
    ),
    _aggregating(
        "QueryAgenticAnalytics",
        "Aggregated traffic of agents and MCP.",
        metrics=["request_count"],
        dimensions=_NO_DIMENSIONS,
    ),
    Tool(
        name="QueryAPIRequests",
        description="API requests one by one, page by page.",
        properties={
            "time_range": time_ranges.schema(time_ranges.LOGGED),
            "filters": filters.schema(operators=filters.LOGGED),
            "order": request_logs.ORDER,
            "size": request_logs.SIZE,
            "cursor": text("Cursor of the previous page, in base64"),
        },
        required=("time_range",),
    ),
    Tool(
        name="GetConsumerRequests",
        description="Requests of one consumer, with statistics.",
        properties={
            "consumer_id": uuid("The consumer"),
            "time_range": choice("How far back", *time_ranges.LOGGED),
            "successOnly": {"type": "boolean", "description": "Only 2xx; excludes failureOnly"},
            "failureOnly": {"type": "boolean", "description": "Only 4xx and 5xx; excludes successOnly"},
            "max_results": request_logs.SIZE,
        },
        required=("consumer_id", "time_range"),
    ),
)


def answer(world: World, tool: Tool, arguments: Mapping[str, Any]) -> Answer:
    """The answer of one of these tools; raises Refusal where it says no."""
    check(tool, arguments)
    try:
        if tool.name == "DatasourceConfig":
            return _config(arguments.get("datasource"))
        if tool.name == "QueryExploreTimeRange":
            return _explored(world, arguments["time_range"])
        if tool.name == "QueryAPIRequests":
            rows, meta = request_logs.by_cursor(world, arguments)
            return Listing("requests", rows, {"meta": meta})
        if tool.name == "GetConsumerRequests":
            if arguments.get("successOnly") and arguments.get("failureOnly"):
                raise Invalid(("failureOnly", "excludes successOnly"))
            return analytics.query(world, {"operation": "get_consumer_requests", **arguments})
        return _aggregated(world, tool, arguments)
    except Invalid as error:
        raise refused(tool, error) from None


def _config(datasource: str | None) -> Single:
    logged = {name: [*filters.AGGREGATED, *each.operators] for name, each in filters.FIELDS.items()}
    offered: dict[str, Entity] = {
        "api-usage": {
            "metrics": list(METRICS),
            "dimensions": list(DIMENSIONS),
            "filterable_fields": {name: list(filters.AGGREGATED) for name in DIMENSIONS},
        },
        "requests": {"metrics": [], "dimensions": [], "filterable_fields": logged},
    }
    none: Entity = {"metrics": ["request_count"], "dimensions": list(_NO_DIMENSIONS), "filterable_fields": {}}
    described = {
        name: {
            **offered.get(name, none),
            "tool": tool,
            "time_range_options": list(time_ranges.LOGGED if name == "requests" else time_ranges.EXPLORED),
            "granularity_options": [] if name == "requests" else list(GRANULARITIES),
        }
        for name, tool in _SOURCES.items()
        if datasource in (None, name)
    }
    organisation = {"retention_ms": _RETENTION_MS, "percentiles_available": True}
    return Single("config", {"datasources": described, "org_config": organisation})


def _explored(world: World, time_range: Entity) -> Single:
    start, end = time_ranges.moments(time_range, now=world.now)
    length_ms = (end - start).total_seconds() * 1000
    lengths = [ms for ms in GRANULARITIES.values() if ms is not None]
    smallest = next((ms for ms in lengths if length_ms <= ms * _MOST_BUCKETS), lengths[-1])
    return Single("time_range", {**request_logs.moments(start, end), "min_granularity_ms": smallest})


def _aggregated(world: World, tool: Tool, arguments: Mapping[str, Any]) -> Listing:
    start, end = time_ranges.moments(arguments["time_range"], now=world.now)
    dimensions: list[str] = arguments.get("dimensions", [])
    asked = Question(
        start=start,
        end=end,
        metrics=arguments.get("metrics", ["request_count"]),
        dimensions=dimensions,
        wanted=arguments.get("filters", []),
        bucket_ms=GRANULARITIES[arguments.get("granularity", "trend")],
        limit=arguments.get("limit", _GROUPS if dimensions else None),
        descending=arguments.get("descending", True),
    )
    rows, meta = aggregate(world, asked)
    if tool.name != "QueryAnalytics":
        rows = []
    if len(rows) > _MOST_ROWS:
        advice = "Ask for a shorter time range, a coarser granularity or fewer groups."
        rows, meta = rows[:_MOST_ROWS], meta | {"truncated": True, "advice": advice}
    return Listing("data", rows, {"meta": meta})
