"""Which control planes an audit is about, and which control plane groups they run in.

1. Named ones are found by `konnect.control_planes.find`; no names means every control plane there is.
2. The members of every visible group are read: a member runs with its fellows, so it cannot be judged
   without knowing them. A group that is named brings its members along; it holds no entities itself.
What cannot be seen is noted in the coverage; a name that leads nowhere is the caller's to correct and raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from konnect_agent import Konnect
from konnect_agent.decoding import Listing, undecodable
from konnect_agent.errors import Ambiguous, KonnectError, NoMatch
from konnect_agent.models import ControlPlane
from patterns.audit.finding import named
from patterns.audit.snapshot import Group
from patterns.coverage import Named, fan_out
from patterns.workflow import missed, truncated


@dataclass(frozen=True)
class Membership:
    """A group and its members, None where they could not be seen; `whole` is False for a cut list."""

    group: ControlPlane
    members: tuple[ControlPlane, ...] | None
    whole: bool = True


@dataclass(frozen=True)
class Selection:
    """Control planes to audit, by name, and the `groups` that were asked for.

    `memberships` are those of all visible groups. `everything` says that the audit is about all control
    planes of the region, and that the list of them was complete.
    """

    control_planes: tuple[ControlPlane, ...]
    groups: tuple[ControlPlane, ...]
    memberships: tuple[Membership, ...]
    everything: bool

    @property
    def shared(self) -> tuple[Group, ...]:
        """The groups that any of the control planes is a member of."""
        audited = {each.id for each in self.control_planes}
        return tuple(
            Group(named(known.group), tuple(map(named, known.members)), whole=known.whole)
            for known in self.memberships
            if known.members is not None and any(member.id in audited for member in known.members)
        )

    @property
    def unclear(self) -> tuple[Named, ...]:
        """Groups of which any control plane may be a member, because not all of theirs could be seen."""
        return tuple(
            named(known.group) for known in self.memberships if known.members is None or not known.whole
        )


async def select(konnect: Konnect, names: Sequence[str] | None) -> Selection:
    """The control planes and groups of an audit. Raises `NoMatch`, `Ambiguous`, or why nothing is there."""
    visible = await _visible(konnect, names)
    wanted = visible if names is None else await _found(konnect, names)
    groups = _unique(each for each in (*wanted, *visible) if each.is_group)
    memberships = await _memberships(konnect, groups)
    asked = {each.id for each in wanted if each.is_group}
    brought = [m for known in memberships if known.group.id in asked for m in known.members or ()]
    return Selection(
        control_planes=_unique(each for each in (*wanted, *brought) if not each.is_group),
        groups=tuple(group for group in groups if group.id in asked),
        memberships=memberships,
        everything=names is None and visible.complete,
    )


async def _visible(konnect: Konnect, names: Sequence[str] | None) -> Listing[ControlPlane]:
    try:
        visible = await konnect.control_planes.list()
    except KonnectError as error:
        if names is None:
            raise
        missed("control planes", error)
        return Listing(complete=False)
    if not visible.complete:
        truncated("control planes")
    return visible


async def _found(konnect: Konnect, names: Sequence[str]) -> tuple[ControlPlane, ...]:
    wanted = tuple(dict.fromkeys(names))
    answers = await fan_out(
        "control planes", wanted, konnect.control_planes.find, width=konnect.config.max_in_flight
    )
    failures = [answer for answer in answers if isinstance(answer, KonnectError)]
    for failure in failures:
        if isinstance(failure, NoMatch | Ambiguous) or len(failures) == len(wanted):
            raise failure
    for name, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, KonnectError):
            missed(f"control plane {name}", answer)
    return tuple(answer.entity for answer in answers if not isinstance(answer, KonnectError))


async def _memberships(konnect: Konnect, groups: Sequence[ControlPlane]) -> tuple[Membership, ...]:
    ids = [group.id or "" for group in groups]
    answers = await fan_out(
        "group members", ids, konnect.control_plane_groups.list, width=konnect.config.max_in_flight
    )
    memberships: list[Membership] = []
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, KonnectError):
            missed("members", answer, control_plane=named(group))
            memberships.append(Membership(group, None))
        else:
            if not answer.complete:
                truncated(f"members of {named(group).name or group.id}")
            memberships.append(Membership(group, _unique(answer), whole=answer.complete))
    return tuple(memberships)


def _unique(control_planes: Iterable[ControlPlane]) -> tuple[ControlPlane, ...]:
    """Each control plane once, by name; one without an id cannot be read, which is noted."""
    by_id: dict[str, ControlPlane] = {}
    for each in control_planes:
        if each.id:
            by_id.setdefault(each.id, each)
        else:
            missed("control plane", undecodable("a control plane without an id", each.name))
    return tuple(sorted(by_id.values(), key=lambda each: (each.name, each.id or "")))
