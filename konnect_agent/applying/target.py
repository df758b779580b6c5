"""Where the requests go, and the one header that says who sends them.

A Konnect token goes to the Konnect API of a region and to nobody else; a stand-in on this machine's loopback
interface may take its place. An Admin API gets its own token (`Kong-Admin-Token`, documented), or none when
it asks for none, and never a Konnect token. A token travels over https, or by http within this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from konnect_agent.config import check_token
from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import API_REGIONS, Place, konnect_base
from konnect_agent.gateway.passthrough.requests import admin_base
from konnect_agent.ids import is_id
from konnect_agent.redaction import scrub
from konnect_agent.regions import check_url, is_loopback

_HOSTS = tuple(f"{region}.api.konghq.com" for region in API_REGIONS)
_ADMIN_DENIED = "Check the admin token: KONG_ADMIN_TOKEN or --token-file, as the Admin API's RBAC knows it."
_KONNECT_DENIED = (
    "Check that the token is complete and not expired (kpat_..., spat_...), and that its owner may change "
    "this control plane's configuration."
)


@dataclass(frozen=True, slots=True)
class Target:
    """An API that takes services, routes and plugins below `base`. `denied` is the hint for a 401 or 403."""

    api: str
    base: str
    headers: Mapping[str, str] = field(repr=False)
    denied: str


def admin_api(url: str = "http://localhost:8001", *, token: str | None = None) -> Target:
    """A gateway's own Admin API. Raises `ConfigError` for a URL or a token that cannot be right."""
    base = admin_base(url)
    if token is None:
        return Target("Admin API", base, {}, _ADMIN_DENIED)
    if scrub(token) != token and token.lower().startswith(("kpat_", "spat_")):
        raise ConfigError(
            "A Konnect token was given for an Admin API, which is none of its business.",
            hint="Give the Admin API's own token, or none.",
        )
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise ConfigError("The admin token contains characters no token has.", hint="Check the token.")
    parts = urlsplit(base)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{url!r} would send the admin token unencrypted.",
            hint="Use https, or a tunnel that ends on this machine (kubectl port-forward, ssh -L).",
        )
    return Target("Admin API", base, {"Kong-Admin-Token": token}, _ADMIN_DENIED)


def konnect_api(
    control_plane_id: str, *, token: str, region: str | None = None, url: str | None = None
) -> Target:
    """A control plane in the Konnect API of a region, us if nothing is said. `url` may name the region's host
    instead, or a stand-in on this machine. Raises `ConfigError` for what cannot be right."""
    check_token(token)
    if not is_id(control_plane_id):
        raise ConfigError(
            f"{control_plane_id!r} is no id of a control plane.",
            hint="The id is a UUID; Konnect shows it on the control plane's page.",
        )
    if region is not None and url is not None:
        raise ConfigError("Both a region and a URL say where the Konnect API is.", hint="Give one of them.")
    if url is None:
        base = konnect_base(Place(region=region or "us").region, control_plane_id)
    else:
        parts = urlsplit(check_url(url))
        host = parts.hostname or ""
        if parts.path.strip("/") or "?" in url or "#" in url:
            raise ConfigError(f"{url!r} has more than a host.", hint="Leave out what follows the host.")
        if not is_loopback(host) and not (parts.scheme == "https" and parts.netloc in _HOSTS):
            raise ConfigError(
                f"{host} is not the Konnect API: it does not get the Konnect token.",
                hint=f"Leave the URL out and give the region, or use one of {', '.join(_HOSTS)}.",
            )
        konnect = konnect_base("us", control_plane_id)
        base = f"{parts.scheme}://{parts.netloc}{urlsplit(konnect).path}"
    return Target("Konnect API", base, {"Authorization": f"Bearer {token}"}, _KONNECT_DENIED)
