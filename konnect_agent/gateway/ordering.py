"""The order in which plugins run (fact sheet 8.2, documented).

1. Larger static priority first; equal ones by name, reverse alphabetical. Plugins of unknown priority cannot
   be placed and come last.
2. `ordering.before.access` and `ordering.after.access` both say that one plugin depends on another, in the
   access phase only. The plugins are placed from the highest priority to the lowest, each right behind all
   that it depends on: `legacy`, the default of `plugin_ordering_algorithm` and the only way before Gateway
   3.16 (the fact sheet is silent; Kong's page "How legacy dynamic plugin ordering works", documented).
   Several dependencies of one plugin are taken in static order (inferred), and so is everything if they are
   circular: there is no order then, and the gateway reports an error.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from konnect_agent.gateway.catalogue import catalogue
from konnect_agent.gateway.entities import PluginRecord


@cache
def static_key(name: str) -> tuple[bool, int, tuple[int, ...]]:
    """Sorts plugin names into static order."""
    priority = catalogue().get(name).priority
    return priority is None, -(priority or 0), (*(-ord(char) for char in name), 1)


def access_order(records: Sequence[PluginRecord]) -> list[PluginRecord]:
    """The records, given in static order, as the access phase runs them."""
    if all(record.ordering is None for record in records):
        return list(records)
    dependencies = _dependencies(records)
    waiting = {name: sorted(before, key=static_key, reverse=True) for name, before in dependencies.items()}
    placed: dict[str, None] = {}
    for record in records:
        chain = dict.fromkeys([record.name])  # each depends on the next
        while chain:
            name = next(reversed(chain))
            before = waiting.get(name)
            if not before:
                placed.setdefault(name)
                del chain[name]
            elif before[-1] in placed:
                before.pop()
            elif before[-1] in chain:
                return list(records)
            else:
                chain[before[-1]] = None
    # A plugin that does not run here has its place too: it stands between those that name it.
    present = {record.name: record for record in records}
    return [present[name] for name in placed if name in present]


def pulled_forward(static: Sequence[PluginRecord], ordered: Sequence[PluginRecord]) -> set[str]:
    """Names of those an ordering made overtake others; not of those that only made room."""
    if static == ordered:
        return set()
    place = {record.name: number for number, record in enumerate(static)}
    found: set[str] = set()
    first_behind = len(static)
    for record in reversed(ordered):
        if first_behind < place[record.name]:
            found.add(record.name)
        first_behind = min(first_behind, place[record.name])
    return found


def _dependencies(records: Sequence[PluginRecord]) -> dict[str, set[str]]:
    """By name, the plugins that must run before."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name in _named(record.ordering, "before"):
            found.setdefault(name, set()).add(record.name)
        found.setdefault(record.name, set()).update(_named(record.ordering, "after"))
    return found


def _named(ordering: Mapping[str, object] | None, side: str) -> set[str]:
    phases = None if ordering is None else ordering.get(side)
    if not isinstance(phases, Mapping):
        return set()
    names = cast("Mapping[str, object]", phases).get("access")
    return (
        {str(name) for name in cast("Sequence[object]", names)} if isinstance(names, list | tuple) else set()
    )
