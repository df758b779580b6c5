"""Tokens and secret fields never reach a log, a report, an exception or a recording.

Two passes, both linear. `scrub` works on text: by value (`masked`: what has no shape to be known by, such as
the key of a gateway, and was told to `remember`), by shape (Konnect tokens, bearer and basic
credentials, JWTs, private keys, well-known API keys, passwords in a URL, the path of a webhook's URL), and
what is assigned to a name that says secret (`password=...`). `redact` works on data, deep, also where a text
is JSON or quotes data: text under such a name is masked, and so is the value of a header `Name: value`; under
a webhook's name, URLs keep their host alone. Booleans, numbers, vault references and what a JSON Schema says
of a field stay readable, all else is scrubbed as text. Names are a heuristic (fact sheet 9.2, inferred):
innocent ones such as `key_names`, `token_endpoint` or `next_page_token` are listed, and an unknown name that
sounds secret is masked. What stands in the place of a secret is `hide`'s to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from threading import Lock
from typing import Any, Literal, cast
from urllib.parse import quote

from konnect_agent.documents import closed, parsed

MASK = "[redacted]"

TOKEN = r"(?i:kpat|spat)_[A-Za-z0-9][A-Za-z0-9_.~+/=-]*"
"""The shape of a Konnect token, as a regular expression."""

Hide = Callable[[str], str]
"""What to show in the place of a secret."""

_Where = Literal["open", "secret", "webhook", "fields", "schema"]
"""Where data stands: anywhere, below a name that says secret or webhook, in a schema's `properties`, in the
schema of a secret."""

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
    r"|expiration|leeway|claims?|claim_field|params?|in|path)|credential_claim"
    r"|(?:next_?)?page_?token|(?:next|continuation)_?token",
    re.IGNORECASE,
)
_WEBHOOK_NAME = re.compile(r"webhook", re.IGNORECASE)
_REFERENCE = re.compile(r"\{vault://[^/{}]+/[^{}]+\}")
_HEADER = re.compile(r"^([ \t]*([A-Za-z][\w.-]{1,63})[ \t]*:[ \t]*)(?!//)(\S[^\r\n]*)", re.MULTILINE)
# What data quotes: a colon, or the comma of a pair of bytes, as the HTTP libraries write a header.
_KEY = re.compile(r"(?<!\\)(?P<quote>\\*[\"'])(?P<name>[\w.-]{2,64})(?P=quote)(?:\s*:\s*|, b(?=[\"']))")
_VALUE = re.compile(r"(?P<quote>\\*[\"'])(?P<text>.*?)(?:(?P=quote)|\Z)|[\[{]", re.DOTALL)
# Connection strings and queries, but no comparison, and no quote that only ends what is around.
_VARIABLE = re.compile(r"(?<![\w.-])(?P<name>[\w.-]{1,64})[ \t]{0,4}=(?![=~>])[ \t]{0,4}(?P<quote>)")
_ASSIGNED = re.compile(
    r"(?P<quote>\\*[\"'])(?![\s,;:)}\]+])(?P<text>[^\r\n]*?)(?:(?P=quote)|(?=[\r\n])|\Z)"
    r"|\{[^{}\r\n]+\}|[^\s&;\"'\\]+"
)
_URL = re.compile(r"(//[^\s/?#\"'<>\\]*+)/?+([^\s\"'<>\\]+)")
# Who knows a webhook's URL may post to it. Its path looks made up: a page about webhooks stays readable.
_HOOK = re.compile(
    r"((?://|@)(?:[\w.-]{1,160}(?::\d{1,5})?/)?(?:[\w.~%-]{1,100}/){0,8}?[\w.~%-]{0,100}?hook[\w.~%-]{0,100}+"
    r"(?::\d{1,5})?/)(?=[^\s\"'<>\\|,;()\[\]{}]{0,100}?(?:[A-Z]|\d\d))[^\s\"'<>\\|,;()\[\]{}]+"
)
_SCHEMA_TEXTS = frozenset({"type", "format", "title", "description", "$ref"})
_SCHEMA_PARTS = frozenset({"anyOf", "oneOf", "allOf", "items"})
DEEPEST = 100
"""Below so many levels, no data is shown."""

_remembered: set[str] = set()
_by_value: re.Pattern[str] | None = None
_remembering = Lock()


def remember(secrets: Iterable[str]) -> None:
    """Mask these texts from now on, for as long as the process lives, also as JSON and URLs write them.

    They should be long enough to turn up nowhere by accident: see `konnect_agent.credentials`.
    """
    global _by_value  # noqa: PLW0603 - a log line has nobody to ask whose secrets these are
    with _remembering:
        new = set(secrets) - _remembered
        if new:
            _remembered.update(new)
            written = {form for secret in _remembered for form in _forms(secret)}
            _by_value = re.compile("|".join(map(re.escape, sorted(written, key=len, reverse=True))))


def masked(text: str) -> str:
    """`text` without what was told to `remember`. Before a text is cut, or half of a secret stays in it."""
    return text if _by_value is None else _by_value.sub(MASK, text)


def mask(secret: str) -> str:
    """The same for every secret."""
    return MASK


def scrub(text: str, hide: Hide = mask) -> str:
    """`text` with everything that has the shape of a credential replaced by a mask."""
    text = masked(text)
    if _HARMLESS.fullmatch(text):
        return text

    def hidden(found: re.Match[str]) -> str:
        stays = next(filter(None, found.groups()), "")
        return stays + hide(found[0][len(stays) :])

    kept = _SHAPES.sub(hidden, text)
    if "=" in kept:
        kept = _without_values(kept, _VARIABLE, _ASSIGNED, hide)
    return _HOOK.sub(hidden, kept) if "hook" in kept else kept


def scrub_quoted(text: str, hide: Hide = mask) -> str:
    """Like `scrub`, and without the values of secret fields in data that `text` quotes, cut off or not.

    Such data is JSON or Python's notation, its quotes escaped once, more often, or not at all.
    """
    return scrub(_without_values(text, _KEY, _VALUE, hide), hide)


def is_secret_name(name: str) -> bool:
    """Whether a field called `name` should be treated as holding a secret."""
    return bool(_SECRET_NAME.search(name)) and not _INNOCENT_NAME.fullmatch(name)


def is_reference(value: str) -> bool:
    """Whether the whole value is a vault reference, `{vault://...}`."""
    return bool(_REFERENCE.fullmatch(value))


def redact(data: Any, hide: Hide = mask) -> Any:
    """A copy of plain data (dicts, lists, scalars) that may be shown to anyone."""
    return _redacted(data, hide, "open", 0)


def _forms(secret: str) -> set[str]:
    """How a secret is written: as it is, in JSON or Python once and twice, in a URL, in HTML."""
    once, pythons = json.dumps(secret)[1:-1], secret.replace("\\", "\\\\").replace("'", "\\'")
    slashed = once.replace("/", "\\/")
    in_json = {once, slashed, json.dumps(once)[1:-1], json.dumps(slashed)[1:-1]}
    return {secret, pythons, *in_json, quote(secret), quote(secret, safe=""), escape(secret)}


def _without_values(text: str, names: re.Pattern[str], values: re.Pattern[str], hide: Hide) -> str:
    """`text` without what follows secret names in it, in one notation of names and values."""
    kept: list[str] = []
    done = 0
    for name in names.finditer(text):
        if name.start() < done or not _is_guarded(name["name"]):
            continue
        value = values.match(text, name.end())
        if value is None:
            continue
        is_data = values is _VALUE and value["text"] is None
        end = closed(text, value.start()) if is_data else value.end()
        inner = text[value.start() : end] if value["text"] is None else value["text"]
        if is_data and (data := parsed(inner)) is not inner:
            hidden = _redacted(data, hide, _below("open", name["name"], data), 1)
            shown, quote = inner if hidden == data else json.dumps(hidden, ensure_ascii=False), ""
        else:
            shown = _shown(name["name"], inner, hide)
            quote = (is_secret_name(name["name"]) and name["quote"]) or value["quote"] or ""
        if shown != inner:
            kept += text[done : value.start()], quote, shown, quote
            done = end
    return "".join((*kept, text[done:]))


def _without_headers(text: str, hide: Hide) -> str:
    """`text` without the values of secret headers, written `Name: value` as some plugins are configured."""

    def kept(header: re.Match[str]) -> str:
        notation, name, value = header.groups()
        return header[0] if is_reference(value.rstrip()) else notation + _shown(name, value, hide)

    return _HEADER.sub(kept, text)


def _is_guarded(name: str) -> bool:
    """Whether some or all of a field's text may have to go."""
    return bool(_WEBHOOK_NAME.search(name)) or is_secret_name(name)


