"""One pattern in several regions at once, each by itself: nothing in Konnect crosses regions.

    configs = {"us": Config.build(region="us"), "eu": Config.build(region="eu")}
    report = await in_regions(configs, audit_configuration, control_planes=["payments"])
    report.regions["eu"].result

1. A `Konnect` and a run for each, side by side; what fails in one costs the others nothing. 2. Each region's
report stays as it is, a failed one too. 3. Nothing there (`NoMatch`, no control planes) is an answer: where
another region has something, nothing is missing; a hint says that the region may be the wrong one.
A debug session belongs to one control plane, so what may start one runs in one region.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from time import perf_counter
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from konnect_agent import Config, Konnect
from konnect_agent.errors import REGION_HINT, ConfigError, KonnectError
from patterns.alerts import investigate_alert
from patterns.coverage import Coverage, Missing, fan_out
from patterns.performance import debug_performance
from patterns.workflow import Frozen, Report, Result, Status, step

P = ParamSpec("P")
R = TypeVar("R", bound=Result)

_IN_ONE_REGION: tuple[Callable[..., Any], ...] = (debug_performance, investigate_alert)
_NOTHING_THERE = ("NoMatch", "NotFound")


class RegionsReport(Frozen, Generic[R]):
    """What a pattern found in each region, by the region's name, each report as it is for that region alone.

    `status` is `complete` when every region was seen and something was found, `failed` when no region has a
    result, else `incomplete`. `coverage` names the regions that failed, and what the others did not see.
    `hints` are for regions where nothing was.
    """

    pattern: str
    status: Status
    started_at: datetime
    duration_s: float
    regions: Mapping[str, Report[R]]
    hints: Mapping[str, str] = {}
    coverage: Coverage

    def _repr_html_(self) -> str:
        return import_module("patterns.report").render(self, "html")


async def in_regions(
    regions: Mapping[str, Config],
    pattern: Callable[Concatenate[Konnect, P], Awaitable[Report[R]]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> RegionsReport[R]:
    """Run `pattern` in every region at once, with the arguments it takes after the `Konnect`.

    Raises `ConfigError` before connecting for a pattern that may start a debug session, or no region. What
    fails in a region is the `error` of its report.
    """
    if pattern in _IN_ONE_REGION:
        raise ConfigError(
            f"{getattr(pattern, '__name__', 'this')} may start a debug session, which belongs to one control "
            "plane, and so to one region.",
            hint="Run it in the region the control plane is in.",
        )
    if not regions:
        raise ConfigError("No region was named.", hint="Give a Config for each region.")
    started_at, started = datetime.now(UTC), perf_counter()

    async def run(region: tuple[str, Config]) -> Report[R]:
        konnect = Konnect(config=region[1])
        try:
            async with step(region[0]):  # so that whoever watches can tell them apart
                return await pattern(konnect, *args, **kwargs)
        except KonnectError as error:
            if error.report is None:
                raise
            return error.report
        finally:
            await konnect.aclose()

    found: dict[str, Report[R]] = {}
    outcomes = await fan_out("regions", [*regions.items()], run, width=len(regions))
    for name, outcome in zip(regions, outcomes, strict=True):
        if isinstance(outcome, KonnectError):  # it came from no workflow, so there is no report of it
            raise outcome
        found[name] = outcome
    return together(found, started_at=started_at, duration_s=perf_counter() - started)


def together(
    reports: Mapping[str, Report[R]], *, started_at: datetime, duration_s: float
) -> RegionsReport[R]:
    """The report of several regions, at least one, made of the report of each."""
    first = next(iter(reports.values()))
    return RegionsReport[type(first.result)](
        pattern=first.pattern,
        status=_status(reports),
        started_at=started_at,
        duration_s=round(duration_s, 6),
        regions=reports,
        hints={name: _hint(report) for name, report in reports.items() if found_nothing(report)},
        coverage=_coverage(reports),
    )


def found_nothing(report: Report[Any]) -> bool:
    """Whether the answer of a region is that there is nothing of the kind."""
    if report.error is not None:
        return report.error.type in _NOTHING_THERE
    return report.status == "complete" and getattr(report.result, "control_planes", None) == ()


def _status(reports: Mapping[str, Report[Any]]) -> Status:
    with_result = [report for report in reports.values() if report.error is None]
    if not with_result:
        return "failed"
    answered = all(report.status == "complete" or found_nothing(report) for report in reports.values())
    return "complete" if answered else "incomplete"


def _coverage(reports: Mapping[str, Report[Any]]) -> Coverage:
    whole = Coverage()
    for name, report in reports.items():
        seen, failed = report.coverage, report.error is not None and not found_nothing(report)
        missing = [each.model_copy(update={"what": f"{name}: {each.what}"}) for each in seen.missing]
        if report.error is not None and failed:
            missing = [Missing(what=f"the region {name}", error=report.error), *missing]
        whole = whole.and_also(
            Coverage(
                complete=seen.complete and not failed,
                missing=tuple(missing),
                truncated=tuple(f"{name}: {what}" for what in seen.truncated),
                aggregated=tuple(f"{name}: {what}" for what in seen.aggregated),
            )
        )
    return whole


def _hint(report: Report[Any]) -> str:
    return (report.error.hint if report.error else "") or REGION_HINT
