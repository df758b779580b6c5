"""The address of a service that is given in one piece.

`url` is Kong's short form of protocol, host, port and path (Admin API and decK, documented), under which
nothing is stored. A service with a host of its own is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"https": 443}
_ELSE = 80
"""Kong's default for every protocol it knows no other port of."""


def spelled_out(service: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a service, with those its `url` stands for; a `url` that is none says nothing."""
    url = service.get("url")
    if service.get("host") or not isinstance(url, str):
        return dict(service)
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _PORTS.get(parts.scheme, _ELSE)
    except ValueError:  # brackets that do not close, a port that is no number
        return dict(service)
    if not (parts.scheme and parts.hostname):
        return dict(service)
    path = {"path": parts.path} if parts.path else {}
    return {**service, "protocol": parts.scheme, "host": parts.hostname, "port": port, **path}
