"""Why a request goes where it goes: every matcher of the table, what it wants, what failed, who outranked it.

Matchers that hold come first, in the order the gateway tries them, then the others in table order. The
sentences name the request's value beside the route's, because that is what one compares when a request
takes the wrong route. Of an expression the predicates that fail are named. Routes the router does not know
(their service is disabled, or it would not load them) come last, with the reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from konnect_agent.gateway.compatible import Calculation
from konnect_agent.gateway.entities import Endpoint, RouteRecord
from konnect_agent.gateway.failing import failures_of
from konnect_agent.gateway.predicates import evaluate
from konnect_agent.gateway.ranking import count, deciding, deciding_traditional, describe
from konnect_agent.gateway.request import Facts
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.traditional import Entry, TraditionalTable, read_connection

_SHOWN = 5
_DOUBT = "; a route with a regex that cannot be evaluated here might match instead"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One matcher. `matched` is None when that hangs on a regex that cannot be evaluated.

    `paths` tells the matchers of one route apart; `failed` names the fields that do not match, those of an
    expression as the language calls them. It is ("service",) where the service is disabled and ("route",)
    where the gateway would not load the route: then the rank is empty.
    """

    route: object
    paths: tuple[str, ...]
    matched: bool | None
    won: bool
    failed: tuple[str, ...]
    rank: str
    because: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one request. `undecided` are routes that may have won instead of `winner`."""

    winner: object | None
    undecided: tuple[object, ...]
    candidates: tuple[Candidate, ...]
    because: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A route that is no candidate: what of it keeps it out, "service" or "route", and why."""

    route: object
    paths: tuple[str, ...]
    field: str
    because: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    route: RouteRecord
    paths: tuple[str, ...]
    failures: Mapping[str, str]  # by field, why it failed
    open_questions: tuple[str, ...]
    rank: str

    @property
    def matched(self) -> bool | None:
        return False if self.failures else None if self.open_questions else True


def explain(
    table: TreeTable | TraditionalTable,
    facts: Facts,
    *,
    calculation: Calculation = "original",
    left_out: Iterable[LeftOut] = (),
) -> Explanation:
    """Explain the routing of one request in `table`, and name the routes that were `left_out` of it."""
    found = _Explainer(table, facts, calculation).run()
    loaded = {(id(candidate.route), path) for candidate in found.candidates for path in candidate.paths}
    absent = [
        Candidate(
            route=one.route,
            paths=tuple(path for path in one.paths if (id(one.route), path) not in loaded),
            matched=False,
            won=False,
            failed=(one.field,),
            rank="",
            because=one.because,
        )
        for one in left_out
    ]
    return replace(found, candidates=(*found.candidates, *absent))


class _Explainer:
    def __init__(self, table: TreeTable | TraditionalTable, facts: Facts, calculation: Calculation) -> None:
        self._table, self._facts = table, facts
        self._calculation: Calculation = calculation
        self._verdicts = _tree(table, facts) if isinstance(table, TreeTable) else _traditional(table, facts)
        self._won = table.find(facts)
        self._winner = None if self._won is None else self._won.position

    def run(self) -> Explanation:
        holding = [position for position, _ in self._table.holding(self._facts)]
        order = list(dict.fromkeys((*holding, *range(len(self._verdicts)))))
        candidates = tuple(self._candidate(position) for position in order)
        undecided = {id(v.route): v.route.origin for v in self._verdicts if v.matched is None}
        if self._won is not None:
            undecided = {id(route): route.origin for route in self._won.undecided}
        return Explanation(
            winner=None if self._won is None else self._won.route.origin,
            undecided=tuple(undecided.values()),
            candidates=candidates,
            because=self._because(candidates) + (_DOUBT if undecided else ""),
        )

    def _because(self, candidates: Sequence[Candidate]) -> str:
        winner = next((candidate for candidate in candidates if candidate.won), None)
        if winner is None or self._won is None:
            return "no route matches, the gateway answers 404"
        return f"{self._won.route.label} serves this request: {winner.because}"

    def _candidate(self, position: int) -> Candidate:
        verdict = self._verdicts[position]
        return Candidate(
            route=verdict.route.origin,
            paths=verdict.paths,
            matched=verdict.matched,
            won=position == self._winner,
            failed=tuple(verdict.failures),
            rank=verdict.rank,
            because=self._reason(position, verdict),
        )

    def _reason(self, position: int, verdict: _Verdict) -> str:
        if verdict.failures:
            return "; ".join(f"{name}: {why}" for name, why in verdict.failures.items())
        if verdict.matched is None:
            return f"undecidable: {', '.join(verdict.open_questions)} cannot be evaluated here"
        if self._winner is None:
            return "it matches on its own, but the gateway never gets to it"
        if position == self._winner:
            return "it matches" + self._runner_up(position)
        label = self._verdicts[self._winner].route.label
        return f"it matches, but {label} goes first: {self._order(self._winner, position)}"

    def _runner_up(self, winner: int) -> str:
        route = self._verdicts[winner].route
        for position, verdict in enumerate(self._verdicts):
            if verdict.matched and verdict.route is not route:
                return f" and goes before {verdict.route.label}: {self._order(winner, position)}"
        return " and no other route does"

    def _order(self, better: int, other: int) -> str:
        table = self._table
        if isinstance(table, TreeTable):
            return deciding(table.matchers[better], table.matchers[other], calculation=self._calculation)
        return deciding_traditional(table.entries[better], table.entries[other])


