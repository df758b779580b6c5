"""The Admin API's and the Konnect API's requests as a shell script of curl calls (fact sheet 10.4).

The Admin API finds a service or a route by its name. The Konnect API's URLs carry ids: of what the script
creates the id is sent along (the same in every run, from the URL and the name), of what exists already it is
asked from the environment. Tokens come from there, too, and are never part of the text.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough.bodies import wanted
from konnect_agent.gateway.passthrough.description import Passthrough
from konnect_agent.ids import is_id
from konnect_agent.regions import check_url, is_private

_ADMIN_HEADER = '"Kong-Admin-Token: ${KONG_ADMIN_TOKEN-}"'
_KONNECT_HEADER = '"Authorization: Bearer $KONNECT_TOKEN"'
_CONTROL_PLANE = "${CONTROL_PLANE_ID}"


@dataclass(frozen=True, slots=True)
class _Post:
    """A creating request; `url` is a word of the shell."""

    url: str
    body: Mapping[str, Any]


def admin_script(description: Passthrough, admin_url: str) -> str:
    """The requests to an Admin API. Raises `ConfigError` for a URL that may not carry a token."""
    base = admin_base(admin_url)
    posts = [
        _Post(shlex.quote("/".join((base, *_collection(each.within, each.kind)))), each.body)
        for each in wanted(description)
    ]
    return _script(posts, _ADMIN_HEADER, ())


def konnect_base(region: str, control_plane_id: str) -> str:
    """The URL below which the Konnect API keeps the entities of a control plane."""
    return f"https://{region}.api.konghq.com/v2/control-planes/{control_plane_id}/core-entities"


def konnect_script(description: Passthrough, region: str, control_plane_id: str | None) -> str:
    """The requests to the Konnect API of a region."""
    base = konnect_base(region, control_plane_id or _CONTROL_PLANE)
    asked = () if control_plane_id else (("CONTROL_PLANE_ID", "the id of the control plane"),)
    posts: list[_Post] = []
    ids: dict[str, str] = {}
    for each in wanted(description):
        body, within = dict(each.body), each.within
        if each.kind != "plugin":
            key = f"{base}/{each.kind}s/{each.name}"
            ids[each.kind] = str(uuid5(NAMESPACE_URL, key))
            body = {"id": ids[each.kind], **body}
        if within is not None:
            kind, name = within
            variable = f"{kind.upper()}_ID"
            known = ids.get(kind) or (name if is_id(name) else None)
            if known is None:
                asked = (*asked, (variable, f"the id of the {kind} {name}"))
            within = (kind, known or f"${{{variable}}}")
        # The shell fills in the variables; nothing else is special to it in a region, ids and names.
        posts.append(_Post(f'"{"/".join((base, *_collection(within, each.kind)))}"', body))
    return _script(posts, _KONNECT_HEADER, (("KONNECT_TOKEN", "a Konnect token"), *asked))


def admin_base(url: str) -> str:
    """An Admin API's URL without the slash at its end. Raises `ConfigError` for one that has a query, and
    for plain http to anything but a private network."""
    if "?" in url or "#" in url:
        raise ConfigError(f"{url!r} is no URL of an Admin API.", hint="Use one like http://localhost:8001.")
    parts = urlsplit(check_url(url, allow_insecure=True))
    if parts.scheme == "http" and not is_private(parts.hostname or ""):
        raise ConfigError(
            f"{url!r} would send the configuration unencrypted, and a token with it.", hint="Use https."
        )
    return url.rstrip("/")


def _collection(within: tuple[str, str] | None, kind: str) -> Iterator[str]:
    """Where entities of a kind are created: `services`, or `services/NAME/routes`."""
    if within is not None:
        yield from (f"{within[0]}s", within[1])
    yield f"{kind}s"


def _script(posts: list[_Post], header: str, needed: tuple[tuple[str, str], ...]) -> str:
    lines = ["#!/bin/sh", "set -eu", *(f': "${{{name}:?{what}}}"' for name, what in needed)]
    for post in posts:
        data = json.dumps(post.body, indent=2, ensure_ascii=False)
        lines += [
            "",
            f"curl --fail-with-body --silent --show-error --request POST {post.url} \\",
            f"  --header {header} \\",
            "  --header 'Accept: application/json' \\",
            "  --header 'Content-Type: application/json' \\",
            f"  --data {shlex.quote(data)}",
            "echo",
        ]
    return "\n".join(lines) + "\n"
