"""From a name somebody typed to the entity they meant: ranked candidates, and whether one clearly wins.

1. Exact. 2. Folded: case and separators (space, `-`, `_`, `.`, `/`) do not matter. 3. Prefix: the name starts
with what was typed, or a word of it does. 4. Fuzzy: rapidfuzz's ratio on folded names, 60 and more.
The best kind that has candidates decides. It has a clear winner when there is exactly one (exact, folded,
prefix), or when the best fuzzy score is at least 80 and 10 ahead of the next. Kong documents the fallback
itself (`get_by_name`, then `list` with fuzzy matching); the thresholds are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal

from rapidfuzz import fuzz, process

How = Literal["exact", "folded", "prefix", "fuzzy"]

_SEPARATORS = "-_./" + "".join(filter(str.isspace, map(chr, range(0x3001)))).replace("\n", "")
_FUZZY_FLOOR, _FUZZY_WINS, _FUZZY_MARGIN = 60.0, 80.0, 10.0
_BELOW_PREFIX = 0.89  # keeps the best fuzzy score under every prefix score


@dataclass(frozen=True, slots=True)
class Match:
    """One candidate: its position in the list of names, a score from 0 to 100, and the kind of match."""

    index: int
    score: float
    how: How


def fold(name: str) -> str:
    """`name` without case, and with every run of separators as one space."""
    return fold_all([name])[0]


def fold_all(names: Sequence[str]) -> list[str]:
    """`fold` of every name, in a few operations on one long string: eight times faster than one by one."""
    folded = "\n".join(names)
    if folded.count("\n") >= len(names):
        folded = "\n".join(name.replace("\n", " ") for name in names)
    folded = folded.casefold()
    for separator in _SEPARATORS:
        folded = folded.replace(separator, " ")
    while "  " in folded:
        folded = folded.replace("  ", " ")
    return [name.strip() for name in folded.split("\n")] if names else []


def rank(query: str, names: Sequence[str], *, limit: int = 10) -> list[Match]:
    """The best candidates for `query`, best first; every kind of match ranks above the next kind."""
    if query in names:
        return [Match(i, 100.0, "exact") for i, name in enumerate(names) if name == query][:limit]
    wanted = fold(query)
    if not wanted:
        return []
    folded = fold_all(names)
    if wanted in folded:
        return [Match(i, 99.0, "folded") for i, name in enumerate(folded) if name == wanted][:limit]
    closest = nsmallest(limit, _prefixes(wanted, folded))
    starts = [Match(i, -negative, "prefix") for negative, i in closest]
    if len(starts) == limit:
        return starts
    taken = {match.index for match in starts}
    near = process.extract(
        wanted, folded, scorer=fuzz.ratio, score_cutoff=_FUZZY_FLOOR, limit=limit + len(taken)
    )
    fuzzy = [Match(i, score * _BELOW_PREFIX, "fuzzy") for _, score, i in near if i not in taken]
    return [*starts, *fuzzy][:limit]


def is_likely(match: Match) -> bool:
    """Whether a candidate is close enough to be what somebody meant, were it the only one."""
    return match.how != "fuzzy" or match.score >= _FUZZY_WINS * _BELOW_PREFIX


def winner(matches: Sequence[Match]) -> Match | None:
    """The one clear winner among ranked candidates, or None."""
    if not matches:
        return None
    best = matches[0]
    if best.how != "fuzzy":
        rivals = [match for match in matches[1:] if match.how == best.how]
        return None if rivals else best
    if not is_likely(best):
        return None
    ahead = best.score - matches[1].score if len(matches) > 1 else best.score
    return best if ahead >= _FUZZY_MARGIN * _BELOW_PREFIX else None


def _prefixes(wanted: str, folded: Sequence[str]) -> Iterator[tuple[float, int]]:
    """Negative score and position of every name that starts with `wanted`, or has a word that does."""
    inside = f" {wanted}"
    for index, name in enumerate(folded):
        if wanted not in name:
            continue
        if name.startswith(wanted):
            yield -(90.0 + 8.0 * len(wanted) / len(name)), index
        elif inside in name:
            yield -(89.0 + len(wanted) / len(name)), index
