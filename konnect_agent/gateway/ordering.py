"""The order in which plugins run (fact sheet 8.2, documented).

1. Larger static priority first; equal ones by name, reverse alphabetical. Plugins of unknown priority cannot
   be placed and come last.
2. `ordering.before.access` and `ordering.after.access` move a plugin relative to the ones they name, in the
   access phase only: the first plugin, in static order, whose predecessors have all run goes next. Kong does
   not document how it resolves a cycle; the plugins of one keep their static order.
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
    predecessors = _predecessors(records)
    waiting = list(records)
    ordered: list[PluginRecord] = []
    done: set[str] = set()
    while waiting:
        ready = next((r for r in waiting if predecessors[r.name] <= done), waiting[0])
        waiting.remove(ready)
        ordered.append(ready)
        done.add(ready.name)
    return ordered


def _predecessors(records: Sequence[PluginRecord]) -> dict[str, set[str]]:
    present = {record.name for record in records}
    found: dict[str, set[str]] = {name: set() for name in present}
    for record in records:
        for name in _named(record.ordering, "before") & present:
            found[name].add(record.name)
        found[record.name] |= _named(record.ordering, "after") & present
    return found


def _named(ordering: Mapping[str, object] | None, side: str) -> set[str]:
    phases = None if ordering is None else ordering.get(side)
    if not isinstance(phases, Mapping):
        return set()
    names = cast("Mapping[str, object]", phases).get("access")
    return (
        {str(name) for name in cast("Sequence[object]", names)} if isinstance(names, list | tuple) else set()
    )
