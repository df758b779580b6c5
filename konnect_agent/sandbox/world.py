"""`World`: the invented organisation a sandbox serves.

`World.story(seed)` is Saltmarsh Goods: eight control planes, a day of traffic, three alerts. Any other
world can be served by constructing one. A world never changes; what changes while it is served (debug
sessions) lives in `debugging.py`. Same seed and same `now`: the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from konnect_agent.gateway import Request, Router
from konnect_agent.sandbox import fulfilment, payments, storefront, traffic
from konnect_agent.sandbox.organisation import ControlPlane, Entity, derive_id

SLOW_PATH = "/slow"
CHECKOUT_PATH = "/api/checkout"
FAILING_PATH = "/api/recommendations"


@dataclass(frozen=True)
class World:
    """Control planes, request records (newest first) and alert events by id."""

    seed: int
    now: datetime
    control_planes: tuple[ControlPlane, ...]
    requests: tuple[Entity, ...] = ()
    alerts: Mapping[str, Entity] = field(default_factory=dict[str, Entity])

    @classmethod
    def story(cls, seed: int = 7, *, now: datetime | None = None) -> World:
        """Saltmarsh Goods as of `now` (timezone aware; default: this second)."""
        moment = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        group, warehouse, returns = fulfilment.fulfilment_group(seed)
        control_planes = (
            payments.payments_production(seed),
            payments.payments_staging(seed),
            storefront.storefront(seed),
            group,
            warehouse,
            returns,
            fulfilment.partners_ingress(seed),
            fulfilment.innovation_lab(seed),
        )
        shop = control_planes[2]
        return cls(
            seed=seed,
            now=moment,
            control_planes=control_planes,
            requests=traffic.generate(control_planes, seed=seed, now=moment),
            alerts={str(alert["id"]): alert for alert in _alerts(seed, moment, shop, group)},
        )

    @cached_property
    def _by_id(self) -> Mapping[str, ControlPlane]:
        return {control_plane.id: control_plane for control_plane in self.control_planes}

    def get(self, control_plane_id: str) -> ControlPlane | None:
        """The control plane with that id, if there is one."""
        return self._by_id.get(control_plane_id)

    def control_plane(self, name: str) -> ControlPlane:
        """The control plane with exactly that name; KeyError if there is none."""
        for control_plane in self.control_planes:
            if control_plane.name == name:
                return control_plane
        raise KeyError(name)

    @cached_property
    def _routers(self) -> Mapping[str, Router]:
        """A router for each control plane that looks at the path only: `get_by_route` is told no more."""
        open_to_all = dict.fromkeys(("methods", "hosts", "headers", "snis"))
        return {
            plane.id: Router([route | open_to_all for route in plane.routes], plane.services)
            for plane in self.control_planes
        }

    def serving(self, path: str) -> list[ControlPlane]:
        """The control planes with a route that some request for `path` would reach."""
        request = Request(path=path)
        return [plane for plane in self.control_planes if self._routers[plane.id].match(request) is not None]


def _alerts(seed: int, now: datetime, shop: ControlPlane, group: ControlPlane) -> list[Entity]:
    """Latency of the checkout, errors of the recommendations, and one that concerns no path at all."""

    def alert(name: str, title: str, severity: str, minutes: int, **fields: object) -> Entity:
        triggered = (now - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        identity = derive_id(seed, "alert", name)
        return {"id": identity, "name": title, "severity": severity, "triggered_at": triggered} | fields

    inputs: Entity = {
        "control_plane_id": shop.id,
        "http_path": CHECKOUT_PATH,
        "http_method": "POST",
        "http_latency": ">=1000ms",
        "session_duration": 60,
        "max_samples": 100,
    }
    return [
        alert(
            "checkout-latency",
            "Checkout is slow",
            "critical",
            18,
            state="open",
            metric="response_latency_p95",
            threshold="1000ms",
            control_plane_id=shop.id,
            entity_id=shop.find("routes", "checkout")["id"],
            entity_type="route",
            path=CHECKOUT_PATH,
            debug_session_inputs=inputs,
        ),
        alert(
            "recommendation-errors",
            "Recommendations answer with errors",
            "warning",
            11,
            state="open",
            metric="error_rate",
            threshold="20%",
            control_plane_id=shop.id,
            entity_id=shop.find("services", "recommendations")["id"],
            entity_type="gateway_service",
            path=FAILING_PATH,
        ),
        alert(
            "node-silent",
            "A data plane node stopped reporting",
            "info",
            300,
            state="resolved",
            metric="data_plane_last_seen",
            threshold="10m",
            control_plane_id=group.id,
            entity_id=group.id,
            entity_type="control_plane",
        ),
    ]
