"""What is left over, switched off, or configured twice.

Plugins are unique per name and scope, consumers have a username or a custom id, and references point to
entities of the same control plane (fact sheet 3 and 8, documented); exports and partial restores break that.
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.gateway import catalogue
from konnect_agent.models import Plugin
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import ListName, Snapshot
from patterns.audit.wording import listed

_PLUGIN_PAGE = "https://developer.konghq.com/gateway/entities/plugin/"
_AUTHENTICATION = "client-authentication"
_PROTECTING = frozenset({"authorization", "rate-limiting", "security", "threat-protection"})
_REFERENCES: tuple[tuple[str, ListName], ...] = (
    ("service", "services"),
    ("route", "routes"),
    ("consumer", "consumers"),
)

_LIMIT = {"id": "p", "name": "rate-limiting", "config": {"minute": 60}}
_KEY_AUTH = {"id": "k", "name": "key-auth"}
_OF_CONSUMER = {"consumer": {"id": "c"}}
_CONSUMER = {"id": "c", "username": "web-shop"}


@rule(
    "KNA070",
    title="Something refers to an entity that does not exist",
    severity=Severity.MEDIUM,
    judges="plugins",
    needs=("services", "routes", "consumers"),
    remediation="Remove what refers to it, or create the entity again.",
    source=_PLUGIN_PAGE,
    passes=[{"plugins": [_LIMIT | _OF_CONSUMER], "consumers": [_CONSUMER]}, {"plugins": [_LIMIT]}],
    fails=[
        {"plugins": [_LIMIT | _OF_CONSUMER]},
        {"routes": [{"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "gone"}}]},
    ],
)
def dangling_reference(at: Snapshot) -> Iterator[Problem]:
    """A plugin scoped to something that is gone never runs; a route whose service is gone answers nothing.
    Consumer groups are not part of an audit, so references to them are not checked.
    """
    for plugin in at.plugins:
        gone = [
            f"{word} {reference.id}"
            for word, name in _REFERENCES
            if (reference := getattr(plugin, word)) is not None and at.find(name, reference.id) is None
        ]
        if gone:
            yield Problem(plugin, f"{plugin.name} is scoped to {listed(gone)}, which does not exist.")
    for route in at.routes:
        if route.service is not None and at.service_of(route) is None:
            message = f"Route {route.label} leads to service {route.service.id}, which does not exist."
            yield Problem(route, message)


@rule(
    "KNA071",
    title="A plugin is disabled",
    severity=Severity.INFO,
    judges="plugins",
    remediation="Enable it, or remove it if it is no longer needed.",
    source=_PLUGIN_PAGE,
    passes=[{"plugins": [_LIMIT, _KEY_AUTH | {"enabled": False}]}],
    fails=[
        {"plugins": [_LIMIT | {"enabled": False}]},
        {"plugins": [{"id": "p", "name": "file-log", "enabled": False}]},
    ],
)
def disabled_plugin(at: Snapshot) -> Iterator[Problem]:
    """Disabled plugins stay behind after tests and incidents, and are taken for working ones. Low where the
    plugin would protect something; authentication plugins have a rule of their own.
    """
    for plugin in at.plugins:
        roles = catalogue().get(plugin.name).roles
        if not plugin.enabled and _AUTHENTICATION not in roles:
            severity = Severity.LOW if roles & _PROTECTING else None
            yield Problem(plugin, f"{plugin.name} {at.scope_of(plugin)} is disabled.", severity)


@rule(
    "KNA072",
    title="A plugin is configured twice for the same scope",
    severity=Severity.MEDIUM,
    judges="plugins",
    remediation="Keep one of the configurations.",
    source=_PLUGIN_PAGE,
    passes=[
        {"plugins": [_LIMIT, _LIMIT | {"id": "q"} | _OF_CONSUMER]},
        {"plugins": [_LIMIT, _LIMIT | {"id": "q", "enabled": False}]},
    ],
    fails=[{"plugins": [_LIMIT, _LIMIT | {"id": "q"}]}],
)
def plugin_configured_twice(at: Snapshot) -> Iterator[Problem]:
    """One configuration of a plugin runs for a request; between two of the same scope nothing says which."""
    scopes: dict[tuple[str | None, ...], list[Plugin]] = {}
    for plugin in at.plugins:
        if plugin.enabled:
            references = (plugin.service, plugin.route, plugin.consumer, plugin.consumer_group)
            key = (plugin.name, *(reference.id if reference else None for reference in references))
            scopes.setdefault(key, []).append(plugin)
    for plugins in scopes.values():
        if len(plugins) > 1:
            first = min(plugins, key=lambda plugin: plugin.id or "")
            message = f"{first.name} {at.scope_of(first)} is configured {len(plugins)} times."
            yield Problem(first, message)


@rule(
    "KNA073",
    title="A consumer has neither username nor custom id",
    severity=Severity.LOW,
    judges="consumers",
    remediation="Give the consumer a username, or remove it.",
    source="https://developer.konghq.com/gateway/entities/consumer/",
    passes=[{"consumers": [_CONSUMER, {"id": "d", "username": None, "custom_id": "crm-1"}]}],
    fails=[{"consumers": [{"id": "c", "username": None, "custom_id": None}]}],
)
def consumer_without_name(at: Snapshot) -> Iterator[Problem]:
    """In analytics and logs it is nothing but an id, so nobody can tell whose requests these are."""
    for consumer in at.consumers:
        if not consumer.username and not consumer.custom_id:
            yield Problem(consumer, f"Consumer {consumer.id} has neither a username nor a custom id.")


@rule(
    "KNA074",
    title="A plugin waits for a consumer that is never known",
    severity=Severity.MEDIUM,
    judges="plugins",
    needs=("plugins",),
    of_group=("plugins",),
    remediation="Add an authentication plugin where the plugin is meant to act, or change its scope.",
    source=_PLUGIN_PAGE,
    passes=[
        {"plugins": [_LIMIT | _OF_CONSUMER, _KEY_AUTH], "consumers": [_CONSUMER]},
        {"plugins": [_LIMIT | _OF_CONSUMER], "consumers": [_CONSUMER], "fellow_plugins": [_KEY_AUTH]},
        {"plugins": [_LIMIT | _OF_CONSUMER, {"id": "o", "name": "our-auth"}], "consumers": [_CONSUMER]},
    ],
    fails=[
        {"plugins": [_LIMIT | _OF_CONSUMER], "consumers": [_CONSUMER]},
        {"plugins": [_LIMIT | _OF_CONSUMER, _KEY_AUTH | {"enabled": False}], "consumers": [_CONSUMER]},
    ],
)
def plugin_waits_for_a_consumer(at: Snapshot) -> Iterator[Problem]:
    """A plugin scoped to a consumer or a consumer group runs only after an authentication plugin has found
    out who is calling. Without any in the control plane it never does.
    """
    fellows = [plugin for group in at.groups for each in group.plugins.values() for plugin in each]
    if any(plugin.enabled and _may_identify(plugin) for plugin in (*at.plugins, *fellows)):
        return
    for plugin in at.plugins:
        if plugin.enabled and (plugin.consumer or plugin.consumer_group):
            message = f"{plugin.name} {at.scope_of(plugin)} never runs: nothing here authenticates consumers."
            yield Problem(plugin, message)


def _may_identify(plugin: Plugin) -> bool:
    """Whether the plugin finds out who is calling, or might, being custom or made of code."""
    facts = catalogue().get(plugin.name)
    return not facts.known or bool(
        facts.roles & {_AUTHENTICATION, "authentication-helper", "serverless-code"}
    )
