"""Plots of pattern 1: bars for the bottlenecks' shares, points on a logarithmic scale for latencies.

Shares are parts of a whole, so they stand on a track that is the whole. Latencies span from the microseconds
of a router to the seconds of an upstream: on a linear scale only the slowest part could be read.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own stubs leave the **kwargs of nearly every method untyped)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from patterns.performance import PerformanceResult
from patterns.report.document import milliseconds, percent
from patterns.report.documents.performance import criteria_text
from patterns.report.plots.canvas import (
    BLUES,
    FAINT,
    GREY,
    ORANGES,
    TRACK,
    about,
    drawing,
    legend,
    nothing,
    plain,
)
from patterns.traces import Bottleneck
from patterns.workflow import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AT_MOST = 12
_PERCENTILES = {
    "p50_ms": ("o", BLUES[3]), "p90_ms": ("D", BLUES[2]),
    "p95_ms": ("s", BLUES[1]), "p99_ms": ("^", BLUES[0]),
}  # fmt: skip
_ROUGHLY = {"mean_ms": ("o", ORANGES[2]), "max_ms": ("D", ORANGES[1])}
_LONGEST = 1e12  # ms, thirty years: what claims to take longer is no latency
_ROOM = 0.3  # of the axis, to the right of the longest latency, for its figures


def bottleneck_shares(report: Report[PerformanceResult]) -> Figure:
    """One bar per bottleneck, worst first: its share of the requests' time in percent.

    Twelve at most. Raises ImportError without matplotlib.
    """
    title, found = "Where the time goes", report.result.bottlenecks
    if not found:
        return nothing(title, _traced(report), "The report names no bottlenecks.")
    shown = found[:_AT_MOST]
    rows = range(len(shown))
    with drawing(title, _traced(report), height=max(0.9, 0.5 * len(shown))) as (figure, axes):
        axes.barh(rows, 100, height=0.3, color=TRACK, label="all")
        shares = [100 * (bottleneck.share or 0) for bottleneck in shown]
        axes.barh(rows, shares, height=0.3, color=BLUES[1], label="share")
        for row, bottleneck in zip(rows, shown, strict=True):
            above = row - 0.24
            share = "n/a" if bottleneck.share is None else percent(bottleneck.share)
            axes.text(0, above, plain(bottleneck.name, 60), va="bottom")
            axes.text(100, above, share, va="bottom", ha="right", fontweight="bold")
            axes.annotate(
                _figures(bottleneck), (100, above), (-40, 0), textcoords="offset points", va="bottom",
                ha="right", color=GREY,
            )  # fmt: skip
        axes.set(xlim=(0, 100), ylim=(len(shown) - 0.7, -0.8), yticks=[])
        which = "bottlenecks" if len(shown) == len(found) else f"worst {len(shown)} of {len(found)}"
        axes.set(xlabel="share of all requests' time (%); a span includes what runs inside it", ylabel=which)
        axes.spines["bottom"].set_visible(False)
    return figure


def latency_distribution(report: Report[PerformanceResult]) -> Figure:
    """Percentiles of the latency in milliseconds, a row per part of it, as the server gives them.

    A part without percentiles shows its mean and maximum. Twelve parts at most; the scale is logarithmic
    from 1 ms on. Raises ImportError without matplotlib.
    """
    title, parts = "Latency distribution", list(_parts(report.result.latency))[:_AT_MOST]
    if not parts:
        return nothing(title, _traced(report), "The report gives no latencies.")
    with drawing(title, _traced(report), height=max(0.6, 0.42 * len(parts))) as (figure, axes):
        for row, (_, values) in enumerate(parts):
            lowest, highest = min(values.values()), max(values.values())
            axes.plot([lowest, highest], [row, row], color=FAINT, linewidth=3, solid_capstyle="round")
            axes.annotate(
                _range(lowest, highest), (highest, row), (9, 0), textcoords="offset points", va="center",
                color=GREY,
            )  # fmt: skip
        for name, (marker, colour) in (_PERCENTILES | _ROUGHLY).items():
            points = [(values[name], row) for row, (_, values) in enumerate(parts) if name in values]
            if points:
                x, y = zip(*points, strict=True)
                label = name.removesuffix("_ms")
                axes.scatter(x, y, 48, colour, marker=marker, zorder=3, edgecolors="white", label=label)
        axes.set_xscale("symlog", linthresh=1.0, linscale=0.4)
        axes.xaxis.set_major_formatter(_tick)
        longest = 1 + max(max(values.values()) for _, values in parts)
        axes.set_xlim(-0.5, longest ** (1 + _ROOM) * 10**_ROOM)
        axes.set(ylim=(len(parts) - 0.5, -0.5), xlabel="latency (ms, logarithmic)", ylabel="part")
        axes.set_yticks(range(len(parts)), [plain(name, 28) for name, _ in parts])
        axes.grid(axis="x")
        legend(axes)
    return figure


def _parts(latency: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Parts with figures to draw; figures that stand at the top belong to the whole."""
    for part, figures in (("total", latency), *latency.items()):
        for wanted in (_PERCENTILES, _ROUGHLY):
            found = _durations(figures, wanted)
            if found:
                yield part, found
                break


def _durations(figures: Any, wanted: Iterable[str]) -> dict[str, float]:
    if not isinstance(figures, Mapping):
        return {}
    given = {name: cast("Mapping[str, Any]", figures).get(name) for name in wanted}
    return {
        name: float(value)
        for name, value in given.items()
        if isinstance(value, (int, float)) and 0 <= value <= _LONGEST
    }


def _figures(bottleneck: Bottleneck) -> str:
    """Its kind and the first two durations it has."""
    named = {"p50": bottleneck.p50_ms, "p95": bottleneck.p95_ms, "p99": bottleneck.p99_ms}
    named["mean"] = bottleneck.mean_ms
    timed = [f"{name} {plain(milliseconds(value), 16)}" for name, value in named.items() if value is not None]
    return "  ·  ".join([plain(bottleneck.kind, 20), *timed[:2]])


def _range(lowest: float, highest: float) -> str:
    ends = dict.fromkeys(milliseconds(value).removesuffix(" ms") for value in (lowest, highest))
    return " – ".join(ends) + " ms"


def _tick(value: float, _: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value:.0e}"


def _traced(report: Report[PerformanceResult]) -> str:
    """What was traced."""
    return about(report, report.result.control_plane.name, criteria_text(report.result.criteria))
