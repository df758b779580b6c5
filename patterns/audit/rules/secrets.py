"""Secrets: written out in the configuration, or referenced from a vault in a way that yields nothing.

Which fields hold secrets is `patterns.audit.disclosure`'s to say, what a vault reference is
`konnect_agent.gateway.parse_reference`'s (fact sheet 9). Values are looked at, never shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from konnect_agent.gateway import catalogue, parse_reference
from konnect_agent.gateway.secrets import PROVIDERS
from konnect_agent.redaction import is_secret_name
from patterns.audit.disclosure import key_of, plain_secrets, texts
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_VAULTS = "https://developer.konghq.com/gateway/entities/vault/"

_REDIS = {"id": "p", "name": "rate-limiting-advanced"}
_ENV = {"id": "v", "name": "env", "prefix": "shop"}
_REFERENCE = {"id": "p", "name": "session", "config": {"secret": "{vault://shop/session-secret}"}}


@rule(
    "KNA010",
    title="A secret is written out in the configuration",
    severity=Severity.HIGH,
    judges="plugins",
    remediation="Move the secret into a vault and write a reference ({vault://prefix/name}) instead, then "
    "change the secret: it has been readable.",
    source="https://developer.konghq.com/gateway/secrets-management/",
    passes=[
        {"plugins": [_REDIS | {"config": {"redis": {"host": "r", "password": "{vault://shop/redis}"}}}]},
        {"plugins": [_REDIS | {"config": {"redis": {"host": "r", "password": None}}}]},
        {"plugins": [{"id": "p", "name": "http-log", "config": {"http_endpoint": "https://logs.example/in"}}]},
        {"plugins": [{"id": "p", "name": "request-transformer",
                      "config": {"add": {"headers": ["X-Source: gateway"]},
                                 "rename": {"headers": ["Authorization:X-Forwarded-Authorization"]}}}]},
    ],
    fails=[
        {"plugins": [_REDIS | {"config": {"redis": {"host": "r", "password": "example-only"}}}]},
        {"plugins": [{"id": "p", "name": "http-log", "config": {"headers": {"x-log-key": "example-only"}}}]},
        {"plugins": [{"id": "p", "name": "http-log", "config": {"http_endpoint": "https://a:example@logs/"}}]},
        {"plugins": [{"id": "p", "name": "request-transformer",
                      "config": {"add": {"headers": ["X-Api-Key: example-only"]}}}]},
    ],
)  # fmt: skip
def plain_text_secret(at: Snapshot) -> Iterator[Problem]:
    """Whoever may read the control plane, a backup or a declarative export can read the secret, and replacing
    it means changing the configuration. A vault reference keeps it out of all of them.
    """
    for plugin in at.plugins:
        paths = plain_secrets(plugin)
        if paths:
            fields = listed(f"config.{path}" for path in paths)
            message = f"{plugin.name} {at.scope_of(plugin)} holds a secret in plain text in {fields}."
            yield Problem(plugin, message)


@rule(
    "KNA011",
    title="A reference names a vault that does not exist",
    severity=Severity.HIGH,
    judges="plugins",
    needs=("vaults",),
    of_group=("vaults",),
    remediation="Create a vault with that prefix, or correct the prefix in the reference.",
    source=_VAULTS,
    passes=[
        {"plugins": [_REFERENCE], "vaults": [_ENV]},
        {"plugins": [_REFERENCE], "fellow_vaults": [_ENV]},
        {"plugins": [{"id": "p", "name": "session", "config": {"secret": "{vault://env/session-secret}"}}]},
    ],
    fails=[
        {"plugins": [_REFERENCE]},
        {"plugins": [_REFERENCE], "vaults": [_ENV | {"prefix": "shop-eu"}]},
    ],
)
def unknown_vault(at: Snapshot) -> Iterator[Problem]:
    """The reference cannot be resolved, so the plugin runs without the secret or not at all. Names of
    providers, such as `env`, need no vault: the data plane may be configured for them.
    """
    known = at.prefixes | PROVIDERS
    for plugin in at.plugins:
        references = [(path, parse_reference(text)) for path, text in texts(plugin.config)]
        unknown = [(path, ref.vault) for path, ref in references if ref and ref.vault not in known]
        if unknown:
            where = listed(f"config.{path}" for path, _ in unknown)
            vaults = listed(vault for _, vault in unknown)
            message = f"{plugin.name} {at.scope_of(plugin)} refers to the vault {vaults} in {where}"
            yield Problem(plugin, f"{message}, and no vault here has that prefix.")


@rule(
    "KNA012",
    title="A vault reference is only part of a value",
    severity=Severity.MEDIUM,
    judges="plugins",
    remediation="Make the reference the whole value, and store what stands around it (such as `Bearer `) "
    "with the secret.",
    source=_VAULTS,
    passes=[
        {"plugins": [_REFERENCE]},
        {"plugins": [{"id": "p", "name": "pre-function",
                      "config": {"access": ["kong.vault.get('{vault://shop/a-secret}')"]}}]},
    ],
    fails=[{"plugins": [{"id": "p", "name": "http-log",
                         "config": {"headers": {"Authorization": "Bearer {vault://shop/log-token}"}}}]}],
)  # fmt: skip
def reference_inside_a_text(at: Snapshot) -> Iterator[Problem]:
    """Kong resolves a reference only when it is the whole value; otherwise the text goes out as it is
    written, and whoever receives it sees the reference instead of the secret.
    """
    for plugin in at.plugins:
        if "serverless-code" in catalogue().get(plugin.name).roles:
            continue  # code may resolve references by itself
        broken = [
            path for path, text in texts(plugin.config) if "{vault://" in text and not parse_reference(text)
        ]
        if broken:
            fields = listed(f"config.{path}" for path in broken)
            message = (
                f"{plugin.name} {at.scope_of(plugin)} has a vault reference inside a longer text in {fields}"
            )
            yield Problem(plugin, f"{message}, where it is not resolved.")


@rule(
    "KNA013",
    title="The access to a vault is written out in the configuration",
    severity=Severity.HIGH,
    judges="vaults",
    remediation="Let the data plane authenticate with an identity of its own (a role, a Kubernetes service "
    "account), or refer to the credential with {vault://env/...}.",
    source=_VAULTS,
    passes=[
        {"vaults": [{"id": "v", "name": "hcv", "prefix": "pay", "config": {"auth_method": "kubernetes"}}]},
        {"vaults": [{"id": "v", "name": "hcv", "prefix": "pay", "config": {"token": "{vault://env/hcv}"}}]},
    ],
    fails=[{"vaults": [{"id": "v", "name": "hcv", "prefix": "pay", "config": {"token": "example-only"}}]}],
)
def vault_credential_in_plain_text(at: Snapshot) -> Iterator[Problem]:
    """The credential opens everything in the vault, so it is worth more than any secret it protects."""
    for vault in at.vaults:
        plain = [
            path
            for path, text in texts(vault.config)
            if is_secret_name(key_of(path)) and not parse_reference(text)
        ]
        if plain:
            fields = listed(f"config.{path}" for path in plain)
            yield Problem(vault, f"Vault {vault.prefix or vault.name} holds its credential in {fields}.")
