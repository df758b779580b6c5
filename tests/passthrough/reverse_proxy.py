"""A real nginx in front of real servers, on a loopback port and without root.

    /konnect-mcp             passed on as it comes (streaming); so is /marketplace
    /buffered/konnect-mcp    held until complete, both ways
    /limited/konnect-mcp     a few requests, then 429
    /steady/konnect-mcp      four requests at once and then twenty in a second; 429 in between
    /dropping/konnect-mcp    connections idle for some milliseconds are closed
    /dead/konnect-mcp        nobody listens behind it: 502
    /silent/konnect-mcp      somebody listens and says nothing: 504
    /cutting/konnect-mcp     an answer that pauses for half a second is cut off

All want the key, allow bodies of `MOST` bytes, and strip their path: the server behind sees its own root.
`/rest/` leads to a REST service. nginx refuses with pages of its own; with `like_kong`, with the bodies and
headers that Kong documents. The sockets are made here and inherited, so no port can be taken in between.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

KEY = "the-key-of-the-gateway-and-no-token"
MOST = 16 * 1024
_SAID = {
    401: "$key_error",
    404: "no Route matched with those values",
    413: "Request size limit exceeded",
    429: "API rate limit exceeded",
    502: "An invalid response was received from the upstream server",
    504: "The upstream server is timing out",
}
_EXECUTABLE = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))


@dataclass(frozen=True)
class ReverseProxy:
    """Where it is, and whose words it uses. `url` ends without a slash."""

    url: str
    like_kong: bool

    async def idle_connections_are_closed(self) -> None:
        """Wait until no client has an idle connection any more."""
        async with httpx2.AsyncClient(headers={"connection": "close"}, trust_env=False) as client:
            with anyio.fail_after(10):
                while "Waiting: 0" not in (await client.get(f"{self.url}/status")).text:
                    await anyio.lowlevel.checkpoint()


@contextmanager
def reverse_proxy(
    servers: Mapping[str, str], folder: Path, *, like_kong: bool = False
) -> Generator[ReverseProxy]:
    """Run nginx in front of `servers` (`konnect`, `marketplace`, `rest`: URLs) for the block."""
    if _EXECUTABLE is None:
        pytest.skip("nginx is not installed (Debian and Ubuntu: apt-get install nginx-light)")
    with ExitStack() as stack:
        front, dead, silent = (stack.enter_context(_socket()) for _ in range(3))
        front.listen(64)
        silent.listen(64)
        behind = {**servers, "dead": _url(dead), "silent": _url(silent)}
        url, written = _url(front), folder / "nginx.conf"
        written.write_text(_configuration(url, behind, folder, like_kong=like_kong))
        process = subprocess.Popen(
            [_EXECUTABLE, "-e", folder / "errors", "-p", folder, "-c", written],
            pass_fds=[front.fileno()],
            env={**os.environ, "NGINX": f"{front.fileno()};"},
        )
        front.close()  # it is nginx's now: without one, connections are refused and nobody waits
        try:
            yield ReverseProxy(url.rstrip("/"), like_kong)
        finally:
            process.terminate()
            process.wait(10)


def _socket() -> socket.socket:
    """A loopback port that is taken, and on which nobody listens yet."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def _url(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}/"


def _configuration(url: str, behind: Mapping[str, str], folder: Path, *, like_kong: bool) -> str:
    streaming = "proxy_buffering off; proxy_request_buffering off;"
    locations = [
        _location("/konnect-mcp", behind["konnect"], streaming, like_kong=like_kong),
        _location("/marketplace", behind["marketplace"], streaming, like_kong=like_kong),
        _location("/buffered/konnect-mcp", behind["konnect"], "proxy_buffering on;", like_kong=like_kong),
        _location(
            "/limited/konnect-mcp",
            behind["konnect"],
            "limit_req zone=few burst=8 nodelay;",
            like_kong=like_kong,
        ),
        _location(
            "/steady/konnect-mcp",
            behind["konnect"],
            "limit_req zone=steady burst=3 nodelay;",
            like_kong=like_kong,
        ),
        _location("/dropping/konnect-mcp", behind["konnect"], "keepalive_timeout 20ms;", like_kong=like_kong),
        _location("/dead/konnect-mcp", behind["dead"], "", like_kong=like_kong),
        _location("/silent/konnect-mcp", behind["silent"], "proxy_read_timeout 100ms;", like_kong=like_kong),
        _location(
            "/cutting/konnect-mcp",
            behind["konnect"],
            f"{streaming} proxy_read_timeout 500ms;",
            like_kong=like_kong,
        ),
        f"location /rest/ {{ proxy_pass {behind['rest']}; }}",
        "location = /status { stub_status; }",
        *(_refusals() if like_kong else ()),
    ]
    temporary = (f"{each}_temp_path {folder}/{each};" for each in _TEMPORARY)
    # The workers of a root's nginx belong to nobody, who may not enter this folder.
    owner = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    return f"""{owner} daemon off; worker_processes 1; pid {folder}/pid;
events {{ worker_connections 256; }}
http {{
  access_log off; {" ".join(temporary)}
  client_max_body_size {MOST}; limit_req_status 429;
  limit_req_zone $server_port zone=few:1m rate=1r/m; limit_req_zone $server_port zone=steady:1m rate=20r/s;
  map $http_apikey $admitted {{ default 0; "{KEY}" 1; }}
  map $http_apikey $key_error {{ default "Unauthorized"; "" "No API key found in request"; }}
  server {{
    listen {urlsplit(url).netloc};
    proxy_http_version 1.1; proxy_set_header Connection "";
    {" ".join(locations)}
  }}
}}
"""


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _location(path: str, upstream: str, more: str, *, like_kong: bool) -> str:
    marks = (
        'add_header Via "1.1 kong/3.12.0.0-enterprise-edition" always;'
        "add_header X-Kong-Upstream-Latency 3 always; add_header X-Kong-Proxy-Latency 1 always;"
    )
    admission = "if ($admitted = 0) { return 401; }"
    return f"location = {path} {{ {admission} {marks if like_kong else ''} {more} proxy_pass {upstream}; }}"


def _refusals() -> list[str]:
    """What Kong says in the place of nginx's pages."""
    made = "default_type application/json; add_header X-Kong-Response-Latency 0 always;"
    challenge = """add_header WWW-Authenticate 'Key realm="kong"' always;"""
    return [
        f"error_page {status} = @{status}; location @{status} {{ {made} {challenge if status == 401 else ''}"
        f""" return {status} '{{"message":"{words}"}}'; }}"""
        for status, words in _SAID.items()
    ]
