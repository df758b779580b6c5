"""Entities without their secrets: those that Kong keeps encrypted as well as those that sound secret.

A plugin's fields are told by Kong's own marks (`konnect_agent.gateway.secrets`), everything else by
`konnect_agent.redaction`; both also where data is written in a text, which stays data. Of an address that
Kong encrypts, such as a webhook's, the path is the secret: where it leads to stays readable. Of code with a
secret in it nothing stays but that it has one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from konnect_agent.documents import parsed, rewritten
from konnect_agent.gateway.secrets import PLUGINS_OF_CODE, holds_secret, secret_fields
from konnect_agent.redaction import DEEPEST, Hide, is_reference, mask, redact


def sealed(data: Any, hide: Hide = mask) -> Any:
    """A copy of plain data, with plugins anywhere in it, that may be shown to anyone."""
    return redact(_plugins_sealed(data, hide), hide)


def _plugins_sealed(data: Any, hide: Hide, depth: int = 0) -> Any:
    if depth > DEEPEST:
        return data  # nothing of it is shown
    if isinstance(data, str):
        return rewritten(data, lambda inner: sealed(inner, hide))
    if isinstance(data, list | tuple):
        return [_plugins_sealed(entry, hide, depth + 1) for entry in cast("Sequence[Any]", data)]
    if not isinstance(data, Mapping):
        return data
    items = cast("Mapping[Any, Any]", data).items()
    entity = {key: _plugins_sealed(value, hide, depth + 1) for key, value in items}
    name, config = entity.get("name"), entity.get("config")
    given = parsed(config) if isinstance(config, str) else config
    if isinstance(name, str) and isinstance(given, dict):
        fields = cast("dict[str, Any]", given)
        paths = {found.path for found in secret_fields(name, fields) if found.basis == "encrypted by Kong"}
        kept = _code_sealed(fields, hide) if name in PLUGINS_OF_CODE else fields
        kept = _without(kept, "", paths, hide) if paths else kept
        if kept != fields:
            entity["config"] = kept if given is config else json.dumps(kept, ensure_ascii=False)
    return entity


def _code_sealed(value: Any, hide: Hide) -> Any:
    """A configuration of code, where code that holds a secret is one line that holds a hidden one."""
    if isinstance(value, dict):
        return {key: _code_sealed(v, hide) for key, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_code_sealed(entry, hide) for entry in cast("list[Any]", value)]
    return f"api_key = '{hide(value)}'" if isinstance(value, str) and holds_secret(value) else value


def _without(value: Any, path: str, paths: Collection[str], hide: Hide) -> Any:
    """`value`, which stands at `path`, with what stands at one of `paths` hidden."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {key: _without(v, f"{path}.{key}" if path else key, paths, hide) for key, v in fields}
    if isinstance(value, list):
        entries = enumerate(cast("list[Any]", value))
        return [_without(entry, f"{path}[{place}]", paths, hide) for place, entry in entries]
    if not isinstance(value, str) or not value or path not in paths or is_reference(value):
        return value
    return _address(value, hide)


def _address(text: str, hide: Hide) -> str:
    """An address without its path; anything else goes as a whole."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return hide(text)
    if not (parts.scheme and parts.netloc):
        return hide(text)
    return urlunsplit(parts._replace(path=f"/{hide(parts.path)}")) if len(parts.path) > 1 else text
