"""What the words beside data mean: that there is nothing, that a list was cut, that something went wrong.

Servers write for language models: "Found 0 services", "Showing 100 of 250", "You may not list services". No
wording is documented (inferred, all of it), so each reading errs to the safe side: only a short sentence that
says nothing else means "none", and doubt about a list is told as doubt.
"""

from __future__ import annotations

import re
from functools import lru_cache

_QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`")
_RIGHT = r"(?:permission|privilege|access|right|scope|role)s?"
_TROUBLE = re.compile(
    rf"\b(?:denied|forbidden|(?:un|not )authori[sz]ed|not (?:be )?(?:allowed|permitted)|may not|unavailable"
    rf"|(?:no|(?:not|don't|doesn't) have|without|lacks?|missing|insufficient) (?:the |any )?{_RIGHT}"
    r"|timed[ -]out|time-?out|could(?: not|n't)|can(?:not|'t| not)|unable|failed (?:to|with)|failure"
    r"|(?:request|call|query|lookup|it) failed|exceptions?|incomplete"
    r"|(?<!no )(?<!0 )errors?\b(?! (?:requests?|responses?|rates?|codes?)\b))\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(rf"\b(?:{_RIGHT}(?![-\w])|allowed|permitted|visible|invalid|again)\b", re.IGNORECASE)
_CUT = re.compile(
    r"(?<!not )\btruncated\b|\bcut (?:off|short)\b|\b(?:not shown|omitted)\b|\bfirst \d+\b"
    r"|\bmore (?:\w+ ){0,3}(?:available|exist|follow|remain)|\bpartial (?:results?|list|answer|data)\b",
    re.IGNORECASE,
)
_PART = re.compile(r"\b(\d{1,12}) (?:out )?of (?:the |about )?(\d{1,12})\b", re.IGNORECASE)
_LONGEST = 300


def says_trouble(text: str) -> bool:
    """Whether `text` speaks of a failure or a refusal; what it quotes is somebody's name."""
    return bool(_TROUBLE.search(_QUOTED.sub("''", text)))


def says_cut(text: str) -> bool:
    """Whether `text` says that there is more than what was shown: "Showing 100 of 250"."""
    return bool(_CUT.search(text)) or any(int(part) < int(whole) for part, whole in _PART.findall(text))


def says_none(text: str, nouns: tuple[str, ...]) -> bool:
    """Whether `text` says that there are none of these, and nothing else: "No services found in prod."."""
    said = text.strip()
    match = _none(nouns).fullmatch(said) if len(said) <= _LONGEST else None
    if match is None:
        return False
    more = _QUOTED.sub("''", match["more"] or "")
    return not says_trouble(more) and not _DOUBT.search(more)


@lru_cache(maxsize=64)
def _none(nouns: tuple[str, ...]) -> re.Pattern[str]:
    spelled = [re.sub(r"[A-Z]|_", lambda m: "[ _-]?" + m.group().strip("_"), noun) for noun in nouns]
    return re.compile(
        r"(?:(?:there\s+(?:are|is|were|was)|found|returned|listed|retrieved)\s+)?(?:currently\s+)?(?:no|0|zero)\s+"
        r"(?:(?:matching|such|api|kong|konnect|gateway|configured|registered|failed|failing)\s+){0,2}"
        rf"(?:{'|'.join((*spelled, 'result', 'item', 'record', 'match(?:e(?=s))?'))})s?"
        r"(?:\s+(?P<more>(?:(?:were|was|is|are|have\s+been|could\s+be)\s+)?"
        r"(?:found|available|exists?|match\w*|configured|registered|returned|with|named|called|in|on|for|yet)\b"
        r"(?:[^\n{.!;]|\.(?=\S)){0,200}))?[.!]?",
        re.IGNORECASE,
    )
