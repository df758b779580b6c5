"""An MCP server behind one's own Kong: the configuration of `ai-mcp-proxy` in `passthrough-listener` mode.

    description   what is wanted: one typed value, checked when it is made
    traps         what is likely to surprise whoever applies it
    bodies        the service, the route and the plugin as Kong's APIs know them
    deck, requests, kubernetes, terraform    the documented forms as text, chosen by `render`

The plugin, its fields and the shapes of the forms are documented (fact sheet 10); pure, nothing is sent.
"""

from konnect_agent.gateway.passthrough.bodies import Wanted, wanted
from konnect_agent.gateway.passthrough.description import MODE, PLUGIN, Access, Passthrough, ToolAccess
from konnect_agent.gateway.passthrough.forms import API_REGIONS, FORMS, Form, Place, render
from konnect_agent.gateway.passthrough.requests import konnect_base
from konnect_agent.gateway.passthrough.traps import traps

__all__ = [
    "API_REGIONS",
    "FORMS",
    "MODE",
    "PLUGIN",
    "Access",
    "Form",
    "Passthrough",
    "Place",
    "ToolAccess",
    "Wanted",
    "konnect_base",
    "render",
    "traps",
    "wanted",
]
