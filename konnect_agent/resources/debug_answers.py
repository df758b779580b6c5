"""What the tools say about a debug session: its id, its status, and the words beside it.

Both are documented as values, neither as a shape (fact sheet 2.1); how they are found is inferred:
1. Look into the answer, and into what its envelope and session keys hold, and any key that holds its only
   object; of several sessions only into ours, and into no other entity: a data plane has a status too.
2. Names come before sentences, what names a debug session before what may name anything, the inner before
   the outer.
3. An id is believed when it did not go out with the request, has no rival, and the words refuse nothing; an
   answer that is no more than `Error: ...` is a refusal like one that is marked as such.
4. A documented status is believed before the words servers use instead. `success` may be about the call that
   asked, and means a session that completed only where nothing else is told. Where two contradict each
   other, the session goes on: the next look will tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from konnect_agent.decoding import DEPTH, as_list, as_object, opened, undecodable
from konnect_agent.envelopes import AROUND, ENVELOPES
from konnect_agent.errors import KonnectError
from konnect_agent.ids import is_id, local_id, split_composite
from konnect_agent.models import DebugStatus
from konnect_agent.redaction import scrub
from konnect_agent.refusals import refusal
from konnect_agent.resources.debug_sentences import (
    UUID,
    announces_error,
    denies_completion,
    refuses,
    session_ids_told,
    status_told,
)
from konnect_agent.spelling import flat

_SESSION = ("session", "debugsession", "tracingsession", "activetracingsession")
_SESSIONS = (*_SESSION, *(f"{name}s" for name in _SESSION))
_INSIDE = frozenset((*_SESSIONS, *(flat(key) for key in ENVELOPES), "attributes", "meta", "metadata"))
_ID_NAMES = ("debugsessionid", "activetracingsessionid", "tracingsessionid", "sessionid")
_STATUS_NAMES = (
    "status", "state", "sessionstatus", "sessionstate", "debugsessionstatus", "debugsessionstate", "phase",
)  # fmt: skip
_STATUS_PARTS = (*_STATUS_NAMES, "value", "name", "current", "code")
_FLAGS = ("completed", "complete", "done", "finished", "timedout", "cancelled", "canceled", "failed")
_SAYING = (
    "error", "errors", "errormessage", "failurereason", "reason", "message", "statusmessage", "detail",
    "details", "title", "description", "result", "text",
)  # fmt: skip
_OF_CALL = ("success", "succeeded", "successful")
_OF_OTHERS = re.compile(
    r"plane|node|group|service|route|plugin|consumer|organi[sz]ation|request|trace(?!session)|span|sample|vault|"
    r"user|owner|account|tenant|by$|last|latest|previous|next|other|existing|conflict|criteria|filter|config"
)
_MOST_LEVELS, _LONGEST, _READ = 64, 300, 2000


@dataclass(frozen=True, slots=True)
class _Level:
    """One object of an answer, its keys in one spelling.

    `of_session` says that it stood under a key for a debug session, `wraps` that more of it is further in,
    `only` is the text that is all it holds, whatever it is called.
    """

    fields: Mapping[str, Any]
    of_session: bool
    depth: int
    wraps: bool
    only: str | None

    @property
    def rank(self) -> tuple[bool, int]:
        """Where to look first: in sessions, and further in."""
        return (not self.of_session, -self.depth)


def session_id_in(data: Any, *, sent: Collection[str] = ()) -> str:
    """The new session's id. `sent` are the ids that went out with the request: they are other things' ids.

    Raises `Undecodable` when there is none, or several, or when the answer speaks of another session, and the
    error of the tree for words that are all there is and announce an error.
    """
    others = frozenset(text.lower() for text in sent)
    levels = _levels(data)
    told = _told(data, levels)
    if not any(refuses(text) for text, _ in told) and not any(_says_no(level) for level in levels):
        spoken = (ids for text, alone in told if alone or " " in text for ids in session_ids_told(text))
        for values in (*_ids_named(levels), *spoken):
            found = {read for value in values if (read := _as_id(value, others))}
            if len(found) == 1:
                return found.pop()
            if found:
                break
    raise refusal_in(data) or undecodable("no debug session id in the answer", data)


def status_in(data: Any, *, session_id: str | None = None) -> str | None:
    """The status as the server writes it, or the documented one that a sentence tells; None if there is none.

    Of several sessions only that of `session_id` counts. A word nobody knows is a status where one is named,
    or where it is all there is.
    """
    levels = _levels(data, session_id)
    told = _told(data, levels)
    denied = any(denies_completion(text) for text, _ in told)
    named = [
        (text, level.wraps)
        for level in levels
        for text in _statuses_named(level)
        if not _is_of_call(text, level)
    ]
    named += [(text, False) for text, alone in told if alone and len(text.split()) == 1 and not is_id(text)]
    only = (level.only for level in levels if level.only)
    named += [(text, False) for text in only if _read(text) is not DebugStatus.UNKNOWN]
    documented = [text for text, _ in named if _read(text, strictly=True) is not DebugStatus.UNKNOWN]
    instead = [text for text, wraps in named if not wraps and _read(text) is not DebugStatus.UNKNOWN]
    failures = [text for text in instead if _read(text) is not DebugStatus.COMPLETED]
    if failures and not documented:
        return failures[0]
    documented += filter(None, (status_told(text) for text, _ in (*named, *told)))
    if documented:
        return next((text for text in documented if not _read(text).is_final), documented[0])
    instead += [name for name in _FLAGS for level in levels if level.fields.get(name) is True]
    instead += filter(None, (status_told(text, strictly=False) for text, _ in told))
    instead = [text for text in instead if not (denied and _read(text) is DebugStatus.COMPLETED)]
    unknown = [text for text, _ in named if _read(text) is DebugStatus.UNKNOWN]
    return next(iter((*instead, *unknown)), None)


def words_in(data: Any, *, session_id: str | None = None) -> str | None:
    """What the server says about a session beside its status, harmless and short; None when nothing."""
    told = _told(data, _levels(data, session_id))
    return next((shortened(text) for text, _ in told if len(text.split()) > 1), None)


def refusal_in(data: Any) -> KonnectError | None:
    """The error for words that are all of an answer and call themselves one; None for any other answer."""
    told = _told(data, _levels(data))
    announced = next((text for text, alone in told if alone and announces_error(text)), None)
    return refusal(announced, None) if announced else None


def ids_in(arguments: Mapping[str, Any]) -> frozenset[str]:
    """The ids among the arguments of a call, at any depth."""
    found: set[str] = set()
    queue: list[tuple[str, Any]] = list(arguments.items())
    for name, value in queue:  # grows while it is read
        item, entries = as_object(value), as_list(value)
        if item is not None:
            queue.extend(item.items())
        elif entries is not None:
            queue.extend((name, entry) for entry in entries)
        elif flat(name).removesuffix("s").endswith("id") or is_id(str(value)):
            found |= {str(value), split_composite(str(value)).id}
    return frozenset(found)


def shortened(text: str) -> str:
    """`text` without credentials and no longer than an error message should be."""
    kept = scrub(text[: 2 * _LONGEST])
    return kept if len(kept) <= _LONGEST else kept[:_LONGEST] + "..."


def _levels(data: Any, session_id: str | None = None) -> list[_Level]:
    """The objects an answer about a debug session consists of, those to look into first in front."""
    found: list[_Level] = []
    queue: list[tuple[Any, bool, int]] = [(opened(data), False, 0)]
    for value, of_session, depth in queue:  # grows while it is read
        item, entries = as_object(value), as_list(value)
        if entries is not None:
            queue.extend((entry, of_session, depth) for entry in _ours(entries, session_id))
        if item is None:
            continue
        fields = {flat(str(key)): opened(inner) for key, inner in item.items()}
        if "jsonrpc" in fields:  # then `id` is the message's
            fields.pop("id", None)
        inside = [
            (inner, of_session or name in _SESSIONS, depth + 1)
            for name, inner in fields.items()
            if name in _INSIDE and (as_object(inner) or as_list(inner)) and depth < DEPTH
        ]
        only = _only(fields)
        found.append(_Level(fields, of_session, depth, bool(inside), only if isinstance(only, str) else None))
        queue.extend(inside or ([(only, of_session, depth + 1)] if as_object(only) and depth < DEPTH else []))
        if len(found) == _MOST_LEVELS:
            break
    return sorted(found, key=lambda level: level.rank)


def _only(fields: Mapping[str, Any]) -> Any:
    """The only object among what an object holds, or the text that is all it holds; None if it is another's.

    Ids and what stands around in envelopes are not counted.
    """
    rest = {name: value for name, value in fields.items() if value is not None and not _is_around(name)}
    objects = [name for name, value in rest.items() if as_object(value)]
    names = objects or list(rest)
    return rest[names[0]] if len(names) == 1 and not _OF_OTHERS.search(names[0]) else None


def _is_around(name: str) -> bool:
    return name in AROUND or name.endswith("id")


def _ours(entries: list[Any], session_id: str | None) -> list[Any]:
    """The entries of a list that may be about the session; among several, it must be named."""
    if session_id is None or len(entries) == 1:
        return [opened(entry) for entry in entries]
    objects = [item for entry in entries if (item := as_object(opened(entry))) is not None]
    return [item for item in objects if session_id in (_as_id(value, ()) for value in item.values())]


def _ids_named(levels: Sequence[_Level]) -> Iterator[list[Any]]:
    """What may be the session's id, the likeliest names and places first; rivals together."""
    alike = [list(group) for _, group in groupby(levels, key=lambda level: level.rank)]
    for name in _ID_NAMES:
        yield from ([level.fields.get(name) for level in group] for group in alike)
    for group in alike:
        yield [value for level in group for value in _ids_under_sessions(level.fields)]
    for group in alike:
        yield from ([level.fields.get(name) for level in group] for name in ("uuid", "id"))
    yield [level.fields["result"] for level in levels if isinstance(level.fields.get("result"), int)]


