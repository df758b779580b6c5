"""Running a pattern twice: at a server, and on the recording of that."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

from konnect_agent import Konnect, KonnectError
from konnect_agent.sandbox.world import SLOW_PATH
from patterns import (
    Report,
    analyze_consumers,
    audit_configuration,
    debug_performance,
    investigate_alert,
    investigate_endpoint,
)

SHOP = "storefront-production"
Run = Callable[[Konnect], Awaitable[Report[Any]]]
_TIMES = ("started_at", "duration_s")


def timeless(report: Report[Any]) -> str:
    """A report as JSON, byte for byte, but for its times."""
    return json.dumps(_without_times(json.loads(report.model_dump_json())), indent=1)


async def outcome(konnect: Konnect, run: Run) -> Report[Any]:
    """The report of a run, a failed one's too."""
    async with konnect:
        try:
            return await run(konnect)
        except KonnectError as error:
            if error.report is None:
                raise
            return cast("Report[Any]", error.report)


def lines(tape: Path) -> list[dict[str, Any]]:
    """A recording, line by line."""
    return [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]


def rewritten(tape: Path, edited: list[dict[str, Any]]) -> Path:
    """A recording somebody has edited."""
    tape.write_text("".join(json.dumps(line) + "\n" for line in edited), encoding="utf-8")
    return tape


def patterns_on(alerts: Mapping[str, Any]) -> dict[str, Run]:
    """Every pattern, as it might be run in an organisation with these alerts."""
    alert = next(iter(alerts))
    return {
        "audit": audit_configuration,
        "endpoint": lambda konnect: investigate_endpoint(konnect, "/api/users", method="GET"),
        "consumers": lambda konnect: analyze_consumers(konnect, SHOP, status_codes=[401, 500, 502, 503]),
        "consumers anywhere": lambda konnect: analyze_consumers(konnect, top=3),
        "debug": lambda konnect: debug_performance(
            konnect, SHOP, confirm=lambda _: True, http_path=SLOW_PATH, session_duration=30
        ),
        "alert": lambda konnect: investigate_alert(konnect, alert, confirm=lambda _: True),
    }


def _without_times(data: Any) -> Any:
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data).items()
        return {key: _without_times(value) for key, value in fields if key not in _TIMES}
    return [_without_times(each) for each in cast("list[Any]", data)] if isinstance(data, list) else data
