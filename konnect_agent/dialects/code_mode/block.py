"""The code that `execute` is given, and what comes back (fact sheet 1.2, documented).

A block is always the same text around one literal, the calls as JSON, all of it ASCII and quoted by `repr`:
no name or id from the network can be anything but a value in it. It uses what every known version of the
server's sandbox has. Errors of `call_tool` can be caught from version 4.0 on; before, one of them ends the
whole block, and it is for the caller to ask again for less. So a block of one call catches nothing: its
error then is the server's own.

What a block returns bears a mark, by which it is found in whatever the server puts around it: envelopes with
an id and a status, texts, content blocks (inferred). What comes back without one is not what the block
returned, but a run that is queued, or failed, or whose answer got lost: never "there is nothing", and no
entity either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.decoding import (
    DEPTH,
    Object,
    as_list,
    as_object,
    extracted,
    opened,
    undecodable,
)
from konnect_agent.envelopes import AROUND
from konnect_agent.errors import KonnectError, Undecodable
from konnect_agent.refusals import hidden_error, refusal
from konnect_agent.spelling import flat

_MARK = "konnect-agent"
_ONE = """\
import json
name, arguments = json.loads({calls})[0]
return {{"request_id": {mark}, "result": await call_tool(name, arguments)}}
"""
_MANY = """\
import asyncio, json

async def ask(name, arguments):
    try:
        return {{"answer": await call_tool(name, arguments)}}
    except Exception as error:
        return {{"error": str(error)}}

calls = json.loads({calls})
answers = await asyncio.gather(*[ask(name, arguments) for name, arguments in calls])
return {{"request_id": {mark}, "answers": answers}}
"""
_OUTPUT = frozenset(("result", "output", "outputs", "returnvalue", "value", "response", "execution", "run"))
_EXECUTION = frozenset((
    "id", "name", "type", "kind", "operationid", "tool", "executionid", "runid", "jobid", "taskid", "state",
    "calls", "toolcalls", "logs", "stdout", "stderr", "exitcode", "duration", "durationms", "elapsed",
    "elapsedms", "startedat", "finishedat", "createdat", "completedat", "usage", "language", "execution",
    "run",
))  # fmt: skip
_FEW = 8  # an envelope is small: a longer list is what was asked for


@dataclass(frozen=True, slots=True)
class Call:
    """One operation and its arguments."""

    operation: str
    arguments: Mapping[str, Any]


def code(calls: Sequence[Call]) -> str:
    """A block that makes `calls`, all at once, and answers what `answers` reads."""
    literal = repr(json.dumps([[call.operation, dict(call.arguments)] for call in calls]))
    return (_ONE if len(calls) == 1 else _MANY).format(calls=literal, mark=repr(_MARK))


def answer(data: Any) -> Any:
    """What a block of one call answered. Raises `Undecodable` for anything else."""
    block = _marked(data)
    if block is None:
        raise undecodable("the block of code came back without what it returned", data)
    return _value(block.get("result"))


def answers(data: Any, calls: Sequence[Call]) -> list[Any | KonnectError]:
    """What a block of several calls answered, in their order, failures as errors of the tree.

    Raises `Undecodable` for an answer that is not what the block returns.
    """
    entries = as_list((_marked(data) or {}).get("answers"))
    if entries is None or len(entries) != len(calls):
        raise undecodable(f"no answers to {len(calls)} calls", data, "$")
    return [
        _answer(as_object(entry) or {}, call.operation) for entry, call in zip(entries, calls, strict=True)
    ]


def performed(data: Any) -> Any:
    """What an operation answered, without what tells of its execution: `{"id", "status", "result": ...}`.

    Such an envelope has one output and nothing beside it that an entity would have of its own. Raises
    `Undecodable` where nothing came out.
    """
    for _ in range(DEPTH):
        item = as_object(opened(data)) or {}
        outputs = [key for key in item if flat(key) in _OUTPUT]
        around = set(map(flat, item))
        if len(outputs) != 1 or not around & _EXECUTION or not around <= AROUND | _EXECUTION | _OUTPUT:
            break
        data = item[outputs[0]]
    return _value(data)


def _value(data: Any) -> Any:
    """What an operation answered. None answers nothing at all, which FastMCP writes `{"result": null}`."""
    if data is None or data == {"result": None}:
        raise undecodable("the operation came back without an answer", data)
    return data


def _marked(data: Any) -> Object | None:
    """What a block returned, as far out as it stands in what the server answered; None if nowhere."""
    level = [data]
    for _ in range(DEPTH):
        values = [extracted(value) if isinstance(value, str) else value for value in level]
        items = [item for item in map(as_object, values) if item is not None]
        found = next((item for item in items if item.get("request_id") == _MARK), None)
        if found is not None:
            return found
        lists = [entries for entries in map(as_list, values) if entries and len(entries) <= _FEW]
        level = [value for inner in (*(item.values() for item in items), *lists) for value in inner]
    return None


def _answer(entry: Mapping[str, Any], operation: str) -> Any | KonnectError:
    if "error" in entry:
        return refusal(str(entry["error"]), None, operation=operation)
    value = opened(entry.get("answer"))
    if (error := hidden_error(value, operation=operation)) is not None:
        return error
    try:
        return _value(value)
    except Undecodable as error:
        error.operation = operation
        return error
