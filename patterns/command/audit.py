"""`konnect-agent audit`: pattern 4, and its gate for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from konnect_agent.errors import ConfigError
from patterns.command import outcome
from patterns.command.delivery import keep_apart, obstacle
from patterns.command.options import RegionsOptions, checked_name
from patterns.command.outcome import say
from patterns.command.progress import Display
from patterns.command.reporting import reporting

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import AuditResult, Report
    from patterns.audit import Finding

_DEFAULTS = RegionsOptions()


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
    options: RegionsOptions = _DEFAULTS,
) -> int:
    """Read the configuration of every control plane and say what is wrong with it.

    With --fail-on, findings (1) outrank a token refused on the way (3) and, with --require-complete, an
    incomplete view (7), from which no baseline is written. A region that failed (2 to 5) outranks the
    findings in others.
    """
    from patterns import audit as auditing
    from patterns import audit_configuration

    keep_apart({"--output": options.output, "--baseline": baseline, "--write-baseline": write_baseline})
    with reporting(options, "audit_configuration") as this:
        _check(baseline, write_baseline)
        for name in control_plane:
            checked_name(name, "--control-plane")
        known = auditing.load_baseline(baseline) if baseline else None

        async def work(konnect: Konnect, display: Display) -> Report[AuditResult]:
            return await audit_configuration(
                konnect, control_planes=list(control_plane) or None, baseline=known
            )

        done = await this.run(work)
        findings = [finding for report in done.reports for finding in report.result.findings]
        if write_baseline:
            _keep(findings, write_baseline, whole=done.complete, or_none=options.require_complete)
    gated = fail_on is not None and auditing.gate(findings, fail_on)
    all_began = done.status in (outcome.DONE, outcome.INCOMPLETE) or not any(
        each.error for each in done.reports
    )
    return outcome.FINDINGS if gated and all_began else done.status


def _keep(findings: Sequence[Finding], file: str, *, whole: bool, or_none: bool) -> None:
    """Write the baseline; one that lacks what could not be seen with a warning, or not at all."""
    from patterns import audit as auditing

    if whole or not or_none:
        auditing.write_baseline(file, findings, complete=whole)
    if not whole:
        written = "was not written" if or_none else "is incomplete"
        say(f"warning: The baseline {file} {written}: not everything could be seen.")
        say("hint: What is missing from a baseline counts as new later. Write it from a complete audit.")


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
