"""`Konnect`: one endpoint, one token, and a namespace for every tool family.

    async with Konnect(token="kpat_...", region="eu") as konnect:
        for control_plane in await konnect.control_planes.list():
            print(control_plane.name)

Opening and closing may happen in different tasks (notebook cells: `await Konnect.open(...)`,
`await konnect.aclose()`), under asyncio and trio. Every public call raises one error of
`konnect_agent.errors`, never a group, and `CancelledError` only when the caller was cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from konnect_agent.config import Config
from konnect_agent.dialects import Dialect, Intent, detect
from konnect_agent.errors import ConfigError, InvalidArguments, ToolUnavailable
from konnect_agent.regions import Region
from konnect_agent.resources.alerts import Alerts
from konnect_agent.resources.analytics import Analytics
from konnect_agent.resources.control_planes import ControlPlaneGroups, ControlPlanes
from konnect_agent.resources.debug_sessions import DebugSessions, starting
from konnect_agent.resources.entities import ConsumerGroups, Consumers, Plugins, Routes, Services, Vaults
from konnect_agent.resources.knowledge_base import KnowledgeBase
from konnect_agent.resources.resource import required
from konnect_agent.spelling import flat
from konnect_agent.toolbox import Toolbox

if TYPE_CHECKING:
    import httpx2

    from konnect_agent.connection import Connection

_CREATION = flat("CreateDebugSession")
"""Part of every spelling of the one tool that acts on live data planes."""


class Konnect:
    """A client of one Konnect MCP Server.

    `token`, `region` and `url` come from the environment when left out (`KONNECT_TOKEN`, `KONNECT_REGION`,
    `KONNECT_MCP_URL`; see `konnect_agent.config`); `settings` are fields of `Config`. `http_client` sends
    the requests through a client of yours, for proxies or a private CA; it stays yours to close. Raises
    `ConfigError` for a malformed token, unknown region or unusable URL, before connecting.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        region: str | Region | None = None,
        url: str | None = None,
        config: Config | None = None,
        http_client: httpx2.AsyncClient | None = None,
        **settings: Any,
    ) -> None:
        if config is not None and (token or region or url or settings):
            raise ConfigError("Both a config and single settings were given.", hint="Give one of them.")
        self.config = config or Config.build(token, region=region, url=url, **settings)
        self._http_client = http_client
        self._connection: Connection | None = None
        self._dialect: Dialect | None = None
        self.control_planes = ControlPlanes(self._ask)
        self.control_plane_groups = ControlPlaneGroups(self._ask)
        self.services = Services(self._ask)
        self.routes = Routes(self._ask)
        self.plugins = Plugins(self._ask)
        self.consumers = Consumers(self._ask)
        self.consumer_groups = ConsumerGroups(self._ask)
        self.vaults = Vaults(self._ask)
        self.analytics = Analytics(self._ask)
        self.debug_sessions = DebugSessions(
            self._ask, offered=self._offered, time_scale=self.config.time_scale
        )
        self.alerts = Alerts(self._ask)
        self.knowledge_base = KnowledgeBase(self._ask)

    @classmethod
    def from_env(cls, **settings: Any) -> Konnect:
        """A client configured by the environment. Raises `ConfigError` naming what is missing."""
        return cls(config=Config.from_env(**settings))

    @classmethod
    async def open(cls, token: str | None = None, **settings: Any) -> Konnect:
        """A connected client; close it with `aclose`, from any task."""
        konnect = cls(token, **settings)
        await konnect.connect()
        return konnect

    async def connect(self) -> None:
        """Connect now; calls also do it by themselves. Raises one error of the tree."""
        await self._connected().open()

    async def aclose(self) -> None:
        """Disconnect. Safe to call twice."""
        if self._connection is not None:
            await self._connection.aclose()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Konnect(url={self.config.url!r})"

    @property
    def endpoint(self) -> str:
        """The URL of the MCP Server."""
        return self.config.url

    @property
    def era(self) -> str | None:
        """The negotiated MCP version, None while not connected."""
        return self._connection.era if self._connection else None

    async def tools(self) -> Toolbox:
        """What tools/list offers. Which tools are there depends on permissions, entitlements and flags."""
        return await self._connected().toolbox()

    async def generation(self) -> str:
        """Which generation of the server answers, by its tools: `classic`, ..."""
        return self._spoken(await self.tools()).name

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call any tool of the server, under its live or its documented name; plain data comes back.

        Replayed after a failure only when tools/list marks the tool read-only, or the call never left; a
        debug session is never created twice, whatever the mark, and the hint of an error says whether one may
        have been started.
        Raises `ToolUnavailable` with what is offered, `ToolError` with the server's words, and
        `InvalidArguments`, before anything is sent, for what is no name or no object.
        """
        required(tool, "tool name")
        if arguments is not None and not isinstance(arguments, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArguments(
                f"The arguments are of type {type(arguments).__name__}.", hint="Give them as name and value."
            )
        connection = self._connected()
        ends = connection.ends()
        creates = _CREATION in flat(tool)
        with starting() if creates else nullcontext():
            found = (await connection.toolbox(ends=ends)).require(tool, tool)
            repeatable = found.read_only is True and not creates
            return await connection.call(found.name, dict(arguments or {}), idempotent=repeatable, ends=ends)

    async def _ask(self, intent: Intent, arguments: Mapping[str, Any], /) -> Any:
        connection = self._connected()
        ends = connection.ends()
        send = partial(connection.call, ends=ends)
        toolbox = await connection.toolbox(ends=ends)
        try:
            return await self._spoken(toolbox).perform(intent, arguments, toolbox, send)
        except ToolUnavailable:
            fresh = await connection.toolbox(fresh=True, ends=ends)
            if fresh.names == toolbox.names:
                raise
            self._dialect = detect(fresh)
            return await self._dialect.perform(intent, arguments, fresh, send)

    async def _offered(self, intent: Intent, /) -> None:
        toolbox = await self.tools()
        self._spoken(toolbox).offers(intent, toolbox)

    def _spoken(self, toolbox: Toolbox) -> Dialect:
        if self._dialect is None:
            self._dialect = detect(toolbox)
        return self._dialect

    def _connected(self) -> Connection:
        if self._connection is None:
            from konnect_agent.connection import Connection

            self._connection = Connection(self.config, self._http_client)
        return self._connection
