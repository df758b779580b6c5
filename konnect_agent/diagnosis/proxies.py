"""The proxy that stands between here and a server, by the environment's settings as httpx2 reads them.

`https_proxy` or `http_proxy` for a URL of that scheme, else `all_proxy`, in small letters first, unless
`no_proxy` exempts the host: a name and all below it, `.name` or `*.name` for those below only, an address, a
network, or `*`. Without such variables macOS and Windows are asked for theirs. What is on this machine is
never asked for through a proxy (see `konnect_agent.http_client`).
"""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from konnect_agent.diagnosis.target import Target
from konnect_agent.errors import ConfigError, Unreachable
from konnect_agent.redaction import MASK
from konnect_agent.regions import is_loopback

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST_HEAD = 64 * 1024
_FORM_HINT = "A proxy is written http://host:port, https://..., or socks5://..."
PROXY_HINT = (
    "Check the proxy's address, its user name and password (they stand before the host, with an @), and that "
    "it lets *.mcp.konghq.com through; if there is a way without it, name the host in NO_PROXY."
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; `source` is the variable that names it, `credentials` are what is sent to it."""

    scheme: str
    host: str
    port: int
    source: str
    credentials: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        who = f"{MASK}@" if self.credentials else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{who}{host}:{self.port}"


def proxy_for(target: Target) -> Proxy | None:
    """The proxy for a server, None if it is reached directly. Raises `ConfigError` for what is no proxy."""
    settings = getproxies()
    kind = next((kind for kind in (target.scheme, "all") if settings.get(kind)), None)
    if kind is None or is_loopback(target.host) or is_exempt(target.host, settings.get("no", "")):
        return None
    written = settings[kind]
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    source = next((name for name in names if os.environ.get(name) == written), "the system's settings")
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        host, port = None, 0
        parts = urlsplit("")
    if not host:
        raise ConfigError(f"What {source} names is no proxy this program can use.", hint=_FORM_HINT)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return Proxy(parts.scheme, host, port, source, None if pair == ":" else pair)


def is_exempt(host: str, exceptions: str) -> bool:
    """Whether a list as in NO_PROXY names the host."""
    return any(_covers(entry.strip().lower(), host) for entry in exceptions.split(",") if entry.strip())


def _covers(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of the two is a name
        pass
    if entry.startswith((".", "*.")):
        return host.endswith(entry.removeprefix("*"))
    return host == entry or (entry != "localhost" and host.endswith(f".{entry}"))


async def open_tunnel(proxy: Proxy, target: Target, stream: ByteStream) -> None:
    """Ask an HTTP proxy to pass `stream` on to the server (CONNECT, RFC 9110 9.3.6).

    Raises `Unreachable` with the proxy's status when it does not.
    """
    lines = [f"CONNECT {target.authority} HTTP/1.1", f"Host: {target.authority}"]
    if proxy.credentials:
        lines.append(f"Proxy-Authorization: Basic {b64encode(proxy.credentials.encode()).decode()}")
    try:
        await stream.send("\r\n".join((*lines, "", "")).encode())
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", _LONGEST_HEAD)
    except (anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound, anyio.BrokenResourceError):
        raise Unreachable("The proxy hung up instead of answering.", sent=False, hint=PROXY_HINT) from None
    status = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")[2].strip()
    if not status.startswith("2"):
        said = f"The proxy does not let us through to {target.authority}: HTTP {status[:200]}"
        raise Unreachable(said, sent=False, hint=PROXY_HINT)
