"""Requests that are known in part: who may serve them, and what they have to be filled in with.

A criterion left open (`methods`, `hosts`, `headers`, ...) may be anything. For every matcher:
1. Its condition is evaluated with all that is open undecided: no means that no filling satisfies it.
2. The open criteria are filled in with values of the matcher (see `witnesses`) until its route serves one
   filling; else the first that holds is taken.
Without such a filling the matcher stays in doubt: its values were not enough, or a regex of it cannot be
evaluated. Nothing is concluded from that.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from typing import cast

from konnect_agent.gateway.entities import Endpoint
from konnect_agent.gateway.matchers import Matcher
from konnect_agent.gateway.predicates import Node, Predicate, decide, evaluate
from konnect_agent.gateway.request import HEADERS, QUERIES, Facts, Request, Values
from konnect_agent.gateway.table import TreeTable
from konnect_agent.gateway.witnesses import Value, part

_TLS = ("https", "grpcs", "wss")
_TRIED = 64
_PER_CRITERION = 16
_CRITERIA = {
    "http.method": "methods", "http.host": "hosts", "tls.sni": "snis",
    "net.src.ip": "sources", "net.src.port": "sources",
    "net.dst.ip": "destinations", "net.dst.port": "destinations",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filling:
    """A route that may serve, as it was passed in, and a request it holds for; None when none was found.

    It serves that request as well, if any of the requests tried is one that it serves.
    """

    route: object
    request: Request | None


def fillings(
    table: TreeTable, asked: Request, left_open: Collection[str], among: Container[int] | None = None
) -> Iterator[Filling]:
    """What `asked` may be filled in with, matcher by matcher, best first; `among` names routes by `id()`.

    `left_open` are of `methods`, `hosts`, `headers`, `snis`, `queries`, `sources` and `destinations`.
    """
    facts = Facts(asked)
    for position, matcher in enumerate(table.matchers):
        origin = matcher.route.origin
        if among is not None and id(origin) not in among:
            continue
        if _verdict(matcher.node, facts, left_open) is False:
            continue
        filled = islice(chain((asked,), _filled(matcher, asked, left_open)), _TRIED)
        yield Filling(origin, _served(table, position, filled))


def _served(table: TreeTable, position: int, requests: Iterable[Request]) -> Request | None:
    """The first request that the route of a matcher serves, else the first that the matcher holds for."""
    holding: Request | None = None
    for request in requests:
        facts = Facts(request)
        if table.holds(position, facts):
            won = table.find(facts)
            if won is not None and won.route is table.route(position):
                return request
            holding = holding or request
    return holding


def _verdict(node: Node, facts: Facts, left_open: Collection[str]) -> bool | None:
    """`evaluate`, with every predicate on what is open undecided."""

    def ask(predicate: Predicate) -> bool | None:
        # The port of a Host header that was said goes before the listener's.
        is_said = predicate.field == "net.dst.port" and facts.port is not None and "hosts" not in left_open
        is_open = _criterion(predicate.field) in left_open and not is_said
        return None if is_open else evaluate(predicate, facts)

    return decide(node, ask)


def _criterion(field: str) -> str:
    """What a field of the expressions language, or a value of `witnesses`, is left open with."""
    if field.startswith((HEADERS, "header ")):
        return "headers"
    return "queries" if field.startswith((QUERIES, "query ")) else _CRITERIA.get(field, field)


def _filled(matcher: Matcher, asked: Request, left_open: Collection[str]) -> Iterator[Request]:
    conditions = {criterion.name: criterion.node for criterion in matcher.criteria}
    proposed = part(matcher.route, matcher.paths, conditions).values
    values = {name: found for name, found in proposed.items() if _criterion(name) in left_open}
    for chosen in product(*(found[:_PER_CRITERION] for found in values.values())):
        yield _with(asked, dict(zip(values, chosen, strict=True)))


def _with(asked: Request, chosen: Mapping[str, Value]) -> Request:
    """The request with these values by criterion."""
    text = {name: value for name, value in chosen.items() if isinstance(value, str)}
    source = cast("Endpoint", chosen.get("sources", Endpoint(asked.src_ip, asked.src_port)))
    destination = cast("Endpoint", chosen.get("destinations", Endpoint(asked.dst_ip, asked.dst_port)))
    host = text.get("hosts", asked.host)
    queries = _family("query ", text)
    return replace(
        asked,
        method=text.get("methods", asked.method),
        host=host,
        sni=text.get("snis", asked.sni) or name_indicated(host, asked.scheme),
        headers={**asked.headers, **_family("header ", text)},
        queries=queries or asked.queries,
        src_ip=source.ip,
        src_port=source.port,
        dst_ip=destination.ip,
        dst_port=destination.port,
    )


def name_indicated(host: str | None, scheme: str) -> str | None:
    """What a TLS client says as SNI when nothing else was asked of it; None in plain text."""
    return (host or "").partition(":")[0] or None if scheme in _TLS else None


def _family(prefix: str, text: Mapping[str, str]) -> dict[str, Values]:
    return {name.removeprefix(prefix): value for name, value in text.items() if name.startswith(prefix)}
