"""Pattern 3, consumer analysis, in Kong's documented steps.

1. The control plane. 2. Its failing requests (the query is org-wide: rows of others are left out and
counted, and so are rows nobody asked for). 3. Failures ranked per consumer; requests nobody authenticated
are counted apart. 4. Each top consumer's entity and all its failures, in parallel. 5. The plugins it meets
on the routes where it fails, in execution order, and those that are scoped to it.
There is no total anywhere: a list as long as its limit was cut. A server that can count all of it is asked
to (see `patterns.aggregates`), and the rows are examples; of any other, the report says that it was cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from konnect_agent import Konnect
from konnect_agent.errors import InvalidArguments, KonnectError, ToolUnavailable, Undecodable
from konnect_agent.ids import CompositeId
from konnect_agent.redaction import redact, scrub
from konnect_agent.resources.analytics import at_least_one, checked_statuses, checked_time_range
from konnect_agent.resources.resource import required
from patterns.aggregates import Recount, recount
from patterns.attribution import Attributed, ControlPlanes, answering, once_each, with_status
from patterns.callers import Seen, look
from patterns.coverage import ask_each
from patterns.encounters import Surroundings, doubts_about_groups, passages, surroundings
from patterns.failures import NO_ROUTE, ConsumerFailures, Counted, Failures, RouteFailures, Tally, latest
from patterns.placing import place
from patterns.selection import Selected, group_members, select_control_plane
from patterns.workflow import OpenStep, Result, aggregated, keep, missed, step, truncated, workflow

_SHOWN_REQUESTS = 20


class ConsumersResult(Result):
    """Who fails, how, and behind which plugins. `unattributed` are requests without a consumer.

    `rows` is how many failing requests were counted, None when they could not be seen; `recounted` says that
    the server did, because too few rows came. Not counted in are `elsewhere`, which belong to other control
    planes, `unplaced`, which do not say to which, `unasked`, which the server sent although they have another
    status or are older than what was asked for, and `repeated`, which it sent before.
    """

    control_plane: Selected = Selected()
    time_range: str = ""
    status_codes: tuple[int, ...] = ()
    rows: int | None = None
    elsewhere: int = 0
    unplaced: int = 0
    unasked: int = 0
    repeated: int = 0
    truncated: bool = False
    recounted: bool = False
    consumers: tuple[ConsumerFailures, ...] = ()
    unattributed: Failures = Failures()
    notes: tuple[str, ...] = ()


@workflow("analyze_consumers", ConsumersResult)
async def analyze_consumers(
    konnect: Konnect,
    control_plane: str | None = None,
    *,
    time_range: str = "24H",
    status_codes: int | Sequence[int] = (500, 502, 503),
    top: int = 5,
    max_results: int = 1000,
) -> ConsumersResult:
    """Which consumers fail most, on which routes, and which plugins stand in their way.

    `control_plane` is a name or id; without it every control plane of the region counts. `time_range` is
    15M, 1H, 6H, 12H, 24H or 7D. `max_results` rows are asked for at most; a cut list is said to be one.
    Raises `InvalidArguments` before anything is sent, `NoMatch` or `Ambiguous` for the control plane.
    """
    time_range, statuses = checked_time_range(time_range), tuple(checked_statuses(status_codes) or ())
    if not statuses:
        raise InvalidArguments("No status was given.", hint="Say what counts as failing: 500, 502, 503.")
    top = at_least_one(top, "top") or 5
    at_least_one(max_results)
    if control_plane is not None:
        required(control_plane, "control plane")

    async with step("select control plane") as this:
        chosen, known = await _control_planes(konnect, control_plane, this)
    everywhere = chosen.id is None
    result = keep(ConsumersResult(control_plane=chosen, time_range=time_range, status_codes=statuses))

    async with step("failing requests"):
        found = await konnect.analytics.query_api_requests(
            time_range, status_codes=statuses, max_results=max_results
        )
        sent = once_each(found.rows)
        failing = answering(sent, time_range, with_status(statuses), now=konnect.date())
        attributed = [known.attribute(row) for row in failing]
        rows = await place(konnect, attributed, known)
        placed = sum(1 for row, then in zip(rows, attributed, strict=True) if row is not then)
        own = rows if everywhere else [row for row in rows if row.control_plane_id]
        unplaced = 0 if everywhere else sum(1 for row in rows if not row.says_where)
        _note_unseen(rows, unplaced)
    async with step("rank consumers") as this:
        tally = Tally.of(own)
        recounted = None
        if found.truncated:
            recounted = await _recounted(
                konnect, tally, known, everywhere=everywhere, time_range=time_range, status_codes=statuses,
                top=top,
            )  # fmt: skip
            _note_cut(recounted, len(rows))
        ranking = recounted.ranking if recounted else tally.ranking()
        best = ranking[:top]
        this.extract_each("consumer_id", [who.id for who, counted in best if who.id != counted.username])
        if everywhere and best:
            this.extract(control_plane_id=best[0][0].control_plane_id)
    result = result.model_copy(
        update={
            "rows": len(own),
            "elsewhere": len(rows) - len(own) - unplaced,
            "unplaced": unplaced,
            "unasked": len(sent) - len(failing),
            "repeated": len(found.rows) - len(sent),
            "truncated": found.truncated and not recounted,
            "unattributed": Failures(**tally.anonymous.counts()),
            **(_of_server(recounted) if recounted else {}),
        }
    )
    notes = tuple(_notes(result, len(found.rows), len(ranking), top, placed))
    result = keep(result.model_copy(update={"notes": notes}))

    async with step("top consumers"):
        looks = await ask_each(
            konnect,
            "consumers",
            best,
            lambda entry: look(konnect, *entry, known=known, time_range=time_range, max_results=max_results),
        )
    async with step("plugins"):
        plane_ids = list(dict.fromkeys(who.control_plane_id for who, _ in best if who.control_plane_id))
        around = await surroundings(konnect, plane_ids, known, listed=everywhere)
    consumers = tuple(
        _view(who, counted, seen, around.get(who.control_plane_id or "", Surroundings()))
        for (who, counted), seen in zip(best, looks, strict=True)
        if isinstance(seen, Seen)
    )
    ways = passages(counted for _, counted in best)
    doubts = doubts_about_groups((plugin for each in around.values() for plugin in each.plugins), ways)
    return result.model_copy(update={"consumers": consumers, "notes": (*result.notes, *doubts)})


async def _control_planes(
    konnect: Konnect, name_or_id: str | None, this: OpenStep
) -> tuple[Selected, ControlPlanes]:
    """The chosen control plane and those its rows may be of; every visible one when none is named."""
    if name_or_id is None:
        try:
            visible = await konnect.control_planes.list()
        except KonnectError as error:
            missed("control planes", error)
            return Selected(found_by="all visible"), ControlPlanes()
        if not visible.complete:
            truncated("control planes")
        return Selected(found_by="all visible"), ControlPlanes(visible)
    plane, chosen = await select_control_plane(konnect, name_or_id, this)
    try:
        members = await group_members(konnect, plane)
    except KonnectError as error:
        missed("members", error, control_plane=plane)
        members = ()
    return chosen, ControlPlanes((plane, *members))


async def _recounted(konnect: Konnect, *question: Any, **more: Any) -> Recount | None:
    """What the server counts itself; None where it does not, or where that cannot be relied on."""
    try:
        return await recount(konnect, *question, **more)
    except ToolUnavailable:  # a generation without aggregates
        return None
    except KonnectError as error:
        missed("the server's own counts of failing requests", error)
        return None


def _note_cut(recounted: Recount | None, rows: int) -> None:
    if recounted is None:
        truncated(f"failing requests (the newest {rows} were counted)")
        return
    aggregated("failing requests by consumer, status, route and hour")
    if not recounted.whole:
        truncated(f"failing consumers (the first {len(recounted.ranking)} were counted)")


def _of_server(counts: Recount) -> dict[str, Any]:
    """The fields of the result that the server counted."""
    return {
        "recounted": True,
        "rows": counts.total,
        "elsewhere": counts.elsewhere,
        "unplaced": counts.unplaced,
        "unattributed": Failures(**counts.anonymous.counts()),
    }


def _note_unseen(rows: Sequence[Attributed], unplaced: int) -> None:
    silent = sum(1 for row in rows if row.request.status is None)
    if silent:
        said = f"{silent} of {len(rows)} rows have no readable status, and count as failures were asked for"
        missed("the statuses of failing requests", Undecodable(said, path="status"))
    if unplaced:
        said = f"{unplaced} of {len(rows)} rows do not say which one they belong to"
        missed("failing requests without a control plane", Undecodable(said, path="control_plane"))
    unread = [row for row in rows if row.caller is None and "consumer" in row.request.unread]
    if unread:
        said = f"{len(unread)} of {len(rows)} rows name their consumer in a form nobody knows"
        missed("consumers", Undecodable(said, path="consumer"))


def _notes(result: ConsumersResult, sent: int, ranked: int, top: int, placed: int) -> Iterator[str]:
    failing = (result.rows or 0) + result.elsewhere + result.unplaced
    if result.recounted:
        yield f"The server stopped at {sent} rows and counted {failing} itself: the rows are examples."
    if result.truncated:
        yield (
            f"The server stopped at {sent} rows: these are the newest, not all. "
            "A shorter time range sees all of it."
        )
    if result.unasked:
        yield (
            f"{result.unasked} of {sent} rows have another status or are older than what was asked for: the "
            "server did not filter them, and they are left out."
        )
    if result.repeated:
        yield f"{result.repeated} of {sent} rows are repetitions of others: each request counts once."
    if not failing:
        yield "No failing request was seen: also check the region, the statuses and the time range."
    elif result.elsewhere == failing:
        yield f"All {failing} failing requests belong to other control planes."
    if result.unplaced:
        yield (
            f"{result.unplaced} failing requests do not say which control plane they belong to: they are "
            "left out, and may belong here."
        )
    if placed:
        yield (
            f"{placed} failing requests do not say which control plane they belong to: each counts for the "
            "only one that has its route or consumer, or for the only one that is visible."
        )
    if ranked > top:
        yield f"{ranked} consumers failed; these are the first {top}."


def _view(who: CompositeId, counted: Counted, seen: Seen, around: Surroundings) -> ConsumerFailures:
    counts = counted.counts()
    requests = seen.requests.rows if seen.requests else ()
    username = seen.entity.username if seen.entity else counted.username
    custom_id = seen.entity.custom_id if seen.entity else None
    own_id = (seen.entity and seen.entity.id) or (who.id if who.id != counted.username else None)
    ways = passages([counted])
    return ConsumerFailures(
        **counts,
        id=own_id,
        control_plane_id=who.control_plane_id,
        username=scrub(username) if username else None,
        custom_id=scrub(custom_id) if custom_id else None,
        exists=seen.exists,
        routes=tuple(_route_failures(route_id, n, around) for route_id, n in counts["by_route"].items()),
        requests=latest(requests, _SHOWN_REQUESTS),
        request_count=len(requests) if seen.requests else None,
        request_count_is_minimum=bool(seen.requests and seen.requests.truncated),
        statistics=redact(seen.requests.summary) if seen.requests else {},
        plugins=around.met(own_id or who.id, ways),
        plugins_in_order=around.in_order(own_id or who.id, ways),
    )


def _route_failures(route_id: str, failures: int, around: Surroundings) -> RouteFailures:
    if route_id == NO_ROUTE:
        return RouteFailures(failures=failures)
    route = around.route(route_id)
    return RouteFailures(id=route_id, name=scrub(route.label) if route else None, failures=failures)
