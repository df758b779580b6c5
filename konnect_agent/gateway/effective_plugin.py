"""The answer to "which plugins run": each one's scope, its place, what it won over, and why in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SCOPES = (
    "consumer+route+service",
    "consumer_group+route+service",
    "consumer+route",
    "consumer+service",
    "consumer_group+route",
    "consumer_group+service",
    "route+service",
    "consumer",
    "consumer_group",
    "route",
    "service",
    "global",
)
"""The twelve scope levels, most specific first: of two configurations of one plugin the earlier wins."""


@dataclass(frozen=True, slots=True)
class EffectivePlugin:
    """A configuration that runs. `plugin` and `beat` are the objects passed in, `beat` most specific first.

    `priority` is None for a plugin the catalogue does not know. `moved` says that `ordering` changed its
    place in the access phase; its other phases keep the static order. `phases` are those it takes part in
    with this scope, None where unknown.
    """

    plugin: object
    id: str
    name: str
    scope: str
    known: bool
    priority: int | None
    roles: frozenset[str]
    phases: tuple[str, ...] | None
    condition: str | None
    moved: bool
    beat: tuple[object, ...]
    beaten_scopes: tuple[str, ...]
    caveats: tuple[str, ...]

    @property
    def conditional(self) -> bool:
        """Whether it may be skipped for a given request."""
        return self.condition is not None

    @property
    def level(self) -> int:
        """Rank of its scope, 1 (most specific) to 12 (global)."""
        return SCOPES.index(self.scope) + 1

    @property
    def because(self) -> str:
        """Why this configuration runs, in one or more sentences."""
        reason = f"It is scoped to {said(self.scope)}"
        if self.beaten_scopes:
            reason += f", which beats {listed([said(scope) for scope in self.beaten_scopes])}"
        elif self.scope != "global":
            reason += ", and no other configuration of this plugin applies"
        else:
            reason = "It is global, and no more specific configuration of this plugin applies"
        place = "its priority is unknown" if self.priority is None else f"priority {self.priority}"
        return ". ".join((f"{reason} ({place})", *self.caveats)) + "."


@dataclass(frozen=True, slots=True)
class IdlePlugin:
    """A configuration that would apply here and does not run, and why.

    `phases` are those in which it runs all the same: the gateway runs global configurations in `certificate`
    and `rewrite`, before it knows the route. None where it is unknown whether the plugin has any.
    """

    plugin: object
    id: str
    name: str
    scope: str
    because: str
    phases: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class EffectivePlugins:
    """What runs, in the order of the access phase, and what was put aside."""

    plugins: tuple[EffectivePlugin, ...]
    shadowed: tuple[IdlePlugin, ...]
    disabled: tuple[IdlePlugin, ...]

    def __iter__(self) -> Iterator[EffectivePlugin]:
        return iter(self.plugins)

    def __len__(self) -> int:
        return len(self.plugins)

    def __getitem__(self, position: int) -> EffectivePlugin:
        return self.plugins[position]


def said(scope: str) -> str:
    """A scope level in words."""
    parts = [part.replace("_", " ") for part in scope.split("+")]
    return "everything" if scope == "global" else "the " + listed(parts)


def listed(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
