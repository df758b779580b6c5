"""Plots of what patterns 1 and 3 found: each takes a report and returns a matplotlib Figure.

    from patterns.report import plots
    plots.bottleneck_shares(report)

What a plot leaves out (the thirteenth bottleneck, consumers that were only counted) is said in it; a report
without anything to draw gives a Figure that says so. One file per pattern, and their style in `canvas`.
"""

from patterns.report.plots.consumers import failures_by_consumer, failures_over_time
from patterns.report.plots.performance import bottleneck_shares, latency_distribution

__all__ = ["bottleneck_shares", "failures_by_consumer", "failures_over_time", "latency_distribution"]
