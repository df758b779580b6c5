"""Alert events (fact sheet 2.1; drafts of Kong's tools page, the FAQ still names the tool).

`debug_session_inputs` is meant to go unchanged into CreateDebugSession, so what is in it stays as it came;
only a text or a list of one around it is taken off. What cannot be read as inputs is in `unread`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

from pydantic import BeforeValidator

from konnect_agent.ids import Kind
from konnect_agent.models.entity import Entity, Reference


def _only_one(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    entries = cast("list[Any]", value)
    return entries[0] if len(entries) == 1 else entries


class AlertEvent(Entity):
    """One alert: which entity of which control plane, and how to debug it if the server knows."""

    refers_to: ClassVar[tuple[Kind, ...]] = ("control_plane",)
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"id": ("id", "alert_event_id", "alert_id")}

    control_plane: Reference | None = None
    entity_id: str | None = None
    entity_type: str | None = None
    debug_session_inputs: Annotated[Mapping[str, Any] | None, BeforeValidator(_only_one)] = None
