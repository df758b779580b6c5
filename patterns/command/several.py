"""A command in several regions: one report, every failure on standard error, one exit status.

The status is the worst that any region justifies: what keeps a region from being seen at all (2, 3, 4), then
a name that means several things (5). That there is nothing of the kind (5) counts only when no region has it;
found in one, it is what was asked for. Findings (1) and an incomplete view (7) come after, when nothing
failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from konnect_agent import Config
from patterns.command import outcome
from patterns.command.options import ReportOptions, refuse_generation
from patterns.command.outcome import say, status_of_failure, token_refused
from patterns.command.progress import showing
from patterns.regions import RegionsReport, found_nothing, in_regions

if TYPE_CHECKING:
    from patterns.command.reporting import Work

_WORST_FIRST = (outcome.USAGE, outcome.PERMISSION, outcome.UNREACHABLE, outcome.NO_SESSION, outcome.NOT_FOUND)


async def run_in(regions: Mapping[str, str], options: ReportOptions, work: Work) -> RegionsReport[Any]:
    """Run a workflow at the URL of every region with the same token, and tell what failed."""
    refuse_generation(options)
    if options.trouble is not None:
        raise options.trouble
    configs = {name: Config.build(options.token, url=url) for name, url in regions.items()}
    with showing(options) as display:
        report = await in_regions(configs, lambda konnect: work(konnect, display))
    for name, each in report.regions.items():
        if each.error is not None:
            say(f"{'nothing' if found_nothing(each) else 'error'} in {name}: {each.error.message}")
            say(f"hint: {each.error.hint}")
    return report


def status_of(report: RegionsReport[Any], options: ReportOptions) -> int:
    """The exit status of a report, findings apart."""
    reports = report.regions.values()
    failed = {status_of_failure(each.error) for each in reports if each.error and not found_nothing(each)}
    failed |= {outcome.PERMISSION for each in reports if token_refused(each)}
    for status in _WORST_FIRST:
        if status in failed:
            return status
    if report.status == "failed":
        return outcome.NOT_FOUND
    missing = options.require_complete and report.status == "incomplete"
    return outcome.INCOMPLETE if missing else outcome.DONE
