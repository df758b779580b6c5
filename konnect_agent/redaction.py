"""Tokens and secret fields never reach a log, a report, an exception or a recording.

Two passes, both pure and linear. `scrub` works on text: by shape (Konnect tokens, bearer and basic
credentials, JWTs, private keys, well-known API keys, passwords in a URL, the path of a webhook's URL), and
what is assigned to a name that says secret (`password=...`). `redact` works on data, deep: text under such a
name is masked, and so is the value of a header `Name: value`; under a webhook's name, URLs keep their host
alone. Booleans, numbers and vault references stay readable, all else is scrubbed as text. Names are a
heuristic (fact sheet 9.2, inferred): innocent ones such as `key_names` or `token_endpoint` are listed, and
an unknown name that sounds secret is masked.
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
    r"|(?<![\w-])(?:sk-(?=[\w-]*[A-Z0-9])|glpat-|hv[sbr]\.)[\w-]{16,}|\bAIza[\w-]{30,}|\bnpm_[A-Za-z0-9]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(://[^\s/:@?#]*:)[^\s/@?#]+(?=@)"
    r"|((?i:[?&;](?:sig|signature)=))[^&\s\"'#]+"
)
# A word or an id, as most arguments are; no shape looks like one, and looking for all of them takes longer.
_HARMLESS = re.compile(r"[a-z]{0,24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET_NAME = re.compile(
    r"secret|password|passwd|pwd$|passphrase|token|(?:api|private|access|account)[_-]?key|credential"
    r"|client_assertion|authorization|cookie|service_account_json|(?:^|_)jwk$|^key$|[_-]key$|^key_alt$"
    r"|(?:header|param)s?_values?$|(?:^|[_-])(?:pass|psk)$",
    re.IGNORECASE,
)
_INNOCENT_NAME = re.compile(
    r"key_?names?|key_in_\w+|hide_credentials|(?:cache|partition|primary|public)_key|max_tokens|token_exchange"
    r"|(?:completion|prompt|total)_tokens|tokens_count_strategy|(?:session_)?cookie_(?:domain|same_?site|secure"
    r"|http_only)|\w+_(?:endpoint|endpoint_auth_method|names?|headers?|headers_client|ttl|types?|ur[li]|username"
    r"|expiration|leeway|claims?|claim_field|params?|in|path)|credential_claim",
    re.IGNORECASE,
)
_WEBHOOK_NAME = re.compile(r"webhook", re.IGNORECASE)
_REFERENCE = re.compile(r"\{vault://[^/{}]+/[^{}]+\}")
_HEADER = re.compile(r"^([ \t]*([A-Za-z][\w.-]{1,63})[ \t]*:[ \t]*)(?!//)(\S[^\r\n]*)", re.MULTILINE)
# What data quotes: a colon, or the comma of a pair of bytes, as the HTTP libraries write a header.
_KEY = re.compile(r"(?<!\\)(?P<quote>\\*[\"'])(?P<name>[\w.-]{2,64})(?P=quote)(?:\s*:\s*|, b(?=[\"']))")
_VALUE = re.compile(r"(?P<quote>\\*[\"'])(?P<text>.*?)(?:(?P=quote)|\Z)|[\[{][^\]}]+(?:[\]}]|\Z)", re.DOTALL)
# Connection strings and queries, but no comparison, and no quote that only ends what is around.
_VARIABLE = re.compile(r"(?<![\w.-])(?P<name>[\w.-]{1,64})[ \t]{0,4}=(?![=~>])[ \t]{0,4}(?P<quote>)")
_ASSIGNED = re.compile(
    r"(?P<quote>\\*[\"'])(?![\s,;:)}\]+])(?P<text>[^\r\n]*?)(?:(?P=quote)|(?=[\r\n])|\Z)"
    r"|\{[^{}\r\n]+\}|[^\s&;\"'\\]+"
)
_URL = re.compile(r"(//[^\s/?#\"'<>\\]*)[/?#][^\s\"'<>\\]+")
# Who knows a webhook's URL may post to it. Its path looks made up: a page about webhooks stays readable.
_HOOK = re.compile(
    r"((?://|@)(?:[\w.-]{1,160}(?::\d{1,5})?/)?(?:[\w.~%-]{1,100}/){0,8}?[\w.~%-]{0,100}?hook[\w.~%-]{0,100}+"
    r"(?::\d{1,5})?/)(?=[^\s\"'<>\\|,;()\[\]{}]{0,100}?(?:[A-Z]|\d\d))[^\s\"'<>\\|,;()\[\]{}]+"
)
_DEEPEST = 100


def scrub(text: str) -> str:
    """`text` with everything that has the shape of a credential replaced by a mask."""
    if _HARMLESS.fullmatch(text):
        return text
    kept = _SHAPES.sub(lambda match: next(filter(None, match.groups()), "") + MASK, text)
    if "=" in kept:
        kept = _without_values(kept, _VARIABLE, _ASSIGNED)
    return _HOOK.sub(rf"\1{MASK}", kept) if "hook" in kept else kept


def scrub_quoted(text: str) -> str:
    """Like `scrub`, and without the values of secret fields in data that `text` quotes, cut off or not.

    Such data is JSON or Python's notation, its quotes escaped once, more often, or not at all.
    """
    return scrub(_without_values(text, _KEY, _VALUE))


def is_secret_name(name: str) -> bool:
    """Whether a field called `name` should be treated as holding a secret."""
    return bool(_SECRET_NAME.search(name)) and not _INNOCENT_NAME.fullmatch(name)


def is_reference(value: str) -> bool:
    """Whether the whole value is a vault reference, `{vault://...}`."""
    return bool(_REFERENCE.fullmatch(value))


def redact(data: Any) -> Any:
    """A copy of plain data (dicts, lists, scalars) that may be shown to anyone."""
    return _redacted(data, under="", depth=0)


def _without_values(text: str, names: re.Pattern[str], values: re.Pattern[str]) -> str:
    """`text` without what follows secret names in it, in one notation of names and values."""
    kept: list[str] = []
    done = 0
    for name in names.finditer(text):
        if name.start() < done or not _is_guarded(name["name"]):
            continue
        value = values.match(text, name.end())
        if value is None:
            continue
        inner = value[0] if value["text"] is None else value["text"]
        shown = _shown(name["name"], inner)
        if shown != inner:
            quote = (shown == MASK and name["quote"]) or value["quote"] or ""
            kept += text[done : value.start()], quote, shown, quote
            done = value.end()
    return "".join((*kept, text[done:]))


def _without_headers(text: str) -> str:
    """`text` without the values of secret headers, written `Name: value` as some plugins are configured."""

    def kept(header: re.Match[str]) -> str:
        notation, name, value = header.groups()
        return header[0] if is_reference(value.rstrip()) else notation + _shown(name, value)

    return _HEADER.sub(kept, text)


def _is_guarded(name: str) -> bool:
    """Whether some or all of a field's text may have to go."""
    return bool(_WEBHOOK_NAME.search(name)) or is_secret_name(name)


