"""Request analytics (fact sheet 4; Kong: analytics-requests v2).

A record's status is the *string* `response_http_status`; `status_code` is only a filter's name. Ids of
consumers, services and routes are composite (`<control plane id>:<entity id>`). The retired server wrote
camelCase names and nested latencies; those are read as well, as are objects for ids, and a dash or the word
null for nobody (inferred for the hosted server). There is no total anywhere: a row count equal to the limit
means the list was cut, never "these are all".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict

from konnect_agent.ids import CompositeId, Kind, extract_id, own_id, split_composite
from konnect_agent.models.moment import Moment
from konnect_agent.models.tolerant import Tolerant, folded

_OLD_LATENCIES = {
    "totalms": "latencies_response_ms",
    "upstreamms": "latencies_upstream_ms",
    "gatewayms": "latencies_kong_gateway_ms",
}
_POINTERS: Mapping[str, Kind] = {
    "consumer": "consumer",
    "gateway_service": "service",
    "route": "route",
    "control_plane": "control_plane",
}
_STATUS = re.compile(r"(?:HTTP\S*\s+)?([0-9]{1,3})(?:\.0+)?(?:\s+\D.*)?", re.IGNORECASE | re.DOTALL)
_NOBODY = frozenset(("", "-", "null", "none", "nil", "undefined", "anonymous", "n/a", str(UUID(int=0))))


def _status(value: Any) -> int:
    """`503` out of 503, "503", 503.0 or "503 Service Unavailable"; a word or a class of statuses is none."""
    found = _STATUS.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("it is no HTTP status")
    return int(found[1])


Status = Annotated[int | None, BeforeValidator(_status)]


class ApiRequest(Tolerant):
    """One request as the gateway logged it. Latencies are milliseconds; anything may be None.

    `consumer` is None for a request nobody authenticated, and when only the name of the consumer was logged:
    `consumer_username` has that.
    """

    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "request_start": ("request_start", "timestamp"),
        "request_uri": ("request_uri", "uri"),
        "status": ("response_http_status", "status_code", "status"),
        "consumer": ("consumer", "consumer_id"),
        "consumer_username": ("consumer_username", "consumer_name"),
        "gateway_service": ("gateway_service", "service", "service_id"),
        "route": ("route", "route_id"),
        "control_plane": ("control_plane", "control_plane_id"),
    }

    request_id: str | None = None
    request_start: Moment = None
    http_method: str | None = None
    request_uri: str | None = None
    status: Status = None
    upstream_status: Status = None
    latencies_response_ms: float | None = None
    latencies_upstream_ms: float | None = None
    latencies_kong_gateway_ms: float | None = None
    consumer: str | None = None
    consumer_username: str | None = None
    gateway_service: str | None = None
    route: str | None = None
    control_plane: str | None = None
    control_plane_group: str | None = None
    auth_type: str | None = None
    trace_id: str | None = None

    @classmethod
    def _arranged(cls, given: dict[str, Any], inside: str | None) -> dict[str, Any]:
        placed = dict(given)
        for name, value in _object(given.get("latency")).items():
            placed.setdefault(_OLD_LATENCIES.get(folded(name), "latency"), value)
        for name, kind in _POINTERS.items():
            pointer = given.get(name)
            if isinstance(pointer, Mapping):
                pointer = own_id(_object(pointer), kind) or extract_id(given, kind)
            placed[name] = None if _is_nobody(pointer) else pointer
        if consumer := _object(given.get("consumer")):
            placed.setdefault("consumer_username", consumer.get("username") or consumer.get("name"))
        if plane := _object(given.get("control_plane")):
            placed["control_plane"] = placed["control_plane"] or plane.get("name")
            placed.setdefault("control_plane_group", plane.get("group"))
        return placed

    @property
    def consumer_id(self) -> CompositeId | None:
        """Who called, split; None for a request nobody authenticated."""
        return split_composite(self.consumer, (self.control_plane,)) if self.consumer else None

    @property
    def service_id(self) -> CompositeId | None:
        """The service it went to, split; None when no route matched or the route has no service."""
        return split_composite(self.gateway_service, (self.control_plane,)) if self.gateway_service else None

    @property
    def route_id(self) -> CompositeId | None:
        """The route that matched, split."""
        return split_composite(self.route, (self.control_plane,)) if self.route else None

    @property
    def control_plane_id(self) -> str | None:
        """The control plane, from its own field or from the first half of any composite id."""
        if self.control_plane:
            return self.control_plane
        halves = (self.route_id, self.service_id, self.consumer_id)
        return next((half.control_plane_id for half in halves if half and half.control_plane_id), None)

    @property
    def failed(self) -> bool:
        """400 and above, as the tool's own `failureOnly` counts."""
        return self.status is not None and self.status >= 400


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _is_nobody(value: Any) -> bool:
    """Whether an id, or its second half, says in words that there is none."""
    return isinstance(value, str) and value.rpartition(":")[2].strip().lower() in _NOBODY


class ApiRequests(BaseModel):
    """Rows of one query, newest first, and whether the list was cut.

    `truncated` is True when as many rows came as were asked for (or the server said so): there may be more.
    `summary` is what stood around the rows, untouched (for one consumer: aggregate statistics).
    """

    model_config = ConfigDict(frozen=True)

    rows: tuple[ApiRequest, ...] = ()
    truncated: bool = False
    limit: int | None = None
    summary: Mapping[str, Any] = {}
