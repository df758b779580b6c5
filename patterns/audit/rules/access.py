"""Plugins that grant more than they seem to: to browsers, to networks, to whoever reads an error message.

What the settings do is Kong's documentation of each plugin; how severe they are is this project's judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from patterns.audit.disclosure import texts
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_ANY_ORIGIN = frozenset({"*", ".*", "^.*$", "https?://.*"})
_DEBUGGING: tuple[tuple[str, str, bool, Severity, str], ...] = (
    ("request-termination", "echo", True, Severity.LOW, "sends callers a copy of their request"),
    ("openid-connect", "display_errors", True, Severity.LOW, "shows callers internal error messages"),
    ("openid-connect", "verify_signature", False, Severity.HIGH, "accepts tokens with any signature"),
    ("openid-connect", "verify_claims", False, Severity.HIGH, "accepts expired tokens"),
    ("openid-connect", "verify_nonce", False, Severity.MEDIUM, "accepts replayed identity tokens"),
)
"""Plugin, field, the value meant for debugging only, severity, and what it does (documented)."""

_CORS = {"id": "p", "name": "cors"}
_RESTRICTION = {"id": "p", "name": "ip-restriction"}
_FUNCTION = {"id": "p", "name": "pre-function", "config": {"access": ["kong.log.notice('here')"]}}


@rule(
    "KNA050",
    title="Any website may use the API with its visitor's credentials",
    severity=Severity.HIGH,
    judges="plugins",
    remediation="List the origins of your own websites in `origins`, or set `credentials` to false.",
    source="https://developer.konghq.com/plugins/cors/reference/",
    passes=[
        {"plugins": [_CORS | {"config": {"origins": ["https://shop.example"], "credentials": True}}]},
        {"plugins": [_CORS | {"config": {"origins": ["*"], "credentials": False}}]},
        {"plugins": [_CORS | {"config": {"origins": ["*"], "credentials": True}, "enabled": False}]},
    ],
    fails=[
        {"plugins": [_CORS | {"config": {"origins": ["*"], "credentials": True}}]},
        {"plugins": [_CORS | {"config": {"origins": None, "credentials": True}}]},
    ],
)
def cors_any_origin_with_credentials(at: Snapshot) -> Iterator[Problem]:
    """With `credentials`, the plugin answers every origin that is allowed by naming it, so the browser hands
    the answer, made with the visitor's cookies, to whichever page asked. No `origins` means all of them.
    """
    for plugin in at.plugins:
        if plugin.enabled and plugin.name == "cors" and plugin.config.get("credentials") is True:
            origins = _entries(plugin.config.get("origins"))
            if not origins or _ANY_ORIGIN & set(origins):
                yield Problem(plugin, f"cors {at.scope_of(plugin)} allows credentials from any origin.")


@rule(
    "KNA051",
    title="An IP restriction restricts nothing",
    severity=Severity.MEDIUM,
    judges="plugins",
    remediation="List the networks that may call, or remove the plugin.",
    source="https://developer.konghq.com/plugins/ip-restriction/",
    passes=[
        {"plugins": [_RESTRICTION | {"config": {"allow": ["10.0.0.0/8"]}}]},
        {"plugins": [_RESTRICTION | {"config": {"deny": ["203.0.113.0/24"]}}]},
    ],
    fails=[
        {"plugins": [_RESTRICTION | {"config": {"allow": ["10.0.0.0/8", "0.0.0.0/0"]}}]},
        {"plugins": [_RESTRICTION | {"config": {"allow": [], "deny": None}}]},
    ],
)
def ip_restriction_allows_everyone(at: Snapshot) -> Iterator[Problem]:
    """The plugin looks like protection in every list of plugins, and lets everybody in."""
    for plugin in at.plugins:
        if not plugin.enabled or plugin.name != "ip-restriction":
            continue
        allow, deny = _entries(plugin.config.get("allow")), _entries(plugin.config.get("deny"))
        everyone = [entry for entry in allow if _is_everyone(entry)]
        if everyone:
            yield Problem(plugin, f"ip-restriction {at.scope_of(plugin)} allows {listed(everyone)}.")
        elif not allow and not deny:
            yield Problem(plugin, f"ip-restriction {at.scope_of(plugin)} names no networks.")


@rule(
    "KNA052",
    title="Code in the configuration runs inside the gateway",
    severity=Severity.LOW,
    judges="plugins",
    remediation="Review and test the code like any other, or use a plugin made for the job.",
    source="https://developer.konghq.com/plugins/pre-function/",
    passes=[{"plugins": [_FUNCTION | {"enabled": False}]}, {"plugins": [{"id": "p", "name": "aws-lambda"}]}],
    fails=[{"plugins": [_FUNCTION]}, {"plugins": [_FUNCTION | {"name": "post-function"}]}],
)
def code_in_the_gateway(at: Snapshot) -> Iterator[Problem]:
    """The functions see every request with its credentials, and whoever may edit the plugin can run code on
    the data planes. Often they were put in to debug something, and stayed.
    """
    for plugin in at.plugins:
        if plugin.enabled and plugin.name in ("pre-function", "post-function"):
            phases = [phase for phase, code in plugin.config.items() if code and phase != "functions"]
            during = f" in {listed(phases)}" if phases else ""
            yield Problem(plugin, f"{plugin.name} {at.scope_of(plugin)} runs code of its own{during}.")


@rule(
    "KNA053",
    title="A setting meant for debugging was left on",
    severity=Severity.LOW,
    judges="plugins",
    remediation="Set the field back to its default.",
    source="https://developer.konghq.com/gateway/entities/plugin/",
    passes=[
        {"plugins": [{"id": "p", "name": "openid-connect", "config": {"verify_signature": True}}]},
        {"plugins": [{"id": "p", "name": "request-termination", "config": {"echo": False}}]},
    ],
    fails=[
        {"plugins": [{"id": "p", "name": "openid-connect", "config": {"verify_signature": False}}]},
        {"plugins": [{"id": "p", "name": "request-termination", "config": {"echo": True}}]},
    ],
)
def debugging_left_on(at: Snapshot) -> Iterator[Problem]:
    """Settings that Kong documents for debugging tell callers more than they should know, or skip a check.
    High where tokens are no longer verified.
    """
    for plugin in at.plugins:
        left_on = [
            (severity, f"{effect} (config.{field})")
            for name, field, value, severity, effect in _DEBUGGING
            if plugin.enabled and plugin.name == name and plugin.config.get(field) is value
        ]
        if left_on:
            effects = listed(effect for _, effect in left_on)
            worst = max((severity for severity, _ in left_on), key=lambda severity: severity.rank)
            yield Problem(plugin, f"{plugin.name} {at.scope_of(plugin)} {effects}.", worst)


def _is_everyone(entry: str) -> bool:
    try:
        return ip_network(entry, strict=False).prefixlen == 0
    except ValueError:
        return False


def _entries(value: object) -> list[str]:
    return [entry for _, entry in texts(value)]
