"""Pattern 3: who fails, how often and where, and what those consumers meet on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from patterns.consumers import ConsumersResult
from patterns.failures import ConsumerFailures, FailedRequest, RouteFailures
from patterns.report.document import (
    Aside,
    Bar,
    Block,
    Cell,
    Column,
    Items,
    Part,
    Section,
    Tone,
    Toned,
    counted,
    milliseconds,
    number,
    percent,
    share_of,
    table,
)

_REFUSES: Mapping[bool | None, Cell] = {True: Toned("yes", "warn"), False: "no", None: "perhaps"}


def describe(result: ConsumersResult) -> Part:
    """The document of a consumer analysis."""
    plane = result.control_plane
    return Part(
        title="Consumer analysis",
        headline=_headline(result),
        facts=(
            ("control plane", plane.name or plane.id or ("every visible one" if plane.found_by else None)),
            ("time range", result.time_range),
            ("statuses", ", ".join(map(str, result.status_codes))),
            ("failing requests", _seen(result)),
        ),
        blocks=tuple(_blocks(result)),
    )


def _headline(result: ConsumersResult) -> str:
    """The first consumer, and before it the requests of nobody where those are more."""
    if not result.rows:
        return ""
    nobody, first = result.unattributed, next(iter(result.consumers), None)
    points: list[str] = []
    if first is not None:
        statuses = ", ".join(_ranked(first.by_status))
        share = percent(share_of(first.failures, result.rows))
        asked = counted(first.failures, "request")
        points.append(f"{_names(result.consumers)[0]} has {share} of the failures: {asked}, {statuses}.")
    if nobody.failures > (first.failures if first is not None else 0):
        share = percent(share_of(nobody.failures, result.rows))
        asked = counted(nobody.failures, "request")
        points.insert(0, f"{share} of the failures have no consumer: {asked}.")
    return " ".join(points)


def _seen(result: ConsumersResult) -> Cell | None:
    if result.rows is None:
        return Toned("could not be seen", "warn") if result.time_range else None
    seen = counted(result.rows, "request" if result.recounted else "row")
    seen += " (counted by the server)" if result.recounted else ""
    seen += " (cut: the newest only)" if result.truncated else ""
    if result.elsewhere:
        seen += f", {number(result.elsewhere)} of other control planes left out"
    return seen + (
        f", {number(result.unplaced)} of no known control plane left out" if result.unplaced else ""
    )


def _blocks(result: ConsumersResult) -> Iterator[Block]:
    if result.notes:
        yield Items(result.notes, "warn" if result.truncated else "dim")
    nobody = result.unattributed
    whole = result.rows or 0
    named = list(zip(_names(result.consumers), result.consumers, strict=True))
    rows = [_row(name, consumer, whole) for name, consumer in named]
    if nobody.failures:
        who = Toned("(no consumer)", "dim")
        rows.append((who, *_failures(nobody.failures, whole), *_kinds(nobody.by_status, ()), ""))
    if rows:
        columns = [
            Column("consumer", exact=True), Column("failures", "right"), Column("share", bars=True),
            Column("statuses"), Column("routes"), Column("custom id", exact=True, extra=True),
        ]  # fmt: skip
        yield Section("Who fails", (table(columns, rows),))
    plugins = [(name, *entry) for name, consumer in named for entry in _plugins(consumer)]
    if plugins:
        columns = [
            Column("consumer", exact=True),
            Column("plugin", exact=True),
            Column("can refuse"),
            Column("scope"),
            Column("why"),
        ]
        yield Section("Plugins they meet, in the order they run", (table(columns, plugins),))
    for name, consumer in named:
        if consumer.requests:
            yield Aside(f"Latest failures of {name}", (_requests(consumer.requests),))


def _row(name: str, consumer: ConsumerFailures, whole: int) -> tuple[Cell, ...]:
    who: Cell = Toned(f"{name} (gone)", "warn") if consumer.exists is False else name
    kinds = _kinds(consumer.by_status, consumer.routes)
    return (who, *_failures(consumer.failures, whole), *kinds, consumer.custom_id or "")


def _failures(failures: int, whole: int) -> tuple[Cell, Cell]:
    share = share_of(failures, whole)
    tone: Tone = "bad" if share >= 0.5 else "warn" if share >= 0.2 else "plain"
    return number(failures), Bar(share, percent(share), tone)


def _kinds(by_status: Mapping[str, int], routes: tuple[RouteFailures, ...]) -> tuple[Cell, Cell]:
    where = [f"{route.name or route.id or '(no route)'} {number(route.failures)}" for route in routes[:3]]
    if len(routes) > 3:
        where.append(f"{len(routes) - 3} more")
    return ", ".join(_ranked(by_status)), ", ".join(where)


def _ranked(by_status: Mapping[str, int]) -> list[str]:
    """`503×12`, most frequent first."""
    ranked = sorted(by_status.items(), key=lambda entry: (-entry[1], entry[0]))
    return [f"{status}×{number(count)}" for status, count in ranked[:4]]


def _plugins(consumer: ConsumerFailures) -> Iterator[tuple[Cell, ...]]:
    """What runs where it fails, then what is scoped to it and does not."""
    met = {plugin.id for plugin in consumer.plugins_in_order}
    for plugin in consumer.plugins_in_order:
        yield plugin.name or plugin.id or "?", _REFUSES[plugin.refuses], plugin.scope, plugin.because
    for plugin in consumer.plugins:
        if plugin.id not in met:
            yield plugin.name or plugin.id or "?", "-", plugin.scope, plugin.because


def _requests(requests: tuple[FailedRequest, ...]) -> Block:
    columns = [
        Column("at (UTC)"), Column("request"), Column("status", "right"), Column("upstream", "right"),
        Column("latency", "right"), Column("request id", exact=True),
    ]  # fmt: skip
    return table(
        columns,
        (
            (
                f"{request.at:%m-%d %H:%M:%S}" if request.at else "-",
                " ".join(filter(None, (request.method, request.uri))),
                str(request.status or "-"),
                str(request.upstream_status or "-"),
                milliseconds(request.latency_ms),
                request.id or "-",
            )
            for request in requests
        ),
    )


def _names(consumers: Sequence[ConsumerFailures]) -> list[str]:
    return [f"{name} ({which})" if which not in ("", name) else name for name, which in told_apart(consumers)]


def told_apart(consumers: Sequence[ConsumerFailures]) -> list[tuple[str, str]]:
    """What consumers are called, and of those called alike, which it is: its control plane or id."""
    called = [each.username or each.custom_id or each.id or "?" for each in consumers]
    there = [(name, each.control_plane_id) for name, each in zip(called, consumers, strict=True)]
    names, places = Counter(called), Counter(there)
    which = (
        "" if names[name] == 1 else (place if place and places[name, place] == 1 else each.id) or ""
        for (name, place), each in zip(there, consumers, strict=True)
    )
    return list(zip(called, which, strict=True))
