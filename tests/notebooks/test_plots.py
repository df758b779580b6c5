"""Plots: what is drawn, what hostile text can do to it (nothing), and what an empty report gives."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own stubs leave the **kwargs of nearly every method untyped)

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest
from matplotlib.text import Text

from patterns import ConsumersResult, PerformanceResult, Report
from patterns.coverage import Coverage
from patterns.failures import ConsumerFailures, Failures
from patterns.report import plots
from patterns.selection import Selected
from patterns.traces import Bottleneck

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOW = datetime(2026, 3, 29, 12, 20, tzinfo=UTC)
HOSTILE = "$\\frac{x$ \\input{/etc/passwd} \x1b[31mred \u202egnp\n<b>"
EVERY = (
    plots.bottleneck_shares,
    plots.latency_distribution,
    plots.failures_over_time,
    plots.failures_by_consumer,
)


def report(pattern: str, result: Any, status: str = "complete") -> Any:
    generic: Any = Report
    return generic[type(result)].model_validate(
        {
            "pattern": pattern, "status": status, "endpoint": "http://127.0.0.1/", "started_at": NOW,
            "duration_s": 1.0, "steps": (), "result": result, "coverage": Coverage(),
        }
    )  # fmt: skip


def traced(**result: Any) -> Report[PerformanceResult]:
    return report("debug_performance", PerformanceResult(control_plane=Selected(name="shop"), **result))


def analyzed(*consumers: ConsumerFailures, **result: Any) -> Report[ConsumersResult]:
    plane = Selected(name="shop")
    given = {"control_plane": plane, "time_range": "24H", "consumers": consumers, **result}
    return report("analyze_consumers", ConsumersResult.model_validate(given))


def empty(plot: Callable[[Any], Figure], status: str = "complete") -> Any:
    result = PerformanceResult() if plot.__module__.endswith("performance") else ConsumersResult()
    return report("any", result, status)


def consumer(name: str, by_hour: Mapping[str, int], **more: Any) -> ConsumerFailures:
    failures = sum(by_hour.values())
    given = {"failures": failures, "by_status": {"503": failures}, "exists": True, **more}
    return ConsumerFailures.model_validate({"username": name, "by_hour": by_hour, **given})


def hour(ago: int) -> str:
    return f"{NOW - timedelta(hours=ago):%Y-%m-%dT%H:00Z}"


def texts(figure: Figure) -> list[str]:
    """Everything written in a figure; rendering it first makes sure that it can be."""
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(Text)]


def bars(figure: Figure, label: str) -> list[Any]:
    """The bars of one colour."""
    return next(list(c) for c in figure.axes[0].containers if c.get_label() == label)


def points(figure: Figure) -> dict[str, list[list[float]]]:
    """The points of each marker: milliseconds and row."""
    markers: Any = figure.axes[0].collections
    return {marker.get_label(): marker.get_offsets().tolist() for marker in markers}


def test_there_is_one_bar_for_each_bottleneck_and_it_is_as_long_as_its_share() -> None:
    found = (Bottleneck(name="kong.dns", kind="dns", share=0.7), Bottleneck(name="kong", kind="other"))
    figure = plots.bottleneck_shares(traced(bottlenecks=found))
    assert [round(bar.get_width(), 6) for bar in bars(figure, "share")] == [70.0, 0.0]
    assert {"kong.dns", "70 %", "kong", "n/a"} <= set(texts(figure))


def test_more_bottlenecks_than_fit_are_counted() -> None:
    found = tuple(Bottleneck(name=f"span {i}", kind="other", share=0.01) for i in range(30))
    figure = plots.bottleneck_shares(traced(bottlenecks=found))
    assert len(bars(figure, "share")) == 12
    assert "worst 12 of 30" in texts(figure)


def test_each_part_of_the_latency_has_the_percentiles_the_server_gave() -> None:
    latency = {
        "p50_ms": 3.0,
        "upstream": {"p50_ms": 40.0, "p99_ms": 900.0},
        "3p": {"mean_ms": 0, "max_ms": 0.5},
    }
    figure = plots.latency_distribution(traced(latency=latency))
    assert points(figure) == {
        "p50": [[3.0, 0.0], [40.0, 1.0]], "p99": [[900.0, 1.0]], "mean": [[0.0, 2.0]], "max": [[0.5, 2.0]],
    }  # fmt: skip
    assert {"total", "upstream", "3p", "40 – 900 ms"} <= set(texts(figure))


@pytest.mark.parametrize("nonsense", [1e300, -1.0, "fast", None, {"p50_ms": 1}])
def test_what_is_no_latency_is_not_drawn(nonsense: object) -> None:
    figure = plots.latency_distribution(traced(latency={"total": {"p50_ms": 7.0, "p99_ms": nonsense}}))
    assert points(figure) == {"p50": [[7.0, 0.0]]}


def test_failures_are_stacked_by_consumer_and_hour_with_those_of_nobody_on_top() -> None:
    nobody = Failures(failures=4, by_hour={hour(2): 4})
    figure = plots.failures_over_time(
        analyzed(consumer("kiosk", {hour(2): 3, hour(5): 1}), unattributed=nobody, rows=8)
    )
    kiosk, anonymous = bars(figure, "kiosk"), bars(figure, "no consumer")
    assert [bar.get_height() for bar in kiosk] == [1, 3]
    assert [(bar.get_y(), bar.get_height()) for bar in anonymous] == [(1, 0), (3, 4)]
    assert round((kiosk[1].get_x() - kiosk[0].get_x()) * 24, 6) == 3.0


def test_the_time_axis_is_the_time_range_even_when_little_failed() -> None:
    figure = plots.failures_over_time(analyzed(consumer("kiosk", {hour(2): 3}), time_range="7D"))
    first, last = figure.axes[0].get_xlim()
    assert round(last - first, 6) == 7.0


def test_failures_that_are_not_drawn_are_said_to_be_missing() -> None:
    by_hour = {hour(1): 3, hour(24 * 400): 2, "1-01-01T00:00Z": 1, "soon": 1}
    figure = plots.failures_over_time(analyzed(consumer("kiosk", by_hour), rows=50))
    assert sum(bar.get_height() for bar in bars(figure, "kiosk")) == 3
    assert any("3 of 50 failing requests" in text for text in texts(figure))


def test_the_seventh_consumer_shares_a_colour_with_the_rest() -> None:
    many = [consumer(f"app {i}", {hour(1): 10 - i}) for i in range(9)]
    figure = plots.failures_over_time(analyzed(*many))
    labels = [str(container.get_label()) for container in figure.axes[0].containers]
    assert labels == [*(f"app {i}" for i in range(6)), "3 others"]
    assert [bar.get_height() for bar in bars(figure, "3 others")] == [4 + 3 + 2]


def test_failures_of_each_consumer_are_stacked_by_status_with_those_of_nobody_last() -> None:
    figure = plots.failures_by_consumer(
        analyzed(
            consumer("kiosk", {hour(1): 5}, by_status={"401": 4, "503": 1}),
            consumer("web", {hour(1): 2}, exists=False),
            unattributed=Failures(failures=7, by_status={"503": 7}),
        )
    )
    assert [bar.get_width() for bar in bars(figure, "401")] == [4, 0, 0]
    assert [(bar.get_x(), bar.get_width()) for bar in bars(figure, "503")] == [(4, 1), (0, 2), (0, 7)]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["kiosk", "web (gone)", "no consumer"]


def test_consumers_of_one_name_are_told_apart_by_their_control_plane() -> None:
    figure = plots.failures_by_consumer(
        analyzed(
            consumer("hub", {hour(1): 5}, control_plane_id="53f4a4ef-39ac"),
            consumer("hub", {hour(1): 2}, control_plane_id="8996a5de-d206"),
        )
    )
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["hub (53f4a4ef)", "hub (8996a5de)"]


def test_rare_statuses_share_the_lightest_colour_of_their_class() -> None:
    by_status = {"500": 9, "502": 8, "503": 7, "504": 1, "520": 1, "unknown": 2}
    figure = plots.failures_by_consumer(analyzed(consumer("kiosk", {hour(1): 28}, by_status=by_status)))
    widths = {
        str(c.get_label()): bars(figure, str(c.get_label()))[0].get_width() for c in figure.axes[0].containers
    }
    assert widths == {"500": 9, "502": 8, "503": 7, "other 5xx": 2, "other": 2}


@pytest.mark.parametrize("plot", EVERY)
def test_axes_are_labelled_with_their_units(plot: Callable[[Any], Figure]) -> None:
    found = (Bottleneck(name="kong.dns", kind="dns", share=0.7),)
    performance = traced(bottlenecks=found, latency={"total": {"p50_ms": 3.0}})
    consumers = analyzed(consumer("kiosk", {hour(1): 3}))
    axes = plot(performance if plot.__module__.endswith("performance") else consumers).axes[0]
    assert axes.get_ylabel()
    assert any(unit in axes.get_xlabel() for unit in ("(%)", "(ms", "(UTC)", "requests"))


@pytest.mark.parametrize("usetex", [False, True])
def test_hostile_names_are_drawn_literally_and_on_one_line(usetex: bool) -> None:
    found = (Bottleneck(name=HOSTILE, kind=HOSTILE, share=0.7),)
    hostile = consumer(HOSTILE, {hour(1): 3}, by_status={HOSTILE: 3, f"5{HOSTILE}": 1})
    with mpl.rc_context({"text.usetex": usetex}):
        figures = [
            plots.bottleneck_shares(traced(bottlenecks=found, criteria={"http_path": HOSTILE})),
            plots.latency_distribution(traced(latency={HOSTILE: {"p50_ms": 3.0}})),
            plots.failures_over_time(analyzed(hostile)),
            plots.failures_by_consumer(analyzed(hostile)),
        ]
        for figure in figures:
            written = texts(figure)
            assert any(text.startswith("$\\frac{x$") for text in written)
            assert all(c.isprintable() for text in written for c in text)
            named = [text for text in figure.findobj(Text) if "$" in text.get_text()]
            assert not any(text.get_usetex() or text.get_parse_math() for text in named)


def test_absurdly_long_names_lose_their_middle() -> None:
    found = (Bottleneck(name="kong." * 100_000 + "plugin.acl", kind="plugin", share=0.7),)
    names = [text for text in texts(plots.bottleneck_shares(traced(bottlenecks=found))) if "kong" in text]
    assert [len(name) for name in names] == [60]
    assert "…" in names[0]


@pytest.mark.parametrize("plot", EVERY)
def test_an_empty_report_gives_a_figure_that_says_so(plot: Callable[[Any], Figure]) -> None:
    figure = plot(empty(plot, "failed"))
    written = texts(figure)
    assert any(text.startswith("The report") for text in written)
    assert any("failed" in text for text in written)
    assert figure.axes == []


def test_a_figure_shows_itself_in_a_notebook_at_twice_the_density_of_its_size() -> None:
    figure: Any = plots.bottleneck_shares(empty(plots.bottleneck_shares))
    picture, size = figure._repr_png_()
    width = int.from_bytes(picture[16:20], "big")
    assert picture.startswith(b"\x89PNG\r\n")
    assert abs(width - 2 * size["width"]) <= 2


def test_without_matplotlib_plots_are_importable_and_the_error_names_the_extra() -> None:
    program = """
import sys
from datetime import UTC, datetime
from patterns import PerformanceResult, Report
from patterns.coverage import Coverage
from patterns.report import plots
assert not [name for name in sys.modules if name.startswith("matplotlib")]
sys.modules["matplotlib"] = None
report = Report[PerformanceResult](
    pattern="", status="complete", endpoint="", started_at=datetime.now(UTC), duration_s=0, steps=(),
    result=PerformanceResult(), coverage=Coverage(),
)
try:
    plots.bottleneck_shares(report)
except ImportError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == ("Plots need matplotlib: install konnect-agent[notebook].", "")
