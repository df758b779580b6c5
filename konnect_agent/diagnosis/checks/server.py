"""The MCP Server: does one answer, does it let this token in, and which generation is it?

One attempt to connect answers the first three: a 401 or 403 is the server's answer, and says whose fault it
is (fact sheet 6.3: with the organization's switch off, authentication ends with "access denied"; documented,
its HTTP status is not). The generation is told by the tools, never by a version.
"""

from __future__ import annotations

from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, warning
from konnect_agent.diagnosis.checks.documented import OPTIONAL, documented_tools, offers, recognised
from konnect_agent.diagnosis.checks.network import tcp
from konnect_agent.diagnosis.checks.settings import headers, token
from konnect_agent.diagnosis.checks.tls import tls
from konnect_agent.errors import ENDPOINT_HINT, Forbidden, HttpError, ToolUnavailable, Unauthorized
from konnect_agent.hops import UNTOLD, why_missing
from konnect_agent.refusals import HTML_PAGE

_GENERATIONS = {
    "classic": "a tool for every kind of entity",
    "spring": "a tool for every kind of entity, the analytics in several",
    "rest": "the REST operations as tools",
    "code-mode": "search, get_schema and execute over the whole API",
}
_NO_GATEWAY = " If you know of none, a proxy or a login page answers in the server's place."
_SHOWN = 12


@check(needs=(token, headers, tcp, tls))
async def endpoint(case: Case) -> Seen:
    """Whether an MCP server answers at the URL, whatever it thinks of the token."""
    try:
        await case.konnect.connect()
    except (Unauthorized, Forbidden) as refusal:
        is_page = HTML_PAGE in refusal.message
        if refusal.hop == UNTOLD:
            case.refusal = refusal
            seen = f"somebody answers, with HTTP {refusal.status}, and does not say who it is"
            return warning(seen, advice=refusal.hint, http_status=refusal.status)
        if refusal.hop:  # who asks for the token has not been reached
            refusal.hint += _NO_GATEWAY if is_page else ""
            raise
        if is_page:
            # A proxy's block page, or a login: Konnect writes no HTML.
            raise HttpError(refusal.message, status=refusal.status, hint=ENDPOINT_HINT) from None
        case.refusal = refusal
        return ok(f"a server answers, with HTTP {refusal.status}", http_status=refusal.status)
    return ok("an MCP server answers")


@check(needs=(endpoint,))
async def authentication(case: Case) -> Seen:
    """Whether the token is accepted."""
    if isinstance(case.refusal, Unauthorized) or (case.refusal is not None and case.refusal.hop):
        raise case.refusal  # also a 403 that may be of a gateway, which looks at no token of Konnect's
    return ok("the token is accepted")


@check(needs=(authentication,))
async def organization(case: Case) -> Seen:
    """Whether the organization lets its people use the MCP Server at all."""
    if case.refusal is not None:
        raise case.refusal
    return ok("MCP is switched on, and access is not denied")


@check(needs=(organization,))
async def protocol(case: Case) -> Seen:
    """The MCP version, and how the server introduces itself."""
    era, server = case.konnect.era, case.connected.server if case.connected else None
    return ok(f"MCP {era}, server {server or 'without a name'}", era=era, server=server)


@check(needs=(organization,))
async def generation(case: Case) -> Seen:
    """Which generation of the server it is."""
    found = await case.konnect.tools()
    if not recognised(found):
        offered = ", ".join(found.names[:_SHOWN]) or "no tools at all"
        raise ToolUnavailable(
            f"None of Kong's tools are there; the server offers {offered}.", hint=_why_missing(case)
        )
    name = await case.konnect.generation()
    return ok(f"{name}: {_GENERATIONS.get(name, 'known to this program')}", generation=name)


@check(needs=(generation,))
async def tools(case: Case) -> Seen:
    """Which of the tools documented for this generation are there."""
    found = await case.konnect.tools()
    wanted = documented_tools(await case.konnect.generation())
    missing = [name for name in wanted if not offers(found, name)]
    extra = [name for name in OPTIONAL if offers(found, name)]
    seen = f"{len(wanted) - len(missing)} of {len(wanted)} documented tools"
    seen += f"; missing: {', '.join(missing)}" if missing else ""
    seen += f"; also {', '.join(extra)}" if extra else ""
    facts = {"missing": missing, "offered": list(found.names)}
    return warning(seen, advice=_why_missing(case), **facts) if missing else ok(seen, **facts)


def _why_missing(case: Case) -> str:
    return why_missing(ToolUnavailable.default_hint, case.target.url)
