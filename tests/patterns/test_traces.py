"""Summaries whose field names nobody documents: every plausible form gives the same bottlenecks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.traces import read_bottlenecks, read_latency, read_samples

PLUGIN, UPSTREAM = "kong.access.plugin.acl", "kong.read_headers_from_upstream"
FORMS: dict[str, Any] = {
    "bottlenecks with shares": {"bottlenecks": [
        {"name": UPSTREAM, "share": 0.2, "p95_ms": 20}, {"name": PLUGIN, "share": 0.7, "p95_ms": 70}]},
    "percentages and other keys": {"analysis": {"bottlenecks": [
        {"span_name": PLUGIN, "percentage": "70%", "p95": 70},
        {"span_name": UPSTREAM, "percentage": 20, "p95": 20}]}},
    "span metrics in microseconds": {"span_metrics": [
        {"name": "kong", "total_us": 100_000}, {"name": UPSTREAM, "total_us": 20_000, "p95_us": 20_000},
        {"name": PLUGIN, "total_us": 70_000, "p95_us": 70_000}]},
    "spans by name with nested durations": {"spans": {
        "kong": {"duration_ms": {"total": 100}}, PLUGIN: {"duration_ms": {"total": 70, "p95": 70}},
        UPSTREAM: {"duration_ms": {"total": 20, "p95": 20}}}},
    "camel case": {"spanMetrics": [
        {"spanName": "kong", "totalMs": 100}, {"spanName": PLUGIN, "totalMs": 70, "p95Ms": 70},
        {"spanName": UPSTREAM, "totalMs": 20, "p95Ms": 20}]},
}  # fmt: skip


MORE_FORMS: dict[str, Any] = {
    "a bare list": [
        {"name": "kong", "total_ms": 100}, {"name": PLUGIN, "total_ms": 70, "p95_ms": 70},
        {"name": UPSTREAM, "total_ms": 20, "p95_ms": 20}],
    "a list in an envelope": {"result": {"data": [
        {"label": PLUGIN, "pct": "70 %", "p95": "70ms"}, {"label": UPSTREAM, "pct": 20, "p95": "0.02 s"}]}},
    "objects of objects in an envelope": {"bottlenecks": {"items": {
        PLUGIN: {"contribution": 70, "latencyUs": {"percentiles": {"95.0": 70_000}}},
        UPSTREAM: {"contribution": 20, "latencyUs": {"percentiles": {"95.0": 20_000}}}}}},
    "nested names and a unit beside": {"hotSpots": [
        {"span": {"name": UPSTREAM}, "timeUnit": "µs", "share_of_time": 0.2, "p95": "20,000"},
        {"operation": {"name": PLUGIN}, "unit": "nanoseconds", "time_share": "70%", "p95": 70e6}]},
    "shares of the total latency": {
        "latency": {"total": {"mean_ms": 100}},
        "operations": [{"title": PLUGIN, "avg_seconds": 0.07, "p95_seconds": 0.07},
                       {"displayName": UPSTREAM, "averageMillis": 20, "percentile95Millis": 20}]},
    "a table":
        f"| Span | % of total | P95 (ms) |\n|---|---|---|\n| {UPSTREAM} | 20 | 20 |\n| {PLUGIN} | 70 | 70 |",
}  # fmt: skip


@pytest.mark.parametrize("form", [*FORMS.values(), *MORE_FORMS.values()], ids=[*FORMS, *MORE_FORMS])
def test_every_form_puts_the_plugin_first_with_its_share(form: Any) -> None:
    worst, second = read_bottlenecks(form)
    assert (worst.name, worst.kind, worst.share, worst.p95_ms) == (PLUGIN, "plugin", 0.7, 70)
    assert (second.name, second.kind, second.share, second.p95_ms) == (UPSTREAM, "upstream", 0.2, 20)


@pytest.mark.parametrize(
    "summary",
    [
        {"latency_analysis": {"total": {"p50_ms": 10, "p95_ms": 90}}},
        {"latency": {"total": {"p50": "10ms", "p95": "90ms"}}},
        {"p50_ms": 10, "p95_ms": 90},
        {"spans": [{"name": "kong", "p50_ms": 10, "p95_ms": 90}]},
        {"latency": {"breakdown": {"total": {"percentiles": {"50": 10, "95.0": 90}}}}},
        {"latencies": [{"phase": "total", "median": "10 ms", "p95": "0.09s"}]},
        {"trace_summary": {"latency": {"total": {"p50_ms": 10, "p95_ms": 90}}}},
        {"response_time": {"unit": "us", "total": {"p50": 10_000, "p95": 90_000}}},
        [{"bottlenecks": []}, {"latency": {"total": {"p50_ms": 10, "p95_ms": 90}}}],
        "Overall latency: p50 10 ms, p95 90 ms",
    ],
)
def test_the_latency_distribution_is_found_wherever_it_stands(summary: Any) -> None:
    assert read_latency(summary)["total"] == {"p50_ms": 10, "p95_ms": 90}


@pytest.mark.parametrize(
    "summary",
    [
        {"latency_s": {"p95": 1.5}},
        {"latency_s": {"p95_ms": 1500}},
        {"latency_us": {"p95": "1500ms"}},
    ],
)
def test_a_figure_has_the_unit_of_the_key_around_it_unless_it_names_one(summary: Any) -> None:
    assert read_latency(summary) == {"p95_ms": 1500}


def test_the_parts_of_a_latency_inherit_its_unit() -> None:
    assert read_latency({"latency_s": {"total": {"p95": 1.5}}}) == {"total": {"p95_ms": 1500}}


def test_bottlenecks_inherit_the_unit_of_their_list() -> None:
    (found,) = read_bottlenecks({"bottlenecks_us": [{"name": PLUGIN, "share": 1, "p95": 1500}]})
    assert found.p95_ms == 1.5


def test_text_without_figures_yields_nothing_rather_than_a_guess() -> None:
    assert read_bottlenecks("The plugin acl is slow.") == ()
    assert read_latency("p95 is 90ms") == {}


def one(**entry: Any) -> Any:
    """The bottleneck that a server's list of one is read as."""
    (found,) = read_bottlenecks({"bottlenecks": [{"name": PLUGIN, **entry}]})
    return found


