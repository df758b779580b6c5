"""The tools Kong documents for each generation of the server (fact sheet 1 and 2).

Those that Kong's texts name without listing them, or that a switch of the organization adds, are optional:
nobody misses them.
"""

from __future__ import annotations

from konnect_agent.dialects.code_mode.meta import ROLES, role
from konnect_agent.dialects.rest import Rest
from konnect_agent.toolbox import DOCUMENTED, Toolbox

OPTIONAL = ("GetControlPlaneGroup", "FetchAlertingEventDetails", "KnowledgeBase")

_ALSO = {"QueryAgenticAnalytics": "QueryMCPAnalytics"}
"""What a tool was called in an earlier draft."""

_ENTITIES = (
    "GetControlPlane",
    "GetConsumer",
    "GetConsumerGroup",
    "GetService",
    "GetRoute",
    "GetPlugin",
    "GetVault",
)
_OTHERS = ("CreateDebugSession", "ActiveTracingSession", "KnowledgeBaseSearch")
_BY_GENERATION = {
    "classic": (*_ENTITIES, "GetAnalytics", *_OTHERS),
    "spring": (
        *_ENTITIES, "DatasourceConfig", "QueryExploreTimeRange", "QueryAnalytics", "QueryLLMAnalytics",
        "QueryAgenticAnalytics", "QueryAPIRequests", "GetConsumerRequests", *_OTHERS,
    ),
    "rest": Rest.names,
    "code-mode": ROLES,
}  # fmt: skip


def documented_tools(generation: str) -> tuple[str, ...]:
    """The tools a server of that generation should offer."""
    return _BY_GENERATION.get(generation, ())


def offers(toolbox: Toolbox, name: str) -> bool:
    """Whether a documented tool is there, under any spelling."""
    if name in ROLES:
        return role(name, toolbox) is not None
    return toolbox.find(name) is not None or (name in _ALSO and toolbox.find(_ALSO[name]) is not None)


def recognised(toolbox: Toolbox) -> bool:
    """Whether anything of Kong's is among the tools."""
    return any(offers(toolbox, name) for name in (*DOCUMENTED, *Rest.names, *ROLES))
