"""What is known about the plugins Kong documents: priority, roles, phases, secret fields.

The facts live in `plugins.json` beside this module, read once on first use; its head names source and
version. A plugin that is not in it is unknown: it may be custom, or a clone of a known one, and nothing may
be concluded from its name (fact sheet 8.2, cloned plugins).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict, cast


class _Row(TypedDict, total=False):
    priority: int
    roles: Sequence[str]
    phases: Sequence[str]
    secret: Sequence[str]
    secret_not_referenceable: Sequence[str]
    referenceable: Sequence[str]


class _File(TypedDict):
    source: str
    version: str
    plugins: Mapping[str, _Row]


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """One plugin type. Paths are relative to `config`; `[]` is any element, `*` any key of a map."""

    name: str
    known: bool
    priority: int | None
    roles: frozenset[str]
    phases: tuple[str, ...] | None
    secret_paths: frozenset[str]
    referenceable_paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All plugins of one gateway version."""

    source: str
    version: str
    plugins: Mapping[str, PluginFacts]

    def get(self, name: str) -> PluginFacts:
        """Facts about a plugin; an unknown one has `known` false and everything else empty."""
        found = self.plugins.get(name)
        if found is not None:
            return found
        return PluginFacts(name, False, None, frozenset(), None, frozenset(), frozenset())


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with this package."""
    text = files("konnect_agent.gateway").joinpath("plugins.json").read_text(encoding="utf-8")
    data = cast("_File", json.loads(text))
    plugins = {name: _facts(name, row) for name, row in data["plugins"].items()}
    return Catalogue(data["source"], data["version"], plugins)


def _facts(name: str, row: _Row) -> PluginFacts:
    secret = frozenset(row.get("secret", ()))
    phases = row.get("phases")
    return PluginFacts(
        name=name,
        known=True,
        priority=row.get("priority"),
        roles=frozenset(row.get("roles", ())),
        phases=None if phases is None else tuple(phases),
        secret_paths=secret | frozenset(row.get("secret_not_referenceable", ())),
        referenceable_paths=secret | frozenset(row.get("referenceable", ())),
    )
