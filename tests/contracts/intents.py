"""Every intent, as a call of the public API and what has to come of it, whichever generation answers.

The expected entities come from the sandbox's world, not from another answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from konnect_agent import Konnect
from konnect_agent.envelopes import rows
from konnect_agent.models import DebugStatus
from konnect_agent.models.entity import Entity
from konnect_agent.sandbox.organisation import ControlPlane
from konnect_agent.sandbox.world import SLOW_PATH, World

Raw = Mapping[str, Any]
PLUGIN_ID = "proxy.kong.plugin.id"


@dataclass(frozen=True)
class Asked:
    """A connected client, and the control plane of the world the questions are about."""

    konnect: Konnect
    world: World

    @property
    def plane(self) -> ControlPlane:
        return self.world.control_plane("storefront-production")

    def first(self, kind: str) -> Raw:
        return self.plane.listing(kind)[0]

    async def traced(self) -> str:
        """The id of a completed debug session."""
        sessions = self.konnect.debug_sessions
        session = await sessions.create(
            self.plane.id, http_path=SLOW_PATH, session_duration=10, max_samples=5
        )
        await sessions.wait(session.id or "", control_plane_id=self.plane.id, duration=10)
        return session.id or ""


Call = Callable[[Asked], Awaitable[None]]
CALLS: dict[str, Call] = {}


def asks(intent: str) -> Callable[[Call], Call]:
    def decorate(call: Call) -> Call:
        CALLS[intent] = call
        return call

    return decorate


def same(found: Sequence[Entity] | Entity, raw: Sequence[Raw] | Raw) -> None:
    """Every field of every raw entity came through, in order, none lost and none invented."""
    listed = [found] if isinstance(found, Entity) else list(found)
    wanted = [raw] if isinstance(raw, Mapping) else list(raw)
    assert [entity.id for entity in listed] == [entry["id"] for entry in wanted]
    for entity, entry in zip(listed, wanted, strict=True):
        dumped = entity.model_dump(mode="json")
        for key, value in entry.items():
            if value is not None and key not in ("created_at", "updated_at"):
                assert dumped[key] == value, key
        assert entity.created_at is not None


for kind, operations in {
    "services": ("list", "get", "get_by_name"),
    "routes": ("list", "get", "get_by_name"),
    "plugins": ("list", "get"),
    "consumers": ("list", "get", "get_by_name"),
    "consumer_groups": ("list",),
    "vaults": ("list", "get", "get_by_name"),
}.items():
    for operation in operations:

        @asks(f"{kind}.{operation}")
        async def _(asked: Asked, kind: str = kind, operation: str = operation) -> None:
            family: Any = getattr(asked.konnect, kind)
            if operation == "list":
                for plane in asked.world.control_planes:
                    listed = await family.list(plane.id)
                    same(listed, plane.listing(kind))
                    assert listed.complete
                return
            entity = asked.first(kind)
            wanted = entity["id"] if operation == "get" else entity.get("username") or entity["name"]
            same(await getattr(family, operation)(wanted, control_plane_id=asked.plane.id), entity)


@asks("control_planes.list")
async def _(asked: Asked) -> None:
    same(await asked.konnect.control_planes.list(), [plane.entity for plane in asked.world.control_planes])


@asks("control_planes.get")
async def _(asked: Asked) -> None:
    same(await asked.konnect.control_planes.get(asked.plane.id), asked.plane.entity)


@asks("control_planes.get_by_name")
async def _(asked: Asked) -> None:
    same(await asked.konnect.control_planes.get_by_name(asked.plane.name), asked.plane.entity)


@asks("control_planes.get_by_route")
async def _(asked: Asked) -> None:
    for path, names in {
        "/payments": ["payments-production", "payments-staging"],
        "/api/users": ["storefront-production"],
        "/nobody/serves/this": [],
    }.items():
        found = await asked.konnect.control_planes.get_by_route(path)
        same(found, [asked.world.control_plane(name).entity for name in names])


@asks("control_plane_groups.list")
async def _(asked: Asked) -> None:
    group = asked.world.control_plane("fulfilment")
    members = await asked.konnect.control_plane_groups.list(group.id)
    assert {member.id for member in members} == set(group.members)


@asks("analytics.query_api_requests")
async def _(asked: Asked) -> None:
    found = await asked.konnect.analytics.query_api_requests("24H", status_codes=[401, 503], max_results=40)
    raw = [row for row in asked.world.requests if row["response_http_status"] in ("401", "503")]
    assert [row.request_id for row in found.rows] == [row["request_id"] for row in raw[:40]]
    assert [row.status for row in found.rows] == [int(row["response_http_status"]) for row in raw[:40]]
    assert [row.control_plane_id for row in found.rows] == [row["control_plane"] for row in raw[:40]]
    assert found.truncated
    assert found.limit == 40


@asks("analytics.get_consumer_requests")
async def _(asked: Asked) -> None:
    kiosk = asked.plane.find("consumers", "harbour-kiosk")["id"]
    found = await asked.konnect.analytics.get_consumer_requests(
        kiosk, time_range="24H", control_plane_id=asked.plane.id, failure_only=True, max_results=1000
    )
    raw = [row for row in asked.world.requests if row["consumer"] == f"{asked.plane.id}:{kiosk}"]
    failed = [row["request_id"] for row in raw if int(row["response_http_status"]) >= 400]
    assert [row.request_id for row in found.rows] == failed
    assert failed
    assert not found.truncated
    assert all(row.failed and str(row.consumer_id) == f"{asked.plane.id}:{kiosk}" for row in found.rows)


@asks("debug_sessions.create")
async def _(asked: Asked) -> None:
    session = await asked.konnect.debug_sessions.create(
        asked.plane.id, http_path=SLOW_PATH, session_duration=1800
    )
    assert session.status is DebugStatus.PENDING
    assert session.control_plane is not None
    assert session.control_plane.id == asked.plane.id
    await asked.konnect.debug_sessions.stop(session.id or "", control_plane_id=asked.plane.id)


@asks("debug_sessions.fetch_status")
async def _(asked: Asked) -> None:
    done = await asked.konnect.debug_sessions.fetch_status(
        await asked.traced(), control_plane_id=asked.plane.id
    )
    assert done.status is DebugStatus.COMPLETED


@asks("debug_sessions.stop")
async def _(asked: Asked) -> None:
    sessions, plane = asked.konnect.debug_sessions, asked.plane
    session = await sessions.create(plane.id, session_duration=1800)
    await sessions.stop(session.id or "", control_plane_id=plane.id)
    stopped = await sessions.fetch_status(session.id or "", control_plane_id=plane.id)
    assert stopped.status is DebugStatus.CANCELLED


@asks("debug_sessions.summarize")
async def _(asked: Asked) -> None:
    session_id = await asked.traced()
    summary = await asked.konnect.debug_sessions.summarize(session_id, control_plane_id=asked.plane.id)
    assert summary.data["debug_session_id"] == session_id
    assert summary.data["samples"] > 0
    assert summary.data["bottlenecks"]


@asks("debug_sessions.compact_traces")
async def _(asked: Asked) -> None:
    sessions, session_id = asked.konnect.debug_sessions, await asked.traced()
    ids = {"control_plane_id": asked.plane.id}
    everything = rows(
        (await sessions.compact_traces(session_id, **ids)).data, ("traces",), like=("trace_id",)
    ).items
    assert len({trace["trace_id"] for trace in everything}) == len(everything) > 1
    spans = [span for trace in everything for span in trace["spans"]]
    plugin = next(span["attributes"][PLUGIN_ID] for span in spans if PLUGIN_ID in span["attributes"])
    filtered = await sessions.compact_traces(session_id, **ids, phase="ingress", plugin_id=plugin)
    some = [
        span
        for trace in rows(filtered.data, ("traces",), like=("trace_id",)).items
        for span in trace["spans"]
    ]
    assert {span["attributes"].get(PLUGIN_ID) for span in some} == {plugin}
    assert 0 < len(some) < len(spans)


@asks("debug_sessions.compressed_traces")
async def _(asked: Asked) -> None:
    answer = await asked.konnect.debug_sessions.compressed_traces(
        await asked.traced(), control_plane_id=asked.plane.id
    )
    traces = rows(answer.data, ("traces",), like=("trace_id",)).items
    assert traces
    assert all(trace["count"] >= 1 for trace in traces)


@asks("alerts.get")
async def _(asked: Asked) -> None:
    for raw in asked.world.alerts.values():
        alert = await asked.konnect.alerts.get(raw["id"])
        assert alert.control_plane is not None
        assert alert.control_plane.id == raw["control_plane_id"]
        assert (alert.entity_id, alert.entity_type) == (raw["entity_id"], raw["entity_type"])
        assert alert.debug_session_inputs == raw.get("debug_session_inputs")


@asks("knowledge_base.search")
async def _(asked: Asked) -> None:
    text = await asked.konnect.knowledge_base.search("why is rate limiting with redis slow?")
    assert text.startswith("Rate limiting\n")
