"""Every failure of this library is one class of this tree.

    KonnectError                        operation, endpoint, attempts, request_id, title, detail, trace
    ├─ ConfigError                      missing or malformed token, unknown region, bad argument
    ├─ ConnectionFailed                 Unreachable, TimedOut, SessionLost, TooLarge
    ├─ HttpError (status, retry_after)  Unauthorized, Forbidden (McpAccessDisabled), RateLimited, ServerError
    ├─ ToolError (status)               the tool said no: NotFound, InvalidArguments
    ├─ ToolUnavailable                  not in tools/list
    ├─ Undecodable                      an answer of unexpected shape
    ├─ NoMatch, Ambiguous               candidates with scores
    ├─ ConfirmationDeclined
    ├─ DebugSessionFailed               timed_out, cancelled or stuck
    └─ NotRecorded                      a replay was asked what its recording has no answer to

`str(error)` is what happened, where and the server's own words, on one line that no terminal obeys;
`error.hint` is what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from konnect_agent.redaction import scrub, scrub_quoted

TOKEN_HINT = (
    "Check that the token is complete, not expired or revoked, and belongs to this organization: "
    "a personal access token starts with kpat_, a system account token with spat_."
)
ACCESS_HINT = (
    "Ask an organization admin whether the MCP Server is switched on (Organization Settings > AI Settings), "
    "then check the roles of the token's owner in this region, then the organization's IP allow list."
)
ENDPOINT_HINT = (
    "Check the URL (the root of a regional host, such as https://us.mcp.konghq.com/) and the network: a "
    "proxy or a login page may be answering in the server's place."
)
NETWORK_HINT = (
    "Check the network, the regional URL (us, eu, au and in have one: https://<region>.mcp.konghq.com/) "
    "and that the firewall allows *.mcp.konghq.com on port 443."
)
REGION_HINT = (
    "Nothing crosses regions: if you expected something here, check that the region is the one your "
    "control planes are in, and that the token's owner may see them."
)

_JOINERS = "\u200c\u200d"  # scripts and emoji need them


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entity a name could have meant. `score` runs from 0 to 100; `how` is the kind of match."""

    id: str | None
    name: str
    score: float
    how: str


class KonnectError(Exception):
    """The root of the tree.

    Attributes: `message` (what happened), `hint` (what to do next), `operation` (the tool and operation),
    `endpoint` (the URL), `attempts` (how often it was tried), `request_id` (the id sent with the request),
    `inside` (the tool whose answer this is, or the operation in it that failed; None when no answer came),
    `title`, `detail` and `trace` (of the problem body; the trace is its `instance`, Kong's support handle
    `kong:trace:...`), `report` (the unfinished report, when a workflow failed). All text passes through
    redaction.
    """

    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        operation: str | None = None,
        inside: str | None = None,
        endpoint: str | None = None,
        attempts: int = 0,
        request_id: str | None = None,
        title: str | None = None,
        detail: str | None = None,
        trace: str | None = None,
    ) -> None:
        self.message = scrub_quoted(f"{message} [{trace}]" if trace else message)
        self.hint = scrub(self.default_hint if hint is None else hint)
        self.operation = operation
        self.inside = inside
        self.endpoint = endpoint
        self.attempts = attempts
        self.request_id = request_id
        self.title = scrub_quoted(title) if title else None
        self.detail = scrub_quoted(detail) if detail else None
        self.trace = scrub(trace) if trace else None
        self.report: Any = None
        super().__init__(self.message)

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        at = f" (at {self.endpoint})" if self.endpoint else ""
        tried = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        return _on_one_line(f"{where}{self.message}{tried}{at}")


class ConfigError(KonnectError, ValueError):
    """Something the caller configured or passed is wrong; nothing was sent."""


class ConnectionFailed(KonnectError):
    """No usable answer arrived. `sent` is False only when the request provably never left.

    The class itself: there is a server, but it and this client do not understand each other.
    """

    default_hint = NETWORK_HINT

    def __init__(self, message: str, *, sent: bool = True, **context: Any) -> None:
        self.sent = sent
        super().__init__(message, **context)


class Unreachable(ConnectionFailed):
    """Refused, reset, cut off, a failed TLS handshake or a name that does not resolve."""


class TimedOut(ConnectionFailed, TimeoutError):
    """A time limit fired. `limit` names it: `connect`, `idle`, `call` or `deadline`."""

    default_hint = "Raise the limit in Config if the server is known to be slow; otherwise " + (
        NETWORK_HINT[0].lower() + NETWORK_HINT[1:]
    )

    def __init__(self, message: str, *, limit: str, **context: Any) -> None:
        self.limit = limit
        super().__init__(message, **context)


class SessionLost(ConnectionFailed):
    """The server no longer knows the mcp session or its version of MCP, and a new session did not help.

    `status` is the HTTP status that said so, if one did: 404 mostly.
    """

    default_hint = "The server was probably restarted; run the operation again."

    def __init__(self, message: str, *, status: int | None = None, **context: Any) -> None:
        self.status = status
        super().__init__(message, **context)


