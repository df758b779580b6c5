"""What is examined, and what the checks so far have found out about it.

Settings are worked out when they are asked for, by the same functions `Config` uses, and raise the same
`ConfigError`. Whatever the wire tells meanwhile (`konnect_agent.events`) is kept for the checks that ask
nothing of their own: the clock and the round trip.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from konnect_agent import events
from konnect_agent.client import Konnect
from konnect_agent.config import (
    TOKEN_VARIABLES,
    Config,
    check_headers,
    check_token,
    endpoint_headers,
    endpoint_url,
)
from konnect_agent.diagnosis.proxies import Proxy, proxy_for
from konnect_agent.diagnosis.target import Target
from konnect_agent.errors import ConfigError, HttpError
from konnect_agent.models import ControlPlane
from konnect_agent.regions import Region, parse_regions


@dataclass
class Case:
    """One attempt to reach Konnect with one token. `token` None means: from the environment; an error, why
    the one that was meant could not be read.

    The limits are seconds: somebody is waiting, so they are shorter than those of `Config`.
    """

    connect_limit: ClassVar[float] = 5.0
    call_limit: ClassVar[float] = 15.0

    token: str | ConfigError | None
    token_from: str
    region: str | Region | None
    url: str | None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    """None means: from the environment, if the URL is."""
    refusal: HttpError | None = None
    """With what the server refused the whole connection: 401 or 403."""
    planes: tuple[ControlPlane, ...] = ()
    connected: events.Connected | None = None
    dates: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """Date headers, each with the local time at which it came (seconds since 1970)."""
    calls: list[float] = field(default_factory=list[float])
    """How long each answered tool call took, in seconds."""

    def note(self, event: events.Event) -> None:
        """Keep what the wire tells."""
        match event:
            case events.HttpAnswered(_, str(date)):
                self.dates.append((date, time.time()))
            case events.CallFinished(outcome="ok"):
                self.calls.append(event.duration_s)
            case events.Connected():
                self.connected = event
            case _:
                pass

    @property
    def token_variables(self) -> tuple[str, ...]:
        """The environment's variables that hold a token; the first one counts."""
        return tuple(name for name in TOKEN_VARIABLES if os.environ.get(name))

    @cached_property
    def usable_token(self) -> str:
        """The token. Raises `ConfigError` when there is none, or none that could be one."""
        found = self.token
        if isinstance(found, ConfigError):
            raise found
        if found is None:
            found = next((os.environ[name] for name in self.token_variables), "")
        check_token(found)
        return found

    @cached_property
    def target(self) -> Target:
        """Where the server is. Raises `ConfigError`."""
        if self.region is not None and self.url is None:
            named = parse_regions(self.region)
            if len(named) > 1:
                raise ConfigError(
                    f"One region at a time: {', '.join(named)} are {len(named)}.",
                    hint="Run the diagnosis once for each of them.",
                )
            return Target.of(*named.values())
        return Target.of(endpoint_url(os.environ, region=self.region, url=self.url))

    @cached_property
    def usable_headers(self) -> Mapping[str, str]:
        """What is sent beside the token, such as a gateway's key. Raises `ConfigError`."""
        found = self.headers
        if found is None:
            found = endpoint_headers(os.environ, region=self.region, url=self.url)
        check_headers(found)
        return found

    @cached_property
    def proxy(self) -> Proxy | None:
        """What stands between, if anything. Raises `ConfigError` for a setting that is no proxy."""
        return proxy_for(self.target)

    @property
    def first_hop(self) -> tuple[str, int]:
        """Host and port of whatever is connected to first."""
        return (self.proxy or self.target).host, (self.proxy or self.target).port

    @cached_property
    def konnect(self) -> Konnect:
        """A client that tries everything once: what happens is what is to be seen."""
        return Konnect(
            config=Config(
                token=self.usable_token,
                url=self.target.url,
                headers=self.usable_headers,
                max_attempts=1,
                connect_timeout=self.connect_limit,
                idle_timeout=self.call_limit,
                call_timeout=self.call_limit,
                deadline=self.call_limit,
            )
        )

    @property
    def endpoint(self) -> str | None:
        """The URL, once it is known to be one."""
        target: Target | None = self.__dict__.get("target")
        return target.url if target else None

    async def aclose(self) -> None:
        """End the mcp session, if there is one."""
        konnect: Konnect | None = self.__dict__.get("konnect")
        if konnect is not None:
            await konnect.aclose()
