"""What a debug session's traces say: span metrics, latency analysis, bottlenecks, and compact forms of the
traces.

Every figure is computed from the traces themselves. A bottleneck's share is its part of all the time the
requests took; a plugin's share includes the network time it causes, which is also listed by itself with
`within` naming the plugin, so shares overlap. The documents name these parts of a summary and no field
names: those are ours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from konnect_agent.sandbox.organisation import Entity

_CONTAINERS = ("kong", "kong.phase.", "kong.upstream.selection")
_EGRESS = ("kong.phase.header_filter", "kong.phase.body_filter", "kong.phase.response", "kong.phase.log")
_EGRESS_IO = ("kong.read_headers_from_upstream", "kong.read_body_from_upstream", "kong.wait_for_client_read")
_MINIMAL_SHARE = 0.02


def summarize(traces: Sequence[Entity]) -> Entity:
    """`span_metrics`, `latency_analysis` and `bottlenecks` (worst first) of the traces."""
    durations: dict[str, list[float]] = defaultdict(list)
    plugin_ids: dict[str, str] = {}
    within: dict[str, str] = {}
    for trace in traces:
        names = {span["span_id"]: span["name"] for span in trace["spans"]}
        for span in trace["spans"]:
            durations[span["name"]].append(span["duration_ms"])
            if span["name"].startswith("kong.io."):
                within.setdefault(span["name"], names[span["parent_span_id"]])
            if "proxy.kong.plugin.id" in span["attributes"]:
                plugin_ids.setdefault(span["name"], span["attributes"]["proxy.kong.plugin.id"])
    total = sum(trace["latency"]["total"] for trace in traces)
    metrics: list[dict[str, Any]] = [
        {"name": name, "count": len(values), "total_ms": round(sum(values), 3), **_quantiles(values)}
        for name, values in durations.items()
    ]
    metrics.sort(key=lambda metric: -metric["total_ms"])
    return {
        "samples": len(traces),
        "latency_analysis": _latency(traces),
        "span_metrics": metrics,
        "bottlenecks": _bottlenecks(metrics, total, plugin_ids, within),
    }


def _latency(traces: Sequence[Entity]) -> Entity:
    parts = ("total", "client", "internal", "upstream", "3p")
    columns: dict[str, list[float]] = {part: [] for part in parts}
    for trace in traces:
        for part in parts:
            value = trace["latency"][part]
            columns[part].append(value["total_io"] if part == "3p" else value)
    return {part: _quantiles(values) for part, values in columns.items()} if traces else {}


def _bottlenecks(
    metrics: Sequence[dict[str, Any]], total: float, plugin_ids: dict[str, str], within: dict[str, str]
) -> list[Entity]:
    """Spans that are not mere containers, by their share of all time spent."""
    found: list[Entity] = []
    for metric in metrics:
        name = str(metric["name"])
        share = metric["total_ms"] / total if total else 0.0
        if name in _CONTAINERS or name.startswith("kong.phase.") or share < _MINIMAL_SHARE:
            continue
        bottleneck: Entity = {"name": name, "kind": _kind(name), "share": round(share, 4)}
        bottleneck |= {key: metric[key] for key in ("count", "total_ms", "p50_ms", "p95_ms", "p99_ms")}
        if name in plugin_ids:
            bottleneck |= {"plugin_id": plugin_ids[name], "plugin_name": name.rpartition(".plugin.")[2]}
        if name in within:
            bottleneck["within"] = within[name]
        found.append(bottleneck)
    return found


def _kind(name: str) -> str:
    if ".plugin." in name:
        return "plugin"
    if name.startswith("kong.io."):
        return "3p"
    if "upstream" in name:
        return "upstream"
    return "client" if "client" in name else "internal"


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    """Mean, p50, p95, p99 and maximum in milliseconds, by the nearest-rank method."""
    ranked = sorted(values)
    chosen = {f"p{q}_ms": ranked[max(0, math.ceil(q / 100 * len(ranked)) - 1)] for q in (50, 95, 99)}
    return {"mean_ms": round(sum(ranked) / len(ranked), 3)} | chosen | {"max_ms": ranked[-1]}


def compact(
    traces: Sequence[Entity], *, phase: str | None = None, plugin_id: str | None = None
) -> list[Entity]:
    """The traces with the spans of one direction (`ingress`, `egress`) or one plugin only."""
    return [
        {
            **trace,
            "spans": [_short(span) for span in _selected(trace["spans"], phase=phase, plugin_id=plugin_id)],
        }
        for trace in traces
    ]


def _selected(spans: Sequence[Entity], *, phase: str | None, plugin_id: str | None) -> list[Entity]:
    chosen: list[Entity] = []
    wanted: set[str] = set()
    for span in spans:
        if phase is not None and span["name"] != "kong":
            egress = span["name"] in _EGRESS_IO or span["name"].startswith(_EGRESS)
            if egress != (phase == "egress"):
                continue
        if plugin_id is not None:
            if (
                span["attributes"].get("proxy.kong.plugin.id") != plugin_id
                and span["parent_span_id"] not in wanted
            ):
                continue
            wanted.add(span["span_id"])
        chosen.append(span)
    return chosen


def _short(span: Entity) -> Entity:
    return {key: value for key, value in span.items() if key != "start_ms"}


def compress(traces: Sequence[Entity]) -> list[Entity]:
    """The slowest trace of each distinct shape (method, status, span names), with how many there are."""
    shapes: dict[tuple[object, ...], list[Entity]] = defaultdict(list)
    for trace in traces:
        names = tuple(span["name"] for span in trace["spans"])
        shapes[(trace["http_method"], trace["http_status_code"], names)].append(trace)
    return [
        {"count": len(alike), **max(alike, key=lambda trace: trace["latency"]["total"])}
        for alike in sorted(shapes.values(), key=len, reverse=True)
    ]
