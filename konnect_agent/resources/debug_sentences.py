"""What a sentence about a debug session says: which id it has, which status, or that there is none.

No tool documents its sentences, so only what is unmistakable is read. An id directly follows the word for
the session, or is the only UUID that no other entity's word stands before. A status is told when no word
before it in its clause denies or delays it, and it is about no part of the session: "has not completed yet",
"40% complete" and "3 samples completed" all tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from konnect_agent.models import DebugStatus

UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")

_LENGTH = r"\d+\s*(?:%|(?:ms|s|sec|seconds?|min|minutes?|samples?|requests?|traces?)\b)|\d{4}-\d\d-\d\dT"
_ID = rf"[\s:=#(,;\"'`<\[]+(?!{_LENGTH})(?P<id>[\w:.-]*\d[\w:-]*)"
_OF_SESSION = re.compile(
    rf"\bsession(?:[\s_-]?ids?)?(?:[\s(,;:]+(?:has|been|is|was|now|created|started|successfully|with|its|id))*{_ID}"
    rf"|(?:^|\bits\s+)id\b(?:\s+is)?{_ID.replace('<id>', '<its>')}",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    r"\b(?:plane|group|service|route|node|plugin|consumer|organi[sz]ation|request|trace)(?:[\s_-]?id)?\W*$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:already|exists|conflict\w*|failed to|could(?: not|n't)|unable to|denied)\b"
    r"|(?:not|n't) (?:be )?(?:start|creat)|\banother\b[^.;]*\b(?:is|was|has)\b",
    re.IGNORECASE,
)
_ERROR = re.compile(r"\W*error\s*:", re.IGNORECASE)
_AGREED = re.compile(r"\b(?:created|started|launched)\b", re.IGNORECASE)

_DOCUMENTED = re.compile(r"\b(?:pending|in progress|completed?|timed out|cancell?ed)\b")
_OTHERS = re.compile(r"\b(?:failed|errored|expired|stopped|finished|succeeded|aborted|terminated)\b")
_PARTS = r"(?:samples?|requests?|traces?|spans?)"
_DENIED = re.compile(
    r"(?:\b(?:no|not|never|until|before|unless|once|when|while|if|after|will|would|may|might|can|should|must"
    rf"|almost|nearly)\b|n't\b)[^.;,:]*$|\bto(?: be)? $|\b{_PARTS}(?: (?:have|has|were|was|are|is|been))* $"
)
_INCOMPLETE = re.compile(
    r"(?:\bnot\b|\bnever\b|n't\b)[^.;,:]{0,40}\b(?:complete|completed|finished|done|ready|succeeded)\b"
)
_PARTLY = re.compile(rf"[ :=]*(?:(?:false|no|0)\b|(?:\d+ )?(?:of \d+ )?{_PARTS}\b)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


def refuses(text: str) -> bool:
    """Whether the words about a creation say that there was none; an id in them is another session's."""
    agreed = (text[: found.end()] for found in _AGREED.finditer(text))
    if any(not _REFUSAL.search(re.split("[.;!]", until)[-1]) for until in agreed):
        return False
    return bool(_REFUSAL.search(text)) or announces_error(text)


def announces_error(text: str) -> bool:
    """Whether a text calls itself an error: `Error: another session is already running`."""
    return bool(_ERROR.match(text))


def session_ids_told(text: str) -> Iterator[list[str]]:
    """What may be the session's id in a text, the surest first; rivals together. A bare id has a digit."""
    if len(re.split(r"[\s=]+", text := text.strip(" .\"'`"))) == 1:
        yield [text] if re.search(r"\d", text) else []
        return
    yield [found["id"] or found["its"] for found in _OF_SESSION.finditer(text)]
    yield [found[0] for found in UUID.finditer(text) if not _OF_OTHERS.search(text[: found.start()])]


def denies_completion(text: str) -> bool:
    """Whether a text says that something has not completed: `The session has not completed yet`."""
    return bool(_INCOMPLETE.search(_prose(text)))


def status_told(text: str, *, strictly: bool = True) -> str | None:
    """The one status a sentence tells, in Kong's words; None when it tells none, or more than one.

    Unless `strictly`, one that Kong has other words for, when the session is what is spoken of.
    """
    prose = _prose(text)
    told: set[DebugStatus] = set()
    for found in (_DOCUMENTED if strictly else _OTHERS).finditer(prose):
        before, after = prose[: found.start()], prose[found.end() :]
        if _DENIED.search(before) or _PARTLY.match(after):
            continue
        if strictly or re.search(r"\bsession\b[^.;:,\d]{0,60}$", before):
            told.add(DebugStatus.read(found[0]))
    percent = _PERCENT.search(prose)
    if percent and float(percent[1]) < 100:
        told.discard(DebugStatus.COMPLETED)
    return told.pop().value if len(told) == 1 else None


def _prose(text: str) -> str:
    """A text in lower case, names taken apart into words, without ids."""
    return re.sub(r"[_-]", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", UUID.sub("", text))).lower()
