"""One report of every pattern, with the same text wherever a server's words could stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from konnect_agent.gateway import AccessRule
from patterns.alerts import AlertResult
from patterns.audit.finding import EntityName, Finding, Severity
from patterns.audit.mcp_endpoints import AuditedMcpEndpoint
from patterns.audit.result import (
    AuditedControlPlane,
    AuditResult,
    Counts,
    Definition,
    DifferentService,
    PluginUsage,
    RuleInForce,
    Summary,
)
from patterns.consumers import ConsumersResult
from patterns.coverage import Coverage, Failure, Missing, Named
from patterns.endpoint import Answer, EndpointResult
from patterns.failures import ConsumerFailures, FailedRequest, Failures, RouteFailures
from patterns.mcp_endpoint import McpAuthentication, McpEndpoint, McpLimits
from patterns.performance import PerformanceResult, SessionState
from patterns.selection import Selected
from patterns.traces import Bottleneck
from patterns.views import CandidateView, MetPlugin, OtherRouteView, PluginView, RouteView, ServiceView
from patterns.workflow import Call, Report, Result, Status, Step


class SomebodyElses(Result):
    words: str = ""


def reports_of(text: str) -> list[Report[Any]]:
    """The reports of all patterns, and of a workflow nobody knows."""
    parts = [
        ("debug_performance", performance(text)),
        ("investigate_endpoint", endpoint(text)),
        ("analyze_consumers", consumers(text)),
        ("audit_configuration", audit(text)),
        ("somebody_elses", SomebodyElses(words=text)),
    ]
    alone = [report(name, result, text) for name, result in parts]
    nested = AlertResult(
        alert={"name": text, "severity": text, "path": text}, performance=alone[0], endpoint=alone[1]
    )
    return [*alone, report("investigate_alert", nested, text)]


def report(pattern: str, result: Any, text: str = "x", *, status: Status = "incomplete") -> Report[Any]:
    """A report around a result, in which everything that can be there is."""
    failure = Failure(type=text, message=text, hint=text)
    calls = (Call(tool=text, arguments={text: text}, duration_s=0.1, attempts=2, outcome=text),)
    inner = Step(name=text, status=text, duration_s=0.1, extracted={text: text}, calls=calls)
    missing = Missing(what=text, control_plane=Named(id=text, name=text), error=failure)
    kind: type[Report[Any]] = Report[type(result)]
    return kind(
        pattern=pattern,
        status=status,
        endpoint=f"https://us.mcp.konghq.com/{text}",
        started_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        duration_s=1.5,
        steps=(inner.model_copy(update={"steps": (inner,)}),),
        result=result,
        coverage=Coverage(complete=False, missing=(missing,), truncated=(text,)),
        error=failure,
    )


def performance(text: str) -> PerformanceResult:
    return PerformanceResult(
        control_plane=Selected(id=text, name=text, found_by=text),
        criteria={"http_path": text, text: text, "session_duration": 60},
        debug_session=SessionState(id=text, status=text),
        bottlenecks=(
            Bottleneck(name=text, kind=text, share=0.8, p50_ms=1.5, p95_ms=2000, p99_ms=3000.0, count=1200),
            Bottleneck(name=text, kind=text, share=None, mean_ms=1.0),
        ),
        latency={"total": {"p50_ms": 1.0, "p95_ms": 2.0}, text: {"p50_ms": 1.0}, "p99_ms": 3.0},
        summary={text: [text, {"nested": text}]},
    )


def endpoint(text: str) -> EndpointResult:
    route = RouteView(id=text, name=text, methods=(text,), hosts=(text,), paths=(text, text), expression=text)
    plugin = PluginView(id=text, name=text, scope=text, because=text)
    return EndpointResult(
        control_plane=Selected(id=text, name=text),
        route=route,
        service=ServiceView(id=text, name=text, enabled=False, url=text),
        served=True,
        plugins=(plugin, plugin),
        shadowed_plugins=(plugin.model_copy(update={"enabled": False}),),
        other_routes=(OtherRouteView(**dict(route), serves=(text,)),),
        strict=Answer(route=route),
        router_flavor=text,
        candidates=(CandidateView(id=text, name=text, matched=None, because=text),),
        upstream_url=text,
        authentication=text,
        mcp_endpoint=mcp_endpoint(text),
        notes=(text, text),
    )


def mcp_endpoint(text: str | None) -> McpEndpoint:
    said = text or "x"
    return McpEndpoint(
        plugin_id=text,
        mode=text,
        is_endpoint=True if text else None,
        who_may_call=said,
        access_by=said,
        access=(AccessRule(None, (said,), ()), AccessRule(said, (), (said,))),
        partial_access=(said,),
        authentication=McpAuthentication("required", True, (text,), text) if text else None,
        limits=McpLimits(
            max_request_body_size=0,
            body=(said,),
            rate=(said,),
            partial_body=(),
            partial_rate=(said,),
            said=said,
        ),
        said=said,
    )


def consumers(text: str) -> ConsumersResult:
    request = FailedRequest(id=text, method=text, uri=text, status=503, latency_ms=12.0)
    consumer = ConsumerFailures(
        id=text,
        username=text,
        custom_id=text,
        exists=False,
        failures=7,
        by_status={"503": 4, "500": 3},
        routes=(RouteFailures(id=text, name=text, failures=7),),
        requests=(request,),
        plugins=(PluginView(id=text, name=text, scope=text, because=text),),
        plugins_in_order=(MetPlugin(id=text, name=text, scope=text, because=text, routes=(text,)),),
    )
    return ConsumersResult(
        control_plane=Selected(id=text, name=text),
        time_range=text,
        status_codes=(500, 503),
        rows=10,
        elsewhere=3,
        truncated=True,
        consumers=(consumer, consumer),
        unattributed=Failures(failures=3, by_status={"500": 3}),
        notes=(text,),
    )


def finding(text: str, severity: Severity = Severity.HIGH, *, rule_id: str = "KNA001") -> Finding:
    return Finding(
        rule_id=rule_id,
        slug=text,
        severity=severity,
        message=text,
        remediation=text,
        fingerprint=text,
        control_plane=Named(id=text, name=text),
        entity=EntityName(text, text, text),
    )


def audit(text: str) -> AuditResult:
    plane = Named(id=text, name=text)
    rule = RuleInForce(
        id="KNA001", slug=text, title=text, severity=Severity.HIGH, topic=text, rationale=text,
        remediation=text, source=text,
    )  # fmt: skip
    definition = Definition(control_plane=plane, service_id=text, values={text: text})
    return AuditResult(
        control_planes=(
            AuditedControlPlane(id=text, name=text, counts=Counts(services=12000), rules_not_run=(text,)),
            AuditedControlPlane(id=text, name=text, group=True, members=(plane,)),
        ),
        findings=(finding(text), finding(text), finding(text, Severity.INFO)),
        rules=(rule,),
        mcp_endpoints=(
            AuditedMcpEndpoint(plane, plane, EntityName("route", text, text), mcp_endpoint(text)),
            AuditedMcpEndpoint(plane, None, EntityName("route", text, None), mcp_endpoint(None)),
        ),
        summary=Summary(
            control_planes=1,
            groups=1,
            totals=Counts(services=12000, routes=1),
            findings=3,
            by_severity={Severity.HIGH: 2, Severity.INFO: 1},
            plugins={text: PluginUsage(enabled=1, disabled=0, control_planes=1)},
            different_services=(
                DifferentService(name=text, differs_in=(text,), definitions=(definition, definition)),
            ),
        ),
    )
