"""GetAnalytics: which request records a question means.

All filters combine with AND (inferred), rows come newest first, and `max_results` cuts without saying so
(inferred: the REST answer has no total). Consumers, services and routes may be named by the composite
`control_plane_id:entity_id` or by the plain UUID; which of them the live tool takes is not documented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from konnect_agent.sandbox.answers import Listing
from konnect_agent.sandbox.organisation import Entity
from konnect_agent.sandbox.world import World

_RANGES = {"15M": 900, "1H": 3600, "6H": 21600, "12H": 43200, "24H": 86400, "7D": 604800}
_ID_FILTERS = {"consumer_ids": "consumer", "service_ids": "gateway_service", "route_ids": "route"}


def query(world: World, arguments: Mapping[str, Any]) -> Listing:
    """Both operations of GetAnalytics; the arguments have been checked."""
    since = world.now - timedelta(seconds=_RANGES[arguments["time_range"]])
    rows = _since(world.requests, since)
    span = {"start": _written(since), "end": _written(world.now)}
    if arguments["operation"] == "get_consumer_requests":
        return _of_consumer(rows, arguments, span)
    chosen = _limited((row for row in rows if _wanted(row, arguments)), arguments)
    return Listing("requests", chosen, {"meta": {"time_range": span, "size": len(chosen)}})


def _since(rows: Iterable[Entity], since: datetime) -> Iterator[Entity]:
    earliest = _written(since)
    for row in rows:
        if str(row["request_start"]) < earliest:
            return
        yield row


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def _limited(rows: Iterable[Entity], arguments: Mapping[str, Any]) -> list[Entity]:
    limit = int(arguments.get("max_results", 100))
    return [row for row, _ in zip(rows, range(limit), strict=False)]


def _wanted(row: Entity, arguments: Mapping[str, Any]) -> bool:
    status = int(row["response_http_status"])
    if "status_codes" in arguments and status not in arguments["status_codes"]:
        return False
    if status in arguments.get("excluded_status_codes", ()):
        return False
    if "http_methods" in arguments and row["http_method"] not in arguments["http_methods"]:
        return False
    return all(
        _names(row[column], arguments[name]) for name, column in _ID_FILTERS.items() if name in arguments
    )


def _names(composite: str | None, wanted: Iterable[str]) -> bool:
    return composite is not None and any(one in (composite, composite.partition(":")[2]) for one in wanted)


def _of_consumer(rows: Iterable[Entity], arguments: Mapping[str, Any], span: Entity) -> Listing:
    own = [row for row in rows if _names(row["consumer"], [arguments["consumer_id"]])]
    statuses = Counter(str(row["response_http_status"]) for row in own)
    failures = sum(number for status, number in statuses.items() if int(status) >= 400)
    total = sum(int(row["latencies_response_ms"]) for row in own)
    statistics: Entity = {
        "total_requests": len(own),
        "successful_requests": sum(number for status, number in statuses.items() if status.startswith("2")),
        "failed_requests": failures,
        "error_rate": round(failures / len(own), 4) if own else 0.0,
        "average_latency_ms": round(total / len(own), 1) if own else None,
        "status_codes": dict(sorted(statuses.items())),
    }
    if arguments.get("successOnly"):
        own = [row for row in own if 200 <= int(row["response_http_status"]) < 300]
    elif arguments.get("failureOnly"):
        own = [row for row in own if int(row["response_http_status"]) >= 400]
    chosen = _limited(own, arguments)
    meta = {"time_range": span, "size": len(chosen), "consumer_id": arguments["consumer_id"]}
    return Listing("requests", chosen, {"statistics": statistics, "meta": meta})
