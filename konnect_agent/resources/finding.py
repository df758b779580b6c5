"""The documented way from a name to an entity.

Kong's rule: an id is looked up, a name goes to `get_by_name`, and when that yields nothing the list is read
and matched (exact, folded, prefix, fuzzy; see `konnect_agent.matching`). One clear winner is returned with
how it was found; several raise `Ambiguous`, none `NoMatch`, with ranked candidates. Something of the form of
an id that is the id of nothing may still be a name: usernames often are UUIDs, but never nearly so.
How a server says that a lookup came to nothing is not documented, so only what no lookup can get around (the
token, the network, a failing server) ends the search at once; the list decides, and must have been seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from konnect_agent.errors import (
    Ambiguous,
    Candidate,
    KonnectError,
    NoMatch,
    NotFound,
    ToolError,
    ToolUnavailable,
    Undecodable,
)
from konnect_agent.ids import is_id, split_composite
from konnect_agent.matching import Match, fold, is_likely, rank, winner
from konnect_agent.models.entity import Entity
from konnect_agent.resources.resource import required

E = TypeVar("E", bound=Entity)
One = Callable[[str], Awaitable[E]]
Many = Callable[[], Awaitable[Sequence[E]]]

_NO_ANSWER = (ToolError, ToolUnavailable, Undecodable)


@dataclass(frozen=True, slots=True)
class Found(Generic[E]):
    """An entity and how the name led to it: `id`, `get_by_name`, `exact`, `folded`, `prefix` or `fuzzy`.

    `score` runs to 100; `candidates` are all that were ranked, best first (empty when none had to be).
    """

    entity: E
    how: str
    score: float = 100.0
    candidates: tuple[Candidate, ...] = ()

    @property
    def id(self) -> str:
        """The id of the entity; `find` never returns one without."""
        return self.entity.id or ""

    @property
    def name(self) -> str:
        """What to call it in front of a person."""
        return self.entity.label


@dataclass(frozen=True, slots=True)
class Lookups(Generic[E]):
    """The operations a family has; every family can be listed."""

    listed: Many[E]
    get: One[E] | None = None
    get_by_name: One[E] | None = None


async def resolve(
    what: str,
    wanted: str,
    lookups: Lookups[E],
    *,
    names: Sequence[str] = ("name",),
    control_plane_id: str | None = None,
) -> Found[E]:
    """The one entity `wanted` means; `names` are the fields that name it.

    A composite analytics id counts as the id in it; `control_plane_id` tells one whose first half is no UUID.
    Raises `NoMatch` or `Ambiguous`, and what hindered the first lookup when no list could be read either.
    """
    text = required(wanted, what)
    local = split_composite(text, (control_plane_id,)).id
    shaped_as_id = is_id(local)
    hindrances: list[KonnectError] = []
    if shaped_as_id and lookups.get is not None:
        entity = await _answer(lookups.get, local, hindrances)
        if entity is not None and entity.id is None:
            return Found(entity.model_copy(update={"id": local}), "id")
        if entity is not None and _has_id(entity, local):  # anything else is not what was asked for
            return Found(entity, "id")
    if lookups.get_by_name is not None:
        entity = await _answer(lookups.get_by_name, text, hindrances)
        if entity is not None and entity.id and _is_called(entity, text, names):
            return Found(entity, "get_by_name")
    try:
        entities = await lookups.listed()
    except _NO_ANSWER as error:
        raise next(iter(hindrances), error) from None
    for wanted_id in (text, local):
        by_id = next((entity for entity in entities if _has_id(entity, wanted_id)), None)
        if by_id is not None:
            return Found(by_id, "id")
    whole = getattr(entities, "complete", True)  # on a cut list the best may be among what was not seen
    return _best(what, text, entities, names, nearly=whole and not shaped_as_id, whole=whole)


async def _answer(lookup: One[E], text: str, hindrances: list[KonnectError]) -> E | None:
    """What a lookup finds; None when there is nothing, or when it cannot be told, which is noted."""
    try:
        return await lookup(text)
    except NotFound:
        return None
    except _NO_ANSWER as error:  # another way to say that there is nothing, or several: the list decides
        hindrances.append(error)
        return None


def _has_id(entity: Entity, wanted: str) -> bool:
    return entity.id is not None and entity.id.lower() == wanted.lower()


def _is_called(entity: Entity, text: str, names: Sequence[str]) -> bool:
    return any(fold(name) == fold(text) for name in _names_of(entity, names))


def _best(
    what: str, text: str, entities: Sequence[E], names: Sequence[str], *, nearly: bool, whole: bool
) -> Found[E]:
    unique = {entity.id or f"#{i}": entity for i, entity in enumerate(entities)}
    spelled = [(name, entity) for entity in unique.values() for name in _names_of(entity, names)]
    matches = _one_per_entity(rank(text, [name for name, _ in spelled]), [entity for _, entity in spelled])
    candidates = tuple(
        Candidate(spelled[m.index][1].id, spelled[m.index][0], round(m.score, 1), m.how) for m in matches
    )
    best = winner(matches)
    if best is not None and spelled[best.index][1].id and (nearly or best.how in ("exact", "folded")):
        return Found(spelled[best.index][1], best.how, best.score, candidates)
    if nearly and matches and is_likely(matches[0]):
        raise Ambiguous(
            f"No {what} is called {text!r}, and no other name is clearly meant.", candidates=candidates
        )
    has = f"is called {text!r}, or anything like it," if nearly else f"has the id or name {text},"
    cut = "" if whole else " The server cut its list: give the id, or the exact name."
    raise NoMatch(f"No {what} {has} among the {len(unique)} visible.{cut}", candidates=candidates)


def _one_per_entity(matches: Sequence[Match], entities: Sequence[Entity]) -> list[Match]:
    seen: set[int] = set()
    kept: list[Match] = []
    for match in matches:
        if id(entities[match.index]) not in seen:
            seen.add(id(entities[match.index]))
            kept.append(match)
    return kept


def _names_of(entity: Entity, fields: Sequence[str]) -> list[str]:
    values = (getattr(entity, field, None) for field in fields)
    return [value for value in values if isinstance(value, str) and value]