def _ids_under_sessions(fields: Mapping[str, Any]) -> Iterator[Any]:
    """Ids that stand where the whole session could: `{"session": "ds_1"}`; a bare plural would be a count."""
    for name in _SESSIONS:
        values = as_list(fields.get(name)) or ([fields.get(name)] if name in _SESSION else [])
        yield from (value for value in values if re.search(r"\d", str(value)))


def _as_id(value: Any, others: Collection[str]) -> str | None:
    """`value` as an id of its own, without the control plane's in front; None if it is none, or another's."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip()
    around, _, own = text.rpartition(":")
    text = own if around.lower() in others else local_id(text)
    uuids = {uuid for uuid in UUID.findall(text) if uuid.lower() not in others}
    if len(text.split()) != 1:
        return uuids.pop() if len(uuids) == 1 else None
    return text if len(text) <= _LONGEST and text.lower() not in others else None


def _says_no(level: _Level) -> bool:
    return any(level.fields.get(name) is False for name in ("success", "ok", "created", "started"))


def _statuses_named(level: _Level) -> Iterator[str]:
    for name in _STATUS_NAMES:
        value = level.fields.get(name)
        inner = as_object(value)
        parts = {flat(key): part for key, part in inner.items()} if inner else {"status": value}
        for text in (parts.get(part) for part in _STATUS_PARTS):
            if isinstance(text, str) and text.strip():
                yield text.strip()[:_READ]


def _is_of_call(text: str, level: _Level) -> bool:
    """Whether a status is rather that of the call: `success`, and more is told beside it."""
    if level.of_session or flat(text) not in _OF_CALL:
        return False
    beside = {name for name, value in level.fields.items() if value is not None and not name.endswith("id")}
    return not beside <= {*_STATUS_NAMES, "success", "ok", "operation"}


def _told(data: Any, levels: Iterable[_Level]) -> list[tuple[str, bool]]:
    """The texts of an answer that may be sentences, and whether each is all there is."""
    whole = opened(data)
    if isinstance(whole, str):
        return [(whole.strip().strip('"')[:_READ], True)]
    found: list[tuple[str, bool]] = []
    for level in levels:
        for value in filter(None, map(level.fields.get, _SAYING)):
            parts = [value, *(as_list(value) or ())]
            parts += [item.get(key) for item in map(as_object, parts) if item for key in _SAYING]
            told = [part.strip()[:_READ] for part in parts if isinstance(part, str) and part.strip()]
            found += [(text, isinstance(value, str) and len(level.fields) == 1) for text in told]
        if level.only and not any(name.endswith("id") for name in level.fields):
            found.append((level.only.strip()[:_READ], False))
    return found


def _read(text: str, *, strictly: bool = False) -> DebugStatus:
    return DebugStatus.read(text, strictly=strictly)
