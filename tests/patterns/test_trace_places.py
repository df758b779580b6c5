"""Places named in one part of a summary and told in another, phase by phase, or as bare numbers."""

from __future__ import annotations

from typing import Any

import pytest

from patterns.traces import read_bottlenecks, read_latency

PLUGIN, UPSTREAM = "kong.access.plugin.acl", "kong.read_headers_from_upstream"
NAMED: list[Any] = [
    [{"name": PLUGIN, "share": 0.7}],
    [{"span_name": PLUGIN, "impact": "high"}],
    [PLUGIN],
    [f"{PLUGIN} accounts for 70% of latency"],
    [{"plugin": "acl", "share": 0.7}],
]
TOLD: list[Any] = [
    [
        {"name": PLUGIN, "p50_ms": 70, "p95_ms": 90},
        {"name": UPSTREAM, "p50_ms": 20},
        {"name": "kong", "p50_ms": 100},
    ],
    {PLUGIN: {"p50_ms": 70, "p95_ms": 90}, UPSTREAM: {"p50_ms": 20}, "kong": {"p50_ms": 100}},
]


@pytest.mark.parametrize("bottlenecks", NAMED)
@pytest.mark.parametrize("spans", TOLD)
@pytest.mark.parametrize("key", ["spans", "span_metrics"])
def test_a_named_bottleneck_has_the_figures_of_its_span_and_the_other_spans_follow(
    bottlenecks: Any, spans: Any, key: str
) -> None:
    own, other = read_bottlenecks({"bottlenecks": bottlenecks, key: spans})
    assert (own.kind, own.share, own.p50_ms, own.p95_ms) == ("plugin", 0.7, 70, 90)
    assert (other.name, other.kind, other.share, other.p50_ms) == (UPSTREAM, "upstream", 0.2, 20)


def test_what_the_server_calls_a_bottleneck_stays_in_front_and_keeps_its_own_figures() -> None:
    spans = [{"name": PLUGIN, "p95_ms": 1, "share": 0.1}, {"name": UPSTREAM, "p95_ms": 900, "share": 0.9}]
    own, other = read_bottlenecks({"bottlenecks": [{"name": PLUGIN, "p95_ms": 70}], "spans": spans})
    assert (own.name, own.p95_ms, other.name) == (PLUGIN, 70, UPSTREAM)


def test_a_plugin_that_has_several_spans_takes_the_figures_of_none() -> None:
    spans = {f"kong.{phase}.plugin.acl": {"p95_ms": 3} for phase in ("access", "log")}
    (found,) = read_bottlenecks({"bottlenecks": [{"name": "acl"}], "spans": spans})
    assert (found.name, found.p95_ms) == ("acl", None)


@pytest.mark.parametrize(
    "summary",
    [
        {"breakdown": {"kong": {"avg_ms": 60, "pct": 6}, "upstream": {"avg_ms": 940, "pct": 94}}},
        {"latency_breakdown": {"kong": 6, "upstream": 94}},
        {"analysis": {"latencyBreakdown": {"kong": 0.06, "upstream": 0.94}}},
        {"breakdown": {"kong": "6 %", "upstream": "94%"}},
        {"breakdown": {"kong_pct": 6, "upstream_pct": 94}},
        {"breakdown_percent": {"upstream": 94}},
        {"latency": {"mean_ms": 1000}, "breakdown": [
            {"component": "kong", "avg_ms": 60}, {"component": "upstream", "avg_ms": 940}]},
    ],
)  # fmt: skip
def test_the_parts_of_a_breakdown_are_bottlenecks(summary: Any) -> None:
    worst, *others = read_bottlenecks(summary)
    assert (worst.name, worst.kind, worst.share) == ("upstream", "upstream", 0.94)
    assert [(each.name, each.share) for each in others] in ([("kong", 0.06)], [])


@pytest.mark.parametrize(
    "summary",
    [
        {"latency_breakdown_ms": {"kong": 20, "upstream": 78}},
        {"breakdown": {"kong_ms": 20, "upstream_latency_ms": 78}},
        {"breakdown": {"kong": "20ms", "upstream": "0.078 s"}},
        {"latency": {"mean_ms": 98}, "latency_breakdown": {"kong": 20, "upstream": 78}},
        {"latency_breakdown": {"kong": 20, "upstream": 78, "client": 900}},
    ],
)
def test_the_durations_of_a_breakdown_are_no_shares(summary: Any) -> None:
    found = {each.name: (each.duration_ms, each.share) for each in read_bottlenecks(summary)}
    assert (found["kong"], found["upstream"]) == ((20, None), (78, None))


def test_a_bare_number_that_may_be_a_share_or_a_duration_is_neither() -> None:
    (found,) = read_bottlenecks({"latency_breakdown": {"upstream": 94}})
    assert found.model_dump(exclude_none=True) == {"name": "upstream", "kind": "upstream"}


@pytest.mark.parametrize(
    "plugins",
    [
        [{"plugin_name": "acl", "phases": {"access": {"p50": 70, "p95": 90}}}],
        [{"plugin_name": "acl", "phases": [{"phase": "access", "p50": 70, "p95": 90}]}],
        {"acl": {"phases": {"access": {"p50": 70, "p95": 90}}}},
        {"acl": {"p50_ms": 70, "p95_ms": 90}},
    ],
)
@pytest.mark.parametrize("more", [{}, {"phases": {"access": {"p50_ms": 75}, "log": {"p50_ms": 1}}}])
def test_a_plugin_is_called_by_its_name_and_not_by_its_phase(plugins: Any, more: Any) -> None:
    summary = {
        "total": {"p50_ms": 100, "p95_ms": 200},
        "plugins": plugins,
        "upstream": {"p50_ms": 20},
        **more,
    }
    shown = [(each.name, each.kind, each.share, each.p50_ms) for each in read_bottlenecks(summary)]
    assert shown == [("acl", "plugin", 0.7, 70), ("upstream", "upstream", 0.2, 20)]
    assert read_latency(summary) == {"total": {"p50_ms": 100, "p95_ms": 200}}


def test_the_phases_of_a_plugin_are_told_apart() -> None:
    phases = {"access": {"p50_ms": 3}, "log": {"p50_ms": 1}}
    found = read_bottlenecks({"plugins": {"acl": {"phases": phases}}})
    assert [(each.name, each.p50_ms) for each in found] == [("acl (access)", 3), ("acl (log)", 1)]


@pytest.mark.parametrize("total", [{"duration_ms": 60_000}, {"count": 12}, 60_000])
def test_how_long_a_session_was_is_no_latency(total: Any) -> None:
    assert read_latency({"total": total}) == {}
