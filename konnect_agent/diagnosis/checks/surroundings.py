"""What surrounds the calls: the right region, the clock, and the time a call takes.

None of them asks the server anything: the list, the Date headers and the durations of the checks before are
what they look at.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from statistics import median

from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, skipped, warning
from konnect_agent.diagnosis.checks.permissions import control_planes
from konnect_agent.diagnosis.checks.server import endpoint
from konnect_agent.errors import REGION_HINT
from konnect_agent.regions import Region

MOST_SKEW = 20.0
"""Seconds. A Retry-After may be a date, which is read by this machine's clock, and no wait is longer than
this (`Config.max_wait`): a clock that is further off turns every such wait into none at all or the longest.
Times of a report and of request data no longer go together either. A Date header is only good to a second."""


@check(needs=(control_planes,))
async def region(case: Case) -> Seen:
    """Whether this may be the wrong region, which shows as an empty list (Kong's FAQ)."""
    if case.planes:
        return ok("control planes are here")
    host = case.target.host
    others = [each for each in Region if not host.startswith(f"{each}.")]
    advice = f"{REGION_HINT} Try --region {', '.join(others[:-1])} or {others[-1]}."
    return warning("no control plane can be seen here", advice=advice, others=others)


@check(needs=(endpoint,))
async def clock(case: Case) -> Seen:
    """How far this machine's clock is from the server's."""
    skews: list[float] = []
    for date, received in case.dates:
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            continue
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        skews.append(received - told.timestamp() - 0.5)  # whole seconds, so half a one later on average
    if not skews:
        return skipped("the server does not say what time it is")
    skew = median(skews)
    if abs(skew) <= MOST_SKEW:
        return ok("agrees with the server's", skew_s=round(skew, 1))
    return warning(
        f"this machine's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the server's",
        advice="Set the clock (NTP): waits the server asks for and times in reports are off by as much.",
        skew_s=round(skew, 1),
    )


@check(needs=(control_planes,))
async def round_trip(case: Case) -> Seen:
    """How long a call takes, as a median of those made so far."""
    typical, count = median(case.calls), len(case.calls)
    of = f"median of {count} calls" if count > 1 else "one call"
    return ok(f"{typical * 1000:,.0f} ms, {of}", median_s=round(typical, 6), calls=count)