def _shown(name: str, text: str) -> str:
    """What stays of a field's text: nothing under a secret name, of URLs the host under a webhook's."""
    if not text or is_reference(text):
        return text
    if is_secret_name(name):
        return MASK
    return _URL.sub(rf"\1/{MASK}", text) if _WEBHOOK_NAME.search(name) else text


def _redacted(data: Any, *, under: str, depth: int) -> Any:
    """Below a name that guards its text, `under`, that goes; structure, booleans and numbers stay."""
    if isinstance(data, (bytes, bytearray)):
        data = data.decode("utf-8", "replace")
    if isinstance(data, str):
        shown = _shown(under, data) if under else data
        return shown if shown == MASK or is_reference(shown) else _without_headers(scrub(shown))
    if depth > _DEEPEST and isinstance(data, (Mapping, list, tuple, set, frozenset)):
        return MASK
    if isinstance(data, Mapping):
        items = cast("Mapping[Any, Any]", data).items()
        return {
            scrub(str(key)): _redacted(value, under=_guarding(str(key), under), depth=depth + 1)
            for key, value in items
        }
    if isinstance(data, (list, tuple, set, frozenset)):
        values = cast("Iterable[Any]", data)
        return [_redacted(value, under=under, depth=depth + 1) for value in values]
    return data


def _guarding(name: str, around: str) -> str:
    """Of a field's name and the one that guards what is around it, the one that lets less through."""
    if is_secret_name(name) or (not around and _WEBHOOK_NAME.search(name)):
        return name
    return around
