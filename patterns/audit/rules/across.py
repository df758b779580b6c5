"""What only shows when control planes are seen together: services that drifted apart, conflicts in groups.

In a control plane group a global plugin of any member acts on all of them, a second global instance of the
same plugin is a conflict, and vault prefixes must be unique (fact sheet 3.2, documented).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from patterns.audit.facts import Organisation, drift
from patterns.audit.finding import EntityName, Severity
from patterns.audit.rule import Problem, rule_across
from patterns.audit.snapshot import Group
from patterns.audit.wording import listed

_GROUPS = "https://developer.konghq.com/gateway/control-plane-groups/"
_EXPECTED = frozenset({"host", "port", "path"})
_SERIOUS = frozenset({"protocol", "enabled", "tls_verify"})

_TRACKING = {"id": "s", "name": "tracking", "protocol": "https", "host": "tracking.example.com", "port": 443}
_CORS = {"id": "p", "name": "cors", "config": {"origins": ["https://shop.example"]}}
_ENV = {"id": "v", "name": "env", "prefix": "shop"}


@rule_across(
    "KNA080",
    title="A service is defined differently in several control planes",
    severity=Severity.LOW,
    remediation="Decide which definition is right and use it everywhere, or tell the services apart by name.",
    source="https://developer.konghq.com/gateway/entities/service/",
    passes=[
        [{"services": [_TRACKING]}, {"services": [_TRACKING | {"host": "tracking.staging.example.com"}]}],
        [{"services": [_TRACKING]}, {"services": [_TRACKING | {"name": "stock", "retries": 1}]}],
    ],
    fails=[
        [{"services": [_TRACKING]}, {"services": [_TRACKING | {"protocol": "http", "port": 80}]}],
        [{"services": [_TRACKING]}, {"services": [_TRACKING | {"retries": 1}]}],
    ],
)
def service_drift(organisation: Organisation) -> Iterator[Problem]:
    """What was tried in one control plane is not what runs in the other. Different hosts, ports and paths are
    what environments are for and not reported; different time-outs and retries are informational.
    """
    for found in drift(organisation.facts):
        fields = [field for field in found.fields if field not in _EXPECTED]
        if fields:
            where, service = found.definitions[0]
            places = listed(each.name or each.id or "" for each, _ in found.definitions)
            yield Problem(
                EntityName("service", service.id, service.name),
                f"Service {found.name} is defined in {places} with different {listed(fields)}.",
                severity=None if _SERIOUS & set(fields) else Severity.INFO,
                control_plane=where,
            )


@rule_across(
    "KNA081",
    title="Members of a group have the same global plugin",
    severity=Severity.HIGH,
    remediation="Keep the global plugin in one member, or scope it to the services of each.",
    source=_GROUPS,
    passes=[
        [{"plugins": [_CORS], "fellow_plugins": [{"id": "q", "name": "key-auth"}]}],
        [{"plugins": [_CORS], "fellow_plugins": [_CORS | {"id": "q", "enabled": False}]}],
        [{"plugins": [_CORS]}, {"plugins": [_CORS]}],
    ],
    fails=[[{"plugins": [_CORS], "fellow_plugins": [_CORS | {"id": "q"}]}]],
)
def global_plugin_conflict(organisation: Organisation) -> Iterator[Problem]:
    """A global plugin of one member acts on the whole group, so a second one is a conflict: only one
    configuration can be the right one for everybody.
    """
    for group in organisation.groups:
        names = [(plugin.name, member) for member, plugins in group.plugins.items() for plugin in plugins]
        yield from _conflicts(group, names, type="plugin", said="The global plugin {} is configured in {}.")


@rule_across(
    "KNA082",
    title="Members of a group have vaults with the same prefix",
    severity=Severity.HIGH,
    remediation="Give the vaults different prefixes, or keep one of them: every member may refer to it.",
    source=_GROUPS,
    passes=[
        [{"vaults": [_ENV], "fellow_vaults": [_ENV | {"id": "w", "prefix": "returns"}]}],
        [{"vaults": [_ENV]}, {"vaults": [_ENV]}],
    ],
    fails=[[{"vaults": [_ENV], "fellow_vaults": [_ENV | {"id": "w"}]}]],
)
def vault_prefix_conflict(organisation: Organisation) -> Iterator[Problem]:
    """Members share their vaults, so a prefix has to mean one of them: two are a conflict in the group."""
    for group in organisation.groups:
        prefixes = [(prefix, member) for member, known in group.prefixes.items() for prefix in sorted(known)]
        yield from _conflicts(group, prefixes, type="vault", said="The vault prefix {} is used in {}.")


def _conflicts(group: Group, names: Iterable[tuple[str, str]], *, type: str, said: str) -> Iterator[Problem]:  # noqa: A002
    """A problem of the group for every name that several of its members have."""
    labels = {member.id: member.name or member.id or "" for member in group.members}
    holders: dict[str, list[str]] = {}
    for name, member in names:
        holders.setdefault(name, []).append(labels[member])
    for name, members in sorted(holders.items()):
        if len(set(members)) > 1:
            entity = EntityName(type, None, name)
            message = said.format(name, listed(members))
            yield Problem(entity, message, control_plane=group.name)
