"""Tokens and secret fields never reach a log, a report, an exception or a recording.

Two passes, both pure. `scrub` works on text, by shape: Konnect tokens (`kpat_`, `spat_`), bearer and basic
credentials, JWTs, private keys, well-known API keys, passwords and secrets in a URL. `redact` works on data,
deep: text under a key whose name says secret is masked, and so is the value of a header `Name: value` with
such a name; booleans, numbers and vault references stay readable, all else is scrubbed as text. Names are a
heuristic (fact sheet 9.2, inferred): innocent ones such as `key_names` or `token_endpoint` are listed, and an
unknown name that sounds secret is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

MASK = "[redacted]"

TOKEN = r"(?i:kpat|spat)_[A-Za-z0-9][A-Za-z0-9_.~+/=-]*"
"""The shape of a Konnect token, as a regular expression."""

_SHAPES = re.compile(
    rf"{TOKEN}"
    # Groups hold what stays. A word of prose ("basic authentication") has no capital, digit or sign inside.
    r"|(\b(?i:bearer|basic)\s+)(?=[^\s]+?[A-Z0-9~+/=_])[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(?:(?:sk|rk)_(?:live|test)|gh[opsur]|github_pat)_[A-Za-z0-9_]{10,}|\bxox[a-z]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(://[^\s/:@?#]*:)[^\s/@?#]+(?=@)"
    r"|((?i:[?&;](?:access_token|api[_-]?key|token|secret|password|client_secret|sig|signature)=))[^&\s\"'#]+"
)
# A word or an id, as most arguments are; no shape looks like one, and looking for all of them takes longer.
_HARMLESS = re.compile(r"[a-z]{0,24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET_NAME = re.compile(
    r"secret|password|passwd|passphrase|token|api[_-]?key|private[_-]?key|access[_-]?key|credential"
    r"|client_assertion|authorization|cookie|service_account_json|(?:^|_)jwk$|^key$|[_-]key$|^key_alt$"
    r"|(?:header|param)s?_values?$",
    re.IGNORECASE,
)
_INNOCENT_NAME = re.compile(
    r"key_?names?|key_in_\w+|hide_credentials|(?:cache|partition|primary|public)_key|max_tokens|token_exchange"
    r"|(?:completion|prompt|total)_tokens|tokens_count_strategy|(?:session_)?cookie_(?:domain|same_?site|secure"
    r"|http_only)|\w+_(?:endpoint|endpoint_auth_method|names?|headers?|headers_client|ttl|types?|ur[li]|username"
    r"|expiration|leeway|claims?|claim_field|params?|in|path)|credential_claim",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\{vault://[^/{}]+/[^{}]+\}")
# A colon, or the comma of a pair of bytes, as the HTTP libraries write a header.
_KEY = re.compile(r"(?<!\\)(\\*[\"'])([\w.-]{2,64})\1(?:\s*:\s*|, b(?=[\"']))")
_HEADER = re.compile(r"^([ \t]*([A-Za-z][\w.-]{1,63})[ \t]*:[ \t]*)(?!//)(\S[^\r\n]*)", re.MULTILINE)
_VALUE = re.compile(r"(\\*[\"'])(.*?)(?:\1|\Z)|[\[{][^\]}]+(?:[\]}]|\Z)", re.DOTALL)
_DEEPEST = 100


def scrub(text: str) -> str:
    """`text` with everything that has the shape of a credential replaced by a mask."""
    if _HARMLESS.fullmatch(text):
        return text
    return _SHAPES.sub(lambda match: next(filter(None, match.groups()), "") + MASK, text)


def scrub_quoted(text: str) -> str:
    """Like `scrub`, and without the values of secret fields in data that `text` quotes, cut off or not.

    Such data is JSON or Python's notation, its quotes escaped once, more often, or not at all.
    """
    kept: list[str] = []
    done = 0
    for key in _KEY.finditer(text):
        quote, name = key.groups()
        value = _VALUE.match(text, key.end()) if key.start() >= done and is_secret_name(name) else None
        if value is None or value[2] == "" or is_reference(value[2] or ""):
            continue
        kept += text[done : value.start()], quote, MASK, quote
        done = value.end()
    return scrub("".join((*kept, text[done:])))


def is_secret_name(name: str) -> bool:
    """Whether a field called `name` should be treated as holding a secret."""
    return bool(_SECRET_NAME.search(name)) and not _INNOCENT_NAME.fullmatch(name)


def is_reference(value: str) -> bool:
    """Whether the whole value is a vault reference, `{vault://...}`."""
    return bool(_REFERENCE.fullmatch(value))


def redact(data: Any) -> Any:
    """A copy of plain data (dicts, lists, scalars) that may be shown to anyone."""
    return _redacted(data, secret=False, depth=0)


def _without_headers(text: str) -> str:
    """`text` without the values of secret headers, written `Name: value` as some plugins are configured."""

    def kept(header: re.Match[str]) -> str:
        notation, name, value = header.groups()
        stays = is_reference(value.rstrip()) or not is_secret_name(name)
        return header[0] if stays else notation + MASK

    return _HEADER.sub(kept, text)


def _redacted(data: Any, *, secret: bool, depth: int) -> Any:
    """Below a `secret` name all text goes; structure, booleans, numbers and references stay."""
    if isinstance(data, (bytes, bytearray)):
        data = data.decode("utf-8", "replace")
    if isinstance(data, str):
        return MASK if secret and data and not is_reference(data) else _without_headers(scrub(data))
    if depth > _DEEPEST and isinstance(data, (Mapping, list, tuple, set, frozenset)):
        return MASK
    if isinstance(data, Mapping):
        items = cast("Mapping[Any, Any]", data).items()
        return {
            scrub(str(key)): _redacted(value, secret=secret or is_secret_name(str(key)), depth=depth + 1)
            for key, value in items
        }
    if isinstance(data, (list, tuple, set, frozenset)):
        values = cast("Iterable[Any]", data)
        return [_redacted(value, secret=secret, depth=depth + 1) for value in values]
    return data
