"""Runs the checks in their order, each within its limit, and skips those that need a failed one.

The reason of a skip is the check that failed first, not one that was skipped itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from time import perf_counter

import anyio

from konnect_agent import events
from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Check, Seen
from konnect_agent.diagnosis.checks import CHECKS
from konnect_agent.diagnosis.result import Checked, Diagnosis, family_of, hop_of
from konnect_agent.errors import NETWORK_HINT, ConfigError, KonnectError, TimedOut
from konnect_agent.redaction import redact, scrub_quoted
from konnect_agent.regions import Region, is_konnect


async def diagnose(
    token: str | ConfigError | None = None,
    *,
    token_from: str = "the token given",
    region: str | Region | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Check everything between here and Konnect, and what the token may do there.

    What is not given comes from the environment, as for `Konnect`; `token_from` says where a given token was
    found, for the report, and an error in its place why it could not be read. Whatever goes wrong is part of
    the result; only a cancellation is raised.
    """
    case = Case(token, token_from=token_from, region=region, url=url, headers=headers)
    started_at, started = datetime.now(UTC), perf_counter()
    lines: list[Checked] = []
    blocked: dict[Check, Check] = {}
    try:
        with events.listening(case.note):
            for check in CHECKS:
                lines.append(await _checked(check, case, blocked))
    finally:
        await case.aclose()
    statuses = {line.status for line in lines}
    return Diagnosis(
        endpoint=case.endpoint,
        status="failure" if "failure" in statuses else "warning" if "warning" in statuses else "ok",
        started_at=started_at,
        duration_s=round(perf_counter() - started, 6),
        checks=tuple(lines),
    )


async def _checked(check: Check, case: Case, blocked: dict[Check, Check]) -> Checked:
    """One line. `blocked` are the checks that did not pass, each with the one that failed first."""
    cause = next((blocked[need] for need in check.needs if need in blocked), None)
    if cause is not None:
        blocked[check] = cause
        return Checked(name=check.name, status="skipped", seen=f"not checked, because {cause.title} failed")
    events.emit(events.StepStarted((check.title,)))
    started = perf_counter()
    found = await _run(check, case)
    took = round(perf_counter() - started, 6)
    failed = isinstance(found, KonnectError)
    events.emit(events.StepFinished((check.title,), "failed" if failed else "ok", took))
    if isinstance(found, KonnectError):
        blocked[check] = check
        hop = hop_of(found)
        # To Konnect's own hosts there is no gateway that could be meant.
        passed = hop == "Konnect" and not is_konnect(case.target.host)
        return Checked(
            name=check.name,
            status="failure",
            seen=f"{found.message} (Konnect's own answer)" if passed else found.message,
            advice=found.hint,
            family=family_of(found),
            error=type(found).__name__,
            hop=hop,
            duration_s=took,
        )
    return Checked(
        name=check.name,
        status=found.status,
        seen=scrub_quoted(found.text),
        advice=found.advice,
        facts=redact(found.facts),
        duration_s=took,
    )


async def _run(check: Check, case: Case) -> Seen | KonnectError:
    try:
        with anyio.fail_after(check.limit):
            return await check.run(case)
    except KonnectError as error:
        return error
    except TimeoutError:
        return TimedOut(f"Not done within {check.limit:g} s.", limit="check", hint=NETWORK_HINT)
