"""Plots of pattern 3: failing requests per hour stacked by consumer, and per consumer stacked by status.

A report has hours and statuses of its top consumers and of requests nobody authenticated; how many failures
of other consumers are not drawn is said in the header. A consumer keeps the colour of its rank, a status the
colours of its class: blue for 4xx, orange for 5xx.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own stubs leave the **kwargs of nearly every method untyped)

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from patterns.consumers import ConsumersResult
from patterns.failures import ConsumerFailures
from patterns.report.documents.consumers import told_apart
from patterns.report.plots.canvas import (
    BLUES,
    DISTINCT,
    GREY,
    NOBODY,
    ORANGES,
    OTHERS,
    about,
    drawing,
    legend,
    nothing,
    plain,
)
from patterns.workflow import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AT_MOST = 12
_NOBODY = "no consumer"
_NO_FAILURES = "The report counts no failing requests."
_RANGES = {"15M": 0.25, "1H": 1.0, "6H": 6.0, "12H": 12.0, "24H": 24.0, "7D": 168.0}  # hours
_TICKS, _FIRST_TICKS = (
    ("%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S"),
    ("", "%Y", "%b", "%d %b", "%H:%M", "%H:%M"),
)
_ROW = 0.36  # inches


def failures_over_time(report: Report[ConsumersResult]) -> Figure:
    """Failing requests per hour (UTC), stacked by consumer, those of nobody on top.

    The six consumers with most failures have a colour of their own. Hours more than a day outside the time
    range are left out. Raises ImportError without matplotlib.
    """
    title, result = "Failing requests over time", report.result
    span = _RANGES.get(result.time_range, 24.0)
    last = report.started_at.astimezone(UTC)
    first, day, hour = last - timedelta(hours=span), timedelta(days=1), timedelta(hours=1)
    layers = list(_layers(result, first - day, last + day))
    hours = sorted({moment for layer in layers for moment in layer.by_hour})
    if not hours:
        return nothing(title, _analyzed(report, 0), _NO_FAILURES)
    drawn = sum(layer.by_hour.total() for layer in layers)
    with drawing(title, _analyzed(report, drawn), height=2.7) as (figure, axes):
        starts = [_day_number(moment) for moment in hours]
        base = [0] * len(hours)
        for layer in layers:
            heights = [layer.by_hour[moment] for moment in hours]
            axes.bar(
                starts, heights, bottom=base, width=1 / 24, align="edge", color=layer.colour,
                label=layer.label, edgecolor="white", linewidth=min(0.5, 12 / span),
            )  # fmt: skip
            base = [below + height for below, height in zip(base, heights, strict=True)]
        _time_axis(axes, min(first, hours[0]), max(last, hours[-1] + hour))
        axes.set_ylabel("failing requests per hour")
        axes.locator_params(axis="y", integer=True, nbins=6)
        axes.grid(axis="y")
        legend(axes, title="consumer", upside_down=True)
    return figure


def failures_by_consumer(report: Report[ConsumersResult]) -> Figure:
    """Failing requests per consumer, most first, stacked by status; those of nobody come last.

    Blues are 4xx, oranges 5xx. Twelve consumers at most. Raises ImportError without matplotlib.
    """
    title, result = "Failing requests by consumer", report.result
    names = _names(result.consumers[:_AT_MOST])
    rows = [(name, Counter(one.by_status)) for name, one in zip(names, result.consumers, strict=False)]
    if result.unattributed.failures:
        rows.append((_NOBODY, Counter(result.unattributed.by_status)))
    every = sum((statuses for _, statuses in rows), Counter[str]())
    if not every:
        return nothing(title, _analyzed(report, 0), _NO_FAILURES)
    parts = list(_statuses(every))
    slots = max(len(rows), 1 + 0.6 * len(parts))  # the legend needs room too
    with drawing(title, _analyzed(report, every.total()), height=_ROW * slots) as (figure, axes):
        base = [0] * len(rows)
        for label, colour, members in parts:
            widths = [sum(statuses[status] for status in members) for _, statuses in rows]
            axes.barh(
                range(len(rows)), widths, left=base, height=0.66, color=colour, label=label,
                edgecolor="white", linewidth=0.5,
            )  # fmt: skip
            base = [left + width for left, width in zip(base, widths, strict=True)]
        for row, total in enumerate(base):
            beside = (5, 0)
            axes.annotate(
                f"{total:,}", (total, row), beside, textcoords="offset points", va="center", color=GREY
            )
        axes.set(ylim=(slots - 0.5, -0.5), xlabel="failing requests", ylabel="consumer")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        if result.unattributed.failures:
            axes.get_yticklabels()[-1].set_fontstyle("italic")
        axes.margins(x=0.08)
        axes.locator_params(axis="x", integer=True, nbins=8)
        axes.grid(axis="x")
        legend(axes, title="status")
    return figure


@dataclass(frozen=True)
class _Layer:
    """One colour of a stack over time."""

    label: str
    colour: str
    by_hour: Counter[datetime]


def _layers(result: ConsumersResult, earliest: datetime, latest: datetime) -> Iterator[_Layer]:
    """The worst consumers, the others together, and nobody; only hours in between."""

    def between(by_hour: Mapping[str, int]) -> Counter[datetime]:
        read = ((_hour(text), count) for text, count in by_hour.items())
        return Counter({hour: count for hour, count in read if hour and earliest < hour < latest})

    consumers, coloured = result.consumers, len(DISTINCT)
    for name, one, colour in zip(_names(consumers), consumers, DISTINCT, strict=False):
        yield _Layer(name, colour, between(one.by_hour))
    others = sum((between(one.by_hour) for one in consumers[coloured:]), Counter[datetime]())
    if others:
        yield _Layer(f"{len(consumers) - coloured} others", OTHERS, others)
    nobody = between(result.unattributed.by_hour)
    if nobody:
        yield _Layer(_NOBODY, NOBODY, nobody)


def _hour(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:00Z").replace(tzinfo=UTC)
    except ValueError:
        return None


def _time_axis(axes: Axes, first: datetime, last: datetime) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=UTC, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(
            locator, tz=UTC, formats=list(_TICKS), zero_formats=list(_FIRST_TICKS), show_offset=False
        )
    )
    axes.set(xlim=(_day_number(first), _day_number(last)), xlabel="time (UTC)")


def _day_number(moment: datetime) -> float:
    """A moment as matplotlib counts time: in days."""
    from matplotlib import dates

    return cast("Callable[[datetime], float]", dates.date2num)(moment)


def _statuses(every: Counter[str]) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Label, colour and members: statuses in order, each with a colour of its class, the rarest together."""
    for digit, family in (("4", BLUES), ("5", ORANGES)):
        ranked = [status for status, _ in every.most_common() if status.startswith(digit)]
        alone, rest = ranked[: len(family) - 1], ranked[len(family) - 1 :]
        colours = family if len(ranked) > 1 else family[1:]
        for status, colour in zip(sorted(alone), colours, strict=False):
            yield plain(status, 12), colour, [status]
        if rest:
            yield f"other {digit}xx", family[-1], rest
    others = [status for status in every if not status.startswith(("4", "5"))]
    if others:
        yield "other", OTHERS, others


def _names(consumers: Sequence[ConsumerFailures]) -> list[str]:
    """What consumers are called; several of one name are told apart by their control plane, or own id."""
    names: list[str] = []
    for (name, which), one in zip(told_apart(consumers), consumers, strict=True):
        shown = f"{plain(name, 16)} ({plain(which[:8], 8)})" if which else plain(name, 26)
        names.append(f"{shown} (gone)" if one.exists is False else shown)
    return names


def _analyzed(report: Report[ConsumersResult], drawn: int) -> str:
    """What was counted, and how much of it is drawn."""
    result = report.result
    of_all = f" of {result.rows:,}" if result.rows and result.rows > drawn else ""
    statuses = "status " + ", ".join(map(str, result.status_codes)) if result.status_codes else None
    within = f"last {result.time_range}" if result.time_range else None
    where = result.control_plane.name or "every visible control plane"
    return about(report, where, within, statuses, f"{drawn:,}{of_all} failing requests")
