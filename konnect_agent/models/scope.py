"""What a plugin acts on and where a route leads, when it does not stand where Kong puts it (all inferred).

1. `service.id` and its renderings are read by `ids.extract_id`. Besides: a list with one of a kind
   (`consumers`, `service_ids`), and for plugins `scope: {"service": {"id": ...}}`, the same as
   `{"type": ..., "id": ...}`, a list of such, and `entity_type` with `entity_id`.
2. Whatever else goes by the name of a kind or of a scope, and says something, cannot be read and raises
   ValueError: a plugin that refers to nothing is global and a route to nowhere has no service, and neither
   may be said of one that was not understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from konnect_agent.ids import KINDS, Kind, canonical, extract_id, local_id, renderings
from konnect_agent.models.tolerant import folded, says

_PLACES = frozenset((
    "scope", "scopes", "scoping", "scoped", "scopedto", "scopeassociation", "scopeassociations",
    "association", "associations", "associatedwith", "entity", "entities", "target", "targets", "appliesto",
    "applyto", "appliedto", "attachedto",
))  # fmt: skip
_PAIRS = (("entitytype", "entityid"), ("scopetype", "scopeid"), ("targettype", "targetid"))
_TYPES = ("type", "kind", "entitytype", "scopetype", "targettype", "level")
_OWN_IDS = ("id", "entityid", "scopeid", "targetid", "uuid")
_SWITCHES = frozenset(("global", "isglobal"))
_EVERYWHERE = frozenset(("global", "all", "everything", "controlplane", "workspace"))
_DEPTH = 8
_ITSELF = "plugin"  # what it is, not what it acts on
_KINDS: Mapping[str, Kind] = {
    folded(name): kind for kind in KINDS for name in (kind, f"{kind}s", f"gateway_{kind}")
}


def references(given: Mapping[str, Any], kinds: Iterable[Kind]) -> dict[Kind, str]:
    """The id of each of the `kinds` that `given` names. Raises ValueError for one it names unreadably."""
    found: dict[Kind, str] = {}
    keys = {folded(key): key for key in given}
    for kind in kinds:
        one, many = _names(kind)
        own = extract_id(given, kind) or (_only(given[kind], kind) if kind in given else None)
        others = {keys[name]: given[keys[name]] for name in keys.keys() & (one | many) if keys[name] != kind}
        for key, value in others.items():
            own = own or (_only(value, kind) if folded(key) in many else None)
        unread = next((key for key, value in others.items() if _tells(value)), None)
        if own:
            found[kind] = own
        elif unread:
            raise ValueError(f"the {kind} it refers to cannot be read in {unread}")
    return found


def scope(given: Mapping[str, Any], kinds: Sequence[Kind]) -> dict[Kind, str]:
    """The ids of what a plugin is scoped to, none for a global one. Raises ValueError as `references`."""
    reading = _Reading(kinds)
    reading.read(given, _DEPTH)
    if reading.is_limited and not reading.found:
        raise ValueError("it is scoped, but not to what can be read")
    return reading.found


@dataclass
class _Reading:
    """A scope as far as it was read; `is_limited` when words or a switch say that there is one."""

    kinds: Sequence[Kind]
    found: dict[Kind, str] = field(default_factory=dict[Kind, str])
    is_limited: bool = False

    def read(self, given: Mapping[str, Any], depth: int) -> None:
        """What an object is scoped to: the plugin itself, or a scope in it."""
        for kind, own in references(given, self.kinds).items():
            self._add(kind, own)
        named = {folded(key): value for key, value in given.items()}
        for name in named.keys() & _SWITCHES:
            self.is_limited |= str(named[name]).lower() == "false"
        for name in named.keys() & _PLACES:
            self._enter(name, named[name], depth)
        for one, other in _PAIRS:
            if says(named.get(one)) or says(named.get(other)):
                self._enter(one, {"type": named.get(one), "id": named.get(other)}, depth)

    def _enter(self, key: str, value: Any, depth: int) -> None:
        """One scope, or a list of several."""
        if isinstance(value, (list, tuple)) and depth:
            for entry in cast("Sequence[Any]", value):
                self._enter(key, entry, depth - 1)
        elif isinstance(value, str):
            self.is_limited |= says(value) and folded(value) not in _EVERYWHERE
        elif isinstance(value, Mapping) and depth:
            self._open(key, cast("Mapping[str, Any]", value), depth - 1)
        elif says(value):
            raise ValueError(f"its scope cannot be read in {key}")

    def _open(self, key: str, given: Mapping[str, Any], depth: int) -> None:
        named = {folded(name): value for name, value in given.items() if says(value)}
        word = folded(next((str(named[name]) for name in _TYPES if name in named), ""))
        kind, own = _KINDS.get(word), next((named[name] for name in _OWN_IDS if name in named), None)
        if kind is not None and kind in self.kinds and (only := _only(own, kind)):
            self._add(kind, only)
            return
        inside = _Reading(self.kinds)
        inside.read(given, depth)
        is_free = word == _ITSELF or word in _EVERYWHERE
        odd = named.keys() - _SWITCHES - _PLACES - set(_TYPES) - set(_OWN_IDS if is_free else ())
        if odd and not inside.found:
            raise ValueError(f"its scope cannot be read in {key}")
        self.is_limited |= inside.is_limited or bool(word and not is_free)
        for each, found in inside.found.items():
            self._add(each, found)

    def _add(self, kind: Kind, own: str) -> None:
        other = self.found.setdefault(kind, own)
        if canonical(local_id(other)) != canonical(local_id(own)):
            raise ValueError(f"it is scoped to more than one {kind}")


@cache
def _names(kind: Kind) -> tuple[frozenset[str], frozenset[str]]:
    """The folded keys that one of a kind may stand under, its name among them, and those of several."""
    one = {folded(name) for name in (*renderings(kind), f"{kind}_name", f"{kind}_names")}
    many = {f"{name}s" for name in map(folded, renderings(kind))}
    return frozenset(one), frozenset(many)


def _only(value: Any, kind: Kind) -> str | None:
    """The id that `value` is, or holds as the only one; None when there are several, or none."""
    if isinstance(value, (list, tuple)):
        entries = [entry for entry in cast("Sequence[Any]", value) if says(entry)]
        return extract_id({kind: entries[0]}, kind) if len(entries) == 1 else None
    is_plain = isinstance(value, Mapping) or (isinstance(value, str) and "," not in value)
    return extract_id({kind: value}, kind) if is_plain else None


def _tells(value: Any) -> bool:
    """Whether it says something; a number is how many there are, and not which."""
    return says(value) and (value is True or not isinstance(value, (int, float)))
