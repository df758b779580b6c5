"""The analytics tools of spring 2026, beside the entity tools of the classic generation (fact sheet 2.2).

`QueryAPIRequests` and `GetConsumerRequests` answer what `GetAnalytics` did; `DatasourceConfig` tells what
can be asked, and the `Query...Analytics` tools aggregate. Documented in drafts that were never published,
so names are compared as loosely as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from konnect_agent.decoding import Object
from konnect_agent.dialects import Intent, Send
from konnect_agent.dialects.request_logs import MOST_ROWS, request_rows
from konnect_agent.toolbox import Toolbox

ROWS: Mapping[str, str] = {
    "analytics.query_api_requests": "QueryAPIRequests",
    "analytics.get_consumer_requests": "GetConsumerRequests",
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
        toolbox.require(ROWS[intent.name], intent.name)

    async def perform(
        self, intent: Intent, arguments: Mapping[str, Any], toolbox: Toolbox, send: Send
    ) -> Any:
        """One tool call, or one for every thousand rows; see `Dialect.perform`."""
        tool = toolbox.require(ROWS[intent.name], intent.name)
        given = {key: value for key, value in arguments.items() if value is not None}

        async def ask(query: Object) -> Any:
            return await send(tool.name, tool.fit(query), idempotent=True, operation=ROWS[intent.name])

        if intent.name == "analytics.query_api_requests":
            return await request_rows(ask, given, by_cursor=True)
        if intent.name == "analytics.get_consumer_requests" and given.get("max_results", 0) > MOST_ROWS:
            given["max_results"] = MOST_ROWS
        return await ask(given)
