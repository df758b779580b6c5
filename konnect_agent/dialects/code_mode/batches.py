"""Calls that are asked for at the same time go out together, as many in one block as the server allows.

1. A call waits for one turn of the event loop, so that whatever else is being asked comes along. A block
goes out when it is full, or when no other is under way: the answers of those are what brings the next
questions. 2. A block the server ends as a whole is made again in parts: the operation that failed apart,
else in halves, down to single calls, whose errors are the server's own. Whatever else asks about what was
refused then goes alone at once. 3. Of calls that failed inside a block in a way that may pass, one is made
again alone, where the connection waits and retries, and then the others together. 4. What came after the
last call a block may make is made again in the next; how many it may make is remembered: the figure a limit
says, else what got through, else half of what was tried. After throttling it grows back.

Only reads come here. A cancelled caller hands what it took back to the others.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from konnect_agent.dialects.code_mode.block import Call
from konnect_agent.errors import (
    KonnectError,
    RateLimited,
    ServerError,
    TimedOut,
    TooLarge,
    ToolError,
    Undecodable,
)

MOST_CALLS = 50
"""Calls in a block until the server names another limit (fact sheet 1.2, documented for version 3.4)."""

# One wording is documented (fact sheet 1.2). The API's own begin with `HTTP`; a rate is no length.
_LIMIT = re.compile(
    r"(?!HTTP |.*\bper (?:second|minute|hour|day)\b)(?=.*\b(?:tool_?)?calls?(?:_tools?)?\b)"
    r".*\b(?:limit|max(?:imum)?\b|too many\b|exceed)",
    re.IGNORECASE | re.DOTALL,
)
_FIGURE = re.compile(
    r"\b(?:at most|(?:limit|max(?:imum)?)(?: (?:is|of|exceeded))*):? \(?(\d{1,4})\b", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+")
_UNANSWERED = (TimedOut, TooLarge, Undecodable)
_PASSING = (RateLimited, ServerError)
_PATIENCE = 8  # full blocks that went well before a longer one is tried

Answer = Any | KonnectError
Run = Callable[[Sequence[Call]], Awaitable[list[Answer]]]


class _Asked:
    """A call on its way."""

    def __init__(self, call: Call) -> None:
        self.call, self.taken, self.answered = call, False, False
        self.answer: Answer = None


class Batches:
    """Makes calls through `run`, which makes several at once and raises what ended all of them."""

    def __init__(self, run: Run, *, at_once: int) -> None:
        self._run, self._at_once = run, at_once
        self._most = self._ceiling = MOST_CALLS
        self._good = 0
        self._refused: set[frozenset[tuple[str, str]]] = set()
        self._waiting: deque[_Asked] = deque()
        self._under_way = 0
        self._changed = anyio.Event()

    async def make(self, call: Call) -> Any:
        """The answer to one call. Raises what the server said to it."""
        asked = _Asked(call)
        self._waiting.append(asked)
        try:
            await checkpoint()
            while not asked.answered:
                if asked.taken or not self._may_go():
                    await self._changed.wait()
                else:
                    await self._go()
        finally:
            if not asked.taken:
                self._waiting.remove(asked)
                self._tell()
        if isinstance(asked.answer, KonnectError):
            raise asked.answer
        return asked.answer

    def _may_go(self) -> bool:
        """Whether a block may go out now."""
        is_full = len(self._waiting) >= self._most
        return self._under_way == 0 or (is_full and self._under_way < self._at_once)

    async def _go(self) -> None:
        """Make the calls that have waited longest, as one block."""
        block = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        for asked in block:
            asked.taken = True
        self._under_way += 1
        try:
            found = await self._answers([asked.call for asked in block])
            for asked, answer in zip(block, found, strict=True):
                asked.answer, asked.answered = answer, True
        except BaseException:
            for asked in block:
                asked.taken = False
            self._waiting.extendleft(reversed(block))
            raise
        finally:
            self._under_way -= 1
            self._tell()

    def _tell(self) -> None:
        """Let everybody who waits look again."""
        self._changed.set()
        self._changed = anyio.Event()

    async def _answers(self, calls: Sequence[Call]) -> list[Answer]:
        """The answer to each call, an error where there is none."""
        if len(calls) > self._most:  # a limit was met since they were put together
            return await self._again(calls, [None] * len(calls), _runs(range(len(calls)), self._most))
        if len(calls) > 1 and (parts := self._beside_refused(calls)):
            return await self._again(calls, [None] * len(calls), parts)
        try:
            found = await self._run(calls)
        except KonnectError as error:
            return await self._in_parts(calls, error)
        if len(calls) == 1:
            return found
        unmade = _unmade(calls, found)
        if unmade:
            self._learn(found[unmade[0]], of=len(calls), made=len(calls) - len(unmade))
        passing = [
            place
            for place, answer in enumerate(found)
            if isinstance(answer, _PASSING) and place not in unmade
        ]
        if len(calls) == self._most and not (unmade or passing):
            self._good += 1
            if self._good % _PATIENCE == 0:
                self._most = min(2 * self._most, self._ceiling)
        return await self._again(calls, found, filter(None, (unmade, passing[:1], passing[1:])))

    async def _in_parts(self, calls: Sequence[Call], error: KonnectError) -> list[Answer]:
        """The answers to calls that this error ended all together."""
        blamed = [place for place, call in enumerate(calls) if call.operation == error.inside]
        is_limit = _is_limit(error, of=len(calls))
        is_about_calls = error.inside is not None or is_limit or isinstance(error, _UNANSWERED)
        if len(calls) == 1 or not is_about_calls:
            return [error] * len(calls)
        if is_limit or isinstance(error, RateLimited):
            self._learn(error, of=len(calls))  # to fewer than these
            return await self._answers(calls)
        if isinstance(error, ServerError) and not blamed:
            ends = [(await self._answers([call]))[0] for call in (calls[0], calls[-1])]
            if all(isinstance(answer, ServerError) for answer in ends):  # all of it is down
                return [error] * len(calls)
        parts = self._apart(calls, blamed)
        found = await self._again(calls, [error] * len(calls), parts)
        failed = [call for call, answer in zip(calls, found, strict=True) if isinstance(answer, KonnectError)]
        self._refused.update(filter(None, map(_about, failed)))
        if not failed:  # it was the number of them
            self._ceiling = self._most = min(self._most, max(map(len, parts)))
        return found

    def _beside_refused(self, calls: Sequence[Call]) -> list[Sequence[int]]:
        """The places of calls in parts, those alone whose like have ended a block; none if all may go."""
        alone = [place for place, call in enumerate(calls) if _about(call) in self._refused]
        others = [place for place in range(len(calls)) if place not in alone]
        return [part for part in (others, *([place] for place in alone)) if part] if alone else []

    async def _again(
        self, calls: Sequence[Call], found: list[Answer], parts: Iterable[Sequence[int]]
    ) -> list[Answer]:
        """What was found, with the calls at the places of each part made again."""
        for part in parts:
            for place, answer in zip(
                part, await self._answers([calls[place] for place in part]), strict=True
            ):
                found[place] = answer
        return found

    def _apart(self, calls: Sequence[Call], blamed: Sequence[int]) -> list[Sequence[int]]:
        """The places of calls in parts that may fare better than all of them."""
        others = [place for place in range(len(calls)) if place not in blamed]
        if blamed and others:
            return [blamed, others]
        return _runs(range(len(calls)), (len(calls) + 1) // 2)

    def _learn(self, error: KonnectError, *, of: int, made: int = 0) -> None:
        """Remember how many calls a block may make, from one of so many that made only these."""
        figure = _figure(error)
        told = figure if figure is not None and figure < of else None  # any other was not what it ran into
        self._most = max(1, min(self._most, told or made or (of + 1) // 2))
        self._good = 0
        if _LIMIT.match(error.message):
            self._ceiling = self._most


def _unmade(calls: Sequence[Call], found: Sequence[Answer]) -> list[int]:
    """The places of calls that a limit kept from being made, in words that are known or that tell.

    What is said of different operations alike, and not by the API, is said of the block.
    """
    known = [place for place, answer in enumerate(found) if _is_limit(answer, of=len(calls))]
    if known or all(isinstance(answer, KonnectError) for answer in found):
        return known
    said: dict[str, list[int]] = {}
    for place, answer in enumerate(found):
        if isinstance(answer, (ToolError, RateLimited)) and not answer.message.startswith("HTTP "):
            said.setdefault(_DIGITS.sub("", answer.message), []).append(place)
    for places in said.values():
        if len({calls[place].operation for place in places}) > 1:
            return places
    return []


def _is_limit(answer: Answer, *, of: int) -> bool:
    """Whether an answer says that a block of so many calls was too long."""
    if not isinstance(answer, (ToolError, RateLimited)) or not _LIMIT.match(answer.message):
        return False
    return (_figure(answer) or 0) < of


def _figure(error: KonnectError) -> int | None:
    """How many calls a block may make, as far as the words of a limit say it."""
    said = _FIGURE.search(error.message) if _LIMIT.match(error.message) else None
    return int(said[1]) if said else None


def _about(call: Call) -> frozenset[tuple[str, str]]:
    """What a call asks about, whatever it asks: for all lists of a control plane the same."""
    return frozenset((name, value) for name, value in call.arguments.items() if isinstance(value, str))


def _runs(places: Sequence[int], size: int) -> list[Sequence[int]]:
    """The places in runs of that size at most."""
    return [places[start : start + size] for start in range(0, len(places), size)]
