"""Twenty-four hours of request records that agree with the entities.

`FLOWS` says who calls which route how often and how that goes (its `mood`); `generate` draws the requests
from the seed and writes them down as the rows of Kong's request analytics (documented fields:
`response_http_status` is a string, ids are `control_plane_id:entity_id`, `upstream_status` is null where
the gateway itself answered). Ages are drawn relative to `now`, so the same seed tells the same story
whenever it is told. The rows stand for a sample of the traffic: a few thousand instead of millions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from konnect_agent.sandbox.organisation import ControlPlane, Entity, derive_id

DAY = 86400.0
EXPIRED_CONSUMER = "harbour-kiosk"
EXPIRED_SINCE = 7 * 3600.0
"""Age in seconds of the moment from which the kiosk's token is refused."""
REMOVED_CONSUMER = "pier-point-legacy"
"""A consumer of `payments-production` that was deleted; its rows still carry its id."""
BURSTS = ((240.0, 1500.0), (17000.0, 20500.0), (50000.0, 52500.0))
"""Ages in seconds (younger, older) of the outages of the recommendations upstream."""

Mood = Literal[
    "well", "slow", "failing", "unauthenticated", "unrouted", "terminated", "overloaded", "limited"
]


@dataclass(frozen=True)
class Flow:
    """One kind of request; `callers` repeats a consumer to weigh it, None is anonymous."""

    control_plane: str
    route: str | None
    path: str
    requests: int
    _: KW_ONLY
    method: str = "GET"
    callers: tuple[str | None, ...] = (None,)
    auth: str | None = "key-auth"
    upstream_ms: float = 40.0
    mood: Mood = "well"


_APPS = ("web-shop", "web-shop", "web-shop", "ios-app", "ios-app", "android-app")
_INTERNAL = ("checkout-service", "checkout-service", "back-office", "marketplace-hub")
_OWN_BASKETS = ("web-shop", "web-shop", "ios-app", EXPIRED_CONSUMER, EXPIRED_CONSUMER)

_shop = partial(Flow, "storefront-production")
_pay = partial(Flow, "payments-production")
_staging = partial(Flow, "payments-staging")
_warehouse = partial(Flow, "fulfilment-warehouse")
_returns = partial(Flow, "fulfilment-returns")
_partners = partial(Flow, "partners-ingress")

FLOWS: tuple[Flow, ...] = (
    _shop("users", "/api/users/{n}", 300, callers=(*_APPS, "crm-4711")),
    _shop("users", "/api/users", 60, method="POST", callers=_APPS),
    _shop("users", "/api/users/{n}", 70, mood="unauthenticated"),
    _shop("users", "/api/users/{n}", 25, callers=("crm-4711",), mood="limited"),
    _shop("users-me", "/api/users/me", 150, callers=_APPS),
    _shop("catalogue", "/api/products", 260, auth=None, upstream_ms=25.0),
    _shop("product", "/api/products/sku-{n}", 320, auth=None, upstream_ms=30.0),
    _shop("search", "/api/search?q=anorak", 200, callers=_APPS, upstream_ms=120.0),
    _shop("search", "/api/search", 40, mood="unauthenticated"),
    _shop("basket", "/api/basket", 300, callers=_OWN_BASKETS, auth="openid-connect"),
    _shop("basket", "/api/basket/items/{n}", 80, callers=_APPS, auth="openid-connect"),
    _shop("checkout", "/api/checkout", 240, method="POST", callers=_APPS, mood="slow"),
    _shop("reports-export", "/slow", 160, callers=("web-shop", "crm-4711"), mood="slow"),
    _shop("recommendations", "/api/recommendations", 220, auth=None, mood="failing"),
    _shop("my-recommendations", "/api/me/recommendations", 260, callers=_APPS, mood="failing"),
    _shop("reviews", "/api/reviews", 90, auth=None, upstream_ms=90.0),
    _shop(None, "/legacy/spring-sale", 30, mood="unrouted"),
    _shop(None, "/wp-login.php", 25, mood="unrouted"),
    _shop("maintenance", "/maintenance", 12, auth=None, mood="terminated"),
    _pay("payments", "/payments", 260, method="POST", callers=_INTERNAL, upstream_ms=180.0),
    _pay("payment-status", "/payments/{n}/status", 160, callers=_INTERNAL),
    _pay("refunds", "/refunds", 90, method="POST", callers=("back-office",), mood="overloaded"),
    _pay("payments", "/payments", 45, callers=(REMOVED_CONSUMER,), mood="overloaded"),
    _pay("fx-rates", "/fx/rates", 180, callers=_INTERNAL),
    _pay("payments", "/payments", 15, mood="unauthenticated"),
    _staging("payments", "/payments", 40, callers=("rehearsal-bot",)),
    _staging("refunds", "/refunds", 25, method="POST", auth=None, mood="overloaded"),
    _warehouse("stock", "/warehouse/stock", 170, callers=("handheld-scanners", "planning-job")),
    _warehouse("tracking", "/tracking/{n}", 140, auth=None),
    _returns("returns", "/returns", 60, callers=("returns-desk",), auth=None),
    _partners("partners.orders.00", "/orders", 120, callers=("marketplace-hub", "courier-alliance")),
)


