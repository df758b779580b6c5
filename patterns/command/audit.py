"""`konnect-agent audit`: pattern 4, and its gate for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from konnect_agent.errors import ConfigError
from patterns.command import outcome
from patterns.command.delivery import deliver, obstacle
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
    write_baseline: Annotated[
        str | None, Parameter(help="write what is found to a file, for --baseline from now on")
    ] = None,
    options: ReportOptions = _DEFAULTS,
) -> int:
    """Read the configuration of every control plane and say what is wrong with it.

    With both --fail-on and --require-complete, findings (1) outrank an incomplete view (7).
    """
    from patterns import audit as auditing
    from patterns import audit_configuration

    _check(baseline, write_baseline)
    known = auditing.load_baseline(baseline) if baseline else None

    async def work(konnect: Konnect, display: Display) -> Report[AuditResult]:
        return await audit_configuration(konnect, control_planes=list(control_plane) or None, baseline=known)

    status, report = await deliver(options, work)
    findings = report.result.findings
    if write_baseline:
        auditing.write_baseline(write_baseline, findings)
    return outcome.FINDINGS if fail_on and auditing.gate(findings, fail_on) else status


def _check(baseline: str | None, new_baseline: str | None) -> None:
    """Refuse, before the work starts, a baseline that would lack the findings another one hides."""
    if baseline and new_baseline:
        raise ConfigError(
            "A --write-baseline has everything that is found, and --baseline hides some of it.",
            hint="Give one of them.",
        )
    problem = obstacle(Path(new_baseline)) if new_baseline else None
    if problem:
        raise ConfigError(
            f"The baseline {new_baseline} cannot be written: {problem}.", hint="Check --write-baseline."
        )
