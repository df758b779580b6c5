"""No log line of ours, or of a library under us, carries a token or a secret field, not even at DEBUG.

The SDK logs whole messages and the HTTP libraries whole headers when asked to. A filter on each of their
loggers rewrites a record before any handler sees it: credentials by their shape, and text under a key
whose name says secret, in JSON and in Python's notation, quoted once or more. Exceptions are formatted
here, so that their text passes through the same filter. Where the program configures no logging, Python
prints warnings on standard error as a last resort: what these libraries warn of is told by our errors, so
that one stays silent. Our retries are logged here, with their request ids: stamina's own line on each of
them is dropped, and those on anybody else's retries are left as they are.
"""

from __future__ import annotations

import logging

from konnect_agent.redaction import scrub_quoted

_LIBRARIES = frozenset({"konnect_agent", "mcp", "client", "httpx2", "httpcore2", "h2", "hpack"})
_FORMATTER = logging.Formatter()
_NOWHERE = logging.NullHandler()


def redact_logs() -> None:
    """Put the filter on every logger of the libraries under us that exists by now; safe to repeat."""
    for name in [*logging.root.manager.loggerDict, "konnect_agent"]:
        library = name.partition(".")[0]
        if library in _LIBRARIES:
            logging.getLogger(name).addFilter(_redact)
            logging.getLogger(library).addHandler(_NOWHERE)
    logging.getLogger("stamina").addFilter(_is_of_others)


def _is_of_others(record: logging.LogRecord) -> bool:
    return not str(getattr(record, "stamina.callable", "")).startswith("konnect_agent.")


def _redact(record: logging.LogRecord) -> bool:
    record.msg, record.args = scrub_quoted(record.getMessage()), None
    if record.exc_info:
        record.exc_text = scrub_quoted(_FORMATTER.formatException(record.exc_info))
        record.exc_info = None
    return True
