"""Where a configuration discloses a secret: paths only, never values.

Which fields Kong keeps encrypted, and whose names say secret, is `konnect_agent.gateway.secret_fields`' to
say (fact sheet 9). Besides those: headers by their name, in maps and in the `name:value` entries of the
transformer plugins, and URLs that carry a password or a token (inferred).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from konnect_agent.gateway import catalogue, secret_fields
from konnect_agent.models import Plugin
from konnect_agent.redaction import is_secret_name, scrub

_IDENTIFIERS = frozenset({
    "account_email", "aws_access_key_id", "aws_assume_role_arn", "aws_role_session_name", "azure_client_id",
    "azure_tenant_id", "client_id", "clientid", "eab_kid", "http_endpoint", "idp_certificate", "key_id",
    "request_signing_certificate", "user", "username",
})  # fmt: skip
"""Fields Kong encrypts although knowing them lets nobody in (inferred)."""


def plain_secrets(plugin: Plugin) -> list[str]:
    """Paths below `config` of the secrets a plugin holds in plain text, each once."""
    return list(dict.fromkeys((*_marked(plugin), *_in_headers(plugin), *_in_urls(plugin))))


def _marked(plugin: Plugin) -> Iterator[str]:
    """Fields that Kong encrypts, or whose name says secret."""
    for field in secret_fields(plugin.name, plugin.config):
        if (
            field.kind == "plain"
            and key_of(field.path) not in _IDENTIFIERS
            and not _is_code(plugin, field.path)
        ):
            yield field.path


def _in_headers(plugin: Plugin) -> Iterator[str]:
    """Header maps, and the `name:value` entries of the transformer plugins, by the header's name."""
    for path, text in texts(plugin.config):
        *above, key = path.replace("]", "").replace("[", ".").split(".")
        if above and above[-1] == "headers" and not key.isdigit():
            name, value = key, text
        elif "headers" in above[-1:] and above[0] in ("add", "append", "replace"):
            name, _, value = text.partition(":")
        else:
            continue
        value = value.strip()
        if value and "{vault://" not in value and not value.startswith("$(") and _secret_header(name):
            yield path


def _in_urls(plugin: Plugin) -> Iterator[str]:
    """URLs with a user's password, or with a credential in the query."""
    for path, text in texts(plugin.config):
        if "://" in text and not text.startswith("{vault://"):
            try:
                password = urlsplit(text).password
            except ValueError:
                continue
            if password or ("?" in text and scrub(text) != text):
                yield path


def _secret_header(name: str) -> bool:
    return is_secret_name(name.strip().replace("-", "_"))


def _is_code(plugin: Plugin, path: str) -> bool:
    return "serverless-code" in catalogue().get(plugin.name).roles and path.endswith("]")


def key_of(path: str) -> str:
    """The nearest name above a value: `password` of `redis.password`, `keys` of `keys[0]`."""
    return path.rpartition(".")[2].partition("[")[0]


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a configuration with its path, such as `redis.password` or `add.headers[0]`."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(cast("Sequence[Any]", value)):
            yield from texts(inner, f"{path}[{place}]")
