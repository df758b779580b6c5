"""What a Kong Gateway does with a configuration: pure functions from entities to facts, no I/O.

`Router` answers which route serves a request; `effective_plugins` which plugins then run, in which order
and why; `authentication` who can get in; `mcp_proxy` what makes a route an MCP endpoint; `secret_fields`
which configuration fields hold secrets. `passthrough` writes the configuration of such an endpoint.
Entities are models or mappings as Konnect returns them, and come back as the objects that were passed in.
"""

from konnect_agent.gateway.authentication import Authentication, AuthenticationKind, authentication
from konnect_agent.gateway.catalogue import Catalogue, PluginFacts, catalogue
from konnect_agent.gateway.effective import PluginIndex, effective_plugins
from konnect_agent.gateway.effective_plugin import SCOPES, EffectivePlugin, EffectivePlugins, IdlePlugin
from konnect_agent.gateway.explaining import Candidate, Explanation
from konnect_agent.gateway.filling import Filling, name_indicated
from konnect_agent.gateway.matchers import Flavor, Refused
from konnect_agent.gateway.mcp_proxy import MCP_PROXY, AccessRule, McpProxy, mcp_proxy
from konnect_agent.gateway.request import Request
from konnect_agent.gateway.routing import Match, Router, Undecidable
from konnect_agent.gateway.secrets import SecretField, VaultReference, parse_reference, secret_fields
from konnect_agent.gateway.shadowing import Contest, Shadowed, Shadows

__all__ = [
    "MCP_PROXY",
    "SCOPES",
    "AccessRule",
    "Authentication",
    "AuthenticationKind",
    "Candidate",
    "Catalogue",
    "Contest",
    "EffectivePlugin",
    "EffectivePlugins",
    "Explanation",
    "Filling",
    "Flavor",
    "IdlePlugin",
    "Match",
    "McpProxy",
    "PluginFacts",
    "PluginIndex",
    "Refused",
    "Request",
    "Router",
    "SecretField",
    "Shadowed",
    "Shadows",
    "Undecidable",
    "VaultReference",
    "authentication",
    "catalogue",
    "effective_plugins",
    "mcp_proxy",
    "name_indicated",
    "parse_reference",
    "secret_fields",
]
