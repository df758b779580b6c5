"""The checks in their order: settings, network, server, permissions, surroundings."""

from konnect_agent.diagnosis.check import Check
from konnect_agent.diagnosis.checks.network import dns, tcp
from konnect_agent.diagnosis.checks.permissions import (
    analytics,
    consumer_groups,
    consumers,
    control_planes,
    debug_sessions,
    knowledge_base,
    plugins,
    routes,
    services,
    vaults,
)
from konnect_agent.diagnosis.checks.server import (
    authentication,
    endpoint,
    generation,
    organization,
    protocol,
    tools,
)
from konnect_agent.diagnosis.checks.settings import address, headers, proxy, token
from konnect_agent.diagnosis.checks.surroundings import clock, region, round_trip
from konnect_agent.diagnosis.checks.tls import tls

CHECKS: tuple[Check, ...] = (
    token, address, proxy, headers,
    dns, tcp, tls,
    endpoint, clock, authentication, organization, protocol, generation, tools,
    control_planes, services, routes, plugins, consumers, consumer_groups, vaults,
    analytics, knowledge_base, debug_sessions,
    region, round_trip,
)  # fmt: skip