def generate(control_planes: Sequence[ControlPlane], *, seed: int, now: datetime) -> tuple[Entity, ...]:
    """The request records of the last 24 hours before `now`, newest first."""
    rng = random.Random(f"traffic:{seed}")
    by_name = {control_plane.name: control_plane for control_plane in control_planes}
    groups = {member: group.id for group in control_planes for member in group.members}
    drawn: list[tuple[float, Entity]] = []
    for flow in FLOWS:
        writer = _Writer(flow, by_name[flow.control_plane], groups, rng, seed)
        for _ in range(flow.requests):
            age = _age(flow, rng)
            drawn.append((age, writer.row(age, now)))
    drawn.sort(key=lambda pair: pair[0])
    return tuple(row for _, row in drawn)


def _age(flow: Flow, rng: random.Random) -> float:
    """Seconds before now: more in the afternoon than at night; a failing upstream attracts repeats."""
    if flow.mood == "failing" and rng.random() < 0.4:
        return rng.uniform(*BURSTS[rng.randrange(len(BURSTS))])
    age = rng.uniform(1.0, DAY - 1.0)
    if rng.random() < 0.3 * (1 - math.cos(2 * math.pi * age / DAY)):
        age *= rng.random()
    return max(age, 1.0)


class _Writer:
    """Writes the rows of one flow; everything the rows share is looked up once."""

    def __init__(
        self, flow: Flow, plane: ControlPlane, groups: Mapping[str, str], rng: random.Random, seed: int
    ) -> None:
        self._flow, self._plane, self._rng = flow, plane, rng
        route = None if flow.route is None else plane.find("routes", flow.route)
        owner = None if route is None else route["service"]
        service = next(
            (one for one in plane.services if owner is not None and one["id"] == owner["id"]), None
        )
        group = groups.get(plane.id)
        nodes = [derive_id(seed, plane.name, "node", str(number)) for number in (1, 2)]
        self._nodes = [f"{group or plane.id}:{node}" for node in nodes]
        self._consumers = {name: self._consumer_id(name, seed) for name in flow.callers if name is not None}
        hosts = (route or {}).get("hosts") or ["api.saltmarsh.example"]
        self._service = service
        self._same: Entity = {
            "route": None if route is None else f"{plane.id}:{route['id']}",
            "gateway_service": None if service is None else f"{plane.id}:{service['id']}",
            "control_plane": plane.id,
            "control_plane_group": group,
            "data_plane_node_version": "3.14.0.2",
            "http_method": flow.method,
            "header_host": str(hosts[0]).replace("*", "www"),
            "service_protocol": None if service is None else service["protocol"],
            "service_port": None if service is None else str(service["port"]),
            "response_header_content_type": "application/json; charset=utf-8",
        }

    def _consumer_id(self, name: str, seed: int) -> str:
        if name == REMOVED_CONSUMER:
            return f"{self._plane.id}:{derive_id(seed, self._plane.name, 'consumers', name)}"
        return f"{self._plane.id}:{self._plane.find('consumers', name)['id']}"

    def row(self, age: float, now: datetime) -> Entity:
        rng, flow = self._rng, self._flow
        caller = rng.choice(flow.callers)
        status, upstream_status, upstream_ms, gateway_ms = self._outcome(age, caller)
        path = flow.path.format(n=rng.randrange(1000, 10000))
        client_ms = rng.randrange(1, 9)
        size = rng.randrange(180, 9000) if status < 400 else rng.randrange(60, 240)
        service = self._service
        upstream_path = (str((service or {}).get("path") or "") + path).split("?")[0]
        reached = service is not None and upstream_ms is not None
        authenticated = caller is not None and flow.auth is not None
        return self._same | {
            "request_id": f"{rng.getrandbits(128):032x}",
            "request_start": (now - timedelta(seconds=age)).isoformat(timespec="milliseconds")[:23] + "Z",
            "trace_id": f"{rng.getrandbits(128):032x}",
            "request_uri": path,
            "response_http_status": str(status),
            "upstream_status": upstream_status,
            "upstream_uri": upstream_path if reached else None,
            "response_source": "upstream" if upstream_status is not None else "kong",
            "latencies_response_ms": (upstream_ms or 0) + gateway_ms + client_ms,
            "latencies_upstream_ms": upstream_ms,
            "latencies_kong_gateway_ms": gateway_ms,
            "latencies_kong_internal_ms": min(gateway_ms, rng.randrange(1, 5)),
            "request_body_size": rng.randrange(80, 900) if flow.method in ("POST", "PUT", "PATCH") else 0,
            "response_body_size": size,
            "response_header_content_length": size,
            "consumer": self._consumers[caller] if caller is not None else None,
            "auth_type": flow.auth if authenticated else None,
            "data_plane_node": rng.choice(self._nodes),
            "client_ip": f"198.51.100.{rng.randrange(2, 250)}",
            "country_code": rng.choice(("GB", "GB", "IE", "NL", "DE")),
            "header_user_agent": "saltmarsh-app/7.2" if caller is not None else "Mozilla/5.0",
            "cache_status": rng.choice(("Hit", "Miss")) if flow.route in ("catalogue", "product") else None,
        }

    def _outcome(self, age: float, caller: str | None) -> tuple[int, int | None, int | None, int]:
        """Status, the upstream's status, the upstream's and the gateway's milliseconds."""
        rng, flow = self._rng, self._flow
        gateway = rng.randrange(1, 7)
        upstream = max(1, round(rng.lognormvariate(math.log(flow.upstream_ms), 0.45)))
        ok = 201 if flow.method == "POST" else 200
        if caller == EXPIRED_CONSUMER and age < EXPIRED_SINCE:
            return 401, None, None, gateway
        if flow.mood == "unauthenticated":
            return 401, None, None, gateway
        if flow.mood == "unrouted":
            return 404, None, None, gateway
        if flow.mood == "terminated":
            return 503, None, None, gateway
        if flow.mood == "limited":
            return 429, None, None, gateway
        if flow.mood == "slow":
            # Most of the time goes into waiting for Redis; a third of the requests get away lightly.
            wait = rng.uniform(1200, 3600) if rng.random() < 0.65 else rng.uniform(150, 900)
            return ok, ok, upstream, gateway + round(wait)
        if flow.mood == "failing":
            in_burst = any(younger <= age <= older for younger, older in BURSTS)
            if rng.random() < (0.85 if in_burst else 0.04):
                status = rng.choice((502, 502, 503, 500))
                # The gateway makes the 502 itself when no connection comes about.
                return status, None if status == 502 else status, upstream * 3, gateway
        if flow.mood == "overloaded" and rng.random() < 0.18:
            return 503, 503, upstream * 8, gateway
        if rng.random() < 0.02:
            return 404, 404, upstream, gateway
        return ok, ok, upstream, gateway
