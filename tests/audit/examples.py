"""Control planes made from the examples that stand beside the rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from konnect_agent.decoding import Listing
from konnect_agent.models import Consumer, ControlPlane, Plugin, Route, Service, Vault
from konnect_agent.models.entity import Entity
from patterns.audit.facts import Facts, Organisation
from patterns.audit.finding import named
from patterns.audit.rule import Example
from patterns.audit.snapshot import LISTS, Group, ListName, Snapshot

MODELS: Mapping[ListName, type[Entity]] = {
    "services": Service, "routes": Route, "plugins": Plugin, "consumers": Consumer, "vaults": Vault,
}  # fmt: skip


def snapshot(
    example: Example, *, seen: Collection[ListName] = LISTS, cut: Collection[ListName] = (), name: str = "one"
) -> Snapshot:
    """A control plane with the lists of an example; a fellow member of its group, if the example has one."""
    control_plane = ControlPlane.parse({"id": f"id-{name}", "name": name})
    lists: dict[ListName, Listing[Any]] = {
        each: Listing(map(MODELS[each].parse, example.get(each, ())), complete=each not in cut)
        for each in LISTS
        if each in seen
    }
    groups: tuple[Group, ...] = ()
    if "fellow_plugins" in example or "fellow_vaults" in example:
        fellow = ControlPlane.parse({"id": f"id-{name}-fellow", "name": f"{name}-fellow"})
        group = ControlPlane.parse({"id": f"id-{name}-group", "name": f"{name}-group"})
        theirs: dict[ListName, Listing[Any]] = {
            "plugins": Listing(map(Plugin.parse, example.get("fellow_plugins", ()))),
            "vaults": Listing(map(Vault.parse, example.get("fellow_vaults", ()))),
        }
        members = (named(control_plane), named(fellow))
        unread = Group(named(group), members)
        groups = (unread.sharing({f"id-{name}": lists, f"id-{name}-fellow": theirs}),)
    return Snapshot(control_plane, lists, groups)


def organisation(examples: Sequence[Example]) -> Organisation:
    """Several control planes together, called cp-0, cp-1 and so on."""
    snapshots = [snapshot(example, name=f"cp-{number}") for number, example in enumerate(examples)]
    groups = tuple(group for each in snapshots for group in each.groups)
    return Organisation(tuple(map(Facts.of, snapshots)), groups)
