"""Summaries of servers that write them in their own way, through the whole of pattern 1."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect
from patterns import debug_performance
from patterns.performance import PerformanceResult
from patterns.workflow import Report

from ..handmade import TOKEN, Arguments, Serve, as_json, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
ACL, UPSTREAM = "kong.access.plugin.acl", "kong.read_headers_from_upstream"
SPANS = [
    {"name": "kong", "count": 10, "total_ms": 1000},
    {"name": UPSTREAM, "count": 10, "total_ms": 200, "p95_ms": 20},
    {"name": ACL, "count": 10, "total_ms": 700, "p95_ms": 70},
]
TABLE = f"""# Debug session

12 samples. Reduce {ACL} below 10% of total!

| Span | Share | p95 (ms) |
|:-----|------:|---------:|
| `{UPSTREAM}` | 20 % | 20 |
| `{ACL}` | 70 % | 70 |
"""
LINES = f"- **{ACL}**: 70% of total time, p95 70 ms\n- {UPSTREAM} takes 20% (p95: 20ms)\n- kong.dns is fine"


async def summarized(serve: Serve, summary: CallToolResult) -> Report[PerformanceResult]:
    """The report of a session whose summary is that."""

    def tracing(arguments: Arguments) -> CallToolResult:
        return summary if arguments["operation"] == "summarize_session" else as_json({"status": "completed"})

    server = serve(
        {
            "GetControlPlane": as_json([{"id": CP, "name": "prod"}]),
            "CreateDebugSession": as_json({"debug_session_id": "ds_1"}),
            "ActiveTracingSession": tracing,
        }
    )
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        report = await debug_performance(konnect, "prod", confirm=lambda _: True)
    assert "stop_session" not in {arguments.get("operation") for _, arguments in server.calls}
    return report


@pytest.mark.parametrize(
    "summary",
    [
        as_json(SPANS),
        as_json({"data": SPANS}),
        as_json({"session": {"summary": {"spans": SPANS}}}),
        as_json({"plugin_metrics": SPANS[2:], "span_metrics": SPANS[:2]}),
        told('{"samples": 10}', f'{{"spans": [{", ".join(str(span) for span in SPANS)}]}}'.replace("'", '"')),
        told(TABLE),
        told(LINES),
        as_json({"samples": 12, "summary": TABLE}),
        as_json({"bottlenecks": [{"name": UPSTREAM, "percentage": 0.2, "p95": 20},
                                 {"name": ACL, "percentage": 0.7, "p95": 70}]}),
        told(f'Here it is:\n```json\n{{"bottlenecks": {{"{ACL}": {{"share": "70%", "p95": "70ms"}}, '
             f'"{UPSTREAM}": {{"share": 0.2, "p95": 20}}}}}}\n```\nBye.'),
    ],
)  # fmt: skip
async def test_the_worst_is_first_however_the_summary_is_written(
    serve: Serve, summary: CallToolResult
) -> None:
    report = await summarized(serve, summary)
    assert report.status == "complete"
    shown = [(b.name, b.kind, b.share, b.p95_ms) for b in report.result.bottlenecks]
    assert shown == [(ACL, "plugin", 0.7, 70), (UPSTREAM, "upstream", 0.2, 20)]
    assert report.result.summary is not None


async def test_traces_themselves_are_added_up(serve: Serve) -> None:
    runs = [{"kong": 10, ACL: 5}, {"kong": 30, ACL: 19}]
    traces = [
        {"trace_id": f"t-{n}", "spans": [{"name": name, "durationMs": ms} for name, ms in run.items()]}
        for n, run in enumerate(runs)
    ]
    report = await summarized(serve, as_json({"traces": traces}))
    (acl,) = report.result.bottlenecks
    assert (acl.name, acl.share, acl.count, acl.total_ms, acl.mean_ms) == (ACL, 0.6, 2, 24, 12)
    assert report.result.latency == {"total": {"mean_ms": 20, "total_ms": 40}}


@pytest.mark.parametrize(
    "summary",
    [
        as_json({"samples": 12, "analysis": {"verdict": "slow"}}),
        as_json({"trace_count": 12, "bottlenecks": []}),
        as_json({"data": {"total_traces": 12}}),
        told("Collected 12 samples. The acl plugin is slow."),
    ],
)
async def test_samples_without_a_figure_are_noted_as_not_understood(
    serve: Serve, summary: CallToolResult
) -> None:
    report = await summarized(serve, summary)
    assert report.status == "incomplete"
    (missing,) = report.coverage.missing
    assert missing.error.type == "Undecodable"
    assert "12 samples" in missing.error.message
    assert report.result.bottlenecks == ()
    assert report.result.summary is not None


async def test_a_summary_of_no_samples_is_complete(serve: Serve) -> None:
    report = await summarized(serve, as_json({"samples": 0, "bottlenecks": []}))
    assert (report.status, report.result.bottlenecks, report.result.latency) == ("complete", (), {})


@pytest.mark.parametrize("summary", [as_json({}), as_json({"histogram": [[1, 2], [3, 4]]}), told("Nothing.")])
async def test_a_summary_nobody_can_read_is_never_taken_for_no_samples(
    serve: Serve, summary: CallToolResult
) -> None:
    report = await summarized(serve, summary)
    assert report.status == "incomplete"
    assert [missing.error.type for missing in report.coverage.missing] == ["Undecodable"]


@pytest.mark.parametrize(
    "bottlenecks",
    [["The acl plugin is slow."], [{"where": "acl", "how": "slow"}], {"acl": {"verdict": "slow"}}],
)
async def test_bottlenecks_nobody_can_read_are_noted_beside_a_latency(serve: Serve, bottlenecks: Any) -> None:
    report = await summarized(serve, as_json({"bottlenecks": bottlenecks, "latency": {"p95_ms": 9}}))
    assert (report.status, report.result.latency) == ("incomplete", {"p95_ms": 9})


@pytest.mark.parametrize("bottlenecks", [[], {}, None, ["None."], ["No bottlenecks were found."]])
async def test_a_latency_without_bottlenecks_is_complete(serve: Serve, bottlenecks: Any) -> None:
    report = await summarized(serve, as_json({"bottlenecks": bottlenecks, "latency": {"p95_ms": 9}}))
    assert (report.status, report.result.bottlenecks) == ("complete", ())


async def test_secrets_and_endless_texts_do_not_reach_the_report(serve: Serve) -> None:
    report = await summarized(
        serve,
        as_json(
            {
                "bottlenecks": [{"name": f"{ACL} {TOKEN} {'x' * 10_000}", "type": TOKEN, "share": 0.7}],
                "upstream": {"password": "hunter2"},
                "note": f"token {TOKEN} " + "y" * 200_000,
            }
        ),
    )
    written = report.model_dump_json()
    assert TOKEN not in written
    assert "hunter2" not in written
    assert len(written) < 100_000
    assert "more characters" in report.result.summary["note"]
    assert (report.status, report.coverage.truncated) == ("incomplete", ("the debug session's summary",))
    (worst,) = report.result.bottlenecks
    assert worst.share == 0.7
    assert len(worst.name) <= 200


async def test_a_summary_that_says_it_was_cut_is_incomplete(serve: Serve) -> None:
    report = await summarized(serve, as_json({"bottlenecks": SPANS[2:], "truncated": True}))
    assert (report.status, report.coverage.truncated) == ("incomplete", ("the debug session's summary",))
    assert [found.name for found in report.result.bottlenecks] == [ACL]


async def test_a_summary_that_fits_is_untouched(serve: Serve) -> None:
    summary: dict[str, Any] = {"bottlenecks": [{"name": ACL, "share": 0.7, "advice": ["cache", None, 3]}]}
    report = await summarized(serve, as_json(summary))
    assert report.result.summary == summary
