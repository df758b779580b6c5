"""Everything that can be set about a connection, in one frozen value.

The token is checked before anything is sent and never printed: not by repr, not by an exception. What is not
given comes from the environment, in the order Kong's own tools suggest (fact sheet 6.4):

    token    KONNECT_TOKEN, KONNECT_SPAT, KONNECT_ACCESS_TOKEN, DECK_KONNECT_TOKEN,
             KONGCTL_DEFAULT_KONNECT_PAT, DECK_KONNECT_MCP_TOKEN
    region   KONNECT_REGION, KONGCTL_DEFAULT_KONNECT_REGION, else us
    url      KONNECT_MCP_URL, DECK_KONNECT_MCP_HOST; wins over a region of the environment
    headers  KONNECT_MCP_HEADERS, `name: value` lines (a gateway's key); sent to a URL of the environment only

What headers carry may be as secret as the token: see `konnect_agent.credentials`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

from konnect_agent.credentials import keep_secret
from konnect_agent.errors import ConfigError
from konnect_agent.redaction import TOKEN
from konnect_agent.regions import Region, check_url, parse_region

TOKEN_VARIABLES = (
    "KONNECT_TOKEN", "KONNECT_SPAT", "KONNECT_ACCESS_TOKEN", "DECK_KONNECT_TOKEN",
    "KONGCTL_DEFAULT_KONNECT_PAT", "DECK_KONNECT_MCP_TOKEN",
)  # fmt: skip
REGION_VARIABLES = ("KONNECT_REGION", "KONGCTL_DEFAULT_KONNECT_REGION")
URL_VARIABLES = ("KONNECT_MCP_URL",)
HOST_VARIABLE = "DECK_KONNECT_MCP_HOST"
HEADERS_VARIABLE = "KONNECT_MCP_HEADERS"

_WHERE = (
    "Create a personal access token (kpat_...) or a system account token (spat_...) in Konnect "
    "and set KONNECT_TOKEN."
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110
_POSITIVE = ("connect_timeout", "idle_timeout", "call_timeout", "deadline", "max_wait", "time_scale")
_AT_LEAST_ONE = ("max_attempts", "max_in_flight", "max_response_bytes")


@dataclass(frozen=True, slots=True)
class Config:
    """Where to connect, as whom, and how patiently. Durations are seconds, sizes bytes.

    `deadline` bounds one operation with all its retries, `call_timeout` one attempt, `idle_timeout` the
    silence in the middle of an answer. `time_scale` is for a sandbox whose debug sessions run faster than
    the clock. Raises `ConfigError` for anything that could not work.
    """

    token: str = field(repr=False)
    url: str = Region.US.url
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    allow_insecure: bool = False
    connect_timeout: float = 10.0
    idle_timeout: float = 60.0
    call_timeout: float = 120.0
    deadline: float = 300.0
    max_attempts: int = 8
    first_wait: float = 0.25
    max_wait: float = 20.0
    max_in_flight: int = 4
    max_response_bytes: int = 64 * 1024 * 1024
    time_scale: float = 1.0

    def __post_init__(self) -> None:
        check_token(self.token)
        if not isinstance(self.url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError("The URL is no text.", hint="Give it as url='https://...'.")
        check_url(self.url, allow_insecure=self.allow_insecure)
        check_headers(self.headers)
        keep_secret(self.headers)
        least = {name: "a number, more than 0" for name in _POSITIVE if not _number(self, name) > 0}
        least |= {name: "a whole number, at least 1" for name in _AT_LEAST_ONE if not _whole(self, name) >= 1}
        least |= {"first_wait": "a number, at least 0"} if not _number(self, "first_wait") >= 0 else {}
        for name, bound in least.items():
            raise ConfigError(f"{name} must be {bound}.", hint=f"Leave {name} out to use its default.")

    @classmethod
    def build(
        cls,
        token: str | None = None,
        *,
        region: str | Region | None = None,
        url: str | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Config:
        """A config from arguments, with the environment for what is not given.

        `region` and `url` exclude each other as arguments; either given wins over the environment.
        """
        env = os.environ if environ is None else environ
        if "headers" not in settings:
            settings["headers"] = endpoint_headers(env, region=region, url=url)
        url = endpoint_url(env, region=region, url=url)
        if token is None:
            token = _first(env, TOKEN_VARIABLES)
        return cls(token=token or "", url=url, **settings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Config:
        """A config from the environment alone. Raises `ConfigError` naming what is missing."""
        return cls.build(environ=environ, **settings)


def endpoint_url(environ: Mapping[str, str], *, region: str | Region | None, url: str | None) -> str:
    """The URL that arguments name, else the environment; see `Config.build`. Raises `ConfigError`."""
    if region and url:
        raise ConfigError("Both a region and a URL were given.", hint="Give one of them.")
    if url is None and region is None:
        url = _url_in(environ)
    if url is None:
        url = parse_region(region or _first(environ, REGION_VARIABLES) or Region.US).url
    return url


def endpoint_headers(
    environ: Mapping[str, str], *, region: str | Region | None, url: str | None
) -> dict[str, str]:
    """The environment's headers, if the URL is the environment's, too; see `Config.build`.

    They are no business of any other server. Raises `ConfigError`, without showing them.
    """
    if region is not None or url is not None or _url_in(environ) is None:
        return {}
    return _headers(environ.get(HEADERS_VARIABLE, ""))


def _url_in(environ: Mapping[str, str]) -> str | None:
    """The URL that the environment names."""
    return _first(environ, URL_VARIABLES) or _host_url(environ.get(HOST_VARIABLE, ""))


def check_headers(headers: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for headers that are ours to send, or that HTTP cannot carry; no value is shown."""
    if not isinstance(headers, Mapping) or not all(isinstance(name, str) for name in headers):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError("headers is no mapping of names to values.", hint="Give a dict of texts.")
    said: set[str] = set()
    for name, value in headers.items():
        if name.strip().lower() == "authorization":
            raise ConfigError("headers carries an Authorization header.", hint="Give the token as token=.")
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is no name of a header.", hint="Write each as `name: value`.")
        if name.lower() in said:
            raise _named_twice(name)
        said.add(name.lower())
        if name.lower() in ("content-length", "transfer-encoding"):
            raise ConfigError(
                f"headers carries {name}, which is for each message to say.", hint="Leave it out."
            )
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ConfigError(
                f"The value of the header {name} is no line of printable ASCII.",
                hint="Encode it, or leave the header out.",
            )
        if value != value.strip():
            raise ConfigError(
                f"The value of the header {name} has blanks around it.", hint="Leave the blanks out."
            )


