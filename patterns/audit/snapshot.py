"""What the rules look at: the lists of one control plane, as far as they were seen, with indexes by id.

A list that was not seen is not empty: reading it raises `Unseen`. A member of a control plane group runs
together with its fellow members: their global plugins act on its routes and their vaults serve its
references (documented), so a snapshot knows its groups, and `exposures` says for every route, in each group,
what stands between a request and the service. All of it follows `konnect_agent.gateway`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, cast, get_args

from konnect_agent.decoding import Listing
from konnect_agent.gateway import PluginIndex, Router, Shadows
from konnect_agent.models import Consumer, ControlPlane, Plugin, Route, Service, Vault
from konnect_agent.models.entity import Entity
from patterns.audit.exposure import Exposure, expose
from patterns.audit.finding import named
from patterns.coverage import Named

ListName = Literal["services", "routes", "plugins", "consumers", "vaults"]
LISTS: tuple[ListName, ...] = get_args(ListName)


class Unseen(LookupError):
    """A list was read that could not be seen."""


class Unread(LookupError):
    """What an entity should say is missing, or means nothing to this version; the text names it. A rule
    raises it when it has gone through everything else."""


@dataclass(frozen=True)
class Group:
    """A control plane group, as its members see it. `whole` is False when the list of members was cut.

    `plugins` are the enabled global plugins and `prefixes` the vault prefixes of each member, by the
    member's id. A member whose list was not seen whole is missing from it.
    """

    name: Named
    members: tuple[Named, ...]
    plugins: Mapping[str, tuple[Plugin, ...]] = field(default_factory=dict[str, tuple[Plugin, ...]])
    prefixes: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    whole: bool = True

    def fellows(self, control_plane_id: str | None) -> list[str]:
        """Ids of the other members."""
        return [member.id for member in self.members if member.id and member.id != control_plane_id]

    def sharing(self, lists: Mapping[str, Mapping[ListName, Listing[Any]]]) -> Group:
        """This group with what its members share, taken from their lists by member id."""
        whole = {
            (member, name): listing
            for member in self.fellows(None)
            for name, listing in lists.get(member, {}).items()
            if listing.complete
        }
        plugins = {member: each for (member, name), each in whole.items() if name == "plugins"}
        vaults = {member: each for (member, name), each in whole.items() if name == "vaults"}
        return replace(
            self,
            plugins={m: tuple(p for p in each if p.is_global and p.enabled) for m, each in plugins.items()},
            prefixes={member: vault_prefixes(each) for member, each in vaults.items()},
        )


@dataclass(frozen=True)
class Snapshot:
    """One control plane. `lists` holds what was seen of it; `groups` those it is a member of.

    `unclear` are groups it may be a member of as well, because not all of their members could be seen.
    """

    control_plane: ControlPlane
    lists: Mapping[ListName, Listing[Any]]
    groups: tuple[Group, ...] = ()
    unclear: tuple[Named, ...] = ()

    @cached_property
    def name(self) -> Named:
        """Its id and name, as a report writes them."""
        return named(self.control_plane)

    @property
    def services(self) -> tuple[Service, ...]:
        """Raises `Unseen`, like the other lists."""
        return self._list("services")

    @property
    def routes(self) -> tuple[Route, ...]:
        return self._list("routes")

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return self._list("plugins")

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        return self._list("consumers")

    @property
    def vaults(self) -> tuple[Vault, ...]:
        return self._list("vaults")

    def saw(self, name: ListName) -> bool:
        """Whether the list was seen, perhaps only in part."""
        return name in self.lists

    def saw_whole(self, name: ListName) -> bool:
        """Whether nothing of the list is missing."""
        return name in self.lists and self.lists[name].complete

    def saw_fellows(self, name: ListName) -> bool:
        """Whether the list (plugins or vaults) of every fellow group member was seen whole."""
        return all(
            group.whole and fellow in (group.plugins if name == "plugins" else group.prefixes)
            for group in self.groups
            for fellow in group.fellows(self.control_plane.id)
        )

    @property
    def prefixes(self) -> frozenset[str]:
        """By what references may name a vault here: its own vaults and those of fellow group members."""
        fellows = [group.prefixes.values() for group in self.groups]
        return vault_prefixes(self.vaults).union(*(found for each in fellows for found in each))

    def find(self, name: ListName, id: str | None) -> Any:  # noqa: A002  # Kong's word
        """The entity with that id, or None."""
        return self._by_id(name).get((id or "").lower())

    def service_of(self, route: Route) -> Service | None:
        """The service a route sends to, if it has one and it exists."""
        return self.find("services", route.service.id) if route.service else None

    def scope_of(self, plugin: Plugin) -> str:
        """Where a plugin acts, for a sentence: `on route users`, `for consumer web-shop`, `on all routes`."""
        lists: tuple[tuple[str, ListName, Any], ...] = (
            ("on route", "routes", plugin.route),
            ("on service", "services", plugin.service),
            ("for consumer", "consumers", plugin.consumer),
        )
        parts: list[str] = []
        for words, name, reference in lists:
            if reference is not None:
                target = self.find(name, reference.id) if self.saw(name) else None
                parts.append(f"{words} {target.label if target else reference.id}")
        if plugin.consumer_group is not None:
            parts.append(f"for consumer group {plugin.consumer_group.id}")
        return " and ".join(parts) or "on all routes"

    @cached_property
    def deployments(self) -> tuple[tuple[Named | None, PluginIndex], ...]:
        """Where its routes run, with the plugins there: in each of its groups, or by itself."""
        if not self.groups:
            return ((None, PluginIndex(self.plugins)),)
        return tuple(
            (group.name, PluginIndex([*self.plugins, *self._inherited(group)])) for group in self.groups
        )

    @cached_property
    def exposures(self) -> tuple[Exposure, ...]:
        """Every HTTP route that is served, once per deployment; routes of disabled services are not."""
        served = [(route, self.service_of(route)) for route in self.routes]
        consumers = self.lists.get("consumers", ())
        return tuple(
            exposure
            for group, index in self.deployments
            for exposure in expose(served, plugins=index, consumers=consumers, group=group)
        )

    @cached_property
    def router(self) -> Router:
        """Its routes in Kong's default router flavor, or in the expressions flavor if one needs it.

        The flavor is a data plane setting that Konnect does not show (fact sheet 7.1).
        """
        expressions = any(route.expression for route in self.routes)
        flavor = "expressions" if expressions else "traditional_compatible"
        return Router(self.routes, self.services, flavor)

    @cached_property
    def shadows(self) -> Shadows:
        """Routes that never win, and pairs whose order nobody should rely on."""
        return self.router.shadowed()

    def _inherited(self, group: Group) -> list[Plugin]:
        fellows = group.fellows(self.control_plane.id)
        return [plugin for fellow in fellows for plugin in group.plugins.get(fellow, ())]

    def _list(self, name: ListName) -> tuple[Any, ...]:
        if name not in self.lists:
            raise Unseen(name)
        return self.lists[name]

    @cached_property
    def _indexes(self) -> dict[ListName, dict[str, Entity]]:
        return {}

    def _by_id(self, name: ListName) -> Mapping[str, Entity]:
        index = self._indexes.get(name)
        if index is None:
            entities = cast("tuple[Entity, ...]", self._list(name))
            index = self._indexes[name] = {entity.id.lower(): entity for entity in entities if entity.id}
        return index


def vault_prefixes(vaults: Iterable[Vault]) -> frozenset[str]:
    """By what references name these vaults: the prefix, or (inferred) the name where there is none."""
    return frozenset(vault.prefix or vault.name for vault in vaults)
