"""No log line of ours, or of a library under us, carries a token or a secret field, not even at DEBUG.

The SDK logs whole messages and the HTTP libraries whole headers when asked to. A filter on each of their
loggers rewrites a record before any handler sees it: credentials by their shape, and text under a key
whose name says secret, in JSON and in Python's notation, quoted once or more. Exceptions are formatted
here, so that their text passes through the same filter.
"""

from __future__ import annotations

import logging
import re

from konnect_agent.redaction import MASK, is_reference, is_secret_name, scrub

_LIBRARIES = frozenset({"konnect_agent", "mcp", "httpx2", "httpcore2", "client"})
_FIELD = re.compile(r"(\\*[\"'])([\w.-]{2,64})\1(\s*:\s*)(\\*[\"'])((?:(?!\4).){1,65536})\4")
_FORMATTER = logging.Formatter()


def redact_logs() -> None:
    """Put the filter on every logger of the libraries under us that exists by now; safe to repeat."""
    for name in [*logging.root.manager.loggerDict, "konnect_agent"]:
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).addFilter(_redact)


def scrub_line(text: str) -> str:
    """`text` without credentials, and without the values of secret fields in any data it quotes."""
    return scrub(_FIELD.sub(_masked, text))


def _masked(match: re.Match[str]) -> str:
    quote, key, colon, value_quote, value = match.groups()
    if not is_secret_name(key) or is_reference(value):
        return match.group()
    return f"{quote}{key}{quote}{colon}{value_quote}{MASK}{value_quote}"


def _redact(record: logging.LogRecord) -> bool:
    record.msg, record.args = scrub_line(record.getMessage()), None
    if record.exc_info:
        record.exc_text = scrub_line(_FORMATTER.formatException(record.exc_info))
        record.exc_info = None
    return True
