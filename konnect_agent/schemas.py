"""JSON Schemas as tools have them: what a tool takes, also behind `$ref`, `allOf`, `anyOf` and `oneOf`.

A `$ref` is followed inside the schema of the tool, its `root`, and nowhere else. Schemas come from servers:
they may refer to themselves, and to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from konnect_agent.decoding import Object, as_list, as_object

_CHOICES = ("anyOf", "oneOf")


def properties(schema: Any, root: Object) -> Object:
    """The schema of each parameter by its live name; alternatives of the whole are put together."""
    found: dict[str, list[Any]] = {}
    for part in parts(schema, root):
        for name, inside in (as_object(part.get("properties")) or {}).items():
            found.setdefault(name, []).append(inside)
    return {name: inside[0] if len(inside) == 1 else {"anyOf": inside} for name, inside in found.items()}


def required(schema: Any, root: Object) -> frozenset[str]:
    """The parameters that cannot be left out, whichever alternative of the whole is meant."""
    found = set[str]()
    for part in parts(schema, root, choices=()):
        found |= _demanded(part)
        for key in _CHOICES:
            each = [
                frozenset[str]().union(*map(_demanded, parts(choice, root, choices=())))
                for choice in as_list(part.get(key)) or ()
            ]
            found |= each[0].intersection(*each) if each else frozenset()
    return frozenset(found)


def flattened(schema: Any, root: Object) -> Object:
    """One schema in the place of a `$ref` and of `allOf`; of its alternatives the same, each for itself."""
    whole = _merged(schema, root)
    choices = {key: as_list(whole[key]) or () for key in _CHOICES if key in whole}
    return {**whole, **{key: [_merged(each, root) for each in found] for key, found in choices.items()}}


def accepted(schema: Any, root: Object) -> tuple[set[str], list[str]]:
    """The JSON types and the texts a schema allows, alternatives included, null left out."""
    made_of = list(parts(schema, root))
    kinds = [kind for part in made_of for kind in as_list(part.get("type")) or [part.get("type")]]
    choices = [choice for part in made_of for choice in as_list(part.get("enum")) or [part.get("const")]]
    texts = [choice for choice in choices if isinstance(choice, str)]
    return {kind for kind in kinds if isinstance(kind, str) and kind != "null"}, texts


def maximum(schema: Any, root: Object) -> int | float | None:
    """The highest number any alternative of a schema allows; None when it sets no limit."""
    limits = [part.get("maximum") for part in parts(schema, root)]
    return max((limit for limit in limits if isinstance(limit, (int, float))), default=None)


def parts(schema: Any, root: Object, *, choices: Sequence[str] = _CHOICES) -> Iterator[Object]:
    """A schema and all it refers to or is made of, each once, with or without its alternatives."""
    waiting, seen = [schema], set[int]()
    for each in waiting:
        part = as_object(each)
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting.append(_referred(part.get("$ref"), root))
        for key in (*choices, "allOf"):
            waiting.extend(as_list(part.get(key)) or [])


def _demanded(part: Object) -> frozenset[str]:
    return frozenset(name for name in as_list(part.get("required")) or () if isinstance(name, str))


def _merged(schema: Any, root: Object) -> Object:
    found: dict[str, Any] = {}
    for part in parts(schema, root, choices=()):
        found = {key: value for key, value in part.items() if key not in ("$ref", "allOf")} | found
    return found


def _referred(reference: Any, root: Object) -> Any:
    """What a `$ref` inside the schema points at; None for every other kind of reference."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: Any = root
    for step in filter(None, reference[1:].split("/")):
        place = (as_object(place) or {}).get(step.replace("~1", "/").replace("~0", "~"))
    return place