def check_token(token: str) -> None:
    """Raise `ConfigError` for a token that cannot be one, saying why without showing it."""
    if not token:
        raise ConfigError("No Konnect token was given.", hint=_WHERE)
    if not isinstance(token, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"The Konnect token is no text, but of type {type(token).__name__}.", hint=_WHERE)
    problem = _problem_of(token)
    if problem:
        raise ConfigError(f"The Konnect token is malformed: {problem}.", hint=_WHERE)


def _number(config: Config, name: str) -> float:
    """That setting, NaN if it is no number."""
    value = getattr(config, name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else nan


def _whole(config: Config, name: str) -> float:
    """That setting, NaN if it is no whole number."""
    return nan if isinstance(getattr(config, name), float) else _number(config, name)


def _problem_of(token: str) -> str | None:
    if token.strip().lower().startswith("bearer"):
        return "it starts with 'Bearer', which is added here"
    if any(character.isspace() for character in token):
        return "it contains white space"
    if not token.isascii() or not token.isprintable():
        return "it contains characters no token has"
    if token[0] in "\"'$<{":
        return "it looks like a placeholder or is quoted"
    if not token.startswith(("kpat_", "spat_")):
        return "it starts with neither kpat_ nor spat_"
    if not re.fullmatch(TOKEN, token):
        return "what follows kpat_ or spat_ is no token"
    return None


def _first(env: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((env[name] for name in names if env.get(name)), None)


def _headers(lines: str) -> dict[str, str]:
    """`name: value` lines as headers. Raises `ConfigError` for anything else, without showing it."""
    headers: dict[str, str] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not (name and colon and value):
            raise ConfigError(
                f"{HEADERS_VARIABLE} has a line that is no header.", hint="Write each as `name: value`."
            )
        if name in headers:
            raise _named_twice(name)
        headers[name] = value
    return headers


def _named_twice(name: str) -> ConfigError:
    return ConfigError(f"The header {name} is given twice.", hint="Give it once, in one spelling.")


def _host_url(host: str) -> str | None:
    if not host:
        return None
    return host if "://" in host else f"https://{host}/"
