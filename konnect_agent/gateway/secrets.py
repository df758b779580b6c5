"""Which configuration fields hold a secret, and whether by vault reference (fact sheet 9).

A field is secret if Kong keeps it encrypted. Plugins without such marks, and fields that are free maps
(headers, parameters), are judged by the key's name, and so are the `name:value` entries the transformer
plugins add, append or put in place, the parameters of a URL, and what code of `pre-function` and
`post-function` writes down under a name or as a header's value; a URL may hold a password before its host
(fact sheet 9.2, inferred). A value is never returned: only where it stands, and whether it is a reference or
plain.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from konnect_agent.gateway.catalogue import catalogue
from konnect_agent.gateway.entities import read_vault

SecretKind: TypeAlias = Literal["reference", "plain"]
Basis: TypeAlias = Literal["encrypted by Kong", "name of the field", "the value itself"]

PROVIDERS = frozenset({"env", "konnect", "aws", "gcp", "azure", "azure-certs", "hcv", "conjur", "fs"})
"""Vault providers Kong ships: usable without a vault entity when the data plane configures them."""

_SECRET_NAME = re.compile(
    r"secret|password|passwd|token|api_?key|private_?key|credential|client_assertion|authorization|jwk", re.I
)
_INNOCENT_NAME = re.compile(
    r"^(key_names|hide_credentials|key_in_\w+|token_headers_\w+|.*_(endpoint|names?|username|uris?|urls?|ttl|type|claims?))$"
    r"|^(tokens_count_strategy|max_tokens|\w+_tokens)$",
    re.I,
)
# A value taken from the request, or from a vault as its author meant it, is none that stands here.
_ENTRY = re.compile(r"(?P<name>[^:]+):(?!\s*(?:\$\(|\{vault://))\s*\S")
_ENTRIES = re.compile(r"(?:.+\.)?(?:add|append|replace)\.(?:headers|querystring|body|json)\[\d+\]")
# Names of headers that carry a credential, though they are none of a field.
_SECRET_HEADER = re.compile(r"^(set_)?cookie2?$|(^|_)(auth|team|key|pat|sig|signature|session)$", re.I)
_HEADERS = re.compile(r"(?:.+\.)?headers\b.*")
PLUGINS_OF_CODE = ("pre-function", "post-function")
_SCHEME = re.compile(r"[Bb]earer [\w.~+/=-]{6,}|[Bb]asic [A-Za-z0-9+/=]{6,}")
_ASSIGNED = re.compile(r"""([\w-]+)["']?\]?\s*[=,:]\s*["'](?!\{vault://)[^"'\s]{6,}["']""")


@dataclass(frozen=True, slots=True)
class VaultReference:
    """`{vault://vault/resource/key?options#version}`, taken apart. `key` and `version` may be None."""

    vault: str
    resource: str
    key: str | None
    options: Mapping[str, str]
    version: int | None


@dataclass(frozen=True, slots=True)
class SecretField:
    """A field below `config` that holds a secret; `path` is written as `redis.password` or `keys[0].value`.

    `reference` is set when the value is a vault reference; `vault_exists` then says whether a vault has that
    prefix, None when that is not known: no vaults were given, or it names a provider, which needs no entity.
    """

    path: str
    kind: SecretKind
    basis: Basis
    reference: VaultReference | None
    vault_exists: bool | None


def parse_reference(text: object) -> VaultReference | None:
    """The vault reference that `text` is as a whole, or None: a reference inside a text is not resolved."""
    if not isinstance(text, str) or not (text.startswith("{vault://") and text.endswith("}")):
        return None
    inner = text.removeprefix("{vault://")[:-1]
    if "{" in inner or "}" in inner:
        return None
    body, _, fragment = inner.partition("#")
    location, _, query = body.partition("?")
    vault, _, rest = location.partition("/")
    if not vault or not rest.strip("/"):
        return None
    resource, slash, key = rest.rpartition("/")
    if not slash:
        resource, key = rest, ""
    return VaultReference(
        vault=vault,
        resource=unquote(resource),
        key=unquote(key) or None,
        options=dict(parse_qsl(query, keep_blank_values=True)),
        version=int(fragment) if fragment.isascii() and fragment.isdigit() else None,
    )


