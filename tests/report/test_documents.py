"""What a person reads in a report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from patterns.audit.finding import Severity
from patterns.audit.result import AuditedControlPlane, AuditResult, Counts
from patterns.consumers import ConsumersResult
from patterns.coverage import Coverage, Failure, Missing, Named
from patterns.endpoint import EndpointResult
from patterns.failures import Failures
from patterns.performance import PerformanceResult
from patterns.report import Medium, render
from patterns.report.documents.performance import criteria_text
from patterns.selection import Selected
from patterns.traces import Bottleneck
from patterns.workflow import Report

from .samples import audit, consumers, endpoint, finding, performance, report


def complete(pattern: str, result: Any) -> Report[Any]:
    made = report(pattern, result, status="complete")
    return made.model_copy(update={"error": None, "coverage": Coverage()})


def text_of(made: Report[Any], width: int = 120) -> str:
    return render(made, "text", medium=Medium(width=width))


def test_bottlenecks_come_with_bars_as_long_as_their_shares() -> None:
    entries = tuple(
        Bottleneck(name=f"span-{n}", kind="plugin", share=n / 4, p95_ms=1.0) for n in (4, 3, 2, 1)
    )
    written = text_of(complete("debug_performance", PerformanceResult(bottlenecks=entries, summary={})))
    bars = re.findall(r"span-\d +plugin +(■*)(·*)", written)
    assert [(len(filled), len(rest)) for filled, rest in bars] == [(20, 0), (15, 5), (10, 10), (5, 15)]
    assert written.splitlines()[1].startswith("span-4 (plugin) takes 100 % of the time")


def test_every_duration_of_a_bottleneck_has_a_column_of_its_own() -> None:
    entries = (
        Bottleneck(name="span-1", kind="plugin", duration_ms=70.0),
        Bottleneck(name="span-2", kind="plugin", mean_ms=20.0, severity="low", score=3.5),
    )
    written = text_of(complete("debug_performance", PerformanceResult(bottlenecks=entries, summary={})))
    (head,) = re.findall(r"^ *where.*$", written, re.MULTILINE)
    assert head.split() == ["where", "kind", "share", "severity", "score", "mean", "duration", "count"]
    assert re.search(r"span-1 +plugin +- +- +- +- +70 ms", written)
    assert re.search(r"span-2 +plugin +- +low +3.5 +20 ms +-", written)


def test_consumers_called_alike_are_told_apart() -> None:
    one = consumers("ios-app").consumers[0].model_copy(update={"exists": True, "username": "kiosk"})
    alike = [
        one.model_copy(update={"id": f"id-{n}", "control_plane_id": plane})
        for n, plane in enumerate(("plane-a", "plane-b", "plane-b"))
    ]
    alike.append(one.model_copy(update={"username": "alone"}))
    result = consumers("ios-app").model_copy(update={"consumers": tuple(alike)})
    written = text_of(complete("analyze_consumers", result))
    assert "kiosk (plane-a) has" in written.splitlines()[1]
    assert re.findall(r"^ *(kiosk \(.*?\)|alone) +\d", written, re.MULTILINE) == [
        "kiosk (plane-a)", "kiosk (id-1)", "kiosk (id-2)", "alone",
    ]  # fmt: skip


def test_a_summary_without_figures_is_shown_in_the_servers_own_words() -> None:
    result = PerformanceResult(summary="Redis was slow.\nLook at rate limiting.")
    written = text_of(complete("debug_performance", result))
    assert "  Redis was slow.\n" in written
    assert "  Look at rate limiting.\n" in written


def test_prose_without_figures_is_not_said_to_name_no_bottleneck() -> None:
    written = text_of(complete("debug_performance", PerformanceResult(summary="Redis\x1b[2J was slow.")))
    assert "No figures could be read from the server's summary" in written.splitlines()[1]
    assert "names no bottleneck" not in written
    assert "  Redis\N{REPLACEMENT CHARACTER} was slow." in written


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ({}, "every request, 60 s, at most 100 samples"),
        ({"session_duration": "10s"}, "every request, 10s, at most 100 samples"),
        ({"http_status_code": "5XX", "max_samples": 0}, "status 5XX, 60 s, at most 0 samples"),
        ({"session_duration": 30}, "every request, 30 s, at most 100 samples"),
        ({"http_path": "/slow", "max_samples": 5}, "path /slow, 60 s, at most 5 samples"),
        ({"sampling": "head"}, "sampling=head, 60 s, at most 100 samples"),
        ({"control_plane_id": "x"}, "every request, 60 s, at most 100 samples"),
    ],
)
def test_criteria_say_how_many_requests_they_mean_for_how_long(criteria: dict[str, Any], said: str) -> None:
    assert criteria_text(criteria) == said


@pytest.mark.parametrize(("how", "said"), [("prefix", "shop-1 (found by: prefix)"), ("exact", "shop-1")])
def test_a_control_plane_nobody_named_exactly_says_how_it_was_found(how: str, said: str) -> None:
    result = PerformanceResult(control_plane=Selected(id="1", name="shop-1", found_by=how))
    written = text_of(complete("debug_performance", result))
    assert re.search(rf"^control plane +{re.escape(said)}$", written, re.MULTILINE)


def test_a_session_that_traced_nothing_says_so() -> None:
    written = text_of(complete("debug_performance", PerformanceResult(summary={"samples": 0})))
    assert "nothing was traced" in written


def test_plugins_are_numbered_in_the_order_they_run() -> None:
    written = text_of(complete("investigate_endpoint", endpoint("cors")))
    assert re.findall(r"^  (\d)   cors", written, re.MULTILINE) == ["1", "2"]


def test_a_disabled_service_and_an_idle_plugin_are_called_out() -> None:
    written = text_of(complete("investigate_endpoint", endpoint("cors")))
    assert "service is disabled" in written
    assert "cors (off)" in written


def test_an_endpoint_without_plugins_says_none() -> None:
    result = endpoint("x").model_copy(update={"plugins": ()})
    assert "None." in text_of(complete("investigate_endpoint", result))


def test_a_consumer_that_no_longer_exists_is_marked() -> None:
    assert "ios-app (gone)" in text_of(complete("analyze_consumers", consumers("ios-app")))


def test_requests_of_nobody_stand_in_the_same_table() -> None:
    written = text_of(complete("analyze_consumers", consumers("ios-app")))
    assert re.search(r"\(no consumer\) +3 +■+·+ +30 %", written)


def test_the_headline_names_the_requests_of_nobody_first_where_they_are_more() -> None:
    result = consumers("ios-app")
    assert text_of(complete("analyze_consumers", result)).splitlines()[1].startswith("ios-app has 70 %")
    most = result.model_copy(update={"unattributed": Failures(failures=8, by_status={"500": 8}), "rows": 15})
    headline = text_of(complete("analyze_consumers", most)).splitlines()[1]
    assert headline.startswith("53 % of the failures have no consumer: 8 requests. ios-app has 47 %")


@pytest.mark.parametrize("width", range(60, 161, 10))
def test_a_column_that_can_be_left_out_is_never_shown_in_pieces(width: int) -> None:
    result = consumers("a-username-of-some-length")
    one = result.consumers[0].model_copy(update={"custom_id": "saltmarsh-web-of-some-length"})
    result = result.model_copy(update={"consumers": (one,)})
    table = text_of(complete("analyze_consumers", result), width).split("Who fails")[1].split("Plugins")[0]
    assert "saltmarsh-web-of-some-length" in table or "saltmarsh" not in table


def test_statuses_come_most_frequent_first() -> None:
    assert "503×4, 500×3" in text_of(complete("analyze_consumers", consumers("ios-app")))


def test_findings_are_grouped_by_severity_worst_first() -> None:
    findings = tuple(finding("x", severity, rule_id=severity.upper()) for severity in Severity)
    written = text_of(complete("audit_configuration", AuditResult(findings=findings)))
    headings = re.findall(r"^(\w+): 1 finding$", written, re.MULTILINE)
    assert headings == ["Critical", "High", "Medium", "Low", "Info"]


def test_a_rule_with_many_findings_shows_some_and_counts_the_rest() -> None:
    findings = tuple(replace(finding(f"name-{n}"), remediation="do it") for n in range(1000))
    written = text_of(complete("audit_configuration", AuditResult(findings=findings)))
    assert "… and 975 more; --format json has all of them" in written
    assert written.count("do it") == 1
    assert len(written.splitlines()) < 120


def test_a_list_that_was_not_seen_is_never_a_zero() -> None:
    plane = AuditedControlPlane(id="1", name="payments", counts=Counts(services=0, routes=3))
    written = text_of(complete("audit_configuration", AuditResult(control_planes=(plane,))))
    assert re.search(r"payments +0 +3 +not seen +not seen +not seen", written)


def test_rules_that_could_not_run_are_named() -> None:
    plane = AuditedControlPlane(id="1", name="payments", rules_not_run=("KNA001", "KNA040"))
    written = text_of(complete("audit_configuration", AuditResult(control_planes=(plane,))))
    assert re.search(r"Rules that could not run\n.*\n.*\n +payments +KNA001, KNA040", written)


def test_what_could_not_be_seen_has_its_own_section_with_one_entry_per_reason() -> None:
    failure = Failure(type="Forbidden", message="no permission", hint="Ask an admin.")
    missing = tuple(
        Missing(what=what, control_plane=Named(id=name, name=name), error=failure)
        for name in ("payments", "lab")
        for what in ("services", "routes")
    )
    coverage = Coverage(complete=False, missing=missing, truncated=("failing requests",))
    made = report("audit_configuration", audit("x")).model_copy(update={"coverage": coverage, "error": None})
    written = text_of(made)
    assert "Not seen" in written
    assert "services, routes of payments, lab: Forbidden: no permission" in written
    assert "failing requests: cut, there may be more" in written
    assert written.count("Ask an admin.") == 1


def test_many_control_planes_without_the_same_things_for_the_same_reason_are_one_entry() -> None:
    failure = Failure(type="Unreachable", message="gone")
    lists = ("services", "vaults")
    planes = [Named(id=f"id-{number}", name=f"plane-{number:02}") for number in range(40)]
    missing = tuple(
        Missing(what=what, control_plane=plane, error=failure) for plane in planes for what in lists
    )
    made = complete("audit_configuration", audit("x"))
    written = text_of(made.model_copy(update={"coverage": Coverage(complete=False, missing=missing)}))
    assert "services, vaults of plane-00, plane-01," in written
    assert " and 35 more control planes: Unreachable: gone" in " ".join(written.split())
    assert written.count("Unreachable") == 1


def test_what_the_error_says_is_not_said_again() -> None:
    failure = Failure(type="Unreachable", message="gone", hint="Look.")
    coverage = Coverage(complete=False, missing=(Missing(what="everything", error=failure),))
    made = report("audit_configuration", AuditResult(), status="failed")
    written = text_of(made.model_copy(update={"error": failure, "coverage": coverage}))
    assert (written.count("gone"), written.count("Look."), "Not seen" in written) == (1, 1, False)


def test_a_complete_report_has_no_such_section() -> None:
    assert "Not seen" not in text_of(complete("audit_configuration", audit("x")))


def test_a_failed_report_says_what_went_wrong_and_what_to_do() -> None:
    failure = Failure(type="RateLimited", message="too many requests", hint="Wait.")
    made = report("analyze_consumers", ConsumersResult(), status="failed")
    written = text_of(made.model_copy(update={"error": failure, "coverage": Coverage()}))
    assert "Consumer analysis · failed" in written
    assert "RateLimited: too many requests" in written
    assert "Wait." in written


def test_steps_and_their_calls_are_folded_away_in_html_and_left_out_of_text() -> None:
    made = report("debug_performance", performance("x"), "fetch_status")
    assert "<summary>Steps</summary>" in render(made, "html")
    assert "fetch_status (fetch_status)" in render(made, "html")
    assert "Steps" not in text_of(made)


def test_an_alert_shows_the_reports_it_led_to() -> None:
    from patterns.alerts import AlertResult

    inner = complete("investigate_endpoint", endpoint("checkout"))
    written = text_of(complete("investigate_alert", AlertResult(alert={"name": "slow"}, endpoint=inner)))
    assert "Endpoint investigation" in written
    assert "The route checkout serves it" in written


def test_a_workflow_nobody_knows_here_still_shows_its_result() -> None:
    written = text_of(complete("my_own", EndpointResult(upstream_url="https://x.example")))
    assert "my_own · complete" in written
    assert '"upstream_url": "https://x.example"' in written


def test_a_name_is_folded_and_never_cut_however_narrow_the_terminal() -> None:
    name = "kong.access.plugin.rate-limiting-advanced"
    entry = Bottleneck(name=name, kind="plugin", share=0.9, p50_ms=1.0, p95_ms=2.0, p99_ms=3.0, count=4)
    made = complete("debug_performance", PerformanceResult(bottlenecks=(entry,), latency={"total": {}}))
    for width in range(40, 161, 5):
        lines = text_of(made, width).split("Where the time goes")[1].split("Latency")[0].splitlines()
        column = "".join(line.strip().split(" ")[0] for line in lines if "──" not in line)
        assert column.removeprefix("where").startswith(name), width
