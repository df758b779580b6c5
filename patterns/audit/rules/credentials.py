"""Credentials that leak, or live for ever.

What the settings do is Kong's documentation of each plugin; how severe they are is this project's judgement.
"""

from __future__ import annotations

from collections.abc import Iterator

from patterns.audit.disclosure import texts
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot

_KEY_AUTH = {"id": "p", "name": "key-auth"}


@rule(
    "KNA005",
    title="API keys are accepted in the query string",
    severity=Severity.LOW,
    judges="plugins",
    remediation="Set `key_in_query` to false and have callers send the key in a header.",
    source="https://developer.konghq.com/plugins/key-auth/reference/",
    passes=[
        {"plugins": [_KEY_AUTH | {"config": {"key_in_query": False}}]},
        {"plugins": [_KEY_AUTH | {"config": {"key_in_query": True}, "enabled": False}]},
    ],
    fails=[{"plugins": [_KEY_AUTH | {"config": {"key_in_query": True}}]}],
)
def api_key_in_query(at: Snapshot) -> Iterator[Problem]:
    """A key in the URL ends up in access logs, analytics, browser histories and referrers."""
    for plugin in at.plugins:
        takes_keys = plugin.enabled and plugin.name in ("key-auth", "key-auth-enc")
        if takes_keys and plugin.config.get("key_in_query") is True:
            yield Problem(
                plugin, f"{plugin.name} {at.scope_of(plugin)} takes API keys from the query string."
            )


@rule(
    "KNA006",
    title="Expired JSON Web Tokens are accepted",
    severity=Severity.MEDIUM,
    judges="plugins",
    remediation="Add `exp` to `claims_to_verify`, and a `maximum_expiration` if tokens are issued elsewhere.",
    source="https://developer.konghq.com/plugins/jwt/reference/",
    passes=[{"plugins": [{"id": "p", "name": "jwt", "config": {"claims_to_verify": ["exp", "nbf"]}}]}],
    fails=[
        {"plugins": [{"id": "p", "name": "jwt", "config": {"claims_to_verify": None}}]},
        {"plugins": [{"id": "p", "name": "jwt", "config": {"claims_to_verify": ["nbf"]}}]},
    ],
)
def jwt_never_expires(at: Snapshot) -> Iterator[Problem]:
    """The jwt plugin checks `exp` only when it is told to: otherwise a leaked token works for ever."""
    for plugin in at.plugins:
        if plugin.enabled and plugin.name == "jwt":
            verified = {claim for _, claim in texts(plugin.config.get("claims_to_verify"))}
            if "exp" not in verified:
                yield Problem(plugin, f"jwt {at.scope_of(plugin)} does not verify when a token expires.")
