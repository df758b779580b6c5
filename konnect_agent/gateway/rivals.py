"""Which routes of a gateway get in the way of one of them, and whose way it gets in.

For every two parts, one of the route's and one of another's, requests are sought that satisfy both
(`meetings`), and the whole table says who comes first. Of a longer path than both routes name nobody is
surprised: what counts is a request for exactly a path of the route that does not come first there. That one
is lost, won or, with equal ranks, left to chance. The flavor and the calculation are the data plane's and
not known here (fact sheet 7.1, 7.6): an expression shows the flavor, and both calculations are looked at.
Where there is more to compare than some seconds allow, the rest is not looked at.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, cast

from konnect_agent.gateway.competition import TreeCompetition
from konnect_agent.gateway.meetings import Meetings, Work
from konnect_agent.gateway.request import Facts, Request
from konnect_agent.gateway.routing import CALCULATIONS, Router
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.witnesses import Part

How = Literal["loses", "wins", "ties"]
_PER_PAIR = 24
_MOST_WORK = 2_000_000


@dataclass(frozen=True, slots=True)
class Rivalry:
    """How the route stands to another one, by its id, on a request both of them are for."""

    how: How
    other: str
    example: Request


def rivalries(
    route: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
    *,
    methods: Collection[str],
) -> tuple[Rivalry, ...]:
    """The other routes that `route` loses requests to, wins requests from, or ties with, each once per `how`.

    `methods` are those it is there for: what it loses of others is no loss.
    All are mappings as Kong's APIs return them. A route of a service that is not among `services` counts as
    one of an enabled service. A regex that cannot be evaluated counts as one that matches.
    """
    found: dict[tuple[How, str], Rivalry] = {}
    flavor = (
        "expressions"
        if any(each.get("expression") for each in (route, *others))
        else "traditional_compatible"
    )
    for calculation in CALCULATIONS:
        router = Router((route, *others), services, flavor, calculation)
        table = cast("TreeTable", router.tables[0])
        for rivalry in _in_table(table, route, methods):
            found.setdefault((rivalry.how, rivalry.other), rivalry)
    return tuple(found.values())


def _in_table(table: TreeTable, route: object, methods: Collection[str]) -> Iterator[Rivalry]:
    parts = TreeCompetition(table).parts
    meetings, places = Meetings(parts, Work(_MOST_WORK)), range(len(table))
    own = [place for place in places if table.route(place).origin is route]
    for place in own:
        for other in places:
            if other in own or meetings.work.left <= 0:
                continue
            for example in islice(meetings.between(place, other), _PER_PAIR):
                how = _how(table, own, other, example)
                if how is None or (how != "wins" and example.method not in methods):
                    continue
                sides = {"wins": (other,), "loses": (place,), "ties": (place, other)}[how]
                if any(_named(example, parts[side]) for side in sides):
                    yield Rivalry(how, table.route(other).id, example)


def _how(table: TreeTable, own: Sequence[int], other: int, example: Request) -> How | None:
    """Who of the two comes first on a request; None if a third one does, or one of the two is not for it."""
    order = [place for place, _ in table.holding(Facts(example))]
    route = table.route(other)
    first = next((place for place in order if place in own), None)
    second = next((place for place in order if table.route(place) is route), None)
    if first is None or second is None or order[0] not in (first, second):
        return None
    if table.tied(first, second):
        return "ties"
    return "wins" if first == order[0] and _runner_up(table, order, own) is route else "loses"


def _runner_up(table: TreeTable, order: Sequence[int], own: Sequence[int]) -> object:
    """The route that would come first without the route's own parts."""
    return table.route(next(place for place in order if place not in own))


def _named(example: Request, one: Part) -> bool:
    """Whether a request is for exactly a path of a part, the root if it names none."""
    return example.path in one.values.get("paths", ("/",))
