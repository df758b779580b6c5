"""One caller of the ranking, looked at: its entity, and all its failures.

1. The entity: by id, or by that very name where no id was logged; nothing similar will do. An id that the
   control plane does not know (any more) is a consumer that no longer exists; a name may just be another.
2. Its own failures (400 and above): rows of others, and successes, are dropped. None at all, although some
   were counted before, means that the server did not understand who was meant.
What cannot be seen is noted in the coverage and costs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, NoMatch, NotFound, Undecodable
from konnect_agent.ids import CompositeId, is_id
from konnect_agent.models import ApiRequests, Consumer
from patterns.attribution import ControlPlanes, answering, folded, once_each
from patterns.failures import Counted
from patterns.workflow import missed


@dataclass(frozen=True)
class Seen:
    """What could be seen of a consumer: its entity, whether it exists (None: unknown), its own failures."""

    entity: Consumer | None = None
    exists: bool | None = None
    requests: ApiRequests | None = None


async def look(
    konnect: Konnect,
    who: CompositeId,
    counted: Counted,
    *,
    known: ControlPlanes,
    time_range: str,
    max_results: int,
) -> Seen:
    """The entity and the failures of the consumer whose rows were `counted`. Raises no `KonnectError`."""
    entity, exists, requests = None, None, None
    try:
        entity = await _entity(konnect, who)
        exists = True
    except NotFound:
        exists = False
    except KonnectError as error:
        missed(f"the consumer {who.id}", error)
    named = (entity and entity.id) or folded(who.id)
    is_own = known.failure_of(who, named, entity and entity.username)
    try:
        found = await konnect.analytics.get_consumer_requests(
            named,
            control_plane_id=who.control_plane_id,
            time_range=time_range,
            failure_only=True,
            max_results=max_results,
        )
        own = answering(once_each(found.rows), time_range, is_own, now=konnect.date())
        if not own and counted.failed:
            before = counted.counts()["failures"]
            raise Undecodable(f"None came, though {before} were counted before", path="requests")
        requests = found.model_copy(update={"rows": tuple(own)})
    except KonnectError as error:
        missed(f"the requests of consumer {who.id}", error)
    return Seen(entity, exists, requests)


async def _entity(konnect: Konnect, who: CompositeId) -> Consumer:
    """The consumer with that id, in either case, or with that very name. Raises `NotFound` for a gone id."""
    plane_id = who.control_plane_id
    if plane_id is None:
        raise NoMatch(f"No row says in which control plane to look for the consumer {who.id}.")
    if not is_id(who.id):
        found = (await konnect.consumers.find(who.id, control_plane_id=plane_id)).entity
    else:
        try:
            found = await konnect.consumers.get(folded(who.id), control_plane_id=plane_id)
        except NotFound:
            if folded(who.id) == who.id:
                raise
            found = await konnect.consumers.get(who.id, control_plane_id=plane_id)
    called = {folded(name) for name in (found.id, found.username, found.custom_id) if name}
    if found.id and folded(who.id) not in called:
        raise NoMatch(f"The consumer {who.id} was asked for, and {found.label} is another one.")
    return found
