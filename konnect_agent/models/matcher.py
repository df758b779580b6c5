"""What a route matches, when it does not stand where Kong puts it (all inferred).

Matchers may stand in one object (`match`, or `matches` with one in it). A route without any matcher matches
every request, so that is believed only of one that has nothing else that looks like a matcher: ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from konnect_agent.models.tolerant import folded, says

_MATCHERS = ("paths", "hosts", "methods", "headers", "snis", "sources", "destinations", "expression")
_ALLOWED = frozenset((*_MATCHERS, "priority", "regex_priority", "protocols"))
_HOLDERS = frozenset(("match", "matches", "matcher", "matchers", "criteria", "conditions", "rules"))
_STEMS = (
    "match", "path", "host", "method", "header", "sni", "source", "destination", "uri", "url", "prefix",
    "regex", "expr", "rule", "condition", "criteri", "predicate", "verb", "domain",
)  # fmt: skip

ByField = Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, Any]]]


def matchers(given: dict[str, Any], fields: frozenset[str], by_field: ByField) -> dict[str, Any]:
    """`given` with the matchers that stood in another object; `fields` are those a route has.

    `by_field` puts the fields of an object under their own names. Raises ValueError for a matcher that
    cannot be read: in such an object, or where no other is.
    """
    placed = given
    for key, value in given.items():
        if folded(key) in _HOLDERS and (inner := _only(value)) is not None:
            named, doubled = by_field(inner)
            odd = {name for name, entry in {**named, **doubled}.items() if says(entry)} - _ALLOWED
            if odd or doubled:
                raise ValueError(f"what it matches cannot be read in {key}")
            placed = named | {
                name: entry for name, entry in placed.items() if name not in named or says(entry)
            }
    if not any(says(placed.get(name)) for name in _MATCHERS):
        odd = next((key for key in given if key not in fields and _looks_like_one(key, given[key])), None)
        if odd is not None:
            raise ValueError(f"what it matches cannot be read in {odd}")
    return placed


def _only(value: Any) -> Mapping[str, Any] | None:
    """The one object that `value` is or holds, None for nothing. Raises ValueError for several."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value) if says(value) else None
    if not isinstance(value, (list, tuple)):
        return None
    entries = [entry for entry in cast("Sequence[Any]", value) if says(entry)]
    if len(entries) > 1 or any(not isinstance(entry, Mapping) for entry in entries):
        raise ValueError("what it matches is more than one object")
    return cast("Mapping[str, Any]", entries[0]) if entries else None


def _looks_like_one(key: str, value: Any) -> bool:
    name = folded(key)
    return says(value) and not isinstance(value, bool) and any(stem in name for stem in _STEMS)
