"""How rules put lists of names into a sentence."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 5


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; of many the first few and how many more there are. Each name once."""
    unique = list(dict.fromkeys(names))
    if len(unique) > _MOST:
        unique = [*unique[: _MOST - 1], f"{len(unique) - _MOST + 1} more"]
    if len(unique) < 2:
        return "".join(unique)
    return f"{', '.join(unique[:-1])} and {unique[-1]}"