@pytest.mark.parametrize(
    "entry",
    [
        {"p95_ns": 1.5e6}, {"p95Nanos": 1.5e6}, {"p95_nanoseconds": 1.5e6}, {"p95Micros": 1500},
        {"microseconds_p95": 1500}, {"p95Millis": 1.5}, {"p95_seconds": 0.0015},
        {"p95": "1.5ms"}, {"p95": "1,500 µs"}, {"p95": "PT0.0015S"}, {"p95": 1500, "unit": "us"},
        {"latency": {"unit": "us", "p95": 1500}}, {"p95": {"value": 1500, "unit": "us"}},
        {"percentiles": {"0.95": 1.5}}, {"percentiles": [{"percentile": 95, "value": 1.5}]},
        {"stats": {"95th_percentile": 1.5}}, {"p95.0": 1.5}, {"durationUs": {"quantiles": {"p95": 1500}}},
    ],
)  # fmt: skip
def test_a_duration_is_read_in_every_unit(entry: dict[str, Any]) -> None:
    assert one(**entry).p95_ms == 1.5


@pytest.mark.parametrize(
    "entry", [{"duration_ns": 1.5e6}, {"durationMicros": 1500}, {"latency_us": 1500}, {"self_time": "1.5 ms"}]
)
def test_a_duration_of_no_statistic_is_told_as_one(entry: dict[str, Any]) -> None:
    found = one(**entry)
    assert (found.duration_ms, found.p50_ms, found.p95_ms, found.mean_ms, found.total_ms) == (
        1.5, None, None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        {"total_requests": 9}, {"max_retries": 9}, {"avg_size_bytes": 9}, {"p99.9": 9}, {"p95": "45%"},
        {"unit": "bytes", "p95": 9}, {"upstream_latency_p95": 9}, {"start_time": 9}, {"time": 1718000000},
        {"p95": -1}, {"p95": 1e308}, {"p95": True}, {"p95": "soon"}, {"latency_histogram": {"50": 9}},
    ],
)  # fmt: skip
def test_what_is_no_duration_is_not_read_as_one(entry: dict[str, Any]) -> None:
    found = one(share=0.5, **entry)
    assert found.model_dump(exclude_none=True).keys() == {"name", "kind", "share"}


