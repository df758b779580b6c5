"""Control planes and control plane groups (fact sheet 3.1 and 3.2; Kong: control-planes v2).

The tool documents `id`, `name` and `tags`; the REST object has `labels` and `config`. Either may come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

from pydantic import BeforeValidator

from konnect_agent.ids import Kind
from konnect_agent.models.entity import Entity

GROUP = "CLUSTER_TYPE_CONTROL_PLANE_GROUP"


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: entry for key, entry in cast("Mapping[Any, Any]", value).items() if entry is not None}


class ControlPlane(Entity):
    """A control plane; a group is one whose cluster type says so."""

    kind: ClassVar[Kind | None] = "control_plane"

    name: str = ""
    description: str = ""
    labels: Annotated[Mapping[str, str], BeforeValidator(_without_nulls)] = {}
    config: Mapping[str, Any] = {}
    cluster_type: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether this is a group; False as well when the server did not say."""
        return GROUP in (self.cluster_type, self.config.get("cluster_type"))
