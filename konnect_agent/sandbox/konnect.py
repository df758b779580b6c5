"""`EmbeddedKonnect.answer(tool, arguments)`: what each documented tool answers for a world.

Arguments are checked first (`tools.check`), then the tool's handler reads the world or changes the debug
sessions. What Konnect itself would refuse (unknown ids and names, missing permission) is a problem in the
documented form of its error bodies; how the live tools word such refusals is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from konnect_agent.sandbox import analytics, knowledge, summaries
from konnect_agent.sandbox.answers import Answer, Listing, Single
from konnect_agent.sandbox.debugging import RUNNING, DebugSession, DebugSessions
from konnect_agent.sandbox.ledger import Ledger
from konnect_agent.sandbox.organisation import ControlPlane, Entity, derive_id
from konnect_agent.sandbox.tools import Tool, check
from konnect_agent.sandbox.world import World

_KINDS = {
    "GetConsumer": "consumers",
    "GetConsumerGroup": "consumer_groups",
    "GetService": "services",
    "GetRoute": "routes",
    "GetPlugin": "plugins",
    "GetVault": "vaults",
}
_NAME_FIELDS = {"consumers": ("username",), "vaults": ("name", "prefix")}


class Problem(Exception):
    """Konnect's refusal: an HTTP-like status, a title, a detail, and what else its body says."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.more = status, title, detail, more

    def body(self, *, seed: int) -> Entity:
        """The problem as Konnect's JSON, with a trace id for support."""
        instance = "konnect:trace:" + derive_id(seed, "problem", self.detail).replace("-", "")[:19]
        said: Entity = {"status": self.status, "title": self.title, "instance": instance}
        return said | {"detail": self.detail} | self.more