@pytest.mark.parametrize(
    ("entry", "share"),
    [
        ({"share": "45%"}, 0.45), ({"percentage": 45}, 0.45), ({"timePct": 0.5}, 0.5),
        ({"time_%": 0.5}, 0.005),
        ({"timePct": "0.5 %"}, 0.005), ({"percentage": 1}, 0.01),
        ({"share": 45}, 0.45), ({"share": 0.45}, 0.45), ({"share": 1}, 1.0),
        ({"percent_of_total_time": "45 %"}, 0.45), ({"share": -3}, None), ({"share": 1e308}, None),
        ({"percent": 145}, 1.0), ({"contribution": 145}, None),
        ({"error_percentage": 45}, None), ({"cache_hit_ratio": 0.45}, None), ({"share": "45ms"}, None),
    ],
)  # fmt: skip
def test_a_share_is_a_part_of_the_time_and_of_one(entry: dict[str, Any], share: float | None) -> None:
    assert one(p95_ms=1, **entry).share == share


def test_shares_of_one_list_are_of_one_kind() -> None:
    found = read_bottlenecks({"bottlenecks": [{"name": "a", "share": 0.5}, {"name": "b", "share": 61}]})
    assert [(each.name, each.share) for each in found] == [("b", 0.61), ("a", 0.005)]


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        ([0.61, 0.39], [0.61, 0.39]),
        ([1.0, 0.61, 0.2], [1.0, 0.61, 0.2]),
        ([0.9, 0.8, 0.7], [0.009, 0.008, 0.007]),
        ([61, 0.5], [0.61, 0.005]),
        (["20%", 0.5], [0.2, 0.005]),
        ([150, 50], [1.0, 0.5]),
    ],
)
def test_percentages_are_parts_of_one_only_when_all_of_them_can_be(written: Any, shares: Any) -> None:
    spans = [{"name": f"span-{n}", "percentage": value} for n, value in enumerate(written)]
    assert [each.share for each in read_bottlenecks({"bottlenecks": spans})] == shares


def test_numbers_that_cannot_all_be_shares_are_none() -> None:
    found = read_bottlenecks({"bottlenecks": {"a": {"contribution": 50}, "b": {"contribution": 812}}})
    assert [each.share for each in found] == [None, None]


def test_half_a_percent_in_prose_is_half_a_percent() -> None:
    (found,) = read_bottlenecks(f"{PLUGIN} takes 0.5% of the time")
    assert found.share == 0.005


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"severity": "low"}, {"severity": "Critical"}),
        ({"severity": "medium", "p95_ms": 900}, {"severity": "high", "p95_ms": 10}),
        ({"severity": 1}, {"severity": 3}),
        ({"impact": "minor", "score": 99}, {"impact": "major", "score": 1}),
        ({"score": 10}, {"score": "90"}),
        ({"bottleneck_score": 10}, {"impactScore": 90.5}),
        ({"share": 0.2, "severity": "high"}, {"share": 0.7, "severity": "low"}),
        ({"p95": "800 ms"}, {"p95": "1.5 min"}),
        ({"p95": 2, "unit": "s"}, {"p95": 1.5, "unit": "min"}),
        ({"duration_seconds": 2}, {"duration_minutes": 1.5}),
    ],
)
def test_the_server_s_own_verdict_ranks_what_has_no_share(better: Any, worse: Any) -> None:
    found = read_bottlenecks({"bottlenecks": [{"name": "better", **better}, {"name": "worse", **worse}]})
    assert [each.name for each in found] == ["worse", "better"]


def test_the_server_s_order_stands_where_no_verdict_is_understood() -> None:
    entries: list[Any] = [
        {"name": "first", "severity": "purple", "confidence_score": 1, "min": 90_000},
        {"name": "second", "severity": {"a": 1}, "confidence_score": 9, "min_ms": 1},
    ]
    found = read_bottlenecks({"bottlenecks": entries})
    assert [(each.name, each.severity, each.score) for each in found] == [
        ("first", None, None),
        ("second", None, None),
    ]


@pytest.mark.parametrize(
    "spans",
    [
        [{"name": PLUGIN, "p95_ms": 70}, {"name": UPSTREAM, "p95_ms": 20}],
        [{"name": PLUGIN, "mean_ms": 70}, {"name": UPSTREAM, "mean_ms": 20}],
        [{"name": "kong", "p95_ms": 100}, {"name": PLUGIN, "p95_ms": 70}],
        [{"name": "kong", "total_ms": 100}, {"name": PLUGIN, "p50_ms": 70}],
        [{"name": "kong", "mean_ms": 100, "count": 10}, {"name": PLUGIN, "mean_ms": 70}],
        [{"name": "kong", "p50_ms": 100, "count": 10}, {"name": PLUGIN, "p50_ms": 70, "count": 1}],
        [{"name": "kong", "mean_ms": 100}, {"name": PLUGIN, "mean_ms": 170}],
    ],
)
def test_a_share_that_cannot_be_told_is_none(spans: list[dict[str, Any]]) -> None:
    worst = read_bottlenecks({"spans": spans})[0]
    assert (worst.name, worst.share) == (PLUGIN, None)


