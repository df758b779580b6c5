"""Reads the five lists of every control plane and judges each as soon as it can be.

1. All lists of all control planes stand in one flat queue, those that fellow group members need (plugins,
   vaults) first. The connection bounds the calls in flight; a few workers more than that keep it busy.
2. A control plane is judged once its lists are there and its groups are known; then only findings, counts
   and facts stay. So memory holds what is being read, however many control planes there are.
3. A list that fails costs nothing but itself, a tool the server does not have is not asked for again, and a
   server that is gone is found out once (see `patterns.audit.outage`).
What waits for what is a graph: lists before groups and judgements, groups before their members' judgements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Literal, NamedTuple, cast

import anyio
from anyio import to_thread

from konnect_agent import Konnect
from konnect_agent.decoding import Listing
from konnect_agent.errors import KonnectError, ToolUnavailable
from konnect_agent.models import ControlPlane
from patterns.audit.engine import Judgement, judge
from patterns.audit.facts import Facts
from patterns.audit.finding import named
from patterns.audit.mcp_endpoints import AuditedMcpEndpoint, inventory
from patterns.audit.outage import Outage
from patterns.audit.rule import Rule
from patterns.audit.snapshot import LISTS, Group, ListName, Snapshot
from patterns.coverage import Named, fan_out

_SHARED: tuple[ListName, ...] = ("plugins", "vaults")
"""The lists that matter to fellow members of a group."""

_SPARE = 2
"""Workers besides those whose calls are in flight: while one judges, another has the next call at hand."""


class _Node(NamedTuple):
    """A list to read, a group to complete, or a control plane to judge."""

    what: ListName | Literal["group", "judgement"]
    id: str


@dataclass(frozen=True)
class Seen:
    """What is left of a control plane after it was judged; `counts` has the lists that were seen.

    `cut` are those of them that the server says are longer than what came.
    """

    control_plane: ControlPlane
    facts: Facts
    judgement: Judgement
    counts: Mapping[ListName, int]
    cut: frozenset[ListName]
    mcp_endpoints: tuple[AuditedMcpEndpoint, ...]

    @property
    def unseen(self) -> tuple[ListName, ...]:
        """The lists that could not be seen."""
        return tuple(name for name in LISTS if name not in self.counts)


@dataclass(frozen=True)
class Collected:
    """Every control plane, in the order asked for, the groups completed, and what was not seen where.

    `failed` and `cut` also hold lists of fellow group members that were read, but not to be audited.
    """

    seen: tuple[Seen, ...]
    groups: tuple[Group, ...]
    failed: tuple[tuple[Named, ListName, KonnectError], ...]
    cut: tuple[tuple[Named, ListName], ...]


async def collect(
    konnect: Konnect,
    control_planes: Sequence[ControlPlane],
    *,
    groups: Sequence[Group] = (),
    unclear: tuple[Named, ...] = (),
    rules: Sequence[Rule] = (),
) -> Collected:
    """Read and judge `control_planes`. Raises no error of the tree: failures are part of the answer."""
    collection = _Collection(konnect, control_planes, groups, unclear, rules)
    width = await konnect.at_once() + _SPARE  # of the workers: the connection counts the calls
    await fan_out("lists", collection.queue, collection.read, width=width)
    return collection.collected()


class _Collection:
    """A collection under way."""

    def __init__(
        self,
        konnect: Konnect,
        control_planes: Sequence[ControlPlane],
        groups: Sequence[Group],
        unclear: tuple[Named, ...],
        rules: Sequence[Rule],
    ) -> None:
        self._konnect, self._rules, self._unclear = konnect, rules, unclear
        self._control_planes = {each.id or "": each for each in control_planes}
        self._groups = {group.name.id or "": group for group in groups}
        self._names = {member.id: member for group in groups for member in group.members}
        self._names |= {key: named(each) for key, each in self._control_planes.items()}
        self._lists: dict[str, dict[ListName, Listing[Any]]] = {}
        self._seen: dict[str, Seen] = {}
        self._failed: dict[_Node, KonnectError] = {}
        self._cut: list[_Node] = []
        self._unavailable: dict[ListName, ToolUnavailable] = {}
        self._outage = Outage(konnect)
        self._judging = anyio.Lock()
        self._order: TopologicalSorter[_Node] = TopologicalSorter()
        shared = [_Node(name, key) for each in groups for key in each.fellows(None) for name in _SHARED]
        own = [_Node(name, key) for key in self._control_planes for name in LISTS]
        self.queue = tuple(dict.fromkeys((*shared, *own)))
        self._plan()

    async def read(self, node: _Node) -> None:
        """Read one list, then do everything that only waited for it."""
        name = _list(node)
        try:
            listing = await self._ask(name, node.id)
        except KonnectError as error:
            self._failed[node] = error
        else:
            self._lists.setdefault(node.id, {})[name] = listing
            if not listing.complete:
                self._cut.append(node)
        self._order.done(node)
        await self._proceed()

    async def _ask(self, name: ListName, control_plane_id: str) -> Listing[Any]:
        if name in self._unavailable:
            raise self._unavailable[name]
        try:
            return await self._outage.ask(lambda: getattr(self._konnect, name).list(control_plane_id))
        except ToolUnavailable as error:
            self._unavailable[name] = error
            raise

    def collected(self) -> Collected:
        """What came of it, in the order of the queue."""
        return Collected(
            seen=tuple(self._seen[key] for key in self._control_planes),
            groups=tuple(self._groups.values()),
            failed=tuple(
                (self._names[n.id], _list(n), self._failed[n]) for n in self.queue if n in self._failed
            ),
            cut=tuple((self._names[n.id], _list(n)) for n in self.queue if n in self._cut),
        )

    def _plan(self) -> None:
        for key in self._control_planes:
            self._order.add(_Node("judgement", key), *(_Node(name, key) for name in LISTS))
        for key, group in self._groups.items():
            members = group.fellows(None)
            self._order.add(_Node("group", key), *(_Node(name, m) for m in members for name in _SHARED))
            for member in members:
                if member in self._control_planes:
                    self._order.add(_Node("judgement", member), _Node("group", key))
        self._order.prepare()
        self._order.get_ready()  # the queue

    async def _proceed(self) -> None:
        while ready := self._order.get_ready():
            for node in ready:
                if node.what == "group":
                    self._groups[node.id] = self._groups[node.id].sharing(self._lists)
                else:
                    await self._judge(node.id)
                self._order.done(node)

    async def _judge(self, control_plane_id: str) -> None:
        # One after the other, because they share an interpreter: workers that come to wait here read no more,
        # so what waits for its judgement stays small. In a thread, because a large control plane takes a
        # tenth of a second and the calls in flight should go on.
        async with self._judging:
            at = Snapshot(
                self._control_planes[control_plane_id],
                self._lists.pop(control_plane_id, {}),
                tuple(group for group in self._groups.values() if control_plane_id in group.fellows(None)),
                self._unclear,
            )
            self._seen[control_plane_id] = await to_thread.run_sync(_judged, at, self._rules)


def _judged(at: Snapshot, rules: Sequence[Rule]) -> Seen:
    counts: dict[ListName, int] = {name: len(listing) for name, listing in at.lists.items()}
    cut: frozenset[ListName] = frozenset(name for name in at.lists if not at.saw_whole(name))
    return Seen(at.control_plane, Facts.of(at), judge(at, rules), counts, cut, inventory(at))


def _list(node: _Node) -> ListName:
    return cast("ListName", node.what)
