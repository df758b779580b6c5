"""Request analytics (fact sheet 4; Kong: analytics-requests v2).

A record's status is the *string* `response_http_status`; `status_code` is only a filter's name. Ids of
consumers, services and routes are composite (`<control plane id>:<entity id>`). The retired server wrote
camelCase names and nested latencies; those are read as well (inferred for the hosted server). There is no
total anywhere: a row count equal to the limit means the list was cut, never "these are all".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from konnect_agent.ids import CompositeId, split_composite
from konnect_agent.models.entity import Moment

_OLD_LATENCIES = {
    "totalMs": "latencies_response_ms",
    "upstreamMs": "latencies_upstream_ms",
    "gatewayMs": "latencies_kong_gateway_ms",
}
_REFERENCES = ("consumer", "gateway_service", "route", "service", "control_plane", "controlPlane")
_STATUSES = (
    "response_http_status", "status", "statusCode", "status_code", "upstream_status", "upstreamStatus",
)  # fmt: skip
_STATUS = re.compile(r"[0-9]{1,3}")


class ApiRequest(BaseModel):
    """One request as the gateway logged it. Latencies are milliseconds; anything may be None."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        populate_by_name=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
    )

    request_id: str | None = Field(default=None, validation_alias=AliasChoices("request_id", "requestId"))
    request_start: Moment = Field(
        default=None, validation_alias=AliasChoices("request_start", "timestamp", "requestStart")
    )
    http_method: str | None = Field(default=None, validation_alias=AliasChoices("http_method", "httpMethod"))
    request_uri: str | None = Field(
        default=None, validation_alias=AliasChoices("request_uri", "uri", "requestUri")
    )
    status: int | None = Field(
        default=None,
        validation_alias=AliasChoices("response_http_status", "status", "statusCode", "status_code"),
    )
    upstream_status: int | None = Field(
        default=None, validation_alias=AliasChoices("upstream_status", "upstreamStatus")
    )
    latencies_response_ms: float | None = None
    latencies_upstream_ms: float | None = None
    latencies_kong_gateway_ms: float | None = None
    consumer: str | None = Field(
        default=None, validation_alias=AliasChoices("consumer", "consumer_id", "consumerId")
    )
    gateway_service: str | None = Field(
        default=None, validation_alias=AliasChoices("gateway_service", "service", "service_id", "serviceId")
    )
    route: str | None = Field(default=None, validation_alias=AliasChoices("route", "route_id", "routeId"))
    control_plane: str | None = Field(
        default=None,
        validation_alias=AliasChoices("control_plane", "control_plane_id", "controlPlaneId", "controlPlane"),
    )
    control_plane_group: str | None = None
    auth_type: str | None = Field(default=None, validation_alias=AliasChoices("auth_type", "authType"))
    trace_id: str | None = Field(default=None, validation_alias=AliasChoices("trace_id", "traceId"))

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        row = {str(key): value for key, value in cast("Mapping[Any, Any]", data).items()}
        latency = row.get("latency")
        if isinstance(latency, Mapping):
            nested = cast("Mapping[str, Any]", latency)
            row = {**{name: nested.get(old) for old, name in _OLD_LATENCIES.items()}, **row}
        for key in _REFERENCES:
            if isinstance(row.get(key), Mapping):
                row[key] = cast("Mapping[str, Any]", row[key]).get("id")
        for key in _STATUSES:
            if not _STATUS.fullmatch(str(row.get(key)).strip()):
                row.pop(key, None)
        return {key: value for key, value in row.items() if value is not None and value != ""}

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not self.model_fields_set - set(self.model_extra or ()):
            raise ValueError("it has nothing of a request")
        return self

    @property
    def consumer_id(self) -> CompositeId | None:
        """Who called, split; None for a request nobody authenticated."""
        return split_composite(self.consumer) if self.consumer else None

    @property
    def service_id(self) -> CompositeId | None:
        """The service it went to, split; None when no route matched or the route has no service."""
        return split_composite(self.gateway_service) if self.gateway_service else None

    @property
    def route_id(self) -> CompositeId | None:
        """The route that matched, split."""
        return split_composite(self.route) if self.route else None

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
