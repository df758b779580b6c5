"""Summaries whose field names nobody documents: every plausible form gives the same bottlenecks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.traces import read_bottlenecks, read_latency

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


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
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
