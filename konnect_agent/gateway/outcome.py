"""What happens to a request after its route is known (fact sheet 7.4, documented by source).

`protocols` is no matcher in the default flavor: a request may find a route that does not speak its protocol.
1. The route takes no plain HTTP and the request is not TLS: redirect, or 426.
2. A gRPC route: no gRPC content type -> 415, not HTTP/2 -> 426, plaintext on grpcs -> gRPC status 1.
3. No service: a plugin must answer, otherwise the gateway does (503).
4. Otherwise proxied.
X-Forwarded-Proto says in step 1 and 2 whether the request is TLS, if it comes from an address of
`trusted_ips`: a setting of the data plane that Konnect does not show.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from konnect_agent.gateway.entities import RouteRecord
from konnect_agent.gateway.request import Facts

Outcome: TypeAlias = Literal[
    "proxied", "redirect", "upgrade_required", "unsupported_media_type", "grpc_cancelled", "no_service"
]


@dataclass(frozen=True, slots=True)
class Disposition:
    """An outcome, the status the gateway itself answers with (None when proxied), and why."""

    outcome: Outcome
    status: int | None
    location: str | None
    because: str


def dispose(route: RouteRecord, facts: Facts, *, has_service: bool) -> Disposition:
    """The outcome for a request that `route` won. A route without `protocols` is not checked against them."""
    protocols = frozenset(route.protocols or ())
    if not facts.request.is_stream:
        refused = _http(route, protocols, facts) or _grpc(protocols, facts)
        if refused is not None:
            return refused
    if not has_service:
        return Disposition(
            "no_service",
            503,
            None,
            "the route has no service: unless a plugin answers, the gateway sends 503",
        )
    return Disposition("proxied", None, None, "the request is proxied to the service")


def dispose_trusted(route: RouteRecord, facts: Facts, *, has_service: bool) -> Disposition | None:
    """The outcome where X-Forwarded-Proto is trusted; None without that header.

    Anything but `https`, in these very letters, is plain text (inferred).
    """
    request = facts.request
    said = facts.header("x-forwarded-proto")
    if not said or request.is_stream:
        return None
    family = request.scheme.removesuffix("s")
    forwarded = replace(request, scheme=f"{family}s" if said == ("https",) else family)
    return dispose(route, Facts(forwarded), has_service=has_service)


def _tls(facts: Facts) -> bool:
    return facts.get("net.protocol") == ("https",)


def _http(route: RouteRecord, protocols: frozenset[str], facts: Facts) -> Disposition | None:
    if "https" not in protocols or "http" in protocols or _tls(facts):
        return None
    status = route.redirect_status
    if status == 426:
        because = "the route takes https only and the request came in plain: 426, please use HTTPS"
        return Disposition("upgrade_required", 426, None, because)
    # The target stands in it as the client sent it.
    location = f"https://{_host_name(facts.request.host or '')}{facts.request.path}"
    return Disposition(
        "redirect", status, location, f"the route takes https only: {status} to the https address"
    )


def _host_name(host: str) -> str:
    """The Host header as nginx hands it on: in lower case, without port."""
    name, _, port = host.rpartition(":")
    return (name if name and (not port or port.isdigit()) else host).lower()


def _grpc(protocols: frozenset[str], facts: Facts) -> Disposition | None:
    if not protocols & {"grpc", "grpcs"}:
        return None
    content_type = facts.header("content-type")[:1]
    implied = facts.request.scheme in ("grpc", "grpcs")
    if not implied and not "".join(content_type).startswith("application/grpc"):
        return Disposition("unsupported_media_type", 415, None, "a request that is not gRPC met a gRPC route")
    if facts.request.http2 is False:
        return Disposition("upgrade_required", 426, None, "gRPC needs HTTP/2")
    if "grpc" not in protocols and not _tls(facts):
        because = "a plaintext gRPC request met a route for grpcs: answered with grpc-status 1"
        return Disposition("grpc_cancelled", 200, None, because)
    return None
