"""What the tools say about a debug session: its id and its status.

Both are documented as values, neither as a shape (fact sheet 2.1): they may stand under several names, at any
depth, as bare text or inside a sentence.
"""

from __future__ import annotations

import re
from typing import Any

from konnect_agent.decoding import undecodable
from konnect_agent.models import DebugStatus
from konnect_agent.notes import texts

_SENTENCES = ("result", "message")
_ID_KEYS = ("debug_session_id", "debugSessionId", "session_id", "sessionId", "id")
_STATUS_KEYS = ("status", "state", "session_status", "sessionStatus", "debug_session_status")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOT_YET = re.compile(r"\b(?:not|until|before|unless|once|when|if|after)\b|n't\b", re.IGNORECASE)


def session_id_in(data: Any, control_plane_id: str) -> str:
    """The new session's id, under whichever name, or as a UUID inside a sentence."""
    named: list[str] = [] if isinstance(data, str) else list(texts(data, _ID_KEYS))
    told = (found for found in texts(data, _SENTENCES) if re.search(r"\d", found))
    for found in (*named, *told):
        uuids = (match.group() for match in _UUID.finditer(found))
        others = [uuid for uuid in uuids if uuid.lower() != control_plane_id.lower()]
        if others:
            return others[0]
        if len(found.split()) == 1 and found.lower() != control_plane_id.lower():
            return found
    raise undecodable("no debug session id in the answer", data)


def status_in(data: Any) -> str | None:
    """The status, under whichever name, as bare text, or as a word inside a sentence; None if there is none.

    A known status wins over other words, such as the `ok` of an envelope. Unknown words are a status where
    one is named, or where they are only one.
    """
    named: list[str] = [] if isinstance(data, str) else list(texts(data, _STATUS_KEYS))
    told = list(texts(data, _SENTENCES))
    for found in (*named, *told):
        if DebugStatus.read(found) is not DebugStatus.UNKNOWN:
            return found
        words = re.findall(r"[a-z]+(?:[_ -](?:progress|out))?", found.lower())
        known = {DebugStatus.read(word) for word in words} - {DebugStatus.UNKNOWN}
        if len(known) == 1 and not _NOT_YET.search(found):
            return known.pop().value
    unknown = (*named, *(found for found in told if len(found.split()) == 1 and not _UUID.search(found)))
    return unknown[0] if unknown else None