def _shown(name: str, text: str, hide: Hide) -> str:
    """What stays of a field's text: nothing under a secret name, of URLs the host under a webhook's."""
    if not text or is_reference(text):
        return text
    if is_secret_name(name):
        return hide(text)
    return _host_alone(text, hide) if _WEBHOOK_NAME.search(name) else text


def _host_alone(text: str, hide: Hide) -> str:
    """`text` with the host alone of every URL in it."""
    return _URL.sub(lambda url: f"{url[1]}/{hide(url[2])}", text)


def _redacted(data: Any, hide: Hide, where: _Where, depth: int) -> Any:
    """Below a secret name all text goes; structure, booleans, numbers and references stay."""
    if isinstance(data, (bytes, bytearray)):
        data = data.decode("utf-8", "replace")
    if isinstance(data, str):
        if not data or is_reference(data):
            return data
        data = masked(data)
        if where == "webhook":
            return _text(_host_alone(data, hide), hide, depth)
        return _text(data, hide, depth) if where == "open" else hide(data)
    if depth > DEEPEST and isinstance(data, (Mapping, list, tuple, set, frozenset)):
        return MASK
    if isinstance(data, Mapping):
        items = cast("Mapping[Any, Any]", data).items()
        return {
            scrub(str(key), hide): _redacted(value, hide, _below(where, str(key), value), depth + 1)
            for key, value in items
        }
    if isinstance(data, (list, tuple, set, frozenset)):
        values = cast("Iterable[Any]", data)
        return [_redacted(value, hide, where, depth + 1) for value in values]
    return data


def _below(where: _Where, name: str, value: Any) -> _Where:
    """What is below a field. What a JSON Schema says of a secret field is no secret; a default in it is."""
    if where == "schema":
        return "open" if name in _SCHEMA_TEXTS else "schema" if name in _SCHEMA_PARTS else "secret"
    if where == "secret":
        return "secret"
    if is_secret_name(name):
        return "schema" if where == "fields" and isinstance(value, Mapping) else "secret"
    if where == "webhook" or _WEBHOOK_NAME.search(name):
        return "webhook"
    return "fields" if name == "properties" and isinstance(value, Mapping) else "open"


def _text(text: str, hide: Hide, depth: int) -> str:
    """A text without secrets: in the data it is written in, in data it quotes, in headers, by their shape."""
    if _HARMLESS.fullmatch(text):
        return text
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            written = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            shown = _redacted(written, hide, "open", depth + 1)
            return text if shown == written else json.dumps(shown, ensure_ascii=False)
    return _without_headers(scrub_quoted(text, hide), hide)
