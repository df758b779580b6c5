"""The analytics tools of spring 2026, beside the entity tools of the classic generation (fact sheet 2.2).

`QueryAPIRequests` and `GetConsumerRequests` answer what `GetAnalytics` did; `DatasourceConfig` tells what
can be asked, and the `Query...Analytics` tools aggregate. Documented in drafts that were never published,
so names are compared as loosely as everywhere. Without `GetConsumerRequests`, one consumer is a filter of
`QueryAPIRequests`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from konnect_agent.decoding import Object
from konnect_agent.dialects import Intent, Send
from konnect_agent.dialects.request_logs import MOST_ROWS, request_rows
from konnect_agent.toolbox import Tool, Toolbox

_REQUESTS, _CONSUMER_REQUESTS = "QueryAPIRequests", "GetConsumerRequests"
ROWS: Mapping[str, str] = {
    "analytics.query_api_requests": _REQUESTS,
    "analytics.get_consumer_requests": _CONSUMER_REQUESTS,
    "analytics.datasources": "DatasourceConfig",
    "analytics.explore_time_range": "QueryExploreTimeRange",
    "analytics.query": "QueryAnalytics",
}


class Spring:
    """Speaks to a server whose analytics tool was taken apart."""

    name = "spring"
    names = tuple(ROWS.values())

    def recognises(self, toolbox: Toolbox) -> bool:
        """Any of its tools will do."""
        return any(toolbox.find(tool) for tool in self.names)

    def together(self, toolbox: Toolbox) -> int:
        """One; see `Dialect.together`."""
        return 1

    def knows(self, intent: Intent) -> bool:
        """Whether this generation has a tool for it at all."""
        return intent.name in ROWS

    async def offers(self, intent: Intent, toolbox: Toolbox, send: Send) -> None:
        """Whether the tool of an intent is there; see `Dialect.offers`."""
        _tool(intent, toolbox)

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """One tool call, or one for every thousand rows; see `Dialect.perform`."""
        documented, tool = _tool(intent, toolbox)
        given = {key: value for key, value in arguments.items() if value is not None}

        async def ask(query: Object) -> Any:
            return await send(tool.name, tool.fit(query), idempotent=True, operation=documented)

        if documented == _REQUESTS:
            return await request_rows(ask, given, by="cursor")
        if documented == _CONSUMER_REQUESTS and given.get("max_results", 0) > MOST_ROWS:
            given["max_results"] = MOST_ROWS
        return await ask(given)


def _tool(intent: Intent, toolbox: Toolbox) -> tuple[str, Tool]:
    """The tool of an intent and its documented name; one consumer's rows are a filter of everyone's as well.

    Raises `ToolUnavailable`.
    """
    documented = ROWS[intent.name]
    if documented == _CONSUMER_REQUESTS and not toolbox.find(documented) and toolbox.find(_REQUESTS):
        documented = _REQUESTS
    return documented, toolbox.require(documented, intent.name)
