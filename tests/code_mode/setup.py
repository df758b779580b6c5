"""How a server in code mode is to be: which organisation, which limits, which faults. One line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from konnect_agent.sandbox.organisation import ControlPlane, Draft
from konnect_agent.sandbox.world import World

TOKEN = "kpat_Code0Mode0Server0Token"
FAST = 2000.0
"""How much faster than Kong's time debug sessions run."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A server; operations go by the ids Kong gives them, such as `list-service`.

    planes      so many small control planes instead of the story; the first has the `consumers` too
    code_mode   whether the operations are behind the three tools, or are the tools
    limit       calls that one block of code may make
    latency     seconds each of them takes
    catches     whether a block can catch what a call of it raises: sandboxes before version 4.0 can not
    masked      errors say nothing of their cause
    prefix      in front of every operation; `renamed` have another id altogether
    missing     operations the server does not have; `only`, if given, are all it has
    forbidden   names of control planes that may not be read
    failing     statuses that an operation answers first
    answering   what an operation answers, whatever it is asked
    largest     the longest page that is really given, whatever the schema says
    """

    now: str
    seed: int = 7
    planes: int | None = None
    consumers: tuple[str, ...] = ()
    code_mode: bool = True
    limit: int | None = 50
    latency: float = 0.0
    catches: bool = True
    masked: bool = False
    prefix: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    forbidden: tuple[str, ...] = ()
    failing: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    answering: Mapping[str, Any] = field(default_factory=dict[str, Any])
    largest: int = 1000

    @property
    def world(self) -> World:
        """The organisation; the same setup gives the same bytes."""
        now = datetime.fromisoformat(self.now)
        if self.planes is None:
            return World.story(self.seed, now=now)
        named = {0: self.consumers}
        planes = tuple(_small(self.seed, number, *named.get(number, ())) for number in range(self.planes))
        return World(seed=self.seed, now=now, control_planes=planes)

    def written(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Out of JSON."""
        return cls(**json.loads(text))


def _small(seed: int, number: int, *consumers: str) -> ControlPlane:
    """A control plane with a few entities of every kind, and consumers of these names."""
    draft = Draft(seed=seed, name=f"plane-{number:03}", description="One of many")
    for each in range(3):
        draft.service(f"service-{each}", f"s{each}.{number}.example")
        draft.route(f"route-{each}", f"service-{each}", f"/p{number}/r{each}")
        draft.consumer(f"consumer-{each}")
    for username in consumers:
        draft.consumer(username)
    draft.plugin("key-auth", {"key_names": ["apikey"]})
    draft.vault("env", "env-vault", "Environment", {"prefix": "P_"})
    return draft.done()
