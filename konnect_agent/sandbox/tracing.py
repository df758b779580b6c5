"""The trace of one request: the spans Kong's debugger records, made to add up to the row's latencies.

Root `kong`; under it the client's side, the router, the access phase with one span per plugin that runs on
the route, balancing and the upstream. A plugin that waits for the network has `kong.io.*` children. Span
names and attributes are documented (debugger spans); field names of the traces the tool returns are not, so
these are ours: `{trace_id, request_id, http_method, http_path, http_status_code, started_at, latency,
spans}` in milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from konnect_agent.sandbox.organisation import ControlPlane, Entity

_WAITING_PLUGIN = "rate-limiting-advanced"
_ACCESS_ORDER = (
    "cors",
    "mtls-auth",
    "jwt",
    "key-auth",
    "openid-connect",
    "ip-restriction",
    "request-size-limiting",
    "acl",
    "rate-limiting",
    "rate-limiting-advanced",
    "request-transformer",
    "proxy-cache",
    "request-termination",
)
"""Plugins of the story by documented priority, highest first; others are idle in the access phase."""
_AUTHENTICATION = ("mtls-auth", "jwt", "key-auth", "openid-connect")
_ENDS_WITH = {401: _AUTHENTICATION, 429: ("rate-limiting",), 503: ("request-termination",)}
_SHARE_OF_WAIT = 0.985


@dataclass(frozen=True)
class Span:
    """One span; times in milliseconds from the start of the request. `kind` says whose time it is."""

    name: str
    kind: str
    start: float
    duration: float
    depth: int
    attributes: Entity


def plugins_of(plane: ControlPlane, row: Entity) -> list[Entity]:
    """The enabled plugins that run in the access phase of this request, one per name, in order."""
    chosen: dict[str, tuple[int, Entity]] = {}
    for plugin in plane.plugins:
        rank = _rank(plugin, row)
        name = str(plugin["name"])
        if rank is not None and name in _ACCESS_ORDER and rank > chosen.get(name, (-1, plugin))[0]:
            chosen[name] = (rank, plugin)
    return [chosen[name][1] for name in _ACCESS_ORDER if name in chosen]


def _rank(plugin: Entity, row: Entity) -> int | None:
    """How specific the instance is for this request (consumer, route, service); None if it does not run."""
    if not plugin["enabled"] or plugin["consumer_group"] is not None:
        return None
    rank = 0
    for weight, scope, column in (
        (4, "consumer", "consumer"),
        (2, "route", "route"),
        (1, "service", "gateway_service"),
    ):
        if plugin[scope] is None:
            continue
        if row[column] is None or str(row[column]).split(":")[1] != plugin[scope]["id"]:
            return None
        rank += weight
    return rank


def trace(plane: ControlPlane, row: Entity) -> Entity:
    """The trace of that request record; the same row always gives the same trace."""
    rng = random.Random(str(row["request_id"]))
    spans = list(_spans(plane, row, rng))
    waits = {"redis": 0.0, "dns": 0.0}
    for span in spans:
        if span.kind == "3p":
            waits["redis" if ".redis." in span.name else "dns"] += span.duration
    client = sum(span.duration for span in spans if span.kind == "client")
    upstream = float(row["latencies_upstream_ms"] or 0)
    total = float(row["latencies_response_ms"])
    third = sum(waits.values())
    latency = {
        "total": total,
        "client": round(client, 3),
        "internal": round(max(0.0, total - client - upstream - third), 3),
        "upstream": upstream,
        "3p": {"total_io": round(third, 3)}
        | {f"{name}.total_io": round(value, 3) for name, value in waits.items()},
    }
    return {
        "trace_id": row["trace_id"],
        "request_id": row["request_id"],
        "http_method": row["http_method"],
        "http_path": row["request_uri"],
        "http_status_code": int(row["response_http_status"]),
        "started_at": row["request_start"],
        "latency": latency,
        "spans": _tree(spans),
    }


def _spans(plane: ControlPlane, row: Entity, rng: random.Random) -> Iterator[Span]:
    total, gateway = float(row["latencies_response_ms"]), float(row["latencies_kong_gateway_ms"])
    upstream = row["latencies_upstream_ms"]
    client = max(0.2, total - gateway - float(upstream or 0))
    status = int(row["response_http_status"])
    root: Entity = {"http.request.method": row["http_method"], "http.response.status_code": status}
    if row["consumer"] is not None:
        root["proxy.kong.consumer.id"] = str(row["consumer"]).split(":")[1]
    if row["upstream_status"] is not None:
        root["proxy.kong.upstream.status_code"] = row["upstream_status"]
    yield Span("kong", "request", 0.0, total, 0, root)
    clock = round(client * 0.4, 3)
    yield Span("kong.read_client_http_headers", "client", 0.0, clock, 1, {})
    matched: Entity = {"proxy.kong.router.matched": row["route"] is not None}
    for key, column in (("route_id", "route"), ("service_id", "gateway_service")):
        if row[column] is not None:
            matched[f"proxy.kong.router.{key}"] = str(row[column]).split(":")[1]
    yield Span("kong.router", "internal", clock, 0.05, 1, matched)
    clock += 0.05

    access = list(_access(plane, row, clock, max(0.1, gateway - 0.3), rng))
    duration = round(sum(span.duration for span in access if span.depth == 2) + 0.05, 3)
    yield Span("kong.phase.access", "phase", clock, duration, 1, {})
    yield from access
    clock += duration

    if upstream is not None:
        yield from _upstream(float(upstream), status, clock, rng)
        clock += float(upstream)
    yield Span("kong.phase.header_filter", "phase", clock, 0.08, 1, {})
    yield Span("kong.phase.body_filter", "phase", clock + 0.08, 0.06, 1, {})
    yield Span("kong.wait_for_client_read", "client", clock + 0.14, round(client * 0.6, 3), 1, {})


def _access(
    plane: ControlPlane, row: Entity, clock: float, budget: float, rng: random.Random
) -> Iterator[Span]:
    """The plugins of the access phase share the gateway's time; one that waits takes nearly all of it."""
    status = int(row["response_http_status"])
    enders = _ENDS_WITH.get(status, ()) if row["upstream_status"] is None else ()
    running: list[Entity] = []
    for plugin in plugins_of(plane, row):
        running.append(plugin)
        if plugin["name"] in enders and row["latencies_upstream_ms"] is None:
            break
    weights = [rng.uniform(0.5, 1.5) for _ in running]
    waiting = any(plugin["name"] == _WAITING_PLUGIN for plugin in running)
    for plugin, weight in zip(running, weights, strict=True):
        name, waits = str(plugin["name"]), plugin["name"] == _WAITING_PLUGIN
        part = budget * weight / sum(weights)
        if waiting:
            part = budget * 0.97 if waits else min(budget * 0.03 / len(running), 1.5)
        attributes: Entity = {"proxy.kong.plugin.id": plugin["id"]}
        if plugin is running[-1] and name in enders:
            attributes["proxy.kong.plugin.http.response.status_code"] = status
        yield Span(f"kong.access.plugin.{name}", "plugin", round(clock, 3), round(part, 3), 2, attributes)
        if waits:
            redis = {"network.peer.address": "redis", "network.protocol.name": "redis"}
            yield Span("kong.io.redis.connect", "3p", round(clock, 3), round(part * 0.004, 3), 3, redis)
            start = clock + part * 0.005
            yield Span("kong.io.redis.eval", "3p", round(start, 3), round(part * _SHARE_OF_WAIT, 3), 3, redis)
        clock += part


