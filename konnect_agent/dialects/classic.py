"""The classic generation: one tool per entity with an `operation` argument (fact sheet 2.1, documented).

A row per intent: the documented tool and operation. Arguments already carry their documented names and go
out only when given; `Tool.fit` adapts them to the live `inputSchema`. The output's encoding is
undocumented, so `decoding` and `envelopes` accept every plausible one. No paging is documented either: see
`konnect_agent.dialects.paging`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from konnect_agent.dialects import Intent, Send
from konnect_agent.dialects.operations import OPERATIONS
from konnect_agent.dialects.paging import whole_list
from konnect_agent.envelopes import Rows, rows, single
from konnect_agent.errors import ToolUnavailable
from konnect_agent.spelling import allows, listed_values, takes
from konnect_agent.toolbox import Tool, Toolbox

ROWS: Mapping[str, tuple[str, str | None]] = {
    "control_planes.list": ("GetControlPlane", "list"),
    "control_planes.get": ("GetControlPlane", "get_by_id"),
    "control_planes.get_by_name": ("GetControlPlane", "get_by_name"),
    "control_planes.get_by_route": ("GetControlPlane", "get_by_route"),
    "control_plane_groups.list": ("GetControlPlaneGroup", "list"),
    "services.list": ("GetService", "list"),
    "services.get": ("GetService", "get_by_id"),
    "services.get_by_name": ("GetService", "get_by_name"),
    "routes.list": ("GetRoute", "list"),
    "routes.get": ("GetRoute", "get_by_id"),
    "routes.get_by_name": ("GetRoute", "get_by_name"),
    "plugins.list": ("GetPlugin", "list"),
    "plugins.get": ("GetPlugin", "get_by_id"),
    "consumers.list": ("GetConsumer", "list"),
    "consumers.get": ("GetConsumer", "get_by_id"),
    "consumers.get_by_name": ("GetConsumer", "get_by_name"),
    "consumer_groups.list": ("GetConsumerGroup", "list"),
    "vaults.list": ("GetVault", "list"),
    "vaults.get": ("GetVault", "get_by_id"),
    "vaults.get_by_name": ("GetVault", "get_by_name"),
    "analytics.query_api_requests": ("GetAnalytics", "query_api_requests"),
    "analytics.get_consumer_requests": ("GetAnalytics", "get_consumer_requests"),
    "debug_sessions.create": ("CreateDebugSession", None),
    "debug_sessions.fetch_status": ("ActiveTracingSession", "fetch_status"),
    "debug_sessions.summarize": ("ActiveTracingSession", "summarize_session"),
    "debug_sessions.compact_traces": ("ActiveTracingSession", "compact_traces"),
    "debug_sessions.compressed_traces": ("ActiveTracingSession", "compressed_traces"),
    "debug_sessions.stop": ("ActiveTracingSession", "stop_session"),
    "alerts.get": ("FetchAlertingEventDetails", None),
    "knowledge_base.search": ("KnowledgeBaseSearch", None),
}

_ALSO = {"KnowledgeBaseSearch": "KnowledgeBase"}
"""What a tool is called beside code mode (fact sheet 1, documented)."""


class Classic:
    """Speaks to a server of the public beta of December 2025 and everything that kept its tools.

    With `by_schema`, only a tool whose schema has the `operation` is one of these.
    """

    name = "classic"

    def __init__(self, *, by_schema: bool = False) -> None:
        self._by_schema = by_schema

    def recognises(self, toolbox: Toolbox) -> bool:
        """Any one documented tool will do: which ones are offered depends on the caller's permissions."""
        return any(_find(tool, toolbox) for tool, _ in ROWS.values())

    def together(self, toolbox: Toolbox) -> int:
        """One; see `Dialect.together`."""
        return 1

    def knows(self, intent: Intent) -> bool:
        """Whether this generation has a tool for it at all."""
        return intent.name in ROWS

    async def offers(self, intent: Intent, toolbox: Toolbox, send: Send) -> None:
        """Whether the tool is there, and its operation where it lists some; see `Dialect.offers`."""
        _tool(intent, toolbox, by_schema=self._by_schema)

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """One tool call, or one for every part of a list; see `Dialect.perform`."""
        documented, operation = ROWS[intent.name]
        name = f"{documented}.{operation}" if operation else documented
        tool = _tool(intent, toolbox, by_schema=self._by_schema)
        given = {key: value for key, value in arguments.items() if value is not None}
        if operation:
            given = {"operation": operation, **given}

        async def ask(onward: Mapping[str, Any]) -> Any:
            arguments = tool.fit({**given, **onward})
            return await send(tool.name, arguments, idempotent=not intent.changes, operation=name)

        async def ask_for_many(onward: Mapping[str, Any]) -> Rows:
            return rows(await ask(onward), intent.keys, bare_ids=intent.bare_ids)

        if intent.form == "many":
            return await whole_list(ask_for_many, tool)
        data = await ask({})
        return single(data, intent.keys) if intent.form == "one" else data


def _find(documented: str, toolbox: Toolbox) -> Tool | None:
    """The tool documented under that name, or under its other one."""
    return toolbox.find(documented) or (toolbox.find(_ALSO[documented]) if documented in _ALSO else None)


def _tool(intent: Intent, toolbox: Toolbox, *, by_schema: bool) -> Tool:
    """The tool of an intent; one of the same name that takes no `operation` is a REST operation, not this.

    So is one that tells of no arguments where the REST operation for the intent is there as well. Of others
    the schema may leave out the `operation`, unless it is to go `by_schema`. Raises `ToolUnavailable`.
    """
    documented, operation = ROWS[intent.name]
    tool = _find(documented, toolbox) or toolbox.require(documented, intent.name)
    schema = tool.input_schema
    if not operation:
        return tool
    rest = toolbox.find(OPERATIONS[intent.name].name) if intent.name in OPERATIONS else None
    is_rest = takes("control_plane_id", schema) or (not tool.parameters and rest and rest.name != tool.name)
    if not takes("operation", schema) and (by_schema or is_rest):
        lacks = f"takes no operation such as {operation}, but {', '.join(tool.parameters) or 'nothing'}"
    elif not allows("operation", operation, schema):
        lacks = f"offers no operation {operation}; it offers {', '.join(listed_values('operation', schema))}"
    else:
        return tool
    raise ToolUnavailable(
        f"The server's tool {tool.name} {lacks}.", available=toolbox.names, operation=intent.name
    )
