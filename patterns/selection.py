"""Step one of every pattern: which control plane is meant.

Kong's rule: start with GetControlPlane. A name or id goes the documented way (`find`); without one, the
path does (`get_by_route`, then a look through every control plane); with neither, the only one there is.
"""

from __future__ import annotations

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import Ambiguous, Candidate, NoMatch
from konnect_agent.models import ControlPlane
from konnect_agent.redaction import scrub
from patterns.coverage import Named
from patterns.groups import unique
from patterns.workflow import OpenStep, truncated


class Selected(Named):
    """The control plane a report is about. `found_by` says how its name led there (see `find`)."""

    found_by: str | None = None


async def select_control_plane(
    konnect: Konnect, name_or_id: str | None, this: OpenStep
) -> tuple[ControlPlane, Selected]:
    """The control plane called `name_or_id`, or the only visible one when no name is given.

    Raises `NoMatch` or `Ambiguous` with candidates; the id is extracted into `this`.
    """
    if name_or_id is not None:
        found = await konnect.control_planes.find(name_or_id)
        return _selected(found.entity, found.how, this)
    visible = await konnect.control_planes.list()
    if len(visible) == 1 and visible.complete:
        return _selected(visible[0], "the only one", this)
    if not visible:
        raise NoMatch("No control plane is visible.")
    candidates = tuple(Candidate(entity.id, entity.label, 0.0, "listed") for entity in visible)
    seen = f"{len(visible)} control planes are visible" + ("" if visible.complete else ", and there are more")
    raise Ambiguous(f"{seen}; say which one is meant.", candidates=candidates)


def _selected(entity: ControlPlane, how: str, this: OpenStep) -> tuple[ControlPlane, Selected]:
    this.extract(control_plane_id=entity.id)
    return entity, Selected(id=entity.id, name=scrub(entity.label), found_by=how)


async def group_members(konnect: Konnect, plane: ControlPlane) -> Listing[ControlPlane]:
    """The control planes that hold the entities: a group's members, or the control plane itself."""
    if not plane.is_group:
        return Listing([plane])
    members = await konnect.control_plane_groups.list(plane.id or "")
    if not members.complete:
        truncated(f"members of {scrub(plane.label)}")
    return Listing(unique(members), complete=members.complete)
