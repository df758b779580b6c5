"""Stands around a `Connection` and writes down what goes through it, without secrets.

1. The file is opened before anything is connected. 2. tools/list is noted whenever it is read; in between the
tools are those of the last time, because nobody could say afterwards when a reading failed. 3. A tool call is
noted with its answer; inside an operation of code mode, which is noted with its own answer, as a round trip.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from konnect_agent import events
from konnect_agent.errors import KonnectError
from konnect_agent.gateway.sealing import sealed
from konnect_agent.recording.faults import as_data
from konnect_agent.recording.placeholders import Placeholders
from konnect_agent.recording.tape import (
    VERSION,
    Called,
    Connected,
    End,
    Header,
    Line,
    Operated,
    RoundTrip,
    TapeWriter,
)
from konnect_agent.recording.timing import TapeTime
from konnect_agent.redaction import redact
from konnect_agent.toolbox import Toolbox

if TYPE_CHECKING:
    from konnect_agent.config import Config
    from konnect_agent.connection import Connection


@dataclass
class _Asking:
    """A question on its way: its number, and the last call that was made for it."""

    number: int
    call: events.CallFinished | None = None


_operating: ContextVar[_Asking | None] = ContextVar("konnect_agent_operating", default=None)


class Recorder:
    """A `Connection` whose calls are written to `path`. Raises `ConfigError` if that cannot be written."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self.clock = TapeTime()
        self._tape = TapeWriter(path, _header(connection.config, self.clock))
        self._connection = connection
        self._hide = Placeholders()
        self._asked = 0
        self._toolbox: Toolbox | None = None
        self._opening = anyio.Lock()
        self._interrupted = False

    @property
    def era(self) -> str | None:
        """See `Connection.era`."""
        return self._connection.era

    def ends(self) -> float:
        """See `Connection.ends`."""
        return self._connection.ends()

    async def open(self) -> None:
        """See `Connection.open`."""
        await self.toolbox()

    async def aclose(self) -> None:
        """Close the connection, then the recording."""
        try:
            await self._connection.aclose()
        finally:
            if not self._interrupted:
                self._tape.write(End(end="whole"))
            self._tape.close()

    def interrupted(self) -> None:
        """Note that the run is being stopped from outside: the recording is not whole."""
        self._interrupted = True

    async def toolbox(self, *, fresh: bool = False, ends: float | None = None) -> Toolbox:
        """See `Connection.toolbox`."""
        async with self._opening:
            if self._toolbox is None or fresh:
                self._toolbox = await self._read_tools(fresh=fresh, ends=ends)
            return self._toolbox

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        idempotent: bool,
        operation: str | None = None,
        ends: float | None = None,
    ) -> Any:
        """See `Connection.call`."""

        async def ask() -> Any:
            return await self._connection.call(
                tool, arguments, idempotent=idempotent, operation=operation, ends=ends
            )

        if _operating.get() is not None:
            return await ask()
        asking = self._question()

        def heard(event: events.Event) -> None:
            if isinstance(event, events.CallFinished):
                asking.call = event

        def noted(outcome: Mapping[str, Any]) -> None:
            if asking.call is not None:  # else nothing was sent
                trip = _trip(asking.call)
                line = Called(
                    tool=tool, arguments=self._shown(arguments), **trip, **outcome, at=self.clock.measured()
                )
                self._tape.write(line)

        with events.listening(heard):
            return await self._answered(ask, noted)

    async def operate(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        make: Callable[[], Awaitable[Any]],
        *,
        idempotent: bool,
    ) -> Any:
        """See `Connection.operate`."""
        asking = self._question()

        def heard(event: events.Event) -> None:
            if isinstance(event, events.CallFinished):
                trip = RoundTrip(
                    round_trip=event.tool, arguments=event.arguments, of=asking.number, outcome=event.outcome,
                    **_trip(event), at=self.clock.measured(),
                )  # fmt: skip
                self._tape.write(trip)

        def noted(outcome: Mapping[str, Any]) -> None:
            line = Operated(
                operation=operation, arguments=self._shown(arguments), number=asking.number, **outcome,
                at=self.clock.measured(),
            )  # fmt: skip
            self._tape.write(line)

        token = _operating.set(asking)
        try:
            with events.listening(heard):
                return await self._answered(make, noted)
        finally:
            _operating.reset(token)

    async def _answered(
        self, ask: Callable[[], Awaitable[Any]], noted: Callable[[Mapping[str, Any]], None]
    ) -> Any:
        try:
            answer = await ask()
        except KonnectError as error:
            noted({"error": as_data(error, self._hide)})
            raise
        noted({"answer": sealed(answer, self._hide)})
        return answer

    async def _read_tools(self, *, fresh: bool, ends: float | None) -> Toolbox:
        line: Line
        try:
            toolbox = await self._connection.toolbox(fresh=fresh, ends=ends)
        except KonnectError as error:
            fault = as_data(error, self._hide)
            line = Connected(connected=None, error=fault, at=self.clock.measured())
            self._tape.write(line)
            raise
        tools = tuple(self._shown(asdict(tool)) for tool in toolbox.tools)
        self._tape.write(Connected(connected=self.era, tools=tools, at=self.clock.measured()))
        return toolbox

    def _question(self) -> _Asking:
        self._asked += 1
        return _Asking(self._asked)

    def _shown(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return redact(data, self._hide)


def _trip(call: events.CallFinished) -> dict[str, Any]:
    took = round(call.duration_s, 6)
    return {"attempts": call.attempts, "request_id": call.request_id, "duration_s": took}


def _header(config: Config, clock: TapeTime) -> Header:
    from konnect_agent import __version__

    return Header(
        recording=VERSION,
        program=__version__,
        endpoint=config.url,
        max_in_flight=config.max_in_flight,
        time_scale=config.time_scale,
        started_at=clock.started_at,
    )
