"""The code that `execute` is given, and what comes back (fact sheet 1.2, documented).

A block is always the same text around one literal, the calls as JSON, all of it ASCII and quoted by `repr`:
no name or id from the network can be anything but a value in it. It uses what every known version of the
server's sandbox has. Errors of `call_tool` can be caught from version 4.0 on; before, one of them ends the
whole block, and it is for the caller to ask again for less. So a block of one call catches nothing: its
error then is the server's own. A server may put what a block returns into an object of its own (inferred).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent.decoding import as_list, as_object, opened, undecodable
from konnect_agent.documents import parsed
from konnect_agent.envelopes import IDENTITY
from konnect_agent.errors import KonnectError
from konnect_agent.refusals import hidden_error, refusal

_ONE = """\
import json
name, arguments = json.loads({calls})[0]
return {{"result": await call_tool(name, arguments)}}
"""
_MANY = """\
import asyncio, json

async def ask(name, arguments):
    try:
        return {{"answer": await call_tool(name, arguments)}}
    except Exception as error:
        return {{"error": str(error)}}

calls = json.loads({calls})
return {{"answers": await asyncio.gather(*[ask(name, arguments) for name, arguments in calls])}}
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation and its arguments."""

    operation: str
    arguments: Mapping[str, Any]


def code(calls: Sequence[Call]) -> str:
    """A block that makes `calls`, all at once, and answers what `answers` reads."""
    literal = repr(json.dumps([[call.operation, dict(call.arguments)] for call in calls]))
    return (_ONE if len(calls) == 1 else _MANY).format(calls=literal)


def answer(data: Any) -> Any:
    """What a block of one call answered."""
    return _returned(data, "result")


def answers(data: Any, calls: Sequence[Call]) -> list[Any | KonnectError]:
    """What a block of several calls answered, in their order, failures as errors of the tree.

    Raises `Undecodable` for an answer that is not what the block returns.
    """
    entries = as_list(_returned(data, "answers"))
    if entries is None or len(entries) != len(calls):
        raise undecodable(f"no answers to {len(calls)} calls", data, "$")
    return [
        _answer(as_object(entry) or {}, call.operation) for entry, call in zip(entries, calls, strict=True)
    ]


def _returned(data: Any, key: str) -> Any:
    """What a block returned under `key`, wherever the server has put that; `data` itself if nowhere.

    What has an identity is nothing of the server's own, but was asked for.
    """
    whole = as_object(opened(data)) or {}
    values = () if whole.keys() & set(IDENTITY) else whole.values()
    inside = (as_object(parsed(value) if isinstance(value, str) else value) or {} for value in values)
    return next((place[key] for place in (whole, *inside) if place.keys() == {key}), data)


def _answer(entry: Mapping[str, Any], operation: str) -> Any | KonnectError:
    if "error" in entry:
        return refusal(str(entry["error"]), None, operation=operation)
    value = opened(entry.get("answer"))
    return hidden_error(value, operation=operation) or value
