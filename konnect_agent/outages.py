"""What broke on the way: the HTTP library's exceptions as errors of our tree.

Each says what it was (a name that does not resolve, a handshake, a connection that was refused or cut), which
time limit fired, and whether the request may have left. Under trio only the first of the chained exceptions
says what it was, so all of them are looked at.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx2

from konnect_agent.decoding import undecodable
from konnect_agent.errors import (
    ENDPOINT_HINT,
    ConfigError,
    ConnectionFailed,
    HttpError,
    KonnectError,
    RateLimited,
    ServerError,
    TimedOut,
    TooLarge,
    Unreachable,
)

_HEADERS_HINT = "Check the headers given as headers=, and those of the HTTP client given as http_client=."
_CLIENT_HINT = "If it was given as http_client=, look at its transport and its event hooks."

BROKEN = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)
"""Everything an exchange can break of."""


def broken(error: Exception, request: httpx2.Request) -> KonnectError:
    """The error of the tree for one of `BROKEN`."""
    if isinstance(error, httpx2.TimeoutException):
        return _timed_out(error, request)
    if isinstance(error, httpx2.DecodingError):
        return undecodable("a body that is not compressed as it says", str(error), "body")
    if isinstance(error, httpx2.LocalProtocolError):
        what = str(error).partition(" b'")[0]  # what follows is a header's value
        return ConfigError(f"The request cannot be written as HTTP: {what}.", hint=_HEADERS_HINT)
    causes = tuple(_causes(error))
    words = next((str(cause) for cause in causes if str(cause)), type(error).__name__)
    host = request.url.host
    if isinstance(error, httpx2.ConnectError):
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            what = f"The TLS handshake with {host} failed: {words}"
        elif any(isinstance(cause, socket.gaierror) for cause in causes):
            what = f"The name {host} does not resolve: {words}"
        else:
            what = f"No connection to {host}: {words}"
        return Unreachable(what, sent=False)
    if isinstance(error, (httpx2.ProxyError, httpx2.UnsupportedProtocol)):
        return Unreachable(f"No connection to {host} through the proxy: {words}", sent=False)
    return Unreachable(f"The connection to {host} broke: {words}")


def foreign(error: Exception) -> ConnectionFailed:
    """The error for an exception of no HTTP library: of somebody's own transport or event hook."""
    return ConnectionFailed(f"The HTTP client failed: {type(error).__name__}: {error}", hint=_CLIENT_HINT)


def closed() -> ConfigError:
    """The error for a caller's own HTTP client that its owner has closed."""
    what = "The HTTP client given as http_client= is closed."
    return ConfigError(what, hint="Keep it open for as long as the client that uses it.")


def cut() -> Unreachable:
    """The error for an answer that ended too early."""
    return Unreachable("The connection was cut before the answer was complete.")


def unanswered() -> Unreachable:
    """The error for an event stream that was ended by the server, and had no answer in it."""
    what = "The server ended its event stream without an answer, against the protocol."
    return Unreachable(what, hint=ENDPOINT_HINT)


def too_large(size: int, cap: int) -> TooLarge:
    """The error for an answer of which `size` bytes came; as many as `cap` when it was a single event."""
    seen = f"{size:,} bytes of it came" if size > cap else "in a single event"
    return TooLarge(f"The answer exceeds the cap of {cap:,} bytes: {seen}.", size=size, cap=cap)


def redirected(response: httpx2.Response) -> HttpError:
    """The error for a redirect that is not followed, with its target but not what the target carries."""
    target = response.next_request.url if response.next_request else None
    where = target.copy_with(userinfo=b"", query=None, fragment=None) if target else "nowhere"
    return HttpError(
        f"HTTP {response.status_code}: redirected to {where}, which was not followed: it would take the "
        "token to another origin, turn the message into something else, or go round in circles.",
        status=response.status_code,
        hint="If that is the intended server, give its URL as url= / --url.",
    )


def no_endpoint(status: int, **context: Any) -> HttpError:
    """The error for a server that has no MCP at this path."""
    what = f"HTTP {status}: there is no MCP endpoint at this URL."
    return HttpError(what, status=status, hint=ENDPOINT_HINT, **context)


def is_outage(error: KonnectError) -> bool:
    """Whether the server could not be asked, or not now; 500 and 501 may be all an old one has to say."""
    if isinstance(error, ServerError):
        return error.status not in (500, 501)
    return isinstance(error, (Unreachable, TimedOut, TooLarge, RateLimited))


def _timed_out(error: httpx2.TimeoutException, request: httpx2.Request) -> TimedOut:
    limits: dict[str, Any] = request.extensions.get("timeout", {})
    if isinstance(error, httpx2.ConnectTimeout):
        seconds = limits.get("connect")
        return TimedOut(f"No connection within {seconds:g} s (connect_timeout).", limit="connect", sent=False)
    if isinstance(error, httpx2.WriteTimeout):
        seconds = limits.get("write")
        what = f"The server took nothing of the request for {seconds:g} s (idle_timeout)."
        return TimedOut(what, limit="idle")
    seconds = limits.get("read")
    return TimedOut(
        f"The server was silent for {seconds:g} s in the middle of an answer (idle_timeout).", limit="idle"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
