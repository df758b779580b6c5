"""Regions of the Konnect MCP Server and their URLs.

Documented hosts: us, eu, au (classic), in (since May 2026) and global (Kong's installation pages since
September 2026). Nothing crosses regions. `me` and `sg` exist for the REST API but have no documented MCP
host, so they are refused with a pointer to `url=` rather than guessed.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from urllib.parse import urlsplit

from konnect_agent.errors import ConfigError
from konnect_agent.redaction import scrub


class Region(StrEnum):
    """A region with a documented MCP endpoint."""

    US = "us"
    EU = "eu"
    AU = "au"
    IN = "in"
    GLOBAL = "global"

    @property
    def url(self) -> str:
        """The root URL of the region's MCP Server."""
        return f"https://{self.value}.mcp.konghq.com/"


def parse_region(name: str | Region) -> Region:
    """The region called `name` (any case). Raises `ConfigError` for one without a documented endpoint."""
    try:
        return Region(name.strip().lower())
    except ValueError:
        known = ", ".join(Region)
        hint = f"Use one of {known}, or give the endpoint itself as url= / --url / KONNECT_MCP_URL."
        if "," in name:
            hint += " A client has one region; several at once go by --region only."
        raise ConfigError(f"{name!r} is not a region with a documented MCP endpoint.", hint=hint) from None


def parse_regions(written: str) -> dict[str, str]:
    """Regions with their URLs: names with commas between, or `all` for every one (`global` is none).

    A region may stand elsewhere, as `eu=https://proxy.example/`: then any name will do, and `all` leaves it
    there. Raises `ConfigError`, also for a region that is named at two places.
    """
    found: dict[str, str] = {}
    named: set[str] = set()
    for entry in written.split(","):
        name, elsewhere, url = (part.strip() for part in entry.partition("="))
        if name.lower() == "all" and not elsewhere:
            every = {region.value: region.url for region in Region if region is not Region.GLOBAL}
            found |= {region: where for region, where in every.items() if region not in named}
            continue
        if elsewhere and not name:
            raise ConfigError(f"{entry!r} names no region.", hint="Write eu=https://proxy.example/.")
        region, where = (name.lower(), check_url(url)) if elsewhere else _documented(name)
        if region in named and found[region] != where:
            raise ConfigError(
                f"The region {region} is named twice, at {found[region]} and at {where}.",
                hint="Give the other one a name of its own, such as eu2=https://proxy.example/.",
            )
        found[region] = where
        named.add(region)
    return found


def _documented(name: str) -> tuple[str, str]:
    region = parse_region(name)
    return region.value, region.url


def check_url(url: str, *, allow_insecure: bool = False) -> str:
    """`url` if it may carry a token. Raises `ConfigError` for anything but https, or http to this machine."""
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme in ("http", "https") and parts.port != 0 and url.isprintable() and " " not in url
        )
    except ValueError:  # brackets that do not close, a port that is no number
        parts, usable = urlsplit(""), False
    if parts.username or parts.password or scrub(url) != url:
        raise ConfigError(
            "The URL carries credentials.",
            hint="Give the token as token= or in KONNECT_TOKEN, never in a URL.",
        )
    if not usable or not parts.hostname:
        raise ConfigError(
            f"{url!r} is not an http(s) URL.", hint="Give a URL such as https://us.mcp.konghq.com/."
        )
    if parts.scheme == "http" and not allow_insecure and not is_loopback(parts.hostname):
        raise ConfigError(
            f"{url!r} would send the token unencrypted.",
            hint="Use https, or pass allow_insecure=True when the network in between is yours.",
        )
    return url


def is_konnect(host: str) -> bool:
    """Whether `host` is Kong's own, with nobody else's gateway before it."""
    return host.lower().rstrip(".").endswith(".konghq.com")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether `host` is this machine, or by its name or address in a network that nobody else is in.

    Names without a dot and those of a cluster or a local network do not exist outside of one.
    """
    name = host.lower().rstrip(".")
    if is_loopback(name) or name.endswith((".svc", ".internal", ".local", ".lan")):
        return True
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name
