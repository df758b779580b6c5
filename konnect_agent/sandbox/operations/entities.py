"""Control planes, members of a group, and core entities: listing and getting (documented); no writing.

A core entity is got by id or, except for plugins, by name: a consumer's is its username, a vault's its
prefix. Routes and control planes come wrapped, because they are a choice of schemas (control planes:
reported by users).
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.sandbox.konnect import EmbeddedKonnect, Problem, not_found
from konnect_agent.sandbox.operations import paging
from konnect_agent.sandbox.operations.operation import Call, Operation
from konnect_agent.sandbox.organisation import Entity

_TEXT: Entity = {"type": "string"}
_PLANE = "/v2/control-planes/{controlPlaneId}"
_SCOPES = {
    "service": "ServiceId", "route": "RouteId", "consumer": "ConsumerIdForNestedEntities",
    "consumer_group": "ConsumerGroupId",
}  # fmt: skip
_IDS = {**_SCOPES, "consumer": "ConsumerId", "plugin": "PluginId", "vault": "VaultId"}
_NAMES = {
    "service": "name", "route": "name", "consumer": "username", "consumer_group": "name", "vault": "prefix",
}  # fmt: skip


def control_planes() -> Iterator[Operation]:
    """Listing and getting control planes, and the members of a group."""

    def listed(konnect: EmbeddedKonnect, call: Call) -> Entity:
        wanted = call.query.get("filter[name][eq]")
        entities = [plane.entity for plane in konnect.world.control_planes if wanted in (None, plane.name)]
        return paging.by_number(entities, call)

    def got(konnect: EmbeddedKonnect, call: Call) -> Entity:
        return konnect.readable("controlPlaneId", call.path["controlPlaneId"]).entity

    def members(konnect: EmbeddedKonnect, call: Call) -> Entity:
        group = konnect.readable("controlPlaneId", call.path["controlPlaneId"])
        if not group.is_group:
            raise not_found(f"controlPlaneId: {group.name} is not a control plane group")
        planes = [plane.entity for plane in konnect.world.control_planes if plane.id in group.members]
        return paging.by_link(planes, call, _PLANE.format_map(call.path) + "/group-memberships")

    yield Operation(
        id="list-control-planes", summary="Returns an array of control plane objects.", tag="Control Planes",
        path="/v2/control-planes", query={**paging.BY_NUMBER, "filter[name][eq]": _TEXT}, answer=listed,
    )  # fmt: skip
    yield Operation(
        id="get-control-plane", summary="Returns information about an individual control plane.",
        tag="Control Planes", path=_PLANE, answer=got, wrapped=True,
    )  # fmt: skip
    yield Operation(
        id="get-control-planes-id-group-memberships",
        summary="Returns an array of control planes that are a member of this control plane group.",
        tag="Control Plane Groups", path=f"{_PLANE}/group-memberships", query=paging.BY_LINK, answer=members,
    )  # fmt: skip


def core_entities() -> Iterator[Operation]:
    """The operations of every kind, and the lists of what belongs to a service, route or consumer."""
    for word in _IDS:
        yield from _kind(word)
    yield _by_scope("route", "service")
    for scope in _SCOPES:
        yield _by_scope("plugin", scope)


def _kind(word: str) -> Iterator[Operation]:
    kind, path = f"{word}s", f"{_PLANE}/core-entities/{word}s"
    spoken, one = word.replace("_", " ").title(), f"{path}/{{{_IDS[word]}}}"
    tag = f"{spoken}s"
    query = {**paging.BY_TOKEN, "tags": _TEXT, "filter[name][eq]": _TEXT}

    def listed(konnect: EmbeddedKonnect, call: Call) -> Entity:
        plane = konnect.readable("controlPlaneId", call.path["controlPlaneId"])
        chosen = [each for each in plane.listing(kind) if _is_wanted(each, call)]
        return paging.by_token(chosen, call, path.format_map(call.path))

    def got(konnect: EmbeddedKonnect, call: Call) -> Entity:
        plane = konnect.readable("controlPlaneId", call.path["controlPlaneId"])
        wanted = call.path[_IDS[word]]
        for entity in plane.listing(kind):
            if wanted in (entity["id"], entity[_NAMES.get(word, "id")]):
                return {word: entity} if word == "consumer_group" else entity
        raise not_found(f"{plane.name} has no {word} {wanted!r}")

    yield Operation(
        id=f"list-{word}", summary=f"List all {tag} in a control plane.", tag=tag, path=path, answer=listed,
        query=query | ({"custom_id": _TEXT} if word == "consumer" else {}),
    )  # fmt: skip
    yield Operation(
        id=f"get-{word}", summary=f"Get a {spoken} using ID{' or name' if word in _NAMES else ''}.",
        tag=tag, path=one, answer=got, wrapped=word == "route",
    )  # fmt: skip
    for method, does, at in (("POST", "create", path), ("DELETE", "delete", one)):
        yield Operation(
            id=f"{does}-{word}", summary=f"{does.title()} a {spoken}.", tag=tag, path=at, method=method,
            answer=_not_allowed,
        )  # fmt: skip


def _by_scope(word: str, scope: str) -> Operation:
    path = f"{_PLANE}/core-entities/{scope}s/{{{_SCOPES[scope]}}}/{word}s"

    def listed(konnect: EmbeddedKonnect, call: Call) -> Entity:
        plane = konnect.readable("controlPlaneId", call.path["controlPlaneId"])
        own = call.path[_SCOPES[scope]]
        entities = [each for each in plane.listing(f"{word}s") if each[scope] == {"id": own}]
        return paging.by_token(entities, call, path.format_map(call.path))

    return Operation(
        id=f"list-{word}-with-{scope}", summary=f"List all {word}s associated with a {scope}.",
        tag=f"{word.title()}s", path=path, query=paging.BY_TOKEN, answer=listed,
    )  # fmt: skip


def _is_wanted(entity: Entity, call: Call) -> bool:
    """Whether the query asks for an entity: by name, by custom id, and by tags (`,` is and, `/` is or)."""
    name, custom_id = call.query.get("filter[name][eq]"), call.query.get("custom_id")
    tags, own = str(call.query.get("tags", "")), set(entity["tags"] or ())
    wanted = set(filter(None, tags.replace("/", ",").split(",")))
    return (
        name in (None, entity.get("name"), entity.get("username"))
        and custom_id in (None, entity.get("custom_id"))
        and (not wanted or (bool(wanted & own) if "/" in tags else wanted <= own))
    )


def _not_allowed(konnect: EmbeddedKonnect, call: Call) -> Entity:
    raise Problem(403, "Permission denied", "You do not have permission to perform this action")
