"""The HTTP client for whoever brings none: certificates and proxies are those of the environment.

What is on this machine is never asked for through a proxy, which would see the token; plain http leaves the
machine only if `allow_insecure` says so (see `regions`). What is wrong with the environment is said as such:
nothing has been sent, and no firewall is in the way.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpx2

from konnect_agent.config import Config
from konnect_agent.errors import ConfigError
from konnect_agent.regions import is_loopback

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def http_client(config: Config) -> httpx2.AsyncClient:
    """A client for the server of `config`. Raises what `client_to` raises."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=config.max_in_flight)
    return client_to(config.url, limits=limits)


def client_to(url: str, **settings: Any) -> httpx2.AsyncClient:
    """A client for one server, with `settings` of httpx2's own. Raises `ConfigError` for certificates and
    proxies of no use."""
    try:
        certificates = trusted_certificates()
    except OSError as error:
        named = {name: os.environ.get(name) for name in _CERTIFICATES}
        told = " and ".join(f"{name}={path}" for name, path in named.items() if path)
        raise ConfigError(
            f"The trusted certificates cannot be read ({told or 'of the system'}): {error}",
            hint="Set SSL_CERT_FILE to a file of certificates in PEM, or unset it.",
        ) from None
    try:
        return httpx2.AsyncClient(
            verify=certificates, trust_env=not is_loopback(httpx2.URL(url).host), **settings
        )
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        raise ConfigError(
            f"The proxy of the environment cannot be used: {error}",
            hint="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the host in NO_PROXY.",
        ) from None


def trusted_certificates() -> ssl.SSLContext:
    """What servers are verified by: SSL_CERT_FILE or SSL_CERT_DIR, else the system's authorities.

    Raises `OSError` (`ssl.SSLError` is one) when they cannot be read.
    """
    return _certificates(*(os.environ.get(name) for name in _CERTIFICATES))


@cache
def _certificates(cafile: str | None, capath: str | None) -> ssl.SSLContext:
    """The trusted certificates; reading them takes longer than connecting. The arguments are what decides."""
    return httpx2.create_ssl_context()
