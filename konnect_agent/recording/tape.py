"""The file of a recording: JSON, one line per thing that happened, in the order it happened.

    {"recording": 1, ...}       the version of this form, and what a replay needs to know of the client
    {"connected": era, ...}     tools/list was read; with `error` instead of tools, it could not be
    {"tool": name, ...}         a tool was called: its `arguments`, and the `answer` (or null) or the `error`
    {"operation": name, ...}    the same of an operation inside blocks of code mode
    {"round_trip": tool, ...}   such a block, sent in the course of operation number `of`
    {"end": "whole"}            the client was closed in order; without it, the run was interrupted

A line is written when an answer came, so that what happened until an interruption is there. Ids of requests,
and times in seconds since the recording began, stand last in a line: the rest of it is the same when the same
happens again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from konnect_agent.errors import ConfigError
from konnect_agent.recording.faults import from_data
from konnect_agent.toolbox import Tool

log = logging.getLogger("konnect_agent.recording")

VERSION = 1
_HOW = "Make one with --record FILE, or record=FILE in Python."

Object = Mapping[str, Any]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Date = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))
]


def _a_fault(data: Object) -> Object:
    from_data(data)
    return data


def _a_tool(data: Object) -> Object:
    _TOOL.validate_python(data)
    return data


_TOOL = TypeAdapter(Tool)
Fault = Annotated[Object, AfterValidator(_a_fault)]
"""An error of the tree, see `konnect_agent.recording.faults`."""


class Line(BaseModel):
    """One line. The first field tells its kind, by being there."""

    model_config = ConfigDict(frozen=True)


class Header(Line):
    """The first line. `endpoint` is the URL of the server, `program` the version of this one."""

    recording: int
    program: str
    endpoint: str
    max_in_flight: int
    time_scale: float
    started_at: Date


class Connected(Line):
    """tools/list, by the fields of `konnect_agent.toolbox.Tool`."""

    connected: str | None
    tools: tuple[Annotated[Object, AfterValidator(_a_tool)], ...] = ()
    error: Fault | None = None
    at: Seconds


class Answered(Line):
    """What a question came to: an `answer`, which may be null, or an `error`."""

    @model_validator(mode="before")
    @classmethod
    def _is_whole(cls, data: Object) -> Object:
        if "answer" not in data and data.get("error") is None:
            raise ValueError("there is neither an answer nor an error")
        return data


class Called(Answered):
    """A tool call with its answer; `attempts` and the time it took are of all its attempts."""

    tool: str
    arguments: Object
    attempts: int
    answer: Any = None
    error: Fault | None = None
    request_id: str | None = None
    duration_s: Seconds
    at: Seconds


class Operated(Answered):
    """An operation of code mode with its answer; `number` is that of the question, as they were asked."""

    operation: str
    arguments: Object
    number: int
    answer: Any = None
    error: Fault | None = None
    at: Seconds


class RoundTrip(Line):
    """A tool call that carried operations; `outcome` is `ok` or the class of an error."""

    round_trip: str
    arguments: Object
    of: int
    outcome: str
    attempts: int
    request_id: str | None = None
    duration_s: Seconds
    at: Seconds


class End(Line):
    """The last line of a whole recording."""

    end: str


_KINDS: Mapping[str, type[Line]] = {
    "connected": Connected, "tool": Called, "operation": Operated, "round_trip": RoundTrip, "end": End,
}  # fmt: skip


class TapeWriter:
    """A recording that is being written. Raises `ConfigError` if that is not possible.

    A new file is for its owner only: it names what an organisation runs. When writing fails half-way, the run
    goes on without, and a warning says so: a debug session must not be lost for it.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._file: IO[str] | None = None
        try:
            self._file = open(path, "w", encoding="utf-8", opener=_for_owner)  # noqa: SIM115
            self._add(header)
        except OSError as error:
            self.close()
            problem = error.strerror or type(error).__name__
            raise ConfigError(
                f"The recording cannot be written to {path}: {problem}.", hint="Check --record."
            ) from None

    def write(self, line: Line) -> None:
        """Add a line, at once."""
        try:
            self._add(line)
        except OSError as error:
            self.close()
            log.warning("The recording %s ends here: %s", self._path, error.strerror)

    def close(self) -> None:
        """Write no more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # it has been told what was written, line by line
                file.close()

    def _add(self, line: Line) -> None:
        if self._file is not None:
            self._file.write(_written(line) + "\n")
            self._file.flush()


def read(path: Path) -> tuple[Header, list[Line]]:
    """A recording as it was written. Raises `ConfigError` for what is none, is cut off or too new."""
    try:
        with open(path, encoding="utf-8") as file:
            texts = file.read().removesuffix("\n").split("\n")
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigError(
            f"The recording {path} cannot be read: {problem}.", hint="Check --replay."
        ) from None
    except UnicodeDecodeError:
        raise _foreign(path) from None
    header = _header(path, texts[0])
    return header, list(_lines(path, texts[1:]))


def _header(path: Path, text: str) -> Header:
    data = _object(text)
    version = data.get("recording") if data else None
    if data is None or not isinstance(version, int) or version < 1:
        raise _foreign(path)
    if version > VERSION:
        raise ConfigError(
            f"The recording {path} is of a newer form ({version}) than this program knows ({VERSION}).",
            hint=f"Replay it with konnect-agent {data.get('program')} or later.",
        )
    try:
        return Header.model_validate(data)
    except ValidationError:
        raise _foreign(path) from None


def _lines(path: Path, texts: list[str]) -> Iterator[Line]:
    for number, text in enumerate(texts, start=2):
        data = _object(text)
        if data is None and number == len(texts) + 1:
            raise ConfigError(
                f"The recording {path} is cut off in line {number}.",
                hint="Delete that line to replay what comes before it, or record the run again.",
            )
        kind = _KINDS.get(next(iter(data or {}), ""))
        if kind is None:
            raise ConfigError(f"Line {number} of the recording {path} is none of a recording.", hint=_HOW)
        try:
            yield kind.model_validate(data)
        except ValidationError as error:
            raise ConfigError(
                f"Line {number} of the recording {path} is damaged: {_wrong(error)}.",
                hint="Record the run again.",
            ) from None


def _wrong(error: ValidationError) -> str:
    """The first thing that is wrong with a line, and where."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _foreign(path: Path) -> ConfigError:
    return ConfigError(f"{path} is no recording of konnect-agent.", hint=_HOW)


def _object(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(data, ensure_ascii=False).encode()  # half a character breaks whoever prints it
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def _written(line: Line) -> str:
    """A line as JSON in which every character can be seen."""
    fields = ((name, getattr(line, name)) for name in type(line).model_fields)
    data = {name: value for name, value in fields if name in line.model_fields_set}
    text = json.dumps(data, ensure_ascii=False, default=datetime.isoformat)
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
