"""What the token may read: one harmless question for every family of tools, and nothing is created.

Entities are asked for on the first control plane that is no group, since a group has none of its own. A
family without a tool is a warning, because a tool can be missing for reasons that are nobody's mistake; a
family that is refused is a failure, and names the role that is documented for it (fact sheet 6.3; which role
is for what is inferred). Debug sessions act on live gateways, so their tools are only looked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sized
from contextlib import contextmanager

from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, skipped, warning
from konnect_agent.diagnosis.checks.server import generation
from konnect_agent.errors import Forbidden, McpAccessDisabled, ToolUnavailable

_QUESTION = "Which regions does the MCP Server have?"
_CONFIGURATION, _REQUESTS = "Viewer of the control plane", "Analytics Viewer"


@check(needs=(generation,))
async def control_planes(case: Case) -> Seen:
    """Whether control planes can be listed: everything starts there."""
    with _naming(_CONFIGURATION):
        listing = await case.konnect.control_planes.list()
    case.planes = tuple(listing)
    return ok(f"{_counted(listing, 'control planes')} can be seen", count=len(listing))


@check(needs=(control_planes,))
async def services(case: Case) -> Seen:
    """Whether services can be read."""
    return await _entities(case, "services", case.konnect.services.list)


@check(needs=(control_planes,))
async def routes(case: Case) -> Seen:
    """Whether routes can be read."""
    return await _entities(case, "routes", case.konnect.routes.list)


@check(needs=(control_planes,))
async def plugins(case: Case) -> Seen:
    """Whether plugins can be read."""
    return await _entities(case, "plugins", case.konnect.plugins.list)


@check(needs=(control_planes,))
async def consumers(case: Case) -> Seen:
    """Whether consumers can be read."""
    return await _entities(case, "consumers", case.konnect.consumers.list)


@check(needs=(control_planes,))
async def consumer_groups(case: Case) -> Seen:
    """Whether consumer groups can be read."""
    return await _entities(case, "consumer groups", case.konnect.consumer_groups.list)


@check(needs=(control_planes,))
async def vaults(case: Case) -> Seen:
    """Whether vaults can be read."""
    return await _entities(case, "vaults", case.konnect.vaults.list)


@check(needs=(generation,))
async def analytics(case: Case) -> Seen:
    """Whether request data can be read: one row of the last quarter of an hour."""

    async def read() -> Seen:
        with _naming(_REQUESTS):
            found = await case.konnect.analytics.query_api_requests("15M", max_results=1)
        return ok(
            "request data can be read" if found.rows else "request data can be read; none in 15 minutes"
        )

    return await _if_offered(read)


@check(needs=(generation,))
async def knowledge_base(case: Case) -> Seen:
    """Whether Kong's documentation can be searched."""

    async def read() -> Seen:
        await case.konnect.knowledge_base.search(_QUESTION)
        return ok("can be searched")

    return await _if_offered(read)


@check(needs=(generation,))
async def debug_sessions(case: Case) -> Seen:
    """Whether everything is there that a debug session needs; none is started."""

    async def look() -> Seen:
        await case.konnect.debug_sessions.ensure_available()
        return ok("the tools are there; none was started")

    return await _if_offered(look)


async def _entities(case: Case, what: str, listing: Callable[[str], Awaitable[Sized]]) -> Seen:
    planes = sorted(case.planes, key=lambda plane: plane.is_group)
    plane_id, label = next(((plane.id, plane.label) for plane in planes if plane.id), ("", ""))
    if not plane_id:
        return skipped("there is no control plane to look into")

    async def read() -> Seen:
        with _naming(_CONFIGURATION):
            found = await listing(plane_id)
        return ok(f"{_counted(found, what)} of {label}", count=len(found), control_plane=plane_id)

    return await _if_offered(read)


@contextmanager
def _naming(role: str) -> Generator[None]:
    """Who is let in, but not everywhere, lacks a role: the hint of a refusal in the block says which."""
    try:
        yield
    except McpAccessDisabled:
        raise
    except Forbidden as error:
        if error.hop:  # a role in Konnect is no matter of the gateway's
            raise
        error.hint = f"The token's owner needs a role for this in this region, such as {role}."
        raise


async def _if_offered(read: Callable[[], Awaitable[Seen]]) -> Seen:
    try:
        return await read()
    except ToolUnavailable as missing:
        return warning("this server offers no tool for it", advice=missing.hint, why=missing.message)


def _counted(found: Sized, what: str) -> str:
    return f"{len(found):,} {what if len(found) != 1 else what.removesuffix('s')}"
