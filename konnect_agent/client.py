"""`Konnect`: one endpoint, one token, and a namespace for every tool family.

    async with Konnect(token="kpat_...", region="eu") as konnect:
        for control_plane in await konnect.control_planes.list():
            print(control_plane.name)

Opening and closing may happen in different tasks (notebook cells: `await Konnect.open(...)`,
`await konnect.aclose()`), under asyncio and trio. Every public call raises one error of
`konnect_agent.errors`, never a group, and `CancelledError` only when the caller was cancelled.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from konnect_agent.config import Config
from konnect_agent.dialects import Intent, Speaker, speaker
from konnect_agent.errors import ConfigError, InvalidArguments, NotRecorded, ToolUnavailable
from konnect_agent.hops import why_missing
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
    from konnect_agent.recording import Recorder, Replay


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The dialects of a server, and the tools they were told by."""

    speaker: Speaker
    toolbox: Toolbox


_CREATION = flat("CreateDebugSession")
"""Part of every spelling of the one tool that acts on live data planes."""


class Konnect:
    """A client of one Konnect MCP Server.

    `token`, `region` and `url` come from the environment when left out (`KONNECT_TOKEN`, `KONNECT_REGION`,
    `KONNECT_MCP_URL`; see `konnect_agent.config`); `settings` are fields of `Config`. `http_client` sends
    the requests through a client of yours, for proxies or a private CA; it stays yours to close. `record`
    names a file to keep a recording in, without secrets, for `Konnect.replay`. Raises `ConfigError` for a
    malformed token, unknown region or unusable URL, before connecting.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        region: str | Region | None = None,
        url: str | None = None,
        config: Config | None = None,
        http_client: httpx2.AsyncClient | None = None,
        record: str | PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        if config is not None and (token or region or url or settings):
            raise ConfigError("Both a config and single settings were given.", hint="Give one of them.")
        self.config = config or Config.build(token, region=region, url=url, **settings)
        self._http_client = http_client
        self._record = None if record is None else Path(record)
        self._connection: Connection | Recorder | Replay | None = None
        self._spoken: _Spoken | None = None
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
            self._ask,
            offered=self._offered,
            clock=lambda: self._connected().clock,
            time_scale=self.config.time_scale,
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
        return await cls(token, **settings)._opened()

    @classmethod
    def replay(cls, recording: str | PathLike[str]) -> Konnect:
        """A client that is answered out of a recording: no network, no token, no waiting.

        Raises `ConfigError` for a file that is no recording, is cut off or too new. Whatever was not asked
        when it was recorded raises `NotRecorded`.
        """
        from konnect_agent.recording import Replay

        replay = Replay(Path(recording))
        konnect = cls(config=replay.config)
        konnect._connection = replay
        return konnect

    async def connect(self) -> None:
        """Connect now; calls also do it by themselves. Raises one error of the tree."""
        await self._connected().open()

    async def aclose(self) -> None:
        """Disconnect. Safe to call twice."""
        if self._connection is not None:
            await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        recorder = cast("Recorder | None", self._connection) if self._record is not None else None
        if recorder is not None and error is not None and not isinstance(error, Exception):
            recorder.interrupted()
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

    @property
    def not_recorded(self) -> tuple[NotRecorded, ...]:
        """What a replay was asked and had no answer to, also where a workflow went on without."""
        return tuple(getattr(self._connection, "not_recorded", ()))

    def date(self) -> datetime:
        """What the time is, UTC; in a replay, what it was."""
        return self._connected().clock.date()

    async def tools(self) -> Toolbox:
        """What tools/list offers. Which tools are there depends on permissions, entitlements and flags."""
        return await self._connected().toolbox()

    async def generation(self) -> str:
        """Which generation answers, by the server's tools: `classic`, `spring`, `rest` or `code-mode`."""
        return (await self._speaking()).speaker.name

    async def at_once(self) -> int:
        """How many questions are worth asking at once: the calls in flight, times what goes into one call."""
        spoken = self._spoken or await self._speaking()
        return self.config.max_in_flight * spoken.speaker.together(spoken.toolbox)

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
        with starting() if creates else nullcontext(), self._saying_where():
            found = (await connection.toolbox(ends=ends)).require(tool, tool)
            repeatable = found.read_only is True and not creates
            return await connection.call(found.name, dict(arguments or {}), idempotent=repeatable, ends=ends)

    async def _opened(self) -> Self:
        try:
            await self.connect()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def _ask(self, intent: Intent, arguments: Mapping[str, Any], /) -> Any:
        connection = self._connected()
        ends = connection.ends()
        send = partial(connection.call, ends=ends)
        spoken = await self._speaking(ends=ends)
        with self._saying_where():
            try:
                return await spoken.speaker.perform(intent, arguments, spoken.toolbox, send)
            except ToolUnavailable:
                fresh = await self._speaking(fresh=True, ends=ends)
                if fresh is spoken:
                    raise
                return await fresh.speaker.perform(intent, arguments, fresh.toolbox, send)

    async def _offered(self, intent: Intent, /) -> None:
        spoken = await self._speaking()
        with self._saying_where():
            await spoken.speaker.able(intent, spoken.toolbox, self._connected().call)

    @contextmanager
    def _saying_where(self) -> Generator[None]:
        """What a server does not have is about all of it, not about the call by which it was found out; a
        gateway before it may keep it back."""
        try:
            yield
        except ToolUnavailable as error:
            error.endpoint = error.endpoint or self.endpoint
            error.hint = why_missing(error.hint, self.endpoint)
            raise

    async def _speaking(self, *, fresh: bool = False, ends: float | None = None) -> _Spoken:
        """What the tools of the moment speak; what a dialect found out is kept while they are the same."""
        connection = self._connected()
        toolbox = await connection.toolbox(fresh=fresh, ends=ends)
        known = self._spoken
        if known is None or (known.toolbox is not toolbox and known.toolbox.tools != toolbox.tools):
            known = _Spoken(speaker(toolbox, connection.operate, connection.call), toolbox)
            self._spoken = known
        return known

    def _connected(self) -> Connection | Recorder | Replay:
        if self._connection is None:
            from konnect_agent.connection import Connection

            connection = Connection(self.config, self._http_client)
            self._connection = connection if self._record is None else _recorded(connection, self._record)
        return self._connection


def _recorded(connection: Connection, path: Path) -> Recorder:
    from konnect_agent.recording import Recorder

    return Recorder(connection, path)
