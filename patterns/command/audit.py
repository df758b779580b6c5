"""`konnect-agent audit`: pattern 4, and its gate for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from patterns.command import outcome
from patterns.command.delivery import deliver
from patterns.command.options import ReportOptions
from patterns.command.progress import Display

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import AuditResult, Report

_DEFAULTS = ReportOptions()


async def audit(
    *,
    control_plane: Annotated[
        Sequence[str], Parameter(help="name or id, may be repeated; every one if left out")
    ] = (),
    fail_on: Annotated[
        Literal["info", "low", "medium", "high", "critical"] | None,
        Parameter(help="exit 1 for findings of this severity or worse"),
    ] = None,
    baseline: Annotated[str | None, Parameter(help="a file with the findings that are known")] = None,
    options: ReportOptions = _DEFAULTS,
) -> int:
    """Read the configuration of every control plane and say what is wrong with it.

    With both --fail-on and --require-complete, findings (1) outrank an incomplete view (7).
    """
    from patterns import audit_configuration
    from patterns.audit import gate, load_baseline

    known = load_baseline(baseline) if baseline else None

    async def work(konnect: Konnect, display: Display) -> Report[AuditResult]:
        return await audit_configuration(konnect, control_planes=list(control_plane) or None, baseline=known)

    status, report = await deliver(options, work)
    return outcome.FINDINGS if fail_on and gate(report.result.findings, fail_on) else status