def secret_fields(
    plugin_name: str, config: Mapping[str, object], *, vaults: Iterable[object] | None = None
) -> tuple[SecretField, ...]:
    """The secrets in a plugin's configuration, in its order; empty and null values hold none.

    `vaults` are the vault entities of the control plane (of all members, in a group), or None if unknown.
    """
    prefixes = None if vaults is None else frozenset(map(read_vault, vaults))
    is_code = plugin_name in PLUGINS_OF_CODE
    return tuple(_found(config, _marked(plugin_name), prefixes, is_code=is_code))


def _found(
    config: Mapping[str, object],
    marked: Sequence[re.Pattern[str]],
    prefixes: frozenset[str] | None,
    *,
    is_code: bool,
) -> Iterator[SecretField]:
    for path, key, value in _leaves(config, "", ""):
        if value in (None, "") or isinstance(value, bool):
            continue
        basis = _basis(path, key, value, marked, is_code=is_code)
        if basis is None:
            continue
        reference = parse_reference(value)
        yield SecretField(
            path=path,
            kind="plain" if reference is None else "reference",
            basis=basis,
            reference=reference,
            vault_exists=None if reference is None else _exists(reference.vault, prefixes),
        )


def _basis(
    path: str, key: str, value: object, marked: Sequence[re.Pattern[str]], *, is_code: bool
) -> Basis | None:
    """Why a value is a secret; None if it is none, for all that is known."""
    if any(pattern.fullmatch(path) for pattern in marked):
        return "encrypted by Kong"
    if not isinstance(value, str):
        return None
    entry = _ENTRY.match(value) if _ENTRIES.fullmatch(path) else None
    name = entry["name"] if entry else key
    in_headers = _HEADERS.fullmatch(path) is not None and (entry is not None or path.endswith(f".{key}"))
    if _sounds_secret(name) or (in_headers and _SECRET_HEADER.search(name.replace("-", "_"))):
        return "name of the field"
    if _url_with_secret(value) or (is_code and holds_secret(value)):
        return "the value itself"
    return None


def _url_with_secret(text: str) -> bool:
    """Whether a URL has a password before its host, or a parameter whose name says secret."""
    if "://" not in text:
        return False
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    parameters = (name for name, value in parse_qsl(url.query) if parse_reference(value) is None)
    return bool(url.password) or any(map(_sounds_secret, parameters))


def holds_secret(code: str) -> bool:
    """Whether code has a literal header value that authenticates, or a literal under a name for a secret."""
    assigned = (match[1] for match in _ASSIGNED.finditer(code))
    return _SCHEME.search(code) is not None or any(map(_sounds_secret, assigned))


def _exists(vault: str, prefixes: frozenset[str] | None) -> bool | None:
    if prefixes is None:
        return None
    return True if vault in prefixes else None if vault in PROVIDERS else False


def _sounds_secret(key: str) -> bool:
    plain = key.replace("-", "_")
    return _SECRET_NAME.search(plain) is not None and _INNOCENT_NAME.match(plain) is None


def _leaves(value: object, path: str, key: str) -> Iterator[tuple[str, str, object]]:
    """Every scalar with its path and the nearest key above it."""
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[object, object]", value).items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name), str(name))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(cast("Sequence[object]", value)):
            yield from _leaves(inner, f"{path}[{place}]", key)
    else:
        yield path, key, value


@cache
def _marked(plugin_name: str) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, catalogue().get(plugin_name).secret_paths))


def _pattern(path: str) -> re.Pattern[str]:
    """`a.[].b`, `a[].b` and `m.*` of the catalogue as a pattern for written paths.

    A mark on an array covers its elements: `client_secret` in the catalogue, written `client_secret[0]`.
    """
    text = re.escape(path).replace(r"\.\[\]", r"\[\d+\]").replace(r"\[\]", r"\[\d+\]")
    return re.compile(text.replace(r"\.\*", r"\..+") + r"(?:\[\d+\])?")
