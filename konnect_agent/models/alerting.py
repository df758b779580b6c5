"""Alert events (fact sheet 2.1; drafts of Kong's tools page, the FAQ still names the tool).

`debug_session_inputs` is meant to go unchanged into CreateDebugSession, so it stays exactly as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from konnect_agent.ids import Kind
from konnect_agent.models.entity import Entity, Reference


class AlertEvent(Entity):
    """One alert: which entity of which control plane, and how to debug it if the server knows."""

    refers_to: ClassVar[tuple[Kind, ...]] = ("control_plane",)

    control_plane: Reference | None = None
    entity_id: str | None = None
    entity_type: str | None = None
    debug_session_inputs: Mapping[str, Any] | None = None
