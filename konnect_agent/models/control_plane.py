"""Control planes and control plane groups (fact sheet 3.1 and 3.2; Kong: control-planes v2).

The tool documents `id`, `name` and `tags`; the REST object has `labels` and `config`. Either may come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

from pydantic import BeforeValidator

from konnect_agent.ids import Kind
from konnect_agent.models.entity import Entity
from konnect_agent.models.tolerant import folded

GROUP = "CLUSTER_TYPE_CONTROL_PLANE_GROUP"
_GROUPS = (folded(GROUP), folded("CONTROL_PLANE_GROUP"))


def _labels(value: Any) -> Any:
    """Labels are texts (documented): null is none, and a switch is the text of it."""
    if not isinstance(value, Mapping):
        return value
    given = cast("Mapping[Any, Any]", value).items()
    return {key: str(it).lower() if isinstance(it, bool) else it for key, it in given if it is not None}


class ControlPlane(Entity):
    """A control plane; a group is one whose cluster type says so."""

    kind: ClassVar[Kind | None] = "control_plane"

    name: str = ""
    description: str = ""
    labels: Annotated[Mapping[str, str], BeforeValidator(_labels)] = {}
    config: Mapping[str, Any] = {}
    cluster_type: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether this is a group; False as well when the server did not say."""
        inside = [value for key, value in self.config.items() if folded(key) == "clustertype"]
        return any(folded(str(value)) in _GROUPS for value in (self.cluster_type, *inside))
