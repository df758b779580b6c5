"""What was set, before anything is sent: token, address, headers, and the proxy in between.

Fact sheet 6.1 (tokens), 6.2 (hosts) and 6.4 (variables), all documented by Kong; how httpx2 reads proxy
settings is in `konnect_agent.diagnosis.proxies`.
"""

from __future__ import annotations

import os
import re

from konnect_agent.config import HEADERS_VARIABLE, HOST_VARIABLE, REGION_VARIABLES, URL_VARIABLES
from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, warning
from konnect_agent.regions import Region, is_konnect

_KINDS = {"kpat": ("PAT", "personal access token"), "spat": ("SPAT", "system account token")}
_ADDRESS_VARIABLES = (*URL_VARIABLES, HOST_VARIABLE, *REGION_VARIABLES)
_KONG_HOST = re.compile(r"(?:([a-z0-9-]+)\.)?(mcp|api)\.konghq\.com")


@check()
async def token(case: Case) -> Seen:
    """The shape of the token, its kind, and where it came from; never the token."""
    short, long = _KINDS[case.usable_token[:4].lower()]
    if case.token is not None:
        return ok(f"{long} ({short}), from {case.token_from}", kind=short, source=case.token_from)
    used, *others = case.token_variables
    seen = f"{long} ({short}), from {used}"
    differing = [name for name in others if os.environ[name] != case.usable_token]
    if differing:
        return warning(
            f"{seen}; {' and '.join(differing)} is set to something else, and not used",
            advice=f"Unset what is not meant: {used} wins.",
            kind=short,
            source=used,
            unused=differing,
        )
    return ok(seen, kind=short, source=used)


@check()
async def address(case: Case) -> Seen:
    """The URL and its region; for a host of Kong's, whether it is a documented one."""
    target = case.target
    source = "as given" if case.region or case.url is not None else _variable()
    seen = f"{target.url}, {source}"
    facts = {"url": target.url, "source": source}
    kong = _KONG_HOST.fullmatch(target.host)
    if kong is None:
        plain = "; plain http, which stays on this machine" if target.scheme == "http" else ""
        return ok(f"{seen}; not one of Kong's own hosts{plain}", **facts)
    name, surface = kong[1] or "", kong[2]
    if surface == "api":
        advice = f"Use --region, or --url https://{name or Region.US}.mcp.konghq.com/."
        return warning(f"{seen}; that is a host of the REST API, not of MCP", advice=advice, **facts)
    if name not in set(Region):
        return warning(
            f"{seen}; {name or 'that'} is no region with a documented MCP host",
            advice=f"Documented are {', '.join(Region)}. Go on only if Kong gave you this URL.",
            **facts,
        )
    if target.path != "/":
        advice = f"Kong documents the root: https://{target.host}/."
        return warning(f"{seen}; with the path {target.path}", advice=advice, **facts)
    return ok(f"region {name}: {seen}", region=name, **facts)


def _variable() -> str:
    found = next((name for name in _ADDRESS_VARIABLES if os.environ.get(name)), None)
    return f"from {found}" if found else "the default"


@check(needs=(address,))
async def proxy(case: Case) -> Seen:
    """The proxy that will be used for this URL, without its credentials."""
    found = case.proxy
    if found is None:
        return ok("none for this URL")
    return ok(f"{found}, from {found.source}", url=str(found), source=found.source)


@check(needs=(address,))
async def headers(case: Case) -> Seen:
    """What is sent beside the token, such as the key of a gateway: the names, never the values."""
    names = list(case.usable_headers)
    if names:
        source = "as given" if case.headers is not None else f"from {HEADERS_VARIABLE}"
        return ok(f"{', '.join(names)}, {source}", names=names, source=source.removeprefix("from "))
    is_set = case.headers is None and bool(os.environ.get(HEADERS_VARIABLE, "").strip())
    if is_set and not is_konnect(case.target.host):  # where a gateway may be waiting for them
        return warning(
            f"none for this URL; {HEADERS_VARIABLE} is set, and not used",
            advice=f"Its headers go to a URL of the environment only: give the URL as {URL_VARIABLES[0]}.",
        )
    return ok("none beside the token's")