def _tree(table: TreeTable, facts: Facts) -> list[_Verdict]:
    return [_tree_verdict(table, position, facts) for position in range(len(table))]


def _tree_verdict(table: TreeTable, position: int, facts: Facts) -> _Verdict:
    matcher = table.matchers[position]
    answers = {criterion.name: evaluate(criterion.node, facts) for criterion in matcher.criteria}
    if all(answers.values()) and table.holds(position, facts) is None:
        answers["one of its regexes"] = None
    verdict = _verdict(matcher.route, matcher.paths or (), answers, describe(matcher), facts)
    if "expression" in verdict.failures:
        (expression, *_) = matcher.criteria
        failures = {name: why for name, why in verdict.failures.items() if name != "expression"}
        return replace(verdict, failures=failures_of(expression.node, facts) | failures)
    return verdict


def _traditional(table: TraditionalTable, facts: Facts) -> list[_Verdict]:
    connection = read_connection(facts)
    reached = table.reached(connection)
    verdicts: list[_Verdict] = []
    for entry in table.entries:
        answers = dict(entry.answers(connection, reached))
        verdicts.append(_verdict(entry.route, entry.paths, answers, _traditional_rank(entry), facts))
    return verdicts


def _traditional_rank(entry: Entry) -> str:
    kind = "regex path" if entry.uri else f"prefix of {len((entry.path or '').encode())} bytes"
    return f"{count(entry.rules.bit_count(), 'field')}, {count(-entry.sort_key[1], 'header')}, {kind}"


def _verdict(
    route: RouteRecord,
    paths: tuple[str, ...],
    answers: Mapping[str, bool | None],
    rank: str,
    facts: Facts,
) -> _Verdict:
    failures = {
        name: f"it wants {_shorten(list(_wanted(route, paths, name)))}, the request has {_given(name, facts)}"
        for name, answer in answers.items()
        if answer is False
    }
    unknown = tuple(name for name, answer in answers.items() if answer is None)
    return _Verdict(route, paths, failures, unknown, rank)


def _wanted(route: RouteRecord, paths: tuple[str, ...], name: str) -> Iterator[str]:
    if name.startswith("header "):
        for header, values in (route.headers or {}).items():
            if _same_header(header, name.removeprefix("header ")):
                yield from values
    elif name in ("sources", "destinations"):
        yield from map(_endpoint, (route.sources if name == "sources" else route.destinations) or ())
    else:
        lists = {
            "snis": route.snis,
            "methods": route.methods,
            "hosts": route.hosts,
            "paths": paths,
            "protocols": route.protocols,
        }
        yield from lists.get(name) or ()


def _same_header(name: str, other: str) -> bool:
    return name.lower().replace("-", "_") == other.lower().replace("-", "_")


def _given(name: str, facts: Facts) -> str:
    request = facts.request
    if name.startswith("header "):
        values = facts.header(name.removeprefix("header ").lower())
        return ", ".join(values) or "no such header"
    given = {
        "snis": request.sni or "no SNI",
        "methods": request.method,
        "hosts": request.host or "no Host header",
        "paths": facts.path,
        "protocols": request.scheme,
        "sources": _endpoint(Endpoint(request.src_ip, request.src_port)),
        "destinations": _endpoint(Endpoint(request.dst_ip, request.dst_port)),
    }
    return given.get(name, "")


def _endpoint(endpoint: Endpoint) -> str:
    return f"{endpoint.ip or 'any address'} port {endpoint.port if endpoint.port is not None else 'any'}"


def _shorten(texts: Sequence[str]) -> str:
    shown = " or ".join(texts[:_SHOWN])
    return f"{shown} or {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else shown
