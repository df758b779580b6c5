"""Entities in Kong's own words: frozen, tolerant of missing and unknown fields."""

from konnect_agent.models.aggregates import Aggregate, Aggregates, Datasource, TimeSpan
from konnect_agent.models.alerting import AlertEvent
from konnect_agent.models.analytics import ApiRequest, ApiRequests
from konnect_agent.models.control_plane import ControlPlane
from konnect_agent.models.debugging import DebugCriteria, DebugSession, DebugStatus, TraceAnswer
from konnect_agent.models.entity import Entity, Reference
from konnect_agent.models.gateway import Consumer, ConsumerGroup, Plugin, Route, Service, Vault

__all__ = [
    "Aggregate",
    "Aggregates",
    "AlertEvent",
    "ApiRequest",
    "ApiRequests",
    "Consumer",
    "ConsumerGroup",
    "ControlPlane",
    "Datasource",
    "DebugCriteria",
    "DebugSession",
    "DebugStatus",
    "Entity",
    "Plugin",
    "Reference",
    "Route",
    "Service",
    "TimeSpan",
    "TraceAnswer",
    "Vault",
]