@dataclass(frozen=True)
class EmbeddedKonnect:
    """The tools over one world; `forbidden` are control planes the token's owner may list but not read."""

    world: World
    debug_sessions: DebugSessions
    ledger: Ledger
    forbidden: frozenset[str] = field(default_factory=frozenset[str])

    def answer(self, tool: Tool, arguments: Mapping[str, Any]) -> Answer:
        """The tool's answer; raises Refusal or Problem where it says no."""
        check(tool, arguments)
        if tool.name == "GetControlPlane":
            return self._control_plane(arguments)
        if tool.name == "GetControlPlaneGroup":
            return self._members(arguments["control_plane_group_id"])
        if tool.name in _KINDS:
            return self._entity(_KINDS[tool.name], arguments)
        if tool.name == "GetAnalytics":
            return analytics.query(self.world, arguments)
        if tool.name == "CreateDebugSession":
            return self._create(arguments)
        if tool.name == "ActiveTracingSession":
            return self._trace(arguments)
        if tool.name == "FetchAlertingEventDetails":
            return self._alert(arguments["alert_event_id"])
        return knowledge.answer(arguments["query"])

    def readable(self, argument: str, control_plane_id: str) -> ControlPlane:
        """The control plane with that id, given as `argument`. Raises `Problem`."""
        control_plane = self.world.get(control_plane_id)
        if control_plane is None:
            raise not_found(f"{argument}: no control plane has the id {control_plane_id}")
        if control_plane.name in self.forbidden:
            raise Problem(
                403, "Permission denied", f"You do not have permission to read {control_plane.name}"
            )
        return control_plane

    def _control_plane(self, arguments: Mapping[str, Any]) -> Answer:
        operation = arguments["operation"]
        if operation == "list":
            return _control_planes(self.world.control_planes)
        if operation == "get_by_route":
            found = self.world.serving(arguments["path"])
            return _control_planes([plane for plane in found if plane.name not in self.forbidden])
        if operation == "get_by_id":
            return Single("control_plane", self.readable("id", arguments["id"]).entity)
        for control_plane in self.world.control_planes:
            if control_plane.name == arguments["name"]:
                return Single("control_plane", control_plane.entity)
        raise not_found(f"name: no control plane is called {arguments['name']!r}")

    def _members(self, group_id: str) -> Listing:
        group = self.readable("control_plane_group_id", group_id)
        if not group.is_group:
            raise not_found(f"control_plane_group_id: {group.name} is not a control plane group")
        return _control_planes([plane for plane in self.world.control_planes if plane.id in group.members])

    def _entity(self, kind: str, arguments: Mapping[str, Any]) -> Answer:
        control_plane = self.readable("control_plane_id", arguments["control_plane_id"])
        entities, singular = control_plane.listing(kind), kind[:-1]
        if arguments["operation"] == "list":
            return Listing(kind, entities)
        if arguments["operation"] == "get_by_id":
            argument, fields = f"{singular}_id", ("id",)
        else:
            argument, fields = f"{singular}_name", _NAME_FIELDS.get(kind, ("name",))
        for name in fields:
            for entity in entities:
                if entity[name] == arguments[argument]:
                    return Single(singular, entity)
        raise not_found(f"{argument}: {control_plane.name} has no {singular} {arguments[argument]!r}")

    def _create(self, arguments: Mapping[str, Any]) -> Single:
        self.readable("control_plane_id", arguments["control_plane_id"])
        debug_session = self.debug_sessions.create(dict(arguments))
        self.ledger.debug_session_created(debug_session.id)
        return Single("debug_session", {"debug_session_id": debug_session.id, "status": "pending"})

    def _trace(self, arguments: Mapping[str, Any]) -> Answer:
        control_plane = self.readable("control_plane_id", arguments["control_plane_id"])
        wanted = arguments["debug_session_id"]
        debug_session = self.debug_sessions.get(wanted)
        if debug_session is None or debug_session.control_plane_id != control_plane.id:
            raise not_found(f"debug_session_id: {control_plane.name} has no debug session {wanted}")
        operation = arguments["operation"]
        if operation == "stop_session":
            if self.debug_sessions.stop(debug_session):
                self.ledger.debug_session_stopped(debug_session.id)
            return self._status(debug_session)
        if operation == "fetch_status":
            return self._status(debug_session)
        status = self.debug_sessions.status(debug_session)
        if status in RUNNING:
            detail = f"debug_session_id: {wanted} is still {status}; wait until it is completed"
            raise Problem(409, "Conflict", detail)
        return self._results(operation, debug_session, status, arguments)

    def _status(self, debug_session: DebugSession) -> Single:
        status = self.debug_sessions.status(debug_session)
        return Single("debug_session", {"debug_session_id": debug_session.id, "status": status})

    def _results(
        self, operation: str, debug_session: DebugSession, status: str, arguments: Mapping[str, Any]
    ) -> Answer:
        traces = self.debug_sessions.traces(debug_session)
        if operation == "summarize_session":
            criteria = {
                key: value for key, value in debug_session.criteria.items() if key != "control_plane_id"
            }
            head: Entity = {"debug_session_id": debug_session.id, "status": status, "criteria": criteria}
            return Single("summary", head | summaries.summarize(traces))
        if operation == "compressed_traces":
            return Listing("traces", summaries.compress(traces))
        plugin_id = arguments.get("phase_filter", arguments.get("plugin_filter"))
        return Listing("traces", summaries.compact(traces, phase=arguments.get("phase"), plugin_id=plugin_id))

    def _alert(self, alert_event_id: str) -> Single:
        alert = self.world.alerts.get(alert_event_id)
        if alert is None:
            raise not_found(f"alert_event_id: there is no alert event {alert_event_id}")
        return Single("alert_event", alert)


def _control_planes(chosen: tuple[ControlPlane, ...] | list[ControlPlane]) -> Listing:
    return Listing("control_planes", [control_plane.entity for control_plane in chosen])


def not_found(detail: str) -> Problem:
    """The problem of whatever is not there."""
    return Problem(404, "Not Found", detail)
