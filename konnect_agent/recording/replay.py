"""Stands in the place of a `Connection` and answers out of a recording: no network, no token, no waiting.

1. A question is found by its name and its arguments, secrets apart; asked several times, it gets the answers
in the order they came. A whole recording repeats its last answer to a question that changes nothing; one that
was interrupted cannot know it. 2. What was not asked then is `NotRecorded`, which is also remembered: a
workflow may go on without. 3. Answers come in the order of the recording (`turns`), and so do the events of
the calls they took, so that a report is the same whatever happens at once.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.lowlevel import checkpoint

from konnect_agent import events
from konnect_agent.config import Config
from konnect_agent.errors import NotRecorded
from konnect_agent.origin import Origin, answered
from konnect_agent.recording.faults import from_data
from konnect_agent.recording.tape import Called, Connected, End, Line, Operated, RoundTrip, read
from konnect_agent.recording.timing import TapeTime
from konnect_agent.recording.turns import Turns
from konnect_agent.redaction import redact
from konnect_agent.toolbox import Tool, Toolbox, check_writable

log = logging.getLogger("konnect_agent")

_NO_TOKEN = "kpat_none0is0needed0to0replay"
"""A `Config` has a token; there is nobody to send this one to."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class _Trip:
    """A block of code mode, and its place in the order of the recording."""

    place: int
    line: RoundTrip


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of the recording with its answer, and the blocks that were sent in its course."""

    place: int
    line: Called | Operated
    trips: tuple[_Trip, ...] = ()


class Replay:
    """The recording at `path`, in the place of a `Connection`. Raises `ConfigError` if it is none."""

    def __init__(self, path: Path) -> None:
        header, lines = read(path)
        self._path = path
        self.config = Config(
            token=_NO_TOKEN, url=header.endpoint, allow_insecure=True, max_in_flight=header.max_in_flight,
            time_scale=header.time_scale,
        )  # fmt: skip
        self.clock = TapeTime(header.started_at)
        self.era: str | None = None
        self.not_recorded: list[NotRecorded] = []
        self._whole = any(isinstance(line, End) for line in lines)
        self._readings = [line for line in lines if isinstance(line, Connected)]
        self._asked: dict[str, list[_Asked]] = defaultdict(list)
        self._answers: dict[str, int] = defaultdict(int)
        self._turns = Turns()
        self._toolbox: Toolbox | None = None
        for asked in _in_order(lines):
            self._asked[_key(asked.line)].append(asked)

    def ends(self) -> float:
        """Nothing here takes time."""
        return self.clock.now()

    async def open(self) -> None:
        """See `Connection.open`."""
        await self.toolbox()

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def toolbox(self, *, fresh: bool = False, ends: float | None = None) -> Toolbox:
        """tools/list as it was read then; the last reading when there was no other."""
        await checkpoint()
        if self._toolbox is None or fresh:
            if not self._readings:
                raise self._missing("The run that was recorded never got to connect.", "tools/list")
            reading = self._readings[0] if len(self._readings) == 1 else self._readings.pop(0)
            self.clock.reach(reading.at)
            if reading.error is not None:
                raise from_data(reading.error)
            self._toolbox, self.era = _tools(reading), reading.connected
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
        """The answer of then; see `Connection.call`. Raises `NotRecorded`."""
        check_writable(arguments, operation or tool)
        return await self._again("tool", tool, arguments, idempotent=idempotent)

    async def operate(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        make: Callable[[], Awaitable[Any]],
        *,
        idempotent: bool,
    ) -> Any:
        """The answer of then; see `Connection.operate`. Raises `NotRecorded`."""
        return await self._again("operation", operation, arguments, idempotent=idempotent)

    async def _again(self, kind: str, name: str, arguments: Mapping[str, Any], *, idempotent: bool) -> Any:
        shown = redact(arguments)
        asked = self._find(kind, name, shown, idempotent=idempotent)
        for trip in asked.trips:
            await self._turns.come(trip.place)
            self._tell(trip.line, trip.line.arguments)
            self._turns.gone(trip.place)
        await self._turns.come(asked.place)
        try:
            self.clock.reach(asked.line.at)
            if isinstance(asked.line, Called):
                self._tell(asked.line, shown)
            if asked.line.error is not None:
                raise from_data(asked.line.error)
            return asked.line.answer
        finally:
            self._turns.gone(asked.place)

    def _find(self, kind: str, name: str, shown: Mapping[str, Any], *, idempotent: bool) -> _Asked:
        key = _written(kind, name, shown)
        known, given = self._asked.get(key, []), self._answers[key]
        if given < len(known):
            self._answers[key] += 1
            return known[given]
        if known and self._whole and idempotent:
            return known[-1]
        told = json.dumps(shown, ensure_ascii=False)
        what = f"{name} with {told if len(told) <= _LONGEST else told[:_LONGEST] + '...'}"
        why = "" if self._whole else "; the run was interrupted"
        if not known:
            raise self._missing(f"The recording {self._path} has no call of {what}{why}.", name)
        answers = "one answer" if len(known) == 1 else f"{len(known)} answers"
        raise self._missing(f"The recording {self._path} has only {answers} to {what}{why}.", name)

    def _missing(self, message: str, operation: str) -> NotRecorded:
        error = NotRecorded(message, operation=operation)
        self.not_recorded.append(error)
        return error

    def _tell(self, line: Called | RoundTrip, shown: Mapping[str, Any]) -> None:
        """Tell the sinks and the log about a call, as the one who made it did."""
        if isinstance(line, RoundTrip):
            tool, outcome = line.round_trip, line.outcome
        else:
            tool, outcome = line.tool, str(line.error.get("type")) if line.error else "ok"
        self.clock.reach(line.at)
        tries, request_id = line.attempts, line.request_id
        log.info("%s %s, as recorded, attempts=%d request_id=%s", tool, outcome, tries, request_id)
        events.emit(events.CallStarted(tool, shown))
        events.emit(events.CallFinished(tool, shown, line.duration_s, tries, outcome, request_id))
        if outcome == "ok":
            answered(Origin(self.config.url, line.attempts, line.request_id or ""))


def _in_order(lines: Iterable[Line]) -> list[_Asked]:
    """The questions that were answered, each with its blocks; places count answers and blocks alike."""
    trips: dict[int, list[_Trip]] = defaultdict(list)
    found: list[_Asked] = []
    for place, line in enumerate(lines):
        match line:
            case RoundTrip():
                trips[line.of].append(_Trip(place, line))
            case Operated():
                found.append(_Asked(place, line, tuple(trips[line.number])))
            case Called():
                found.append(_Asked(place, line))
            case _:
                pass
    return found


def _key(line: Called | Operated) -> str:
    kind, name = ("tool", line.tool) if isinstance(line, Called) else ("operation", line.operation)
    return _written(kind, name, redact(line.arguments))


def _written(kind: str, name: str, shown: Mapping[str, Any]) -> str:
    return json.dumps([kind, name, shown], sort_keys=True)


def _tools(reading: Connected) -> Toolbox:
    return Toolbox(Tool(**tool) for tool in reading.tools)
