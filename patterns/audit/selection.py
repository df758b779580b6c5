"""Which control planes an audit is about, and which control plane groups they run in.

1. Named ones are found by `konnect.control_planes.find`; no names means every control plane there is.
2. The members of every visible group are read: a member runs with its fellows, so it cannot be judged
   without knowing them. A group that is named brings its members along; it holds no entities itself.
What cannot be seen is noted in the coverage; a name that leads nowhere is the caller's to correct and raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import Ambiguous, InvalidArguments, KonnectError, NoMatch
from konnect_agent.models import ControlPlane
from konnect_agent.resources.resource import required
from patterns.audit.finding import named
from patterns.audit.snapshot import Group
from patterns.coverage import Named, ask_each
from patterns.groups import Membership, memberships, unique
from patterns.workflow import missed, truncated


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
    """The control planes and groups of an audit. Raises `NoMatch`, `Ambiguous`, `InvalidArguments`."""
    asked_for = None if names is None else _checked(names)
    visible = await _visible(konnect, asked_for)
    wanted = visible if asked_for is None else await _found(konnect, asked_for)
    known = visible if asked_for is None else (*wanted, *visible)
    groups = unique(each for each in known if each.is_group)
    known_groups = await memberships(konnect, groups)
    asked = {each.id for each in wanted if each.is_group}
    brought = [m for each in known_groups if each.group.id in asked for m in each.members or ()]
    return Selection(
        control_planes=unique(each for each in (*wanted, *brought) if not each.is_group),
        groups=tuple(group for group in groups if group.id in asked),
        memberships=known_groups,
        everything=asked_for is None and visible.complete,
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


def _checked(names: object) -> tuple[str, ...]:
    """The names, each once; a plain string is one name. Raises `InvalidArguments` for what is no name."""
    several = isinstance(names, Iterable) and not isinstance(names, (str, bytes))
    wanted: list[object] = list(cast("Iterable[object]", names)) if several else [cast("object", names)]
    if not wanted:
        raise InvalidArguments("No control plane was named.", hint="Leave the names out to audit every one.")
    return tuple(dict.fromkeys(required(name, "control plane") for name in wanted))


async def _found(konnect: Konnect, wanted: Sequence[str]) -> tuple[ControlPlane, ...]:
    answers = await ask_each(konnect, "control planes", wanted, konnect.control_planes.find)
    failures = [answer for answer in answers if isinstance(answer, KonnectError)]
    for failure in failures:
        if isinstance(failure, NoMatch | Ambiguous) or len(failures) == len(wanted):
            raise failure
    for name, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, KonnectError):
            missed(f"control plane {name}", answer)
    return tuple(answer.entity for answer in answers if not isinstance(answer, KonnectError))
