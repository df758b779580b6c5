"""Control planes and groups (tools GetControlPlane and GetControlPlaneGroup)."""

from __future__ import annotations

from konnect_agent.decoding import Listing, Object, as_object, undecodable
from konnect_agent.dialects import Intent
from konnect_agent.errors import InvalidArguments, KonnectError
from konnect_agent.ids import canonical, extract_id, is_id, local_id, own_id
from konnect_agent.models import ControlPlane
from konnect_agent.resources.finding import Found, Lookups, resolve
from konnect_agent.resources.resource import Resource, answering, readable, required

_KEYS = ("control_planes", "controlPlanes", "control_plane", "controlPlane")
_ID_KEYS = ("control_plane_ids", "controlPlaneIds", "control_plane_id", "controlPlaneId")
_MEMBER_KEYS = ("members", "memberships", "group_memberships", "groupMemberships", *_KEYS)
_LIST = Intent("control_planes.list", "many", _KEYS)
_GET = Intent("control_planes.get", "one", _KEYS)
_GET_BY_NAME = Intent("control_planes.get_by_name", "one", _KEYS)
_GET_BY_ROUTE = Intent("control_planes.get_by_route", "many", (*_KEYS, *_ID_KEYS), bare_ids=True)
_MEMBERS = Intent("control_plane_groups.list", "many", _MEMBER_KEYS)


class ControlPlanes(Resource):
    """`konnect.control_planes`: where everything starts."""

    async def list(self) -> Listing[ControlPlane]:
        """Every control plane the token's owner may see in this region, groups included."""
        return await self._many(_LIST, ControlPlane)

    async def get(self, control_plane_id: str) -> ControlPlane:
        """The control plane with that id. Raises `NotFound`."""
        return await self._one(_GET, ControlPlane, id=control_plane_id)

    async def get_by_name(self, name: str) -> ControlPlane:
        """The tool's own lookup by display name. Raises `NotFound`; see `find` for the tolerant way."""
        return await self._one(_GET_BY_NAME, ControlPlane, name=name)

    async def get_by_route(self, path: str) -> Listing[ControlPlane]:
        """The control planes that serve an API path such as `/api/users`; how many is not documented.

        Those of which no more than an id or a name came are looked up in the list of all; of a route that
        came instead, the control plane it is of. Raises `InvalidArguments` before anything is sent for what
        is no path, `Undecodable` for routes that do not say whose they are.
        """
        if not str(path).strip().startswith("/"):
            raise InvalidArguments(f"{path!r} is no API path.", hint="A path starts with /.")
        found = await self._serving(required(path, "path"))
        if all(plane.name for plane in found):
            return found
        try:
            visible = await self.list()
        except KonnectError:
            if all(is_id(plane.id or "") for plane in found):
                return found
            raise
        known = {plane.name: plane for plane in visible if plane.name}
        known |= {canonical(plane.id): plane for plane in visible if plane.id}
        whole = [plane if plane.name else known.get(canonical(plane.id or ""), plane) for plane in found]
        return Listing(whole, complete=found.complete)

    async def _serving(self, path: str) -> Listing[ControlPlane]:
        with answering(_GET_BY_ROUTE):
            data: Listing[Object] = await self._ask(_GET_BY_ROUTE, {"path": path})
            pointed = [_pointed_at(row) for row in data]
            planes, whole = readable(ControlPlane, [row for row in pointed if row is not None])
            if data and not planes:
                raise undecodable("expected control planes, got routes", data[0], "$[0]")
        once = {plane.id or plane.name or place: plane for place, plane in enumerate(planes)}
        return Listing(once.values(), complete=data.complete and whole and None not in pointed)

    async def find(self, name_or_id: str) -> Found[ControlPlane]:
        """One control plane by id, name or something like its name. Raises `NoMatch` or `Ambiguous`."""
        return await resolve("control plane", name_or_id, Lookups(self.list, self.get, self.get_by_name))


def _pointed_at(row: Object) -> Object | None:
    """The control plane in `row`: itself, or the one it is of; None for a route that does not say."""
    around, own = extract_id(row, "control_plane"), own_id(row)
    if around and own and canonical(local_id(own)) != canonical(local_id(around)):
        return as_object(row.get("control_plane")) or {"id": around}
    return None if "paths" in row and not around else row


class ControlPlaneGroups(Resource):
    """`konnect.control_plane_groups`."""

    async def list(self, control_plane_group_id: str) -> Listing[ControlPlane]:
        """The member control planes of a group; the members hold the entities, the group is read-only."""
        return await self._many(_MEMBERS, ControlPlane, control_plane_group_id=control_plane_group_id)
