"""Debug sessions: created, sampled, ended, in scaled time.

pending (the first second or so) -> in_progress -> completed, or cancelled by `stop_session`; statuses are
documented. Status is a function of the time passed, so nothing runs in the background: a session of
`session_duration` seconds ends after `session_duration / time_scale` real seconds. Samples are drawn from the
day's requests that meet the criteria, which combine with AND (inferred). A member of a control plane group
samples nothing: data planes belong to the group (documented).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from konnect_agent.sandbox.organisation import ControlPlane, Entity, derive_id
from konnect_agent.sandbox.tracing import trace
from konnect_agent.sandbox.world import World

Ending = Literal["completed", "timed_out", "stuck"]
RUNNING = ("pending", "in_progress")
_PENDING_SHARE = 0.03
_SAMPLED_DAY = 150.0
"""The day's rows are a sample of the traffic: in this many seconds a debug session meets as many requests."""


@dataclass(kw_only=True)
class DebugSession:
    """One debug session; `length` and times in seconds of the clock, not of Kong."""

    id: str
    control_plane_id: str
    criteria: Entity
    started: float
    length: float
    ending: Ending
    stopped: float | None = None

    def status(self, now: float) -> str:
        """`pending`, `in_progress`, `completed`, `timed_out` or `cancelled`."""
        if self.stopped is not None:
            return "cancelled"
        passed = now - self.started
        if passed < self.length * _PENDING_SHARE:
            return "pending"
        if passed < self.length or self.ending == "stuck":
            return "in_progress"
        return self.ending

    def seen(self, now: float) -> float:
        """The part of the session that has passed, 0 to 1."""
        until = now if self.stopped is None else self.stopped
        return min(1.0, max(0.0, until - self.started) / self.length) if self.length else 1.0


@dataclass
class DebugSessions:
    """All debug sessions of a sandbox; may be asked from any thread."""

    world: World
    time_scale: float = 60.0
    ending: Ending = "completed"
    clock: Callable[[], float] = time.monotonic
    _sessions: dict[str, DebugSession] = field(default_factory=dict[str, DebugSession], init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def create(self, arguments: Entity) -> DebugSession:
        """Start a debug session with the arguments of CreateDebugSession."""
        with self._lock:
            number = len(self._sessions)
            session = DebugSession(
                id=derive_id(self.world.seed, "debug session", str(number)),
                control_plane_id=str(arguments["control_plane_id"]),
                criteria={"session_duration": 60, "max_samples": 100} | arguments,
                started=self.clock(),
                length=float(arguments.get("session_duration", 60)) / self.time_scale,
                ending=self.ending,
            )
            self._sessions[session.id] = session
            return session

    def get(self, debug_session_id: str) -> DebugSession | None:
        with self._lock:
            return self._sessions.get(debug_session_id)

    def status(self, session: DebugSession) -> str:
        return session.status(self.clock())

    def stop(self, session: DebugSession) -> bool:
        """Cancel a running session; False if it had ended before."""
        with self._lock:
            now = self.clock()
            running = session.status(now) in RUNNING
            if running:
                session.stopped = now
            return running

    def all(self) -> tuple[DebugSession, ...]:
        """Every session ever created, in order."""
        with self._lock:
            return tuple(self._sessions.values())

    def running(self) -> tuple[str, ...]:
        """Ids of the sessions that are pending or in progress."""
        return tuple(session.id for session in self.all() if self.status(session) in RUNNING)

    def traces(self, session: DebugSession) -> list[Entity]:
        """The traces sampled so far, oldest first."""
        plane = self.world.get(session.control_plane_id)
        if plane is None:
            return []
        matching = [row for row in self._visible(plane) if _meets(session.criteria, row)]
        duration = float(session.criteria["session_duration"])
        met = len(matching) * duration / _SAMPLED_DAY
        wanted = min(len(matching), int(session.criteria["max_samples"]), max(1, round(met)))
        rows = random.Random(session.id).sample(matching, wanted)[
            : round(wanted * session.seen(self.clock()))
        ]
        rows.sort(key=lambda row: str(row["request_start"]))
        owners = {row["control_plane"]: self.world.get(str(row["control_plane"])) or plane for row in rows}
        return [trace(owners[row["control_plane"]], row) for row in rows]

    def _visible(self, plane: ControlPlane) -> list[Entity]:
        """The requests that pass through the data planes attached to this very control plane."""
        owner = "control_plane_group" if plane.is_group else "control_plane"
        return [
            row
            for row in self.world.requests
            if row[owner] == plane.id and (plane.is_group or row["control_plane_group"] is None)
        ]


def _meets(criteria: Entity, row: Entity) -> bool:
    path = str(row["request_uri"]).split("?")[0]
    wanted = criteria.get("http_path")
    if wanted is not None and path != wanted and not path.startswith(wanted.rstrip("/") + "/"):
        return False
    if criteria.get("http_method", row["http_method"]) != row["http_method"]:
        return False
    if criteria.get("http_status_code", row["response_http_status"]) != row["response_http_status"]:
        return False
    latency = str(criteria.get("http_latency", ">=0ms"))
    if int(row["latencies_response_ms"]) < int(latency.removeprefix(">=").removesuffix("ms")):
        return False
    service = criteria.get("service_id")
    return service is None or str(row["gateway_service"]).split(":")[-1] == service
