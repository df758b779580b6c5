"""The core entities of a control plane (tools GetService, GetRoute, GetPlugin, GetConsumer,
GetConsumerGroup, GetVault).

All of them need the id of their control plane. Which operations exist differs: plugins have no lookup by
name, consumer groups can only be listed (documented); `find` exists for all of them. Where an id is asked
for, the composite id of an analytics row will do.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar, Generic, TypeVar

from konnect_agent.decoding import Listing
from konnect_agent.dialects import Form, Intent
from konnect_agent.ids import split_composite
from konnect_agent.models import Consumer, ConsumerGroup, Plugin, Route, Service, Vault
from konnect_agent.models.entity import Entity
from konnect_agent.resources.finding import Found, Lookups, resolve
from konnect_agent.resources.resource import Resource, required

E = TypeVar("E", bound=Entity)


class Listed(Resource, Generic[E]):
    """A family whose tool lists. `word` is Kong's name for one of them, as in `<word>_id`."""

    model: type[E]
    word: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ("name",)

    async def list(self, control_plane_id: str) -> Listing[E]:
        """Every one of them in a control plane."""
        return await self._many(self._intent("list", "many"), self.model, control_plane_id=control_plane_id)

    async def find(self, name_or_id: str, *, control_plane_id: str) -> Found[E]:
        """One of them by id, name or something like its name. Raises `NoMatch` or `Ambiguous`."""
        what, lookups = self.word.replace("_", " "), self._lookups(control_plane_id)
        return await resolve(what, name_or_id, lookups, names=self.names, control_plane_id=control_plane_id)

    def _lookups(self, control_plane_id: str) -> Lookups[E]:
        return Lookups(partial(self.list, control_plane_id))

    def _intent(self, operation: str, form: Form) -> Intent:
        head, *tail = self.word.split("_")
        camel = head + "".join(map(str.capitalize, tail))
        return Intent(f"{self.word}s.{operation}", form, (f"{self.word}s", f"{camel}s", self.word, camel))


class Fetched(Listed[E]):
    """A family whose tool also looks up by id."""

    async def get(self, entity_id: str, *, control_plane_id: str) -> E:
        """The one with that id. Raises `NotFound`."""
        plain_id = split_composite(required(entity_id, f"{self.word} id"), (control_plane_id,)).id
        arguments = {"control_plane_id": control_plane_id, f"{self.word}_id": plain_id}
        return await self._one(self._intent("get", "one"), self.model, **arguments)

    def _lookups(self, control_plane_id: str) -> Lookups[E]:
        by_id = partial(self.get, control_plane_id=control_plane_id)
        return replace(super()._lookups(control_plane_id), get=by_id)


class Named(Fetched[E]):
    """A family whose tool also looks up by name."""

    async def get_by_name(self, name: str, *, control_plane_id: str) -> E:
        """The tool's own lookup by name. Raises `NotFound`; see `find` for the tolerant way."""
        arguments = {"control_plane_id": control_plane_id, f"{self.word}_name": name}
        return await self._one(self._intent("get_by_name", "one"), self.model, **arguments)

    def _lookups(self, control_plane_id: str) -> Lookups[E]:
        by_name = partial(self.get_by_name, control_plane_id=control_plane_id)
        return replace(super()._lookups(control_plane_id), get_by_name=by_name)


class Services(Named[Service]):
    """`konnect.services`: upstreams."""

    model, word = Service, "service"


class Routes(Named[Route]):
    """`konnect.routes`: rules that send requests to services."""

    model, word = Route, "route"


class Plugins(Fetched[Plugin]):
    """`konnect.plugins`: configurations at every scope. `find` also knows them by instance name."""

    model, word, names = Plugin, "plugin", ("instance_name", "name")


class Consumers(Named[Consumer]):
    """`konnect.consumers`: who calls. A name is the username; `find` also knows the custom id."""

    model, word, names = Consumer, "consumer", ("username", "custom_id")


class ConsumerGroups(Listed[ConsumerGroup]):
    """`konnect.consumer_groups`."""

    model, word = ConsumerGroup, "consumer_group"


class Vaults(Named[Vault]):
    """`konnect.vaults`: where secrets are referenced from. `find` also knows them by prefix."""

    model, word, names = Vault, "vault", ("name", "prefix")
