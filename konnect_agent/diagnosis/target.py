"""Where the MCP Server is: its URL, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from konnect_agent.regions import check_url

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may carry a token."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """The parts of `url`. Raises `ConfigError` when it is not fit for a token."""
        parts = urlsplit(check_url(url))
        port = parts.port or _PORTS[parts.scheme]
        return cls(url, parts.scheme, (parts.hostname or "").lower(), port, parts.path or "/")

    @property
    def authority(self) -> str:
        """Host and port as HTTP writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