def _upstream(duration: float, status: int, clock: float, rng: random.Random) -> Iterator[Span]:
    tries = 3 if status == 502 else 1
    connecting = duration if status == 502 else min(duration * 0.1, rng.uniform(0.4, 2.0))
    algorithm = {"proxy.kong.upstream.lb_algorithm": "round-robin"}
    yield Span("kong.upstream.selection", "upstream", clock, round(connecting, 3), 1, algorithm)
    for number in range(tries):
        peer: Entity = {
            "network.peer.address": f"10.20.4.{11 + number}",
            "try_count": number + 1,
            "keepalive": False,
        }
        start = clock + number * connecting / tries
        yield Span("kong.find_upstream", "upstream", round(start, 3), round(connecting / tries, 3), 2, peer)
    if status != 502:
        clock, rest = clock + connecting, duration - connecting
        yield Span("kong.send_request_to_upstream", "upstream", round(clock, 3), round(rest * 0.02, 3), 1, {})
        yield Span(
            "kong.read_headers_from_upstream",
            "upstream",
            round(clock + rest * 0.02, 3),
            round(rest * 0.9, 3),
            1,
            {},
        )
        yield Span(
            "kong.read_body_from_upstream",
            "upstream",
            round(clock + rest * 0.92, 3),
            round(rest * 0.08, 3),
            1,
            {},
        )


def _tree(spans: list[Span]) -> list[Entity]:
    """The spans in order, each with the id of the span it hangs below."""
    written: list[Entity] = []
    below: dict[int, str] = {}
    for number, span in zip(count(1), spans, strict=False):
        identity = f"{number:016x}"
        below[span.depth] = identity
        written.append(
            {
                "span_id": identity,
                "parent_span_id": below.get(span.depth - 1),
                "name": span.name,
                "start_ms": round(span.start, 3),
                "duration_ms": span.duration,
                "attributes": span.attributes,
            }
        )
    return written
