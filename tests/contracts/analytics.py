"""A hand-made server of analytics: two control planes, consumers alice and bob in the first, and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_types import CallToolResult

from konnect_agent import Konnect
from patterns import ConsumersResult, Report, analyze_consumers

from ..handmade import TOKEN, Arguments, Serve, refused, structured

Row = dict[str, Any]
Answer = Callable[[Arguments], CallToolResult]

ONE, TWO = "0a3a1b0e-0000-4000-8000-00000000cafe", "0b3a1b0e-0000-4000-8000-00000000beef"
ALICE, BOB = "5a000000-0000-4000-8000-00000000000a", "5b000000-0000-4000-8000-00000000000b"
USERS, PATHLESS = "7a000000-0000-4000-8000-00000000000a", "7b000000-0000-4000-8000-00000000000b"
SERVICE = "9a000000-0000-4000-8000-00000000000a"
NOW = datetime.now(UTC).replace(microsecond=0)
PLANES = [{"id": ONE, "name": "one"}, {"id": TWO, "name": "two"}]
CONSUMERS = [{"id": ALICE, "username": "alice", "custom_id": "a-1"}, {"id": BOB, "username": "bob"}]
ROUTES = [{"id": USERS, "name": "users", "paths": ["/users"], "service": {"id": SERVICE}}]


def row(
    consumer: Any = ALICE, *, plane: str = ONE, status: Any = "503", age: float = 1, **fields: Any
) -> Row:
    """A documented row of `plane`, `age` hours old; a plain consumer id becomes a pair."""
    pair = f"{plane}:{consumer}" if isinstance(consumer, str) and ":" not in consumer else consumer
    written = {
        "request_start": (NOW - timedelta(hours=age)).isoformat(), "response_http_status": status,
        "http_method": "GET", "request_uri": "/users", "control_plane": plane, "consumer": pair,
        "route": f"{plane}:{USERS}", "gateway_service": f"{plane}:{SERVICE}",
    }  # fmt: skip
    return written | fields


def analytics(rows: Iterable[Row], *, heeds: str = "status_codes consumer_id failureOnly") -> Answer:
    """GetAnalytics over these rows, with the filters it does not ignore; statuses are read as numbers."""
    kept = list(rows)

    def answer(arguments: Arguments) -> CallToolResult:
        given = {name: value for name, value in arguments.items() if name in heeds.split()}
        found = [each for each in kept if _passes(each, given)][: arguments.get("max_results", 100)]
        return structured({"requests": found})

    return answer


def _passes(each: Row, given: Mapping[str, Any]) -> bool:
    status = each.get("response_http_status")
    if status is not None and int(status) not in given.get("status_codes", [int(status)]):
        return False
    if status is not None and given.get("failureOnly") and int(status) < 400:
        return False
    asked_for = given.get("consumer_id", "").lower()
    return str(each.get("consumer")).lower().endswith(asked_for.rpartition(":")[2])


def entities(word: str, listed: list[dict[str, Any]], name: str = "name") -> Answer:
    """An entity tool of one list in control plane ONE: list, get_by_id and get_by_name."""

    def answer(arguments: Arguments) -> CallToolResult:
        here = listed if arguments.get("control_plane_id") == ONE else []
        if arguments["operation"] == "list":
            return structured({f"{word}s": here})
        wanted = (arguments.get(f"{word}_id"), arguments.get(f"{word}_name"))
        found = next((each for each in here if each["id"] in wanted or each.get(name) in wanted), None)
        return structured({word: found}) if found else refused(f"{word} not found")

    return answer


def control_planes(arguments: Arguments) -> CallToolResult:
    if arguments["operation"] == "list":
        return structured({"control_planes": PLANES})
    found = next((each for each in PLANES if each["name"] == arguments.get("name")), None)
    return structured({"control_plane": found}) if found else refused("not found")


def organisation(answer: Answer, *, plugins: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Two control planes, alice and bob in the first, and these analytics."""
    return {
        "GetControlPlane": control_planes, "GetAnalytics": answer,
        "GetConsumer": entities("consumer", CONSUMERS, "username"),
        "GetRoute": entities("route", ROUTES), "GetPlugin": entities("plugin", plugins or []),
    }  # fmt: skip


async def analyzed(
    serve: Serve, answers: Mapping[str, Any], control_plane: str | None = "one", **arguments: Any
) -> Report[ConsumersResult]:
    server = serve(answers)
    async with Konnect(TOKEN, url=server.url) as konnect:
        return await analyze_consumers(konnect, control_plane, **arguments)


def failures(report: Report[ConsumersResult]) -> dict[str | None, int]:
    return {each.username: each.failures for each in report.result.consumers}