class TooLarge(ConnectionFailed):
    """An answer exceeded the cap. `cap` and `size` (what was seen of it) are in bytes."""

    default_hint = "Narrow the query, or raise Config.max_response_bytes."

    def __init__(self, message: str, *, size: int, cap: int, **context: Any) -> None:
        self.size, self.cap = size, cap
        super().__init__(message, **context)


class HttpError(KonnectError):
    """The server answered with an HTTP error, or hid one inside a successful answer.

    `status` is the HTTP status, `retry_after` seconds as the server asked for. `hop` names the gateway on the
    way that said it: `the gateway`, `another gateway`, or `the server or a gateway` where the answer does not
    tell; None if it was the server itself.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        retry_after: float | None = None,
        hop: str | None = None,
        **context: Any,
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.hop = hop
        super().__init__(message, **context)


class Unauthorized(HttpError):
    """401: the token is wrong, expired, revoked or of another organization; or a gateway's key is (`hop`)."""

    default_hint = TOKEN_HINT


class Forbidden(HttpError):
    """403, or "access denied": the token is known, but may not do this."""

    default_hint = ACCESS_HINT


class McpAccessDisabled(Forbidden):
    """The whole connection was denied: the organization's MCP switch is the first thing to look at."""


class RateLimited(HttpError):
    """429: too many requests. Konnect publishes no figures."""

    default_hint = "Wait and try again with fewer calls in flight (Config.max_in_flight)."


class ServerError(HttpError):
    """5xx, or 408: the server failed, or somebody on the way lost patience."""

    default_hint = "Try again later; if it persists, give Kong support the trace or request id."


class ToolError(KonnectError):
    """The tool itself answered with an error (`isError`); `message` keeps its words.

    `status` is the HTTP status, if it came with one.
    """

    default_hint = "Check the arguments, the permissions of the token's owner, and that the entity exists."

    def __init__(self, message: str, *, status: int | None = None, **context: Any) -> None:
        self.status = status
        super().__init__(message, **context)


class NotFound(ToolError):
    """The tool knows no such entity."""

    default_hint = "Check the id, its control plane and the region: nothing is looked up across them."


class InvalidArguments(ToolError, ValueError):
    """Arguments that cannot be right: refused here before anything was sent, or by the tool."""

    default_hint = "Compare the arguments with the tool's input schema: `konnect-agent tools TOOL`."


class ToolUnavailable(KonnectError):
    """The server's tools/list has no such tool. `available` names what is there."""

    default_hint = (
        "A tool can be missing because the token's owner lacks the permission, the organization lacks the "
        "entitlement, a feature flag is off, or the tool list is stale: reconnect to read it again."
    )

    def __init__(self, message: str, *, available: Sequence[str] = (), **context: Any) -> None:
        self.available = tuple(available)
        super().__init__(message, **context)


class Undecodable(KonnectError):
    """An answer whose shape is none of the known ones. `path` says where, `excerpt` shows it, redacted."""

    default_hint = "The server may have changed; report the path and the excerpt."

    def __init__(self, message: str, *, path: str = "$", excerpt: str = "", **context: Any) -> None:
        self.path = path
        self.excerpt = scrub_quoted(excerpt)
        super().__init__(
            f"{message} at {path}: {self.excerpt}" if excerpt else f"{message} at {path}", **context
        )


class _Unresolved(KonnectError):
    """A name that does not lead to one entity. `candidates` are ranked, best first."""

    def __init__(self, message: str, *, candidates: Sequence[Candidate] = (), **context: Any) -> None:
        self.candidates = tuple(candidates)
        close = [candidate for candidate in self.candidates if candidate.score > 0]
        if close:
            message = f"{message} Closest: {', '.join(f'{c.name} ({c.score:.0f})' for c in close[:5])}."
        super().__init__(message, **context)


class NoMatch(_Unresolved):
    """Nothing by that name, path or id could be seen."""

    default_hint = REGION_HINT


class Ambiguous(_Unresolved):
    """Several entities fit equally well; none was chosen."""

    default_hint = "Use the full name or the id of the one you mean."


class ConfirmationDeclined(KonnectError):
    """A person, or the absence of one, said no. Nothing was sent."""

    default_hint = "Pass a confirmation callback (Python) or --yes (command line) when you mean it."


class DebugSessionFailed(KonnectError):
    """A debug session ended without usable data. `status` is the last one seen."""

    default_hint = (
        "Check that data planes are 3.9.1 or later and attached to this control plane (for a member of a "
        "group: to the group), and that matching requests arrive during the session."
    )

    def __init__(
        self, message: str, *, status: str | None, debug_session_id: str | None = None, **context: Any
    ) -> None:
        self.status = status
        self.debug_session_id = debug_session_id
        super().__init__(message, **context)


class NotRecorded(KonnectError):
    """A replay was asked for a call that its recording does not have, or has no more answers to."""

    default_hint = (
        "A replay answers what was asked when it was recorded, with the same arguments. Record this run "
        "again with --record FILE, in Python with record=FILE."
    )


def _on_one_line(text: str) -> str:
    """`text` with white space as blanks and every other character that cannot be seen as its escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else repr(character)[1:-1]
