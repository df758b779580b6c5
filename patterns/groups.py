"""Control plane groups: who is a member of which, and so whose configuration acts together.

Members of a group are merged into one gateway configuration: routes of all members compete in one router,
and a global plugin of any member acts on the whole group (fact sheet 3.2, documented). A member does not say
that it is one, so the groups among the visible control planes are asked for their members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from konnect_agent import Konnect
from konnect_agent.decoding import undecodable
from konnect_agent.errors import KonnectError
from konnect_agent.models import ControlPlane
from konnect_agent.redaction import scrub
from patterns.coverage import ask_each
from patterns.workflow import missed, truncated


@dataclass(frozen=True)
class Membership:
    """A group and its members, None where they could not be seen; `whole` is False for a cut list."""

    group: ControlPlane
    members: tuple[ControlPlane, ...] | None
    whole: bool = True

    def has(self, control_plane_id: str | None) -> bool:
        """Whether the control plane is known to be a member."""
        return any(member.id == control_plane_id for member in self.members or ())


async def memberships(konnect: Konnect, control_planes: Iterable[ControlPlane]) -> tuple[Membership, ...]:
    """The members of every group among `control_planes`; what cannot be seen is noted in the coverage."""
    groups = [each for each in control_planes if each.is_group]
    ids = [group.id or "" for group in groups]
    answers = await ask_each(konnect, "group members", ids, konnect.control_plane_groups.list)
    found: list[Membership] = []
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, KonnectError):
            missed("members", answer, control_plane=group)
            found.append(Membership(group, None))
        else:
            if not answer.complete:
                truncated(f"members of {scrub(group.label)}")
            found.append(Membership(group, unique(answer), whole=answer.complete))
    return tuple(found)


async def visible_memberships(konnect: Konnect) -> tuple[Membership, ...] | None:
    """The members of every visible group; None, and noted, when the control planes cannot be listed."""
    try:
        visible = await konnect.control_planes.list()
    except KonnectError as error:
        missed("control plane groups", error)
        return None
    if not visible.complete:
        truncated("control planes")
    return await memberships(konnect, unique(visible))


def unique(control_planes: Iterable[ControlPlane]) -> tuple[ControlPlane, ...]:
    """Each control plane once, by name; one without an id cannot be read, which is noted."""
    by_id: dict[str, ControlPlane] = {}
    for each in control_planes:
        if each.id:
            by_id.setdefault(each.id, each)
        else:
            missed("control plane", undecodable("a control plane without an id", each.name))
    return tuple(sorted(by_id.values(), key=lambda each: (each.name, each.id or "")))


def fellows(known: Sequence[Membership], control_plane_id: str) -> tuple[ControlPlane, ...]:
    """Every other member of the groups that the control plane is a member of."""
    together = {
        member.id: member for each in known if each.has(control_plane_id) for member in each.members or ()
    }
    return tuple(member for key, member in together.items() if key != control_plane_id)
