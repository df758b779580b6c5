"""A client for the Kong Konnect MCP Server: typed, honest about failures, hard to kill.

Start with `Konnect`. Every failure is a class of `konnect_agent.errors`; entities are in
`konnect_agent.models`; an embedded Konnect to try everything on is `konnect_agent.sandbox.Sandbox`.
The names below are loaded when first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from konnect_agent.client import Konnect
    from konnect_agent.config import Config
    from konnect_agent.errors import (
        Ambiguous,
        Candidate,
        ConfigError,
        ConfirmationDeclined,
        ConnectionFailed,
        DebugSessionFailed,
        Forbidden,
        HttpError,
        InvalidArguments,
        KonnectError,
        McpAccessDisabled,
        NoMatch,
        NotFound,
        NotRecorded,
        RateLimited,
        ServerError,
        SessionLost,
        TimedOut,
        TooLarge,
        ToolError,
        ToolUnavailable,
        Unauthorized,
        Undecodable,
        Unreachable,
    )
    from konnect_agent.models import DebugCriteria, DebugStatus
    from konnect_agent.regions import Region

_HOMES = {
    "client": ("Konnect",),
    "config": ("Config",),
    "errors": (
        "Ambiguous", "Candidate", "ConfigError", "ConfirmationDeclined", "ConnectionFailed",
        "DebugSessionFailed", "Forbidden", "HttpError", "InvalidArguments", "KonnectError",
        "McpAccessDisabled", "NoMatch", "NotFound", "NotRecorded", "RateLimited", "ServerError",
        "SessionLost", "TimedOut", "ToolError", "ToolUnavailable", "TooLarge", "Unauthorized", "Undecodable",
        "Unreachable",
    ),
    "models": ("DebugCriteria", "DebugStatus"),
    "regions": ("Region",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Ambiguous",
    "Candidate",
    "Config",
    "ConfigError",
    "ConfirmationDeclined",
    "ConnectionFailed",
    "DebugCriteria",
    "DebugSessionFailed",
    "DebugStatus",
    "Forbidden",
    "HttpError",
    "InvalidArguments",
    "Konnect",
    "KonnectError",
    "McpAccessDisabled",
    "NoMatch",
    "NotFound",
    "NotRecorded",
    "RateLimited",
    "Region",
    "ServerError",
    "SessionLost",
    "TimedOut",
    "TooLarge",
    "ToolError",
    "ToolUnavailable",
    "Unauthorized",
    "Undecodable",
    "Unreachable",
    "__version__",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
