"""`konnect-agent consumers`: pattern 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from konnect_agent.errors import InvalidArguments
from patterns.command.options import RegionsOptions, checked_name
from patterns.command.progress import Display
from patterns.command.reporting import reporting

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import ConsumersResult, Report

_DEFAULTS = RegionsOptions()


async def consumers(
    *,
    control_plane: Annotated[str | None, Parameter(help="name or id; every visible one if left out")] = None,
    time_range: Annotated[str, Parameter(help="15M, 1H, 6H, 12H, 24H or 7D")] = "24H",
    status: Annotated[
        Sequence[str],
        Parameter(help="what counts as failing, comma-separated or repeated", show_default=",".join),
    ] = ("500,502,503",),
    top: Annotated[int, Parameter(help="how many consumers to look into")] = 5,
    max_results: Annotated[int, Parameter(help="how many requests to ask for")] = 1000,
    options: RegionsOptions = _DEFAULTS,
) -> int:
    """Rank consumers by their failing requests, and show the plugins they meet."""
    from konnect_agent.resources.analytics import at_least_one, checked_time_range
    from patterns import analyze_consumers

    with reporting(options, "analyze_consumers") as this:
        status_codes = read_statuses(status)
        checked_name(control_plane, "--control-plane")
        checked_time_range(time_range)
        at_least_one(top, "--top")
        at_least_one(max_results, "--max-results")

        async def work(konnect: Konnect, display: Display) -> Report[ConsumersResult]:
            return await analyze_consumers(
                konnect,
                control_plane,
                time_range=time_range,
                status_codes=status_codes,
                top=top,
                max_results=max_results,
            )

        return (await this.run(work)).status


def read_statuses(written: Sequence[str]) -> tuple[int, ...]:
    """Texts like `500,502` as numbers, each once. Raises `InvalidArguments` for what is no HTTP status."""
    entries = [entry.strip() for text in written for entry in text.split(",")]
    if not all(len(entry) == 3 and entry.isdecimal() and "100" <= entry <= "599" for entry in entries):
        said = ",".join(written)
        raise InvalidArguments(f"{said!r} are no HTTP statuses.", hint="Write --status 500,502,503.")
    return tuple(dict.fromkeys(map(int, entries)))
