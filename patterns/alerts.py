"""From an alert to its cause: composition of the other patterns.

1. FetchAlertingEventDetails. 2. Its `debug_session_inputs` straight into pattern 1 (confirmed like any
other). 3. Pattern 2 on the affected path: the one the inputs or the alert name, else that of the route it is
about, or of the only route of the service it is about.
Where the alert leads nowhere although it names something, the coverage says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from konnect_agent import Konnect
from konnect_agent.decoding import as_object, undecodable
from konnect_agent.errors import ConfirmationDeclined, KonnectError, NoMatch
from konnect_agent.ids import extract_id, split_composite
from konnect_agent.models import AlertEvent, Route
from konnect_agent.models.tolerant import folded
from konnect_agent.redaction import scrub
from patterns.confirmation import Confirm
from patterns.endpoint import EndpointResult, investigate_endpoint
from patterns.performance import PerformanceResult, debug_performance
from patterns.workflow import Report, Result, keep, missed, step, workflow

_PATHS = ("httppath", "path", "requestpath")


class AlertResult(Result):
    """The alert, untouched except for secrets, and the reports of the patterns it led to."""

    alert: Mapping[str, Any] = {}
    performance: Report[PerformanceResult] | None = None
    endpoint: Report[EndpointResult] | None = None


@dataclass(frozen=True)
class _Endpoint:
    """What an alert is about; a route adds what its requests look like."""

    path: str
    method: str | None = None
    host: str | None = None
    scheme: str = "https"


@workflow("investigate_alert", AlertResult)
async def investigate_alert(konnect: Konnect, alert_event_id: str, *, confirm: Confirm) -> AlertResult:
    """Look into an alert event: debug session (after `confirm`), then the endpoint it is about.

    A part that fails is noted in `coverage`; declining raises `ConfirmationDeclined` before anything is sent.
    """
    async with step("fetch alert") as this:
        alert = await konnect.alerts.get(alert_event_id)
        plane_id = _control_plane_id(alert)
        this.extract(control_plane_id=plane_id, entity_id=alert.entity_id)
    result = keep(AlertResult(alert=alert.redacted()))
    plane = plane_id or _control_plane_name(alert)
    inputs = alert.debug_session_inputs or {}

    if "debug_session_inputs" in alert.unread:
        sent = alert.unread["debug_session_inputs"]
        missed("the debug session", undecodable("no inputs for one", sent, "$.debug_session_inputs"))
    if inputs:
        async with step("debug performance"):
            try:
                report = await debug_performance(konnect, plane, confirm=confirm, inputs=inputs)
                result = keep(result.model_copy(update={"performance": report}))
            except ConfirmationDeclined:
                raise
            except KonnectError as error:
                missed("the debug session", error)
    path = _path_in(inputs) or _path_in(alert.model_extra or {})
    affected = _Endpoint(path) if path else await _endpoint_of_entity(konnect, alert, plane_id)
    if affected:
        async with step("investigate endpoint"):
            try:
                endpoint = await investigate_endpoint(
                    konnect,
                    affected.path,
                    method=affected.method,
                    host=affected.host,
                    scheme=affected.scheme,
                    control_plane=plane,
                )
                result = keep(result.model_copy(update={"endpoint": endpoint}))
            except KonnectError as error:
                missed(f"the endpoint {scrub(affected.path)}", error)
    return result


def _control_plane_id(alert: AlertEvent) -> str | None:
    """The control plane of an alert, wherever it says so."""
    if alert.control_plane:
        return alert.control_plane.id
    inside = extract_id(alert.debug_session_inputs or {}, "control_plane")
    return inside or split_composite(alert.entity_id or "").control_plane_id


def _control_plane_name(alert: AlertEvent) -> str | None:
    name = (as_object(alert.unread.get("control_plane")) or {}).get("name")
    return name if isinstance(name, str) and name.strip() else None


def _path_in(data: Mapping[str, Any]) -> str | None:
    """The path `data` names; the field is not documented, so the plausible ones are tried."""
    named = {folded(key): value for key, value in data.items()}
    candidates = (named.get(name) for name in _PATHS)
    return next((text for text in candidates if isinstance(text, str) and text.startswith("/")), None)


async def _endpoint_of_entity(konnect: Konnect, alert: AlertEvent, plane_id: str | None) -> _Endpoint | None:
    """What a route, or the only route of a service, serves; None, and noted, when that cannot be told."""
    kind = folded(alert.entity_type or "").removeprefix("gateway")
    if kind not in ("route", "service") or not alert.entity_id:
        return None
    async with step("affected route") as this:
        try:
            route = await _route(konnect, kind, alert.entity_id, plane_id)
            this.extract(route_id=route.id)
            return _served_by(route)
        except KonnectError as error:
            missed(f"the endpoint of the {kind} {scrub(alert.entity_id)}", error)
            return None


async def _route(konnect: Konnect, kind: str, entity_id: str, plane_id: str | None) -> Route:
    if plane_id is None:
        raise NoMatch(f"The alert does not say which control plane the {kind} is on.")
    if kind == "route":
        return await konnect.routes.get(entity_id, control_plane_id=plane_id)
    routes = await konnect.routes.list(plane_id)
    service_id = split_composite(entity_id).id.lower()
    own = [route for route in routes if route.service and route.service.id.lower() == service_id]
    if len(own) == 1 and routes.complete:
        return own[0]
    among = "" if routes.complete else " that could be seen, and there are more"
    raise NoMatch(f"The service has {len(own)} routes{among}: only with one is it clear which path is meant.")


def _served_by(route: Route) -> _Endpoint:
    """A request as the route asks for it. Raises `NoMatch` when no path of it can be written down."""
    path = next((path for path in route.paths if path.startswith("/")), None if route.paths else "/")
    scheme = "https" if "https" in route.protocols else next(iter(route.protocols), "https")
    if path is None or route.expression or scheme not in ("https", "http", "grpc", "grpcs", "ws", "wss"):
        raise NoMatch(
            f"The route {scrub(route.label)} has no plain path: which requests are meant is not clear.",
            hint="Investigate the endpoint with a path that the route serves.",
        )
    host = next((host for host in route.hosts if "*" not in host), None)
    return _Endpoint(path, next(iter(route.methods), None), host, scheme)
