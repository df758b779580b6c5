"""The services of the routes that may serve a request: those of disabled ones do not exist for the router.

1. The service of the route that serves (under either calculation), by id, until one is enabled or cannot be
   seen; a route that only a disabled service kept out of sight comes up in between.
2. Those of the routes that lose, or serve other methods: by id when they are few, otherwise the whole lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, NoMatch
from konnect_agent.ids import canonical, is_id
from konnect_agent.models import ControlPlane, Route, Service
from patterns.coverage import ask_each
from patterns.locating import Located
from patterns.serving import Asked, Serving, serving
from patterns.workflow import missed, truncated

_ONE_BY_ONE = 10


@dataclass
class Upstreams:
    """The services that were seen, by id, and who serves then: None when no route is left.

    `instead_of` are disabled ones whose route would serve the request.
    """

    found: Serving | None
    services: dict[str, Service] = field(default_factory=dict[str, Service])
    instead_of: list[Service] = field(default_factory=list[Service])


def service_id(route: Route) -> str | None:
    """The id of a route's service."""
    return route.service.id if route.service else None


async def upstreams(konnect: Konnect, asked: Asked, located: Located) -> Upstreams:
    """Who serves once the services are known. Raises no `KonnectError`."""
    seen = Upstreams(located.first)
    asked_for: set[str] = set()  # each once, whatever the server answers
    while seen.found:
        serves = seen.found.match
        wanted = [key for key in _winning(seen.found) if key not in asked_for][:1]
        wanted = wanted or list(dict.fromkeys(key for key in _losing(seen.found) if key not in asked_for))
        if not wanted:
            break
        asked_for.update(wanted)
        found = await _services(konnect, located, wanted)
        seen.services |= found
        serving_id = service_id(cast("Route", serves.route))
        seen.instead_of += [each for key, each in found.items() if key == serving_id and not each.enabled]
        if found:
            seen.found = serving(asked, located.routes, list(seen.services.values()))
    return seen


def _winning(found: Serving) -> Iterator[str]:
    """The services of the route that serves, and of the one `strict` would choose."""
    matches = (found.match, found.strict)
    return _ids([cast("Route", match.route) for match in matches if match])


def _losing(found: Serving) -> Iterator[str]:
    return _ids([*(each.strict for each in found.disputes if each.strict), *found.others])


def _ids(routes: Sequence[Route]) -> Iterator[str]:
    return (key for route in routes if (key := service_id(route)))


async def _services(konnect: Konnect, located: Located, wanted: Sequence[str]) -> Mapping[str, Service]:
    """Services by id; what cannot be seen is noted and left out."""
    if len(wanted) <= _ONE_BY_ONE:
        answers = await ask_each(konnect, "services", wanted, lambda key: _service(konnect, located, key))
        pairs = zip(wanted, answers, strict=True)
        return {key: each.model_copy(update={"id": key}) for key, each in pairs if isinstance(each, Service)}
    homes = {home.id: home for key in wanted if (home := located.homes.get(key))}
    holders = list(homes.values())
    answers = await ask_each(konnect, "services", holders, lambda each: konnect.services.list(each.id or ""))
    found: dict[str, Service] = {}
    for holder, listed in zip(holders, answers, strict=True):
        if isinstance(listed, KonnectError):
            missed("services", listed, control_plane=holder)
            continue
        if not listed.complete:
            truncated("services")
        found |= {canonical(each.id): each for each in listed if each.id}
    own = ((key, found.get(canonical(key))) for key in wanted)
    return {key: each.model_copy(update={"id": key}) for key, each in own if each}


async def _service(konnect: Konnect, located: Located, key: str) -> Service | None:
    """A service by id, in whichever member holds it; None, and noted as missing, when none shows it."""
    failure: KonnectError | None = None
    home = located.homes.get(key)
    rest = (holder for holder in located.place.holders if holder is not home)
    holders: list[ControlPlane] = [*([home] if home else []), *rest]
    for holder in holders:
        try:
            service = await konnect.services.get(key, control_plane_id=holder.id or "")
        except KonnectError as error:
            failure = failure or error  # the first holder is the one that has the route
            continue
        if not service.id or not is_id(key) or service.id.lower() == key.lower():
            return service
        said = f"The service {key} was asked for, and {service.label} is another one."
        failure = failure or NoMatch(said)
    missed("the service", failure or NoMatch(f"No service has the id {key}."))
    return None