def test_a_rare_span_is_weighed_by_how_often_it_was() -> None:
    spans = [{"name": "kong", "mean_ms": 100, "count": 10}, {"name": PLUGIN, "mean_ms": 50, "count": 1}]
    (found,) = read_bottlenecks({"spans": spans})
    assert found.share == 0.05


def test_the_whole_request_is_no_bottleneck() -> None:
    assert read_bottlenecks({"spans": [{"name": "kong", "mean_ms": 100}]}) == ()


@pytest.mark.parametrize(
    "bottleneck",
    [
        {"bottleneck": {"name": PLUGIN}}, {"top_bottlenecks": [PLUGIN]},
        {"bottlenecks": [f"The span {PLUGIN} is slow"]}, {"bottlenecks": [{"name": PLUGIN, "rank": 1}]},
    ],
)  # fmt: skip
def test_what_the_server_calls_a_bottleneck_is_one_without_figures(bottleneck: Any) -> None:
    (found,) = read_bottlenecks(bottleneck)
    assert (found.name, found.kind, found.share) == (PLUGIN, "plugin", None)


def test_bottlenecks_without_figures_stay_in_the_servers_order() -> None:
    found = read_bottlenecks({"bottlenecks": [{"name": "b"}, {"name": "a"}, {"name": "c"}]})
    assert [each.name for each in found] == ["b", "a", "c"]


@pytest.mark.parametrize(
    "summary",
    [
        {"slowest_traces": [{"trace_id": "t", "name": "GET /x", "duration_ms": 900}]},
        f"Reduce {PLUGIN} below 10% of the total time.",
        f"{PLUGIN} should take 10%.",
        f"{PLUGIN} ran in 40% of requests",
        f"{PLUGIN}: 40% slower than {UPSTREAM}",
        f"{PLUGIN}: p95 < 5 ms",
        f"If {PLUGIN} takes 61%, look at it.",
    ],
)
def test_what_could_mean_something_else_is_not_read(summary: Any) -> None:
    assert read_bottlenecks(summary) == ()


@pytest.mark.parametrize(
    "summary",
    [
        {"session": {"duration_ms": 60_000}, "total_duration_ms": 60_000, "duration": 60},
        {"span_metrics": {PLUGIN: {"latency": {"p95": 3}}}},
        {"traces": [{"latency": {"p50_ms": 3}}, {"latency": {"p50_ms": 4}}]},
        {"example_trace": {"latency": {"p50_ms": 3}}},
        {"latency": {"buckets": [{"le": 100, "count": 3}]}},
    ],
)
def test_what_is_not_the_latency_of_all_requests_is_not_told_as_it(summary: Any) -> None:
    assert read_latency(summary) == {}


@pytest.mark.parametrize(
    ("summary", "samples"),
    [
        ({"samples": 12}, 12), ({"traceCount": 12}, 12), ({"meta": {"total_samples": 12}}, 12),
        ({"traces": [{"trace_id": "1"}, {"trace_id": "2"}]}, 2), ("Collected 12 traces.", 12),
        ("Samples: 12", 12), ({"samples": 0}, 0),
        ({"max_samples": 12}, None), ({"samples": True}, None), ({"spans": [{"samples": 3}]}, None),
        (None, None),
    ],
)  # fmt: skip
def test_samples_are_counted_where_the_summary_counts_them(summary: Any, samples: int | None) -> None:
    assert read_samples(summary) == samples


def test_names_from_the_server_carry_no_token() -> None:
    (found,) = read_bottlenecks({"bottlenecks": [{"name": "kpat_abcdef123456", "share": 1}]})
    assert "kpat_abcdef" not in found.name


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["name", "spans", "bottlenecks", "latency", "p95_ms", "share", "duration", "total_ms", "count", "x"]
    ), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(anything)
def test_nothing_a_server_sends_breaks_the_reading(summary: Any) -> None:
    for found in read_bottlenecks(summary):
        assert found.share is None or 0 <= found.share <= 1
    read_latency(summary)


def test_a_duration_is_no_share_though_the_word_has_ratio_in_it() -> None:
    spans = [{"name": "kong", "avg_duration_ms": 100}, {"name": PLUGIN, "avg_duration_ms": 0.9}]
    (found,) = read_bottlenecks({"spans": spans})
    assert found.share == 0.009
